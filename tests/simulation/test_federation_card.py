"""What a federation seals: the card has what the server knows, and the key and the day outlive a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_federation import SmallFederation, federation

from client.app import app as client_app
from common.errors import DataError
from common.signature import Opened, open_signature
from common.signing_key import key_fingerprint, read_public_key
from server.coordinate import coordinate
from server.exchange import Exchange
from server.live import Live
from server.study_run import federation_of, open_run
from simulation.cli import screen as reproduce_screen
from simulation.federation.command import screen as federate_screen


@pytest.fixture
def small(tmp_path: Path, tiny_trunk: None) -> SmallFederation:
    return federation(tmp_path, 3, cross_site="false")


def opened(small: SmallFederation) -> Opened:
    trusted = key_fingerprint(read_public_key(small.server / "signing.pub"))
    return open_signature(small.server / "signature", trusted=trusted)


def test_the_card_has_what_the_server_was_told(small: SmallFederation) -> None:
    results: dict[str, Any] = small.start()
    found = opened(small)
    card = found.description.card
    assert {site: one["training"].patients for site, one in card.sites.items()} == {
        site: one["divisions"]["training"]["patients"] for site, one in results["sites"].items()
    }
    pooled = results["evaluation"]["federated"]["pooled"]
    assert card.performance.discrimination["test"].model_dump()["auc"] == pooled["auc"]
    assert set(card.performance.test_by_site) == set(results["sites"])
    assert card.withheld == {site: tuple(one["withheld"]) for site, one in results["sites"].items() if one["withheld"]}
    assert card.differential_privacy == "none"
    assert card.code_sha256 == results["code_sha256"]
    assert found.description.synthetic
    assert any("SYNTHETIC" in sentence for sentence in card.limits)
    assert f"Signed by {found.signer}" in small.said
    page = (small.server / "signature" / "model_card.md").read_text()
    assert "| site-2 |" in page
    assert f"{pooled['auc']:.3f}" in page


def test_thresholds_say_how_they_came_about(small: SmallFederation) -> None:
    sealed = small.start()["signature"]
    assert (sealed["cutoff"], sealed["cutoff_chosen"]) == (0.5, "Given by the study's file.")
    word = "None: " if sealed["operating_point"] is None else "Youden"
    assert word in sealed["operating_point_chosen"]
    card = opened(small).description.card
    assert (card.cutoff, card.operating_point) == (sealed["cutoff_chosen"], sealed["operating_point_chosen"])


def test_key_and_day_are_those_of_the_first_sealing(small: SmallFederation) -> None:
    small.start()
    key = small.server / "signing.key"
    assert key.stat().st_mode & 0o777 == 0o600
    files = {path.name: path.read_bytes() for path in (small.server / "signature").iterdir()}
    assert set(files) == {"model.safetensors", "signature.json", "signature.sig", "model_card.md"}
    state = small.server / "state" / "state.json"
    content = json.loads(state.read_text())
    assert content["facts"]["sealed_on"] == opened(small).description.card.sealed_on
    content["facts"]["sealed_on"] = "2020-01-31"
    state.write_text(json.dumps(content))
    small.start()
    assert opened(small).description.card.sealed_on == "2020-01-31"
    assert key_fingerprint(read_public_key(small.server / "signing.pub")) == opened(small).signer
    content["facts"]["sealed_on"] = json.loads(files["signature.json"])["card"]["sealed_on"]
    state.write_text(json.dumps(content))
    small.start()
    assert files == {path.name: path.read_bytes() for path in (small.server / "signature").iterdir()}


def test_a_kits_lost_key_is_not_replaced(small: SmallFederation, tmp_path: Path) -> None:
    """The hospitals know that key and no other."""
    live = Live(small.server, say=small.said.append)
    exchange = Exchange(small.grid_type(client_app, small.folders), federation_of(small.study))
    run = open_run(small.study_file, small.server, exchange, live)
    with pytest.raises(DataError, match=r"kit.signing\.key: cannot be read .* bring it back"):
        coordinate(run, small.server, key=tmp_path / "kit" / "signing.key")
    assert not (tmp_path / "kit").exists()
    assert not small.said


def test_a_key_that_cannot_be_used_stops_the_run_before_any_question(small: SmallFederation) -> None:
    small.server.mkdir(exist_ok=True)
    (small.server / "signing.key").write_text("no key")
    with pytest.raises(DataError, match="is no private key in PEM"):
        small.start()
    assert not any("describe" in line for line in small.said)


@pytest.mark.parametrize("screen", [reproduce_screen, federate_screen])
def test_a_fingerprint_is_printed_as_it_is(screen: Console) -> None:
    with screen.capture() as shown:
        screen.print("Signed by  6a:cd:f0:ab:id:vs")
    assert shown.get().strip() == "Signed by  6a:cd:f0:ab:id:vs"
