"""What a site does not tell, whatever the server asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from small_federation import FEATURES, SmallFederation, made_up_dataset, small_text

from client.federation.answer import Desk, answer, open_desk
from client.federation.dataset import Dataset
from client.federation.guards import Guard
from client.federation.pinned import check_pinned
from client.federation.site_state import SiteState
from client.federation.statistics import training_correlation
from client.federation.survival import central_score, survive
from client.site import load_site
from common.code_hash import code_sha256
from common.errors import DataError, PeerError
from common.federated_model import federated_layout, federated_network
from common.messages import (
    AloneReply,
    AloneRequest,
    ColumnScaling,
    CorrelationRequest,
    DescribeReply,
    DescribeRequest,
    Preparation,
    RanksRequest,
    Request,
    StatisticsRequest,
    SurvivalReply,
    SurvivalRequest,
    TrainingRequest,
    fault_of,
)
from common.settings_hash import settings_sha256
from common.weights import Flat, flatten

pytestmark = pytest.mark.usefixtures("tiny_trunk")
SHA, RUN = "a" * 64, "0" * 32
SCALING = ColumnScaling(mean=(100.0,) * 12, deviation=(10.0,) * 12)
CLINICAL = ColumnScaling(mean=(60.0, 0.5, 1.0, 0.5), deviation=(8.0, 0.5, 0.8, 0.5))
PREPARATION = Preparation(radiomic_features=FEATURES, radiomics=SCALING, clinical=CLINICAL)


def fewer(dataset: Dataset, **sizes: int) -> Dataset:
    """At most so many patients of a division."""
    place = dataset.cohort.patients.groupby("division").cumcount()
    most = dataset.cohort.patients["division"].map(lambda name: sizes.get(name, 1000))
    return chosen(dataset, (place < most).to_numpy())


def chosen(dataset: Dataset, rows: np.ndarray) -> Dataset:
    cohort = dataset.cohort
    return replace(
        dataset,
        cohort=replace(
            cohort, patients=cohort.patients[rows], features=cohort.features[rows], patches=cohort.patches[rows]
        ),
    )


def desk(folder: Path, dataset: Dataset, **changes: str) -> Desk:
    small = SmallFederation(folder, small_text(1, **changes), {"site-1": dataset})
    return open_desk(load_site(small.folders["site-1"]))


def training(desk: Desk, **changes: Any) -> TrainingRequest:
    known = {"weights_round": -1, "best_round": -1, "stage": 0, "round": 0, "first_epoch": 0, "epochs": 1}
    told = {"study_sha256": desk.sha256, "run": RUN, "preparation": PREPARATION, "validate_weights": True}
    return TrainingRequest(**{**told, **known, **changes})


def weights(desk: Desk) -> Flat:
    network = federated_network(desk.study, PREPARATION)
    return flatten(federated_layout(network, desk.study), network.state_dict())


def test_a_site_with_too_few_patients_tells_nothing_of_them(tmp_path: Path) -> None:
    small = desk(tmp_path, fewer(made_up_dataset(1), training=4))
    known = {"study_sha256": small.sha256}
    requests: tuple[Request, ...] = (StatisticsRequest(**known), RanksRequest(**known), AloneRequest(**known))
    for request, arrays in (*((one, {}) for one in requests), (training(small), weights(small))):
        with pytest.raises(DataError, match="4 training patients") as refused:
            answer(small, request, arrays)
        assert "4" not in fault_of(refused.value).reason


def test_divisions_of_one_class_are_not_told(tmp_path: Path) -> None:
    dataset = made_up_dataset(1)
    patients = dataset.cohort.patients
    one_class = ~((patients["division"] == "test") & (patients["label"] == 1)).to_numpy()
    small = desk(tmp_path, chosen(dataset, one_class))
    request = DescribeRequest(
        study_sha256=small.sha256, code_sha256=code_sha256(), settings_sha256=settings_sha256(small.study)
    )
    reply = answer(small, request, {}).record
    assert isinstance(reply, DescribeReply)
    assert reply.divisions["test"].positives is None
    assert reply.divisions["training"].positives is not None
    assert any(note.startswith("positive test patients") for note in reply.withheld)


def test_a_feature_of_one_patient_is_in_no_correlation() -> None:
    dataset = made_up_dataset(1)
    features = dataset.cohort.features.copy()
    features.iloc[1:, 0] = np.nan
    lonely = replace(dataset, cohort=replace(dataset.cohort, features=features))
    request = CorrelationRequest(
        study_sha256=SHA,
        radiomic_features=FEATURES[:3],
        radiomics=ColumnScaling(mean=(100.0,) * 3, deviation=(10.0,) * 3),
    )
    products = training_correlation(lonely, request, site="site-1", guard=Guard(5)).products
    assert products is not None
    found = products.co_moments()
    assert found.known[0] == 0
    assert found.mean[0] == 0
    assert not found.cross[0].any()
    assert found.cross[1, 1] > 0


def test_a_feature_of_one_patient_is_in_no_model_of_a_site_alone(tmp_path: Path) -> None:
    dataset = made_up_dataset(1)
    features, patients = dataset.cohort.features.copy(), dataset.cohort.patients.copy()
    features.iloc[2:, :3] = np.nan
    patients.loc[patients.index[1:], "smoking"] = ""
    cohort = replace(dataset.cohort, features=features, patients=patients)
    small = desk(tmp_path, replace(dataset, cohort=cohort))
    reply = answer(small, AloneRequest(study_sha256=small.sha256), {}).record
    assert isinstance(reply, AloneReply)
    assert not set(FEATURES[:3]) & set(reply.preparation.radiomic_features)
    assert (reply.preparation.clinical.mean[2], reply.preparation.clinical.deviation[2]) == (0.0, 1.0)


def told_of_survival(dataset: Dataset, *, high: int, cutoff: float = 0.5) -> SurvivalReply:
    """The reply where so many patients of the immunotherapy cohort score above the cut-off."""
    treated = dataset.patients("immunotherapy")
    logits = np.linspace(-2, -1, len(treated))
    logits[:high] += 4
    request = SurvivalRequest(study_sha256=SHA, run=RUN, preparation=PREPARATION, weights_round=-1, cutoff=cutoff)
    slices = {"immunotherapy": np.repeat(logits[:, None], 3, axis=1)}
    return survive(dataset, request, slices, site="site-1", guard=Guard(5), curves_allowed=True)


def test_a_group_of_one_is_not_compared() -> None:
    dataset = made_up_dataset(1)
    one, half = told_of_survival(dataset, high=1), told_of_survival(dataset, high=6)
    assert one.by_group is None
    assert one.high is None
    assert half.by_group is not None
    assert half.high is not None
    assert all(edge % 30 == 0 for edge in half.high.edges)
    assert min(np.add(half.high.events, half.high.censored)) >= 5


def test_one_progression_is_not_told() -> None:
    dataset = made_up_dataset(1)
    patients = dataset.cohort.patients.copy()
    treated = patients.index[patients["division"] == "immunotherapy"]
    patients.loc[treated, "progressed"] = (np.arange(len(treated)) == 3).astype(float)
    reply = told_of_survival(replace(dataset, cohort=replace(dataset.cohort, patients=patients)), high=6)
    assert reply.by_score is None
    assert reply.by_group is None
    assert any("fewer than 2 progressions" in note for note in reply.withheld)


def entry(stage: int, value: float) -> dict[str, Any]:
    return {"stage": stage, "adam": {"step": value}, "home": {"norm": torch.tensor(value)}}


def test_a_site_that_missed_the_best_round_goes_back_to_the_one_before(tmp_path: Path) -> None:
    """With FedBN its own layers must not be new ones in the next stage."""
    state = SiteState.load(tmp_path / "training.pt", run=RUN)
    # round 2 is missed and turns out the best; it is known as such from round 4 on
    for number, best in ((0, -1), (1, 0), (3, 1), (4, 2), (5, 2), (6, 2)):
        state.keep(number, entry(0, float(number)), best_round=best)
    again = SiteState.load(tmp_path / "training.pt", run=RUN)
    assert float(again.home(2)["norm"]) == 1
    assert again.before(7, stage=0) == {"step": 6.0}
    assert again.before(6, stage=0) == {"step": 5.0}
    assert again.before(7, stage=1) is None
    assert not SiteState.load(tmp_path / "training.pt", run="1" * 32).entries


@pytest.mark.parametrize(("patients", "least"), [(11, 10), (12, 10), (25, 10), (40, 11)])
def test_median_score_is_over_as_many_patients_as_the_minimum(patients: int, least: int) -> None:
    logits = np.random.default_rng(patients).normal(size=patients)
    middle = np.sort(logits)[(patients - least) // 2 :][: least + (patients - least) % 2]
    assert len(middle) >= least
    assert central_score(logits, least=least) == pytest.approx(expit(middle.mean()))
    assert central_score(np.append(logits, [99.0, -99.0]), least=least) == central_score(logits, least=least)


FAR = ColumnScaling(mean=(0.0,) * 12, deviation=(1.0,) * 12)
AT_HALF = SurvivalRequest(study_sha256=SHA, run=RUN, preparation=PREPARATION, weights_round=-1, cutoff=0.5)


def treated(days: np.ndarray) -> Dataset:
    dataset = made_up_dataset(0)
    table = dataset.cohort.patients[dataset.cohort.patients["division"] == "immunotherapy"].head(1)
    many = pd.concat([table] * len(days), ignore_index=True).assign(pfs_days=days, progressed=1.0)
    many.index = pd.Index([f"P{number}" for number in range(len(days))])
    return replace(dataset, cohort=replace(dataset.cohort, patients=many))


def test_score_that_tells_one_patient_from_all_others_gives_no_hazard_ratio() -> None:
    dataset, request = treated(np.arange(1.0, 41)), AT_HALF
    logits = np.full((40, 3), -2.0)
    logits[7] = 5.0
    reply = survive(dataset, request, {"immunotherapy": logits}, site="a", guard=Guard(10), curves_allowed=True)
    assert (reply.by_score, reply.by_group, reply.high, reply.low) == (None, None, None, None)
    assert any("hold nearly all of the score's spread" in note for note in reply.withheld)


def test_score_that_is_spread_over_the_patients_gives_one() -> None:
    dataset, request = treated(np.arange(1.0, 41)), AT_HALF
    logits = np.random.default_rng(3).normal(size=(40, 1)).repeat(3, axis=1)
    reply = survive(dataset, request, {"immunotherapy": logits}, site="a", guard=Guard(10), curves_allowed=True)
    assert reply.by_score is not None
    assert reply.by_score.n == 40


def test_a_far_mean_of_the_servers_does_not_pick_out_who_lacks_a_value() -> None:
    dataset = made_up_dataset(1)
    features = dataset.cohort.features.copy()
    training = dataset.cohort.training
    values = np.random.default_rng(1).normal(size=(training.sum(), 2))
    features.loc[training, FEATURES[:2]] = values
    features.loc[features.index[training][3], FEATURES[0]] = np.nan
    lacking = replace(dataset, cohort=replace(dataset.cohort, features=features))
    far = ColumnScaling(mean=(-1e12, 0.0), deviation=(1.0, 1.0))
    request = CorrelationRequest(study_sha256=SHA, radiomic_features=FEATURES[:2], radiomics=far)
    products = training_correlation(lacking, request, site="site-1", guard=Guard(5)).products
    assert products is not None
    known = np.delete(values, 3, axis=0)
    mean = known[:, 0].mean()
    expected = ((known[:, 0] - mean) * (known[:, 1] - values[:, 1].mean())).sum()
    assert products.co_moments().cross[0, 1] == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize(
    "change", [{"cutoff": 0.6}, {"preparation": PREPARATION.model_copy(update={"radiomics": FAR})}]
)
def test_a_run_asks_with_one_preparation_and_one_cutoff(tmp_path: Path, change: dict[str, Any]) -> None:
    check_pinned(AT_HALF.model_copy(update={"cutoff": None}), tmp_path)
    check_pinned(AT_HALF, tmp_path)
    check_pinned(AT_HALF, tmp_path)
    with pytest.raises(PeerError, match="than before, and the difference of two answers would tell"):
        check_pinned(AT_HALF.model_copy(update=change), tmp_path)
    check_pinned(AT_HALF.model_copy(update={**change, "run": "1" * 32}), tmp_path)
