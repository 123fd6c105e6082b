"""The synthetic patients: the paper's counts, a known truth, and survival in the paper's direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import simulation
from client.site import COHORT_COLUMNS
from common.study import Signal, Study, Synthetic, load_study
from simulation.cohort import ideal_observers, published_counts, scaled
from simulation.cohort.latents import draw_latents, latent_score
from simulation.cohort.survival import draw_outcome
from simulation.cohort.table import DIVISIONS, draw_cohort, draw_tps

PAPER = Path(simulation.__file__).parent / "presets" / "paper.toml"
TABLE_1 = {
    "training": {"male": 455, "female": 295, "never": 348, "occasionally": 300, "constantly": 74, "": 28, "high": 261},
    "validation": {"male": 58, "female": 35, "never": 43, "occasionally": 36, "constantly": 11, "": 3, "high": 33},
    "test": {"male": 63, "female": 33, "never": 41, "occasionally": 38, "constantly": 10, "": 7, "high": 34},
}
FAMILY_HISTORY = {"training": (610, 113, 27), "validation": (79, 11, 3), "test": (75, 15, 6)}
AGE = {"training": (58.9, 10.7), "validation": (58.0, 10.3), "test": (59.0, 11.3)}


def with_synthetic(study: Study, **changes: float) -> Study:
    """The study with other keys of [synthetic] or [synthetic.signal]."""
    assert study.synthetic is not None
    signal = {key: value for key, value in changes.items() if key in Signal.model_fields}
    counts = {key: value for key, value in changes.items() if key not in signal}
    new = study.synthetic.model_copy(update={**counts, "signal": study.synthetic.signal.model_copy(update=signal)})
    return study.model_copy(update={"synthetic": new})


def table_of(study: Study) -> pd.DataFrame:
    """The table of a study's cohort."""
    assert study.synthetic is not None
    return draw_cohort(study, study.synthetic).table


@pytest.fixture(scope="module")
def paper() -> Study:
    """The preset at the paper's size."""
    return load_study(PAPER)


@pytest.fixture(scope="module")
def table(paper: Study) -> pd.DataFrame:
    """The table of the paper's preset."""
    return table_of(paper)


def test_columns_and_size(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COHORT_COLUMNS
    assert len(table) == 939 + 94 + 30
    assert table["patient_id"].is_unique
    assert table["patient_id"].iloc[0] == "P0001"


@pytest.mark.parametrize("division", ["training", "validation", "test"])
def test_division_has_the_counts_of_table_1(table: pd.DataFrame, division: str) -> None:
    part = table[(table["split"] == division) & (table["convolution_kernel"] != "30f")]
    expected = dict(TABLE_1[division])
    assert int((part["tps"] >= 50).sum()) == expected.pop("high")
    assert {**part["sex"].value_counts(), **part["smoking"].value_counts()} == expected
    history = part["family_history"].value_counts()
    assert (history["no"], history["yes"], history[""]) == FAMILY_HISTORY[division]
    assert part["age"].astype(float).mean() == pytest.approx(AGE[division][0], abs=0.2)
    assert part["age"].astype(float).std() == pytest.approx(AGE[division][1], abs=0.3)


def test_immunotherapy_cohort_has_the_counts_of_the_text(table: pd.DataFrame) -> None:
    part = table[table["cohort"] == "immunotherapy"]
    assert len(part) == 94
    assert int((part["sex"] == "male").sum()) == 77
    assert int((part["smoking"] == "never").sum()) == 21
    assert int(part["smoking"].isin(["occasionally", "constantly"]).sum()) == 73
    assert dict(part["treatment"].value_counts()) == {"monotherapy": 51, "combination": 43}
    assert set(part["family_history"]) == {"no", "yes"}
    assert part["age"].astype(float).mean() == pytest.approx(60.7, abs=0.2)
    assert part["age"].astype(float).std() == pytest.approx(11.1, abs=0.3)
    assert set(part["split"]) == {""}
    assert 35 <= part["progressed"].sum() <= 45
    assert part["pfs_days"].min() >= 1


def test_only_low_quality_patients_have_the_excluded_kernel(table: pd.DataFrame) -> None:
    part = table[table["convolution_kernel"] == "30f"]
    assert len(part) == 30
    assert set(part["cohort"]) == {"expression"}
    assert set(table["convolution_kernel"]) == {"30f", "60f"}


def test_expression_cohort_has_no_outcome(table: pd.DataFrame) -> None:
    part = table[table["cohort"] == "expression"]
    assert part[["treatment", "pfs_days", "progressed"]].isna().all().all()


@pytest.mark.parametrize("threshold", [0.5, 1, 37.5, 50, 100])
def test_tps_is_on_the_side_of_its_class(threshold: float) -> None:
    positive = np.arange(2000) % 2 == 0
    tps = draw_tps(positive, threshold, np.random.default_rng(1))
    assert ((tps >= threshold) == positive).all()
    assert tps.min() >= 0
    assert tps.max() <= 100


def test_same_seed_same_table_other_seed_other(paper: Study, table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table_of(paper), table)
    assert not table_of(paper.model_copy(update={"seed": 7})).equals(table)


def test_ideal_observers_by_formula_and_by_simulation(paper: Study) -> None:
    signal = Signal(border=1.05, texture=0.85, clinical=0.45, hazard=0, age_hazard=0)
    ideal = ideal_observers(signal)
    assert ideal == pytest.approx({"border": 0.771, "texture": 0.726, "clinical": 0.625, "all": 0.843}, abs=5e-4)
    positive = np.arange(40_000) % 3 == 0
    latents = draw_latents(positive, signal, np.random.default_rng(3))
    for column, part in enumerate(("border", "texture", "clinical")):
        assert roc_auc_score(positive, latents[:, column]) == pytest.approx(ideal[part], abs=0.01)
    score = latent_score(latents, signal, prevalence=1 / 3)
    assert roc_auc_score(positive, score) == pytest.approx(ideal["all"], abs=0.01)
    assert (score.mean(), score.std()) == pytest.approx((0, 1), abs=0.02)


def test_latents_say_nothing_without_signal() -> None:
    signal = Signal(border=0, texture=0, clinical=0, hazard=1, age_hazard=0)
    positive = np.arange(20_000) % 3 == 0
    latents = draw_latents(positive, signal, np.random.default_rng(4))
    for column in range(3):
        assert roc_auc_score(positive, latents[:, column]) == pytest.approx(0.5, abs=0.015)
    assert set(ideal_observers(signal).values()) == {0.5}
    assert not latent_score(latents, signal, prevalence=1 / 3).any()


def clinical_auc(study: Study) -> float:
    """AUC of a logistic regression on the clinical values, judged on the patients it has not seen."""
    table = table_of(study)
    table = table[table["cohort"] == "expression"]
    values = pd.DataFrame(
        {
            "age": table["age"].astype(float),
            "sex": (table["sex"] == "male").astype(float),
            "smoking": table["smoking"].map({"never": 0, "occasionally": 1, "constantly": 2, "": 0.6}),
            "history": table["family_history"].map({"no": 0, "yes": 1, "": 0.15}),
        }
    )
    high, seen = (table["tps"] >= 50).astype(int), (table["split"] == "training")
    scaled_values = (values - values.mean()) / values.std()
    model = LogisticRegression().fit(scaled_values[seen], high[seen])
    return float(roc_auc_score(high[~seen], model.decision_function(scaled_values[~seen])))


def test_clinical_values_carry_their_latent_and_nothing_without_signal(paper: Study) -> None:
    large = with_synthetic(paper, training=4000, validation=0, test=4000)
    assert paper.synthetic is not None
    ideal = ideal_observers(paper.synthetic.signal)["clinical"]
    assert clinical_auc(large) == pytest.approx(ideal, abs=0.025)
    assert clinical_auc(with_synthetic(large, clinical=0.0)) == pytest.approx(0.5, abs=0.025)


def test_higher_score_and_age_shorten_survival() -> None:
    rng = np.random.default_rng(5)
    score = rng.standard_normal(3000)
    outcome = draw_outcome(0.9 * score, rng, events=1300)
    assert outcome.progressed.sum() == 1300
    frame = pd.DataFrame({"days": outcome.days, "progressed": outcome.progressed, "score": score})
    fitted = CoxPHFitter().fit(frame, "days", "progressed").params_["score"]
    assert fitted == pytest.approx(0.9, abs=0.1)


def test_paper_cohort_survival_has_the_direction_of_the_paper(paper: Study) -> None:
    large = with_synthetic(paper, immunotherapy=2000, training=1, validation=0, test=0, low_quality=0)
    part = table_of(large).query("cohort == 'immunotherapy'")
    frame = part[["pfs_days", "progressed", "age"]].astype(float).assign(high=(part["tps"] >= 50).astype(float))
    fitted = CoxPHFitter().fit(frame, "pfs_days", "progressed").params_
    assert fitted["high"] > 0.3
    assert fitted["age"] > 0


def test_acquisition_knows_nothing_of_the_class(paper: Study) -> None:
    table = table_of(with_synthetic(paper, training=4000))
    high = (table["tps"] >= 50).astype(int)
    assert roc_auc_score(high, table["tube_current_ma"].astype(float)) == pytest.approx(0.5, abs=0.03)
    assert roc_auc_score(high, table["slice_thickness_mm"].astype(float)) == pytest.approx(0.5, abs=0.03)
    assert high.groupby(table["manufacturer"]).mean().to_numpy() == pytest.approx(np.full(4, 0.35), abs=0.07)
    assert table["tube_current_ma"].astype(float).median() == pytest.approx(290, abs=10)
    assert {"5"} < set(table["slice_thickness_mm"])


@pytest.mark.parametrize("patients", [1, 5, 12, 100, 1063, 5000])
def test_scaled_keeps_proportions_and_every_division(paper: Study, patients: int) -> None:
    assert paper.synthetic is not None
    small = scaled(paper.synthetic, patients=patients)
    sizes = [int(getattr(small, name)) for name in DIVISIONS]
    assert sum(sizes) == max(patients, 5)
    assert min(sizes) >= 1
    assert small.signal == paper.synthetic.signal
    if patients == 1063:
        assert small == paper.synthetic


def test_scaled_leaves_absent_divisions_absent(paper: Study) -> None:
    assert paper.synthetic is not None
    none: Synthetic = paper.synthetic.model_copy(update={"immunotherapy": 0})
    assert scaled(none, patients=20).immunotherapy == 0


@pytest.mark.parametrize("patients", [1, 2, 3, 10, 94, 400])
def test_divisions_of_any_size_add_up(paper: Study, patients: int) -> None:
    counts = published_counts.resized(published_counts.TEST, patients=patients)
    for total in (counts.patients, sum(counts.sex), sum(counts.smoking) + counts.smoking_unknown):
        assert total == patients
    sizes = dict.fromkeys(DIVISIONS, patients)
    assert len(table_of(with_synthetic(paper, **sizes))) == 5 * patients
