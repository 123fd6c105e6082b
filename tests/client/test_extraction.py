"""A whole cohort: cache, order, sick cases, and workers that die."""

from __future__ import annotations

import errno
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from phantoms import tumour_volume, write_volume

import client.extraction
from client.extraction import Extraction, extract_cohort, write_features
from client.extraction_cache import Recipe, Record, load_record, record_key, save_record
from client.extraction_task import CannotWrite, Refusal, Task, compute_patient
from client.radiomics import feature_names
from client.workers import WorkerDied, run_in_workers
from common.errors import DataError
from common.paper_settings import PAPER_PATCHES, PAPER_RADIOMICS, PAPER_RESAMPLING
from common.study import load_study

ROOT = Path(__file__).parents[2]
FEW = PAPER_RADIOMICS.model_copy(update={"image_types": ("Original",), "feature_classes": ("shape", "firstorder")})
RECIPE = Recipe(PAPER_RESAMPLING, PAPER_PATCHES, FEW)


def extract(patients: dict[str, tuple[Path, Path]], cache: Path, *, jobs: int = 1) -> Extraction:
    return extract_cohort(
        patients, resampling=PAPER_RESAMPLING, patches=PAPER_PATCHES, radiomics=FEW, cache=cache, jobs=jobs
    )


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("images")
    names = ["zeta", "alpha", "mid", "beta"]
    return {name: write_volume(tumour_volume(seed), folder, name) for seed, name in enumerate(names)}


def test_the_default_settings_are_the_paper_preset() -> None:
    study = load_study(ROOT / "simulation" / "presets" / "paper.toml")
    assert (study.resampling, study.patches, study.radiomics) == (PAPER_RESAMPLING, PAPER_PATCHES, PAPER_RADIOMICS)


def test_the_result_is_in_the_table_s_order_and_does_not_depend_on_jobs(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    one, two = (extract(patients, tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert list(one.features.index) == list(patients) == list(two.patches)
    assert one.features.index.name == "patient_id"
    pd.testing.assert_frame_equal(one.features, two.features, check_exact=True)
    assert all(np.array_equal(one.patches[name], two.patches[name]) for name in patients)
    assert (one.features.dtypes == np.float64).all()
    assert (one.computed, one.reused) == (len(patients), 0)


def test_a_second_run_computes_none_and_a_damaged_file_is_computed_again(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    first = extract(patients, tmp_path)
    again = extract(patients, tmp_path)
    assert (again.computed, again.reused) == (0, len(patients))
    pd.testing.assert_frame_equal(first.features, again.features, check_exact=True)
    files = sorted((tmp_path / "patients").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-200])
    data = bytearray(files[1].read_bytes())
    data[400] ^= 0xFF
    files[1].write_bytes(bytes(data))
    mended = extract(patients, tmp_path)
    assert (mended.computed, mended.reused) == (2, len(patients) - 2)
    pd.testing.assert_frame_equal(first.features, mended.features, check_exact=True)


def test_without_patches_they_are_in_the_cache_all_the_same(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"resampling": PAPER_RESAMPLING, "patches": PAPER_PATCHES, "radiomics": FEW}
    computed, reused = (
        extract_cohort(patients, **settings, cache=tmp_path, jobs=1, with_patches=False) for _ in range(2)
    )
    assert (computed.computed, reused.reused) == (len(patients), len(patients))
    assert computed.patches == reused.patches == {}
    whole = extract(patients, tmp_path)
    assert (whole.computed, list(whole.patches)) == (0, list(patients))
    pd.testing.assert_frame_equal(whole.features, computed.features, check_exact=True)
    pd.testing.assert_frame_equal(whole.features, reused.features, check_exact=True)


def test_the_key_changes_with_every_byte_and_setting(patients: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    image, mask = patients["mid"]
    other = tmp_path / "other.nii.gz"
    other.write_bytes(image.read_bytes() + b"\0")
    coarse = Recipe(PAPER_RESAMPLING, PAPER_PATCHES, FEW.model_copy(update={"bin_width": 26.0}))
    smaller = Recipe(PAPER_RESAMPLING, PAPER_PATCHES.model_copy(update={"size_pixels": 64}), FEW)
    stock = Recipe(PAPER_RESAMPLING.model_copy(update={"rounding": "truncate"}), PAPER_PATCHES, FEW)
    keys = [record_key(image, mask, recipe) for recipe in (RECIPE, coarse, smaller, stock)]
    keys += [record_key(other, mask, RECIPE), record_key(mask, image, RECIPE)]
    assert len(set(keys)) == 6
    assert record_key(image, mask, RECIPE) == keys[0]


def test_a_sick_case_is_named_and_the_rest_is_computed(patients: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    image, mask = patients["alpha"]
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(image.read_bytes()[:1000])
    sick = {"gone": (tmp_path / "no.nii.gz", mask), "cut": (cut, mask), "swapped": (image, image)}
    done = extract(sick | patients, tmp_path / "cache")
    assert list(done.features.index) == list(patients)
    assert [one.patient_id for one in done.quarantined] == ["gone", "cut", "swapped"]
    reasons = [one.reason for one in done.quarantined]
    assert "no such file" in reasons[0]
    assert "is damaged" in reasons[1]
    assert "is named as image and as mask" in reasons[2]
    assert [one.file for one in done.quarantined] == [str(tmp_path / "no.nii.gz"), str(cut), str(image)]


def test_a_process_that_dies_takes_only_its_patient(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n"
        "from client.extraction_task import compute_patient as real\n"
        "def compute_patient(task):\n"
        "    if 'alpha' in task.image.name: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if 'beta' in task.image.name: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(task)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import deadly

    monkeypatch.setattr(client.extraction, "compute_patient", deadly.compute_patient)
    done = extract(patients, tmp_path / "cache")
    assert list(done.features.index) == ["zeta", "mid"]
    assert "died (SIGSEGV)" in done.quarantined[0].reason
    assert "died (SIGKILL, often too little memory)" in done.quarantined[1].reason


def test_workers_go_on_after_a_death() -> None:
    tasks = [0, signal.SIGSEGV, 0, signal.SIGKILL, 0, 0]
    found = dict(run_in_workers(signal.raise_signal, tasks, jobs=2))
    assert sorted(found) == list(range(6))
    assert {index for index, answer in found.items() if isinstance(answer, WorkerDied)} == {1, 3}


def test_leaving_early_ends_the_workers() -> None:
    results = run_in_workers(abs, [-1, -2, -3], jobs=1)
    assert next(results) == (0, 1)
    results.close()


def test_an_error_no_rule_foresaw_becomes_a_reason(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("client.extraction_task.extract_features", fail)
    answer = compute_patient(Task(*patients["mid"], RECIPE, tmp_path / "x.npz"))
    assert isinstance(answer, Refusal)
    assert answer.reason.startswith("ZeroDivisionError while it was computed (two lines)")


def test_a_full_disk_stops_the_run_with_one_line(
    patients: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("client.extraction_task.save_record", full)
    answer = compute_patient(Task(*patients["mid"], RECIPE, tmp_path / "x.npz"))
    assert isinstance(answer, CannotWrite)
    assert "No space left on device" in answer.reason
    monkeypatch.setattr(client.extraction, "run_in_workers", lambda *_, **__: iter([(0, answer)]))
    with pytest.raises(DataError, match="make room"):
        extract(patients, tmp_path)


def test_records_keep_values_patches_and_reasons(tmp_path: Path) -> None:
    names = feature_names(FEW)
    values = np.linspace(-1, 1, len(names))
    values[3] = np.nan
    record = Record(values, np.zeros((3, 112, 112), np.uint8), {names[3]: "no reason"})
    save_record(tmp_path / "r.npz", record)
    read = load_record(tmp_path / "r.npz", RECIPE, features=len(names))
    assert read is not None
    assert np.array_equal(read.values, values, equal_nan=True)
    assert read.not_computed == record.not_computed
    assert load_record(tmp_path / "r.npz", RECIPE, features=len(names) + 1) is None
    assert load_record(tmp_path / "none.npz", RECIPE, features=len(names)) is None


def test_the_parquet_file_says_by_which_settings(patients: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    done = extract(patients, tmp_path)
    write_features(done, tmp_path / "features.parquet")
    read = pd.read_parquet(tmp_path / "features.parquet")
    pd.testing.assert_frame_equal(read, done.features, check_exact=True)
    metadata = parquet.read_schema(tmp_path / "features.parquet").metadata
    assert metadata[b"settings_sha256"].decode() == RECIPE.sha256
    assert metadata[b"settings"].decode() == RECIPE.json


def test_no_patients_give_an_empty_table(tmp_path: Path) -> None:
    done = extract({}, tmp_path)
    assert done.features.shape == (0, len(feature_names(FEW)))
