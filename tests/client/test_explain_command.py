"""`pdl1es-site explain`: what it leaves, what it prints, how it ends."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from phantoms import make_site, real_cases, tumour_volume, write_volume
from signatures import HIDDEN, PATCHES, RADIOMICS, seal_signature
from test_site_commands import results, run

from client.explanation_files import folder_name
from common.paper_settings import PAPER_RESAMPLING

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_signature(tmp_path_factory.mktemp("signature"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    files = {"case-1": write_volume(tumour_volume(1), folder / "images", "p1")}
    files |= {"<b>2/../3": files["case-1"], "gone": (folder / "images" / "none.nii.gz", files["case-1"][1])}
    make_site(folder, files, age="70", sex="male")
    return folder


def explain(capsys: pytest.CaptureFixture[str], site: Path, signature: Path, patient: str) -> tuple[int, str, str]:
    return run(capsys, "explain", site, "--signature", signature, "--patient", patient, "--device", "cpu")


class Tags(HTMLParser):
    """Every tag of a page, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]


def tags(page: str) -> Tags:
    found = Tags()
    found.feed(page)
    return found


def test_explain_leaves_page_picture_and_numbers(
    site: Path, signature: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = explain(capsys, site, signature, "case-1")
    target = site / "results" / "explain" / "case-1"
    assert code == 0
    assert f"Report         {target / 'report.html'}" in out
    assert (target / "explanation.png").read_bytes().startswith(b"\x89PNG")
    found = results(site, "explain/case-1")
    assert (found["patient_id"], found["synthetic"], found["cutoff"]) == ("case-1", False, 0.4)
    assert found["group"] == ("high" if found["score"] > 0.4 else "low")
    parts = found["contributions"]
    together = parts["constant"] + parts["patch"] + parts["radiomic"] + parts["clinical"]
    assert together == pytest.approx(parts["log_odds"], abs=1e-4)
    terms = {one["name"]: one for one in parts["terms"]}
    assert terms["age"]["value"] == 70
    assert terms["smoking"]["standardised"] is None
    assert terms["smoking"]["contribution"] == 0
    assert all(found["feature_maps"][name]["minimum"] > 0 for name in found["feature_maps"])


def test_the_page_is_self_contained_and_says_what_it_is(
    site: Path, signature: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(capsys, site, signature, "case-1")
    page = (site / "results" / "explain" / "case-1" / "report.html").read_text()
    found = tags(page)
    assert "script" not in found.names
    assert all(one.startswith("data:image/png;base64,") for one in found.fetched)
    assert len(found.fetched) == 1
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "names a patient and stays in the hospital" in page
    assert "SYNTHETIC" not in page
    assert "not computed" not in page
    score = results(site, "explain/case-1")["score"]
    assert f"<dd>{score:.2f}</dd>" in page


def test_an_id_is_neither_a_path_nor_html(site: Path, signature: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, site, signature, "<b>2/../3")[0] == 0
    (page,) = (site / "results" / "explain").glob("_b_2*/report.html")
    assert "b" not in tags(page.read_text()).names - {"body"}
    assert "&lt;b&gt;2/../3" in page.read_text()
    assert not (site / "results" / "3").exists()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\\b", "a b", "Müller", ".hidden", "x" * 300, "CON:", "-"])
def test_folder_names_are_safe_and_differ(name: str) -> None:
    safe = folder_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,90}", safe)
    assert folder_name("a_b") == "a_b"
    assert safe != folder_name(re.sub(r"[^A-Za-z0-9._-]", "_", name) + "x")


def test_synthetic_signatures_and_missing_parts_are_said(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"resampling": PAPER_RESAMPLING, "patches": PATCHES, "network": HIDDEN}
    original = RADIOMICS.model_copy(update={"image_types": ("Original",)})
    folder = seal_signature(
        tmp_path / "signature",
        synthetic=True,
        cutoff=None,
        settings={**settings, "radiomics": original},
        radiomic_features=tuple(f"original_firstorder_{name}" for name in ("Mean", "Range", "Skewness")),
        # so far from this tumour's values that the score means nothing
        radiomics_scaling={"mean": [0.0, 0.0, 0.0], "deviation": [1.0, 1.0, 1.0]},
    )
    code, out, err = explain(capsys, site, folder, "case-1")
    assert code == 0
    assert "SYNTHETIC signature" in out
    assert "lie more than 6 standard deviations from the training" in err
    page = (site / "results" / "explain" / "case-1" / "report.html").read_text()
    assert "trained on patients made by a computer" in " ".join(page.split())
    assert page.count("was not computed: the signature&#39;s radiomics settings do not give it") == 2
    assert "carries no cut-off" in page
    assert "integrated gradients" in page
    found = results(site, "explain/case-1")
    assert (found["synthetic"], found["group"], found["contributions"]["exact"]) == (True, None, False)


def test_what_cannot_be_explained_ends_with_one_line(
    site: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(signature, tmp_path / "broken")
    (broken / "signature.json").write_text(json.dumps({}))
    for folder, patient, code, words in (
        (signature, "case-2", 1, "has no patient 'case-2'; did you mean 'case-1'?"),
        (signature, "gone", 1, "row 4: patient gone: "),
        (broken, "case-1", 1, "was altered after signing"),
        (tmp_path, "case-1", 1, "a signature's folder has"),
    ):
        ended, _, err = explain(capsys, site, folder, patient)
        assert (ended, err.count("\n")) == (code, 1)
        assert words in err
    assert run(capsys, "explain", site, "--patient", "case-1")[0] == 2
    ended, _, err = run(capsys, "explain", site, "--signature", signature, "--patient", "case-1", "--device", "tpu")
    assert (ended, "choose auto, cpu or cuda" in err) == (2, True)


@pytest.mark.skipif(not real_cases(), reason="../shared/data is absent")
def test_a_real_tumour_is_explained(tmp_path: Path, signature: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "site"
    (folder / "images").mkdir(parents=True)
    files = {"PAT2": tuple(Path(shutil.copyfile(one, folder / "images" / one.name)) for one in real_cases()["PAT2"])}
    make_site(folder, files)
    assert explain(capsys, folder, signature, "PAT2")[0] == 0
    found = results(folder, "explain/PAT2")["feature_maps"]
    entropy, evenness = found.values()
    # grey levels of a neighbourhood of 25: at most log2 of twice as many sums, and shares of runs
    assert 0 <= entropy["minimum"] < entropy["median"] < entropy["maximum"] < 6
    assert 0 < evenness["minimum"] < evenness["median"] < evenness["maximum"] <= 1
