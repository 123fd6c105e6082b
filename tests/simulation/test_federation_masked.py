"""A federation whose server learns sums: the numbers of one without masks, and no single site's."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Message
from small_federation import SmallFederation, federation, small_text

from client.federation.answer import answer, open_desk
from client.site import load_site
from common.errors import PeerError, StudyError
from common.messages import RanksRequest, StatisticsRequest
from common.study import parse_study
from server.run_state import RunState
from simulation.federation.grid import Fate, InProcessGrid

MASKED = {"secure_aggregation": "true", "too_large": '"unchecked"', "cross_site": "false", "quorum": "3"}
PLAIN_ANSWERS = {"query.statistics", "query.ranks", "query.correlation", "query.training", "query.alone"}


def masked_federation(folder: Path, sites: int = 4, **changes: Any) -> SmallFederation:
    return federation(folder, sites, **{**MASKED, **changes})


def saved(small: SmallFederation) -> RunState:
    content = json.loads((small.server / "state" / "state.json").read_text())
    return RunState.open(
        small.server / "state", study_sha256=content["study_sha256"], code_sha256=content["code_sha256"]
    )


def gone_in_round(site: str, step: str, number: int) -> Fate:
    """A site that is away from a step of a round on, and back in the next one."""
    away = [
        f"query.{name}" for name in ("masking_keys", "masking_shares", "masked", "masking_confirm", "masking_uncover")
    ]
    steps = away[away.index(f"query.{step}") :]

    def there(name: str, message: Message) -> bool:
        sitting = json.loads(str(message.content["record"]["json"])).get("sitting", {})
        return name != site or sitting.get("round") != number or message.metadata.message_type not in steps

    return there


def hurried(small: SmallFederation) -> SmallFederation:
    """On a clock on which every look takes ten minutes."""
    ticks = count()
    small.clock = lambda: 600.0 * next(ticks)
    return small


class Heard(InProcessGrid):
    """Remembers the kind and the record of every answer, as a curious server would."""

    heard: list[tuple[str, dict[str, Any]]]

    def _answer(self, message: Message) -> Message:
        reply = super()._answer(message)
        self.heard.append((message.metadata.message_type, json.loads(str(reply.content["record"]["json"]))))
        return reply


ONE_ROUND = {
    "stages": "[{ epochs = 1, learning_rate = 1e-3 }]",
    "correlation": "0.5",
    "maximum_features": "5",
    "cross_site": "false",
    "quorum": "3",
}


@pytest.fixture
def both(tmp_path: Path, tiny_trunk: None) -> tuple[SmallFederation, SmallFederation]:
    """The same study without and with masks, both done."""
    plain, masked = federation(tmp_path / "plain", 4, **ONE_ROUND), masked_federation(tmp_path / "masked", **ONE_ROUND)
    masked.grid_type = type("Listening", (Heard,), {"heard": []})
    for small in (plain, masked):
        small.start()
    return plain, masked


def test_masks_change_no_number(both: tuple[SmallFederation, SmallFederation]) -> None:
    plain, masked = (saved(small) for small in both)
    for part in ("radiomics", "clinical"):
        for name in ("mean", "deviation"):
            found, expected = (state.facts["statistics"][part][name] for state in (masked, plain))
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    for name in ("parameters", "buffers"):
        np.testing.assert_allclose(masked.arrays["current"][name], plain.arrays["current"][name], atol=2e-7, rtol=2e-7)
    chosen = [[one["name"] for one in state.facts["selection"]["features"]] for state in (masked, plain)]
    assert chosen[0] == chosen[1]
    for name in ("loss", "validation_loss", "validation_auc"):
        found, expected = (state.facts["training"]["history"][0][name] for state in (masked, plain))
        assert found == pytest.approx(expected, abs=1e-6)
    results = [json.loads((small.server / "results.json").read_text()) for small in both]
    areas = [one["evaluation"]["federated"]["pooled"]["auc"] for one in results]
    assert areas[0] == pytest.approx(areas[1], abs=1e-6)

    heard = both[1].grid_type.heard  # type: ignore[attr-defined]
    assert not PLAIN_ANSWERS & {kind for kind, _ in heard}
    declared = {key for kind, record in heard if kind == "query.masked" for key in record}
    assert declared == {"version", "study_sha256", "site", "withheld", "session", "names"}
    lines = [line for line in results[1]["rounds"] if line["kind"] == "training"]
    assert all(line["answered"] == ["site-1", "site-2", "site-3", "site-4"] for line in lines)


def test_one_of_four_drops_out_mid_round_and_is_back_in_the_next(tmp_path: Path, tiny_trunk: None) -> None:
    """Before its masked vector, before it confirms, and before it tells shares: only then its vector is in the sum."""
    small = hurried(masked_federation(tmp_path))
    fates = [gone_in_round("site-2", "masked", 0), gone_in_round("site-3", "masking_confirm", 1)]
    fates.append(gone_in_round("site-4", "masking_uncover", 2))
    small.there = lambda site, message: all(there(site, message) for there in fates)
    results = small.start()
    everybody = ["site-1", "site-2", "site-3", "site-4"]
    history = [line["sites"] for line in results["training"]["history"]]
    assert history == [["site-1", "site-3", "site-4"], everybody, everybody]
    assert [results["sites"][site]["rounds_missed"] for site in everybody] == [[], [0], [], []]


def test_a_round_without_the_dropped_site_is_the_one_without_masks(tmp_path: Path, tiny_trunk: None) -> None:
    """One round of four sites of which one drops out after its keys are agreed on."""
    changes = {**ONE_ROUND, "correlation": "1.0"}
    masked = hurried(masked_federation(tmp_path / "masked", **changes))
    masked.there = gone_in_round("site-2", "masked", 0)
    plain = hurried(federation(tmp_path / "plain", 4, **changes))
    plain.there = lambda site, message: site != "site-2" or message.metadata.message_type != "query.training"
    for small in (masked, plain):
        small.start()
    found, expected = (saved(small).arrays["current"] for small in (masked, plain))
    for name in ("parameters", "buffers"):
        np.testing.assert_allclose(found[name], expected[name], atol=2e-7, rtol=2e-7)


class Stopped(BaseException):
    """Stands for a server that ends without warning; nothing may catch it."""


class StopsOften(InProcessGrid):
    """Ends the server once after each answer of the training's steps, chosen by their number."""

    stops: set[int]
    places: set[int]
    answered = 0

    def _answer(self, message: Message) -> Message:
        reply = super()._answer(message)
        type(self).answered += 1
        if type(self).answered in self.places:
            raise Stopped
        return reply


def test_a_run_that_is_cut_and_resumed_ends_with_the_same_weights(tmp_path: Path, tiny_trunk: None) -> None:
    short = {"aggregation": '"fedadam"', "stages": ONE_ROUND["stages"]}
    whole = masked_federation(tmp_path / "whole", 3, **short)
    expected = whole.start()["signature"]["weights_sha256"]
    small = masked_federation(tmp_path / "cut", 3, **short)
    places = {5, 33, 49, 53, 59, 68, 80, 86}
    # in every one of the five steps of several exchanges, and between uncovering a sum and writing it down
    small.grid_type = type("Stops", (StopsOften,), {"places": places})
    for stopped in count():
        try:
            results = small.start()
            break
        except Stopped:
            assert stopped < 20
    assert stopped == len(places)
    assert results["signature"]["weights_sha256"] == expected


def test_below_three_sites_the_run_stops(tmp_path: Path, tiny_trunk: None) -> None:
    small = hurried(masked_federation(tmp_path, 3))
    small.there = lambda site, message: site != "site-1" or message.metadata.message_type == "query.describe"
    with pytest.raises(PeerError, match=r"masking: 2 site\(s\) answered, the quorum is 3"):
        small.start()


@pytest.mark.parametrize("kind", [StatisticsRequest, RanksRequest])
def test_a_site_gives_no_sums_of_its_own_to_a_server_that_leaves_the_masks_out(
    tmp_path: Path, tiny_trunk: None, kind: type[Any]
) -> None:
    small = masked_federation(tmp_path)
    desk = open_desk(load_site(small.folders["site-1"]))
    with pytest.raises(PeerError, match="for this site's own sums without masks, which the agreed study does not"):
        answer(desk, kind(study_sha256=desk.sha256), {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"roster": '["site-1", "site-2"]', "quorum": "2"}, "of fewer than 3 sites a sum gives single sites away"),
        ({"quorum": "2"}, "of fewer than 3 sites a sum gives single sites away"),
        ({"aggregation": '"median"'}, "aggregation is median with secure_aggregation, whose server knows sums only"),
        ({"aggregation": '"fedbn"'}, "choose fedavg, fedprox or fedadam"),
        ({"aggregation": '"trimmed-mean"', "trimmed_share": "0.4"}, "choose fedavg, fedprox or fedadam"),
        ({"too_large": '"refuse"'}, "too_large is refuse with secure_aggregation"),
        ({"cross_site": "true"}, "would send the server each site's own model"),
        ({"secure_aggregation": "false"}, "too_large is unchecked, every update can be looked at"),
        ({"masking_threshold": "0.5"}, "masking_threshold = 0.5"),
    ],
)
def test_what_does_not_go_with_masks_is_refused_in_the_study(changes: dict[str, str], words: str) -> None:
    text = small_text(4, **MASKED)
    for key, value in changes.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found, key
    with pytest.raises(StudyError) as refused:
        parse_study(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
