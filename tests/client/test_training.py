"""Training in stages: the best is kept, a killed run goes on to the same numbers, the score is the mean over slices."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from client.augmentation import draw_positions, flip_and_rotate
from client.checkpoint import Checkpoint
from client.prediction import patient_logits, patient_scores, slice_logits
from client.samples import Samples
from client.training import Epoch, Weights, _draw, train
from common.errors import DataError
from common.network import Parts, build_network
from common.study import Network, Stage, Training

NETWORK = Network(trunk="densenet121", hidden_units=(), dropout=0.1)
STAGES = (Stage(epochs=2, learning_rate=1e-3), Stage(epochs=2, learning_rate=1e-4))
SETTINGS = Training(
    stages=STAGES, batch_size=4, slices_per_epoch="one", best_by="auc", weight_decay=0.0, flips_and_rotations=True
)
FUSION = Parts(patches=True, radiomics=3, clinical=2)
VALUES = Parts(patches=False, radiomics=3, clinical=2)


class KilledError(Exception):
    """Stands for a process that ends without warning."""


def samples(patients: int, *, seed: int) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(patients) % 2
    radiomics = torch.randn(patients, 3, generator=generator)
    radiomics[:, 0] += 2 * labels
    patches = torch.randint(0, 256, (patients, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return Samples(patches, radiomics, torch.randn(patients, 2, generator=generator), labels)


def run(
    file: Path, parts: Parts, *, stop_after: int | None = None, settings: Training = SETTINGS
) -> tuple[Weights, list[Epoch]]:
    done = 0

    def after_epoch(epochs: int) -> None:
        nonlocal done
        done += epochs
        if stop_after is not None and done >= stop_after:
            raise KilledError

    torch.set_num_threads(1)
    network = build_network(parts, NETWORK, seed=3)
    data = samples(9, seed=1), samples(8, seed=2)
    checkpoint = Checkpoint(file, seconds_between=0)
    return train(network, parts, *data, settings, seed=3, checkpoint=checkpoint, after_epoch=after_epoch)


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_killed_run_goes_on_to_the_same_weights(tmp_path: Path, stop_after: int) -> None:
    weights, history = run(tmp_path / "whole.pt", FUSION)
    with pytest.raises(KilledError):
        run(tmp_path / "killed.pt", FUSION, stop_after=stop_after)
    resumed, resumed_history = run(tmp_path / "killed.pt", FUSION)
    assert resumed_history == history
    assert all(torch.equal(resumed[name], weights[name]) for name in weights)


def test_finished_run_is_not_repeated(tmp_path: Path) -> None:
    weights, _ = run(tmp_path / "model.pt", VALUES)
    calls: list[int] = []
    network = build_network(VALUES, NETWORK, seed=9)
    again, _ = train(
        network,
        VALUES,
        samples(9, seed=1),
        samples(8, seed=2),
        SETTINGS,
        seed=9,
        checkpoint=Checkpoint(tmp_path / "model.pt"),
        after_epoch=calls.append,
    )
    assert calls == [4]
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_damaged_or_foreign_checkpoint_is_named(tmp_path: Path) -> None:
    run(tmp_path / "model.pt", VALUES)
    with pytest.raises(DataError, match=r"model\.pt: the checkpoint is of another network; delete it"):
        run(tmp_path / "model.pt", Parts(patches=False, radiomics=2, clinical=2))
    (tmp_path / "model.pt").write_bytes((tmp_path / "model.pt").read_bytes()[:300])
    with pytest.raises(DataError, match="the checkpoint is damaged; delete it"):
        run(tmp_path / "model.pt", VALUES)


def test_best_epoch_on_validation_is_kept(tmp_path: Path) -> None:
    weights, history = run(tmp_path / "model.pt", VALUES)
    best = max(
        range(len(history)), key=lambda number: (history[number].validation_auc, -history[number].validation_loss)
    )
    assert history[best].best
    assert not any(epoch.best for epoch in history[best + 1 :])
    network = build_network(VALUES, NETWORK, seed=3)
    network.load_state_dict(weights)
    logits = slice_logits(network, VALUES, samples(8, seed=2))
    signs = np.where(samples(8, seed=2).labels.numpy() == 1, 1, -1)[:, None]
    assert np.logaddexp(0, -signs * logits).mean() == pytest.approx(history[best].validation_loss, rel=1e-6)


def test_every_slice_of_each_patient_is_seen_when_all_are_asked_for(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"slices_per_epoch": "all"})
    _, one = run(tmp_path / "one.pt", FUSION)
    _, every = run(tmp_path / "all.pt", FUSION, settings=settings)
    assert one != every


@given(st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=8))
def test_patient_logit_is_that_of_the_mean_probability(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    scores = patient_scores(logits)
    assert scores == pytest.approx((1 / (1 + np.exp(-logits))).mean(axis=1))
    exact = [
        math.log(sum(1 / (1 + math.exp(-x)) for x in row) / sum(1 / (1 + math.exp(x)) for x in row)) for row in rows
    ]
    np.testing.assert_allclose(patient_logits(logits), exact, rtol=1e-9, atol=1e-9)


def test_confident_patients_keep_their_rank() -> None:
    logits = np.array([[40.0] * 3, [50.0] * 3, [60.0] * 3])
    assert len(set(patient_scores(logits))) == 1
    assert (np.diff(patient_logits(logits)) > 0).all()


def test_augmentation_only_turns_and_flips() -> None:
    patch = torch.arange(9, dtype=torch.uint8).reshape(1, 3, 3).repeat(400, 1, 1)
    turned = flip_and_rotate(patch, draw_positions(len(patch), generator=torch.Generator().manual_seed(0)))
    assert len({tuple(image.flatten().tolist()) for image in turned}) == 8
    assert (turned[:, 1, 1] == 4).all()


@pytest.mark.parametrize("slices_per_epoch", ["one", "all"])
@pytest.mark.parametrize("turned", [True, False])
def test_an_epoch_is_drawn_batch_by_batch_from_one_generator(slices_per_epoch: str, turned: bool) -> None:
    patients = samples(7, seed=1)
    settings = SETTINGS.model_copy(
        update={"batch_size": 3, "slices_per_epoch": slices_per_epoch, "flips_and_rotations": turned}
    )
    drawn = _draw(patients, FUSION, settings, torch.Generator().manual_seed(5))
    again = torch.Generator().manual_seed(5)
    if slices_per_epoch == "all":
        order = torch.randperm(21, generator=again)
        who, which = order // 3, order % 3
    else:
        who, which = torch.randperm(7, generator=again), torch.randint(0, 3, (7,), generator=again)
    sizes = [len(one[0]) for one in drawn]
    assert sum(sizes) == len(who) and max(sizes) <= 3
    for found, some, slices in zip(drawn, who.split(sizes), which.split(sizes), strict=True):
        assert torch.equal(found[0], some) and torch.equal(found[1], slices)
        if turned:
            assert found[2] is not None
            assert torch.equal(found[2], torch.randint(0, 2, (3, len(some)), generator=again).bool())
        else:
            assert found[2] is None
