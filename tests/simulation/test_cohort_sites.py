"""The cohort divided over sites: the same patients in all, and sites that differ as the study says."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from client.cohort import read_cohort
from client.site import load_site
from common.errors import StudyError, UsageError
from common.study import Sites, Study, parse_study
from simulation.cohort import draw_cohort, draw_sites, make_scan, make_site, make_sites
from simulation.cohort.site_members import LABELLED
from simulation.cohort.site_traits import draw_traits, equally_spaced, geometric_shares
from simulation.studies import federated_text, preset_text, synthetic_study

SAME = Sites(
    count=4,
    size_ratio=1,
    prevalence_spread=0,
    scanner_mix=0,
    thickness_mix=0,
    tube_current_spread=0,
    missing_spread=0,
)
SCAN_COLUMNS = ["manufacturer", "tube_current_ma", "slice_thickness_mm"]
TINY = {"training": 8, "validation": 6, "test": 6, "immunotherapy": 2, "low_quality": 1}
PAPER = synthetic_study(federated_text(preset_text("paper"), sites=4))


def with_sites(sites: Sites | None = None, **changes: float) -> Study:
    """The paper's study with other sites, or other keys of these."""
    assert PAPER.synthetic is not None
    assert PAPER.synthetic.sites is not None
    chosen = (sites or PAPER.synthetic.sites).model_copy(update=changes)
    return PAPER.model_copy(update={"synthetic": PAPER.synthetic.model_copy(update={"sites": chosen})})


def with_patients(study: Study, **patients: int) -> Study:
    """The study with other numbers of patients."""
    assert study.synthetic is not None
    return study.model_copy(update={"synthetic": study.synthetic.model_copy(update=patients)})


def tables(study: Study) -> list[pd.DataFrame]:
    """The tables of the sites."""
    return [cohort.table for cohort in draw_sites(study).values()]


def whole(study: Study) -> pd.DataFrame:
    """The table of the undivided cohort."""
    assert study.synthetic is not None
    return draw_cohort(study, study.synthetic).table


def in_order(study: Study) -> pd.DataFrame:
    """The tables of all sites as one, in the order of the undivided cohort."""
    return pd.concat(tables(study)).sort_values("patient_id").reset_index(drop=True)


def judged(table: pd.DataFrame, division: str) -> pd.DataFrame:
    """The patients of a labelled division, without the excluded."""
    return table[(table["split"] == division) & (table["convolution_kernel"] != "30f")]


def positives(table: pd.DataFrame) -> int:
    """Patients with a high TPS."""
    return int((table["tps"] >= PAPER.cohort.label_tps).sum())


def unknown(table: pd.DataFrame) -> int:
    """Patients without smoking or family history."""
    return int((table[["smoking", "family_history"]] == "").any(axis=1).sum())


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("count", [1, 2, 4, 16])
def test_sites_have_all_patients_and_nothing_of_them_is_changed(count: int) -> None:
    study = with_sites(count=count)
    mine, undivided = in_order(study), whole(study)
    assert mine["patient_id"].is_unique
    pd.testing.assert_frame_equal(mine.drop(columns=SCAN_COLUMNS), undivided.drop(columns=SCAN_COLUMNS))


def test_only_the_acquisition_of_a_subject_is_the_sites() -> None:
    assert PAPER.synthetic is not None
    undivided = {subject.number: subject for subject in draw_cohort(PAPER, PAPER.synthetic).subjects}
    for cohort in draw_sites(PAPER).values():
        assert [subject.patient_id for subject in cohort.subjects] == list(cohort.table["patient_id"])
        for subject in cohort.subjects:
            other = undivided[subject.number]
            assert (subject.border, subject.texture, subject.seed) == (other.border, other.texture, other.seed)


def test_sizes_are_geometric_in_every_division() -> None:
    found = tables(with_sites(size_ratio=8))
    for sizes in ([len(table) for table in found], [len(judged(table, "training")) for table in found]):
        assert sizes == sorted(sizes, reverse=True)
        ratios = np.divide(sizes[:-1], sizes[1:])
        assert ratios == pytest.approx(np.full(3, 2.0), rel=0.06)
    assert geometric_shares(3, ratio=4) == pytest.approx(np.array([4, 2, 1]) / 7)


@pytest.mark.parametrize("count", [1, 2, 4, 8, 33])
def test_every_site_has_both_classes_and_every_division(count: int) -> None:
    for table in tables(with_sites(count=count, size_ratio=20, prevalence_spread=2, missing_spread=1)):
        for division in LABELLED:
            part = judged(table, division)
            assert 0 < positives(part) < len(part)
        assert (table["cohort"] == "immunotherapy").any()


def test_prevalence_differs_as_asked_and_the_positives_stay() -> None:
    study = with_patients(with_sites(prevalence_spread=0.6), training=20_000)
    shares = [positives(part) / len(part) for part in (judged(table, "training") for table in tables(study))]
    log_odds = np.log(np.array(shares) / (1 - np.array(shares)))
    assert log_odds.std() == pytest.approx(0.6, abs=0.01)
    assert np.sort(log_odds - log_odds.mean()) == pytest.approx(equally_spaced(4, spread=0.6), abs=0.01)
    for division in LABELLED:
        assert positives(judged(in_order(study), division)) == positives(judged(whole(study), division))


def test_scanner_mix_is_realised() -> None:
    for mix in (0.0, 0.5, 1.0):
        found = tables(with_patients(with_sites(scanner_mix=mix, thickness_mix=mix), training=8000))
        for column, common, own in (("manufacturer", 0.45, "SIEMENS"), ("slice_thickness_mm", 0.40, "5")):
            shares = [float((table[column] == own).mean()) for table in found]
            assert shares[0] == pytest.approx(mix + (1 - mix) * common, abs=0.03)
            assert shares[1:] == pytest.approx([(1 - mix) * common] * 3, abs=0.04)
            largest = [table[column].value_counts(normalize=True).iloc[0] for table in found]
            assert (min(largest) == 1) == (mix == 1)
            # The largest site has two fifths of the patients, so that whole sites cannot give every share exactly.
            assert float((pd.concat(found)[column] == own).mean()) == pytest.approx(common, abs=0.07)


def test_tube_current_differs_by_site() -> None:
    study = with_patients(with_sites(SAME, tube_current_spread=0.3), training=8000)
    medians = [math.log(table["tube_current_ma"].astype(float).median() / 290) for table in tables(study)]
    assert sorted(medians) == pytest.approx(equally_spaced(4, spread=0.3), abs=0.04)


def test_unknown_values_gather_at_sites() -> None:
    for spread, least in ((0.5, 2.0), (0.9, 20.0)):
        found = tables(with_sites(SAME, missing_spread=spread))
        counts = sorted(unknown(table) for table in found)
        assert counts[-1] > least * max(counts[0], 1)
    all_at_one = [unknown(table) for table in tables(with_sites(missing_spread=1))]
    assert sorted(all_at_one)[:3] == [0, 0, 0]
    # As many as the paper has of both together, since a value is never moved from patient to patient.
    assert max(all_at_one) == unknown(whole(PAPER))


def test_without_differences_sites_are_nearly_equal_and_scans_the_same() -> None:
    study = with_sites(SAME)
    found = tables(study)
    for division in LABELLED:
        parts = [judged(table, division) for table in found]
        for quantity in (len, positives, unknown):
            counts = [quantity(part) for part in parts]
            assert max(counts) - min(counts) <= 2
    pd.testing.assert_frame_equal(in_order(study), whole(study))


def test_same_seed_same_sites_other_seed_others() -> None:
    first, again = draw_sites(PAPER), draw_sites(PAPER)
    for name, cohort in first.items():
        pd.testing.assert_frame_equal(cohort.table, again[name].table)
        assert cohort.subjects == again[name].subjects
    other = draw_sites(PAPER.model_copy(update={"seed": 5}))
    assert set(other["site-1"].table["patient_id"]) != set(first["site-1"].table["patient_id"])
    assert PAPER.synthetic is not None
    assert PAPER.synthetic.sites is not None
    rates = {tuple(draw_traits(PAPER.synthetic.sites, seed=seed).unknown_rates) for seed in range(9)}
    assert len(rates) > 1


def test_too_few_patients_for_the_sites_are_refused() -> None:
    with pytest.raises(StudyError, match=r"synthetic\.validation = 93 gives 33 positive and 60 .* of the 34 sites"):
        draw_sites(with_sites(count=34))
    with pytest.raises(StudyError, match=r"synthetic\.immunotherapy = 3 .*lower synthetic\.sites\.count"):
        draw_sites(with_patients(PAPER, immunotherapy=3))
    assert len(draw_sites(with_patients(PAPER, low_quality=1, immunotherapy=0))) == 4


def test_study_without_sites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no \[synthetic\.sites\] table"):
        make_sites(parse_study(preset_text("quick")), tmp_path, jobs=1)


def test_names_come_from_a_roster_of_that_length() -> None:
    assert PAPER.federation is not None
    roster = ("chengdu", "shanghai", "tianjin", "harbin")
    named = PAPER.model_copy(update={"federation": PAPER.federation.model_copy(update={"roster": roster})})
    assert tuple(draw_sites(named)) == roster
    shorter = PAPER.model_copy(update={"federation": PAPER.federation.model_copy(update={"roster": roster[:3]})})
    assert tuple(draw_sites(shorter)) == ("site-1", "site-2", "site-3", "site-4")


def test_two_workers_write_the_same_bytes_and_the_client_reads_them(tmp_path: Path) -> None:
    study = with_patients(with_sites(count=2, missing_spread=1), **TINY)
    folders = make_sites(study, tmp_path / "one", jobs=1)
    assert folders == {name: tmp_path / "one" / name for name in ("site-1", "site-2")}
    (folders["site-2"] / "images").rename(tmp_path / "lost")
    (folders["site-2"] / "images").mkdir()
    make_sites(study, tmp_path / "one", jobs=1, resume=True)
    make_sites(study, tmp_path / "two", jobs=2)
    assert sums(tmp_path / "one") == sums(tmp_path / "two")
    patients = []
    for name, folder in folders.items():
        assert load_site(folder).name == name
        cohort = read_cohort(load_site(folder))
        assert not cohort.quarantined
        assert all((folder / file).is_file() for file in [*cohort.patients["image"], *cohort.patients["mask"]])
        patients += list(cohort.patients.index)
    assert sorted(patients) == sorted(whole(study)["patient_id"])
    with pytest.raises(UsageError, match="already"):
        make_sites(study, tmp_path / "one", jobs=1)


def test_anatomy_is_that_of_the_undivided_cohort() -> None:
    study = with_patients(with_sites(SAME, count=2), **TINY)
    assert study.synthetic is not None
    mine = draw_sites(study)["site-2"].subjects[0]
    undivided = draw_cohort(study, study.synthetic).subjects[mine.number - 1]
    np.testing.assert_array_equal(make_scan(mine).hu, make_scan(undivided).hu)


def test_the_undivided_cohort_knows_nothing_of_sites(tmp_path: Path) -> None:
    one = {**dict.fromkeys(TINY, 0), "training": 1}
    make_site(with_patients(PAPER, **one), tmp_path / "with", jobs=1)
    make_site(with_patients(parse_study(preset_text("paper")), **one), tmp_path / "without", jobs=1)
    assert sums(tmp_path / "with") == sums(tmp_path / "without")
