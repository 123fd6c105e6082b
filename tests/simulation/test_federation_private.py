"""A study under differential privacy from its first question to its sealed signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from private_federation import private_federation, private_text, spent
from small_federation import FEATURES, SmallFederation
from test_federation_gate import asked, fault, numbers_came, set_policy

from client.audit.trail import Trail
from client.federation.answer import STUDY_FILE, open_desk
from client.federation.dataset import prepared_samples
from client.privacy.ledger import Ledger
from client.site import load_site
from common.errors import SpentError, StudyError
from common.federated_model import federated_layout, federated_network
from common.messages import (
    ColumnScaling,
    Preparation,
    RanksReply,
    RanksRequest,
    StatisticsReply,
    StatisticsRequest,
    TrainingReply,
    TrainingRequest,
    decode,
)
from common.study import parse_study, study_sha256
from common.weights import flatten
from server.run_state import RunState

pytestmark = pytest.mark.usefixtures("tiny_trunk")
PREPARATION = Preparation(
    radiomic_features=FEATURES,
    radiomics=ColumnScaling(mean=(100.0,) * 12, deviation=(10.0,) * 12),
    clinical=ColumnScaling(mean=(60.0, 0.5, 1.0, 0.5), deviation=(8.0, 0.5, 0.8, 0.5)),
)
MASKED = {"secure_aggregation": "true", "too_large": '"unchecked"', "quorum": "3"}


def site_folder(folder: Path, **privacy: Any) -> Path:
    return private_federation(folder, 1, **privacy).folders["site-1"]


def question(folder: Path, **changes: Any) -> tuple[TrainingRequest, dict[str, np.ndarray]]:
    """The first round's question, with the weights that a server begins with."""
    study = parse_study((folder / STUDY_FILE).read_text())
    network = federated_network(study, PREPARATION)
    known = {
        "study_sha256": study_sha256(folder / STUDY_FILE),
        "run": "0" * 32,
        "preparation": PREPARATION,
        "weights_round": -1,
        "best_round": -1,
        "stage": 0,
        "round": 0,
        "first_epoch": 0,
        "epochs": 1,
        "validate_weights": False,
    }
    return TrainingRequest(**{**known, **changes}), flatten(federated_layout(network, study), network.state_dict())


def update(content: Any) -> np.ndarray:
    return decode(content, TrainingReply)[1]["parameters"]


def run_state(small: SmallFederation) -> RunState:
    content = json.loads((small.server / "state" / "state.json").read_text())
    return RunState.open(
        small.server / "state", study_sha256=content["study_sha256"], code_sha256=content["code_sha256"]
    )


@pytest.mark.parametrize("mode", ["head", "full"])
def test_a_whole_study_stays_within_its_budget_at_every_site(tmp_path: Path, mode: Any) -> None:
    small = private_federation(tmp_path, 2, mode=mode)
    results = small.start()
    for site in small.folders:
        releases = spent(small, site)
        assert [one.what for one in releases] == [f"training, round {number}" for number in (1, 2, 3)]
        # the noise is as little as the promise allows
        assert 3.99 < releases[-1].epsilon <= 4.0
        lines = [
            one for one in Trail(small.folders[site]).entries() if one.event == "message" and one.direction == "out"
        ]
        assert max(one.epsilon for one in lines if one.epsilon is not None) == releases[-1].epsilon
    assert [line["loss"] for line in results["training"]["history"]] == [None] * 3
    card = json.loads((small.server / "signature" / "signature.json").read_text())["card"]
    assert card["differential_privacy"] == {"epsilon": 4.0, "delta": 1e-4}


def test_in_head_mode_the_trunk_stays_as_its_file_has_it(tmp_path: Path) -> None:
    small = private_federation(tmp_path, 2, mode="head")
    small.start()
    run = small.open()
    first = flatten(run.layout, federated_network(run.study, run.preparation).state_dict())
    last = run_state(small).arrays["current"]
    moved = np.flatnonzero(first["parameters"] != last["parameters"])
    trunk = run.layout.size("parameters") - sum(
        run.layout.shapes[name].numel() for name in run.layout.parameters if name.startswith("classifier.")
    )
    assert len(moved) > 0 and moved.min() >= trunk
    assert np.array_equal(first["buffers"], last["buffers"])


def test_under_masks_the_same_promise_holds(tmp_path: Path) -> None:
    small = private_federation(tmp_path, 3, study={**MASKED, "p_value": "1.0"}, statistics='"noised"')
    results = small.start()
    for site in small.folders:
        releases = spent(small, site)
        assert [one.what for one in releases][:2] == ["statistics", "selection"]
        assert releases[-1].epsilon <= 4.0
    assert [line["loss"] for line in results["training"]["history"]] == [None] * 3
    assert {line["name"] for line in results["selected_features"]} <= set(FEATURES[:5])


def test_noised_statistics_are_of_the_ranges_alone_and_count(tmp_path: Path) -> None:
    folder = site_folder(tmp_path, statistics='"noised"')
    sha256 = study_sha256(folder / STUDY_FILE)
    contents = [asked(folder, StatisticsRequest(study_sha256=sha256)) for _ in range(2)]
    replies = [decode(one, StatisticsReply)[0] for one in contents]
    assert replies[0] == replies[1]
    assert replies[0].radiomic_features == FEATURES[:5]
    assert set(replies[0].radiomics.n) == {15} and all(50 <= one <= 150 for one in replies[0].radiomics.mean)
    exact = open_desk(load_site(folder)).dataset
    plain = exact.cohort.features[exact.cohort.training].iloc[:, :5].mean().to_numpy()
    assert np.abs(np.array(replies[0].radiomics.mean) - plain).max() > 1
    ranks = decode(asked(folder, RanksRequest(study_sha256=sha256)), RanksReply)[0]
    assert min(ranks.ranks.noise_variance) > 0
    assert [one.what for one in Ledger(folder).releases()] == ["statistics", "selection"]


def test_a_round_asked_twice_is_one_release_with_one_noise(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    first, second = (asked(folder, asked_for, weights) for _ in range(2))
    assert np.array_equal(update(first), update(second))
    assert len(Ledger(folder).releases()) == 1
    judged, _ = question(folder, validate_weights=True)
    assert np.array_equal(update(asked(folder, judged, weights)), update(first))
    assert len(Ledger(folder).releases()) == 1


def test_other_weights_are_another_release_with_other_noise(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    first = update(asked(folder, asked_for, weights)) - weights["parameters"]
    nearly = {**weights, "parameters": weights["parameters"] * np.float32(1 + 1e-6)}
    second = update(asked(folder, asked_for, nearly)) - nearly["parameters"]
    # Adam's first step is the sign of the noised gradient
    assert 0.3 < np.mean(np.sign(first) != np.sign(second)) < 0.7
    assert len(Ledger(folder).releases()) == 2


def test_a_question_beyond_the_budget_is_refused_with_its_sentence(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    answers = []
    for number in range(4):
        other = {**weights, "parameters": weights["parameters"] + np.float32(number)}
        answers.append(asked(folder, asked_for, other))
    assert [numbers_came(one) for one in answers] == [True, True, True, False]
    assert fault(answers[-1]) == "budget"
    assert Ledger(folder).releases()[-1].epsilon <= 4.0


def test_a_second_run_asks_the_same_and_costs_nothing(tmp_path: Path) -> None:
    small = private_federation(tmp_path, 2)
    small.start()
    before, weights = spent(small), run_state(small).arrays["best"]["parameters"]
    (tmp_path / "server").rename(tmp_path / "first")
    SmallFederation(tmp_path, small.text, small.datasets).start()
    assert spent(small) == before
    assert np.array_equal(run_state(small).arrays["best"]["parameters"], weights)


def test_a_study_whose_budget_is_spent_stops_before_its_first_round(tmp_path: Path) -> None:
    small = private_federation(tmp_path, 2)
    for folder in small.folders.values():
        odd, weights = question(folder, run="f" * 32)
        for number in range(3):
            asked(folder, odd, {**weights, "parameters": weights["parameters"] + np.float32(number)})
    with pytest.raises(SpentError, match=r"the site's privacy budget for this study is spent"):
        small.start()


def test_a_study_whose_budget_ends_early_ends_in_good_order(tmp_path: Path) -> None:
    """The sites answered a question that was not in the plan, so that the last round is beyond the budget."""
    small = private_federation(tmp_path, 2)
    for folder in small.folders.values():
        odd, weights = question(folder, run="f" * 32)
        assert numbers_came(asked(folder, odd, weights))
    results = small.start()
    assert len(results["training"]["history"]) == 2
    assert any("training ended before round" in one and "budget" in one for one in results["warnings"])
    assert "auc" in results["evaluation"]["federated"]["pooled"]
    assert (small.server / "signature" / "model.safetensors").exists()


@pytest.mark.parametrize("harm", ["lost", "rolled back", "altered"])
def test_without_its_whole_ledger_a_site_does_not_train(tmp_path: Path, harm: str) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    file = Ledger(folder).file
    assert numbers_came(asked(folder, asked_for, weights))
    if harm == "lost":
        file.unlink()
    else:
        file.write_text("[]" if harm == "rolled back" else file.read_text().replace('"steps": 2', '"steps": 1'))
    assert fault(asked(folder, asked_for, weights)) == "ledger"


def test_a_site_that_allows_less_than_the_study_spends_sends_no_weights(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    set_policy(folder, "maximum_epsilon = 3.9")
    assert fault(asked(folder, asked_for, weights)) == "policy"
    set_policy(folder, "maximum_epsilon = 4.0")
    assert numbers_came(asked(folder, asked_for, weights))


def test_validation_sums_that_the_study_keeps_are_not_given_and_not_needed(tmp_path: Path) -> None:
    small = private_federation(tmp_path, 2, validation='"withheld"')
    results = small.start()
    assert all(line.get("validation_loss") is None for line in results["training"]["history"])
    assert results["training"]["best_round"] == results["training"]["history"][-1]["round"]
    folder = small.folders["site-1"]
    asked_for, weights = question(folder, validate_weights=True)
    assert fault(asked(folder, asked_for, weights)) == "disagrees"


@pytest.mark.parametrize("deviation", [1e-307, 1e-300, 1e100])
def test_a_scaling_that_overflows_for_one_patient_tells_nothing(tmp_path: Path, deviation: float) -> None:
    """The oldest patient is beyond every number under the first scaling; the answer is of the same kind for all."""
    folder = site_folder(tmp_path)
    clinical = ColumnScaling(mean=(60.0, 0.5, 1.0, 0.5), deviation=(deviation, 0.5, 0.8, 0.5))
    radiomics = ColumnScaling(mean=(1e100,) * 12, deviation=(deviation,) * 12)
    odd = Preparation(radiomic_features=FEATURES, radiomics=radiomics, clinical=clinical)
    asked_for, weights = question(folder, preparation=odd)
    assert np.isfinite(update(asked(folder, asked_for, weights))).all()
    samples = prepared_samples(
        open_desk(load_site(folder)).dataset, odd, parse_study((folder / STUDY_FILE).read_text())
    )
    assert float(samples.clinical.abs().max()) <= 10 and float(samples.radiomics.abs().max()) <= 10


def test_an_interrupted_release_and_a_kept_one_are_the_same(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    asked_for, weights = question(folder)
    first = update(asked(folder, asked_for, weights))
    kept = Ledger(folder).folder / "last.pt"
    kept.unlink()
    assert np.array_equal(update(asked(folder, asked_for, weights)), first) and kept.exists()
    assert len(Ledger(folder).releases()) == 1


def test_statistics_that_a_server_skips_are_not_spent_on_training(tmp_path: Path) -> None:
    folder = site_folder(tmp_path, statistics='"noised"', statistics_noise=4.0)
    asked_for, weights = question(folder, preparation=PREPARATION)
    answers = [
        asked(folder, asked_for, {**weights, "parameters": weights["parameters"] + np.float32(number)})
        for number in range(5)
    ]
    assert sum(map(numbers_came, answers)) == 3


def test_a_missing_value_is_filled_from_nobody(tmp_path: Path) -> None:
    folder = site_folder(tmp_path)
    desk = open_desk(load_site(folder))
    samples = prepared_samples(desk.dataset, PREPARATION, desk.study)
    missing = (desk.dataset.cohort.patients["smoking"] == "").to_numpy()
    assert missing.any() and (samples.clinical[missing, 2] == 0).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"study": {"cross_site": "true"}}, "federation.cross_site is true with privacy"),
        ({"study": {"aggregation": '"fedprox"'}}, "federation.aggregation is fedprox with privacy"),
        ({"study": {"slices_per_epoch": '"all"'}}, "training.slices_per_epoch is all; write one"),
        ({"study": {"correlation": "0.9"}, "statistics": '"noised"'}, "federation.correlation is 0.9 with noised"),
        ({"age_range": "[90, 30]"}, "range of age_range is 90 to 30"),
    ],
)
def test_what_would_break_the_promise_is_no_study(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        private_text(tmp_path, 2, **changes)


def test_a_network_that_mixes_patients_is_no_private_study(tmp_path: Path) -> None:
    text = private_text(tmp_path, 2)
    with pytest.raises(StudyError, match=r"network.normalization batch, whose statistics mix patients"):
        parse_study(text.replace('normalization = "group"\n', ""))
    with pytest.raises(StudyError, match=r"privacy.mode is head with network.normalization group"):
        parse_study(text.replace('mode = "full"', 'mode = "head"'))
    with pytest.raises(StudyError, match=r"keeps the statistics of a pretrained file; give pretrained_file"):
        parse_study(text.replace('"group"', '"frozen"'))


def test_privacy_without_a_federation_is_no_study(tmp_path: Path) -> None:
    text = private_text(tmp_path, 2)
    start, end = text.index("[federation]"), text.index("[synthetic.sites]")
    with pytest.raises(StudyError, match=r"privacy without federation: nothing leaves a single site"):
        parse_study(text[:start] + text[end:])
