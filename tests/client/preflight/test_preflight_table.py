"""The checks of the table and its values: a cohort that passes each and one that does not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chest import chest, immunotherapy, write_site
from phantoms import write_volume
from preflight_runs import Run

from client.extraction_task import Refusal
from client.preflight import survey
from client.preflight.look import Look, Task, look

PATIENTS = 12
pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images that many sites name."""
    folder = tmp_path_factory.mktemp("images")
    for seed in range(PATIENTS):
        write_volume(chest(seed), folder, f"p{seed}", ".nrrd")
    return folder


@pytest.fixture(autouse=True)
def looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image is looked at once for all tests: the table is what counts here."""
    monkeypatch.setattr(survey, "known_look", lambda wanted: _look_once(wanted[0]))


def _look_once(task: Task) -> Look | Refusal:
    return _cached(replace(task, image=task.image.resolve(), mask=task.mask.resolve()))


_cached = cache(look)


@pytest.fixture
def site_of(tmp_path: Path, images: Path) -> Any:
    def site(rows: dict[int, dict[str, Any]] | None = None, *, patients: int = PATIENTS, **all_rows: Any) -> Path:
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "images").symlink_to(images)
        files = {
            f"p{seed}": (folder / "images" / f"p{seed}_image.nrrd", folder / "images" / f"p{seed}_mask.nrrd")
            for seed in range(patients)
        }
        changed = {f"p{seed}": all_rows | (rows or {}).get(seed, {}) for seed in range(patients)}
        return write_site(folder, dict(files), changed)

    return site


def test_a_good_table_passes_every_check(site_of: Any, run_check: Run) -> None:
    days = {seed: immunotherapy(90 + 30 * seed, progressed=seed % 2) for seed in range(10)}
    ended = run_check(site_of(days))
    assert ended.code == 0, ended.out
    # two of the expression cohort are left, which is fewer than the site's policy wants
    odd = {one["name"]: one["state"] for one in ended.results["checks"] if one["state"] not in ("ok", "skipped")}
    assert odd == {"Number of patients": "warning"}
    assert ended.results["cohort"] == {
        "read": 12,
        "excluded": {},
        "quarantined": {},
        "expression": 2,
        "immunotherapy": 10,
    }


def test_twelve_of_one_cohort_are_enough(site_of: Any, run_check: Run) -> None:
    ended = run_check(site_of())
    assert (ended.code, ended.results["counts"]["warning"]) == (0, 0)
    assert ended.state("Progression-free survival") == "skipped"


@pytest.mark.parametrize(
    ("check", "state", "rows", "named"),
    [
        ("Age", "warning", {3: {"age": 7}, 4: {"age": 104}}, ["p3", "p4"]),
        ("Rows", "failed", {3: {"smoking": "often"}}, ["p3"]),
        ("Divisions", "failed", {seed: {"split": "training"} for seed in range(11)}, ["p11"]),
        ("TPS", "warning", {3: {"tps": 0.83}, 4: {"tps": 60}, 5: {"tps": 0.5}}, ["p3", "p5"]),
        ("Tube current", "warning", {2: {"tube_current_ma": 0.2}}, ["p2"]),
        ("Tube current", "warning", {2: {"tube_current_ma": 4000}}, ["p2"]),
        ("Slice thickness", "warning", {5: {"slice_thickness_mm": 5}}, ["p5"]),
        ("Missing values", "warning", {seed: {"smoking": ""} for seed in range(3)}, []),
    ],
)
def test_a_wrong_value_is_named(
    site_of: Any, run_check: Run, check: str, state: str, rows: dict[int, dict[str, Any]], named: list[str]
) -> None:
    ended = run_check(site_of(rows))
    found = ended.check(check)
    assert found["state"] == state
    assert [item["patient_id"] for item in found["items"]] == named
    assert all(item["row"] == int(item["patient_id"][1:]) + 2 for item in found["items"])
    assert found["remedy"]
    assert ended.code == (1 if state == "failed" else 0)


@pytest.mark.parametrize(
    ("tps", "words"), [([0, 1, 1, 0, 1, 0], "classes"), ([0, 0.05, 0.6, 0.2, 0.9, 0.01], "fractions"), ([0] * 6, "")]
)
def test_tps_in_another_unit(site_of: Any, run_check: Run, tps: list[float], words: str) -> None:
    ended = run_check(site_of({seed: {"tps": value} for seed, value in enumerate(tps)}, patients=6))
    assert ended.state("TPS") == ("failed" if words else "ok")
    assert words in ended.check("TPS")["found"]
    assert ended.state("Labels") == "warning"


@pytest.mark.parametrize(("step", "state"), [(1.7, "failed"), (4, "warning"), (30, "ok")])
def test_months_instead_of_days(site_of: Any, run_check: Run, step: float, state: str) -> None:
    rows = {seed: immunotherapy(round(3 + step * seed, 2), progressed=seed % 2) for seed in range(12)}
    assert run_check(site_of(rows)).state("Progression-free survival") == state


def test_months_in_some_rows_are_named(site_of: Any, run_check: Run) -> None:
    rows = {seed: immunotherapy(90 + 30 * seed, progressed=seed % 2) for seed in range(12)}
    rows |= {4: immunotherapy(7.5, progressed=1), 5: immunotherapy(150.5, progressed=0)}
    found = run_check(site_of(rows)).check("Progression-free survival")
    assert (found["state"], [item["patient_id"] for item in found["items"]]) == ("warning", ["p4"])


@pytest.mark.parametrize("progressed", [0, 1])
def test_one_outcome_only(site_of: Any, run_check: Run, progressed: int) -> None:
    rows = {seed: immunotherapy(100 + seed, progressed=progressed) for seed in range(12)}
    assert run_check(site_of(rows)).state("Progression") == "warning"


def test_the_same_row_under_two_ids(site_of: Any, run_check: Run) -> None:
    same = {
        "age": 60,
        "tps": 5,
        "sex": "male",
        "smoking": "never",
        "image": "images/p1_image.nrrd",
        "mask": "images/p1_mask.nrrd",
    }
    ended = run_check(site_of({1: same, 8: same}))
    assert (ended.code, ended.state("Same row twice"), ended.state("Same voxels")) == (1, "failed", "failed")
    assert ended.check("Same row twice")["items"][0] == {
        "patient_id": "p1",
        "row": 3,
        "file": "",
        "what": "has the values and images of p8",
    }


def test_exclusions_are_counted_by_reason(site_of: Any, run_check: Run) -> None:
    rows = {0: {"convolution_kernel": "30f"}, 1: {"tps": ""}, 2: immunotherapy(100) | {"age": ""}}
    counted = run_check(site_of(rows)).results["cohort"]
    assert counted["excluded"] == {"reconstruction kernel 30f": 1, "no TPS": 1, "immunotherapy without age": 1}
    assert (counted["expression"], counted["immunotherapy"]) == (9, 0)


def test_the_study_s_rules_and_limit_count(site_of: Any, run_check: Run, tmp_path: Path) -> None:
    preset = Path(__file__).parents[3] / "simulation" / "presets" / "paper.toml"
    text = preset.read_text().replace('excluded_kernels = ["30f"]', 'excluded_kernels = ["B19f"]')
    study = tmp_path / "study.toml"
    study.write_text(text.replace("maximum_quarantined = 0.05", "maximum_quarantined = 0.25"))
    folder = site_of({0: {"convolution_kernel": "B19f"}, 1: {"age": "old"}})
    ended = run_check(folder, "--study", study)
    assert ended.results["cohort"]["excluded"] == {"reconstruction kernel B19f": 1}
    assert (ended.state("Quarantine"), ended.state("Rows"), ended.code) == ("ok", "failed", 1)
    assert run_check(folder).state("Quarantine") == "failed"
    assert ended.results["study_sha256"] is not None
