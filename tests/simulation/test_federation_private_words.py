"""What a private study says of itself to people: results, report, signature's card and the hospital's own page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import call
from private_federation import private_federation, spent
from small_federation import SmallFederation

from client.__main__ import main
from common.privacy_coverage import privacy_coverage
from common.study import parse_study
from server.report import write_study_report

MASKED = {"secure_aggregation": "true", "too_large": '"unchecked"', "quorum": "3"}


@pytest.fixture
def small(tmp_path: Path, tiny_trunk: None) -> SmallFederation:
    return private_federation(tmp_path, 2)


def report_of(results: dict[str, Any], folder: Path) -> str:
    write_study_report(results, folder / "report.html")
    return (folder / "report.html").read_text()


def coverage(results: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["what"], one["verdict"]) for one in results["privacy"]["coverage"]]


def test_results_report_card_and_audit_say_the_same(small: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    results = small.start()
    told = results["privacy"]
    assert told["promised"] == {"epsilon": 4.0, "delta": 1e-4}
    # what the server was told last is what stands in each site's own ledger
    assert told["spent"] == {site: spent(small, site)[-1].epsilon for site in small.folders}
    assert coverage(results) == [(one.what, one.verdict) for one in privacy_coverage(parse_study(small.text))]
    report = report_of(results, small.folder)
    assert 'id="privacy"' in report and "What each site has spent" in report
    assert all(f"{epsilon:.3f}" in report for epsilon in told["spent"].values())
    card = json.loads((small.server / "signature" / "signature.json").read_text())["card"]
    (limit,) = (one for one in card["limits"] if "Differential privacy does not cover" in one)
    for what, verdict in coverage(results):
        assert (what in limit) is (verdict == "not covered")
    code, text, _ = call(main, "pdl1es-site", capsys, "audit", small.folders["site-1"])
    assert code == 0
    last = spent(small)[-1]
    assert f"{last.what}; {last.steps} steps with noise" in text and f"epsilon {last.epsilon:.3g} so far" in text
    page = (small.folders["site-1"] / "results" / "audit" / "report.html").read_text()
    assert f"epsilon {last.epsilon:.3g} at delta 0.0001 bounds what these tell of one training patient" in page


def test_under_masks_the_promise_stands_in_place_of_what_was_spent(tmp_path: Path, tiny_trunk: None) -> None:
    small = private_federation(tmp_path, 3, study=MASKED)
    results = small.start()
    assert (results["privacy"]["promised"]["epsilon"], results["privacy"]["spent"]) == (4.0, None)
    assert "Under secure aggregation no site tells the server what it has spent" in report_of(results, tmp_path)
