"""What a person reads of the trail: what left, what of it was noised, and what the noise cost."""

from __future__ import annotations

import datetime
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from trails import SHA, message, trail_of

from client.audit.chain import check_chain
from client.audit.entry import FIRST_PREVIOUS, Event, Head, entry_of
from client.audit.page import write_audit_page
from client.audit.summary import audit_results, table_lines
from client.audit.trail import Trail
from client.privacy.accounting import Mechanism, spent_epsilon
from client.privacy.ledger import Budget, Ledger

STEPS = [Mechanism(4.0, 0.1, 12), Mechanism(4.0, 0.1, 12)]


def spend(folder: Path) -> float:
    """Two rounds in the ledger; epsilon of both."""
    ledger, budget = Ledger(folder), Budget(SHA, 100.0, 1e-5)
    for number, mechanism in enumerate(STEPS, start=1):
        spent = ledger.reserve(budget, mechanism, what=f"training, round {number}", name=f"{number:064x}")
    return spent


def told(folder: Path) -> dict[str, Any]:
    """The results of a trail, as a file has them."""
    results = audit_results(Trail(folder).read(), site="north", synthetic=False, since=None)
    found: dict[str, Any] = json.loads(json.dumps(results))
    return found


def page(results: dict[str, Any], folder: Path) -> str:
    """The words of the page."""
    write_audit_page(results, folder / "report.html")
    body = (folder / "report.html").read_text("utf-8").partition("<body")[2]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def test_weights_without_noise_are_not_called_harmless(tmp_path: Path) -> None:
    trail_of(tmp_path, 2)
    text = page(told(tmp_path), tmp_path)
    assert f"Nothing that left of study {SHA[:12]} carries noise" in text
    assert "may tell whether a patient was trained on" in text
    assert "nothing noised" in text and "Spent so far" not in text
    assert "of single patients none" not in text


def test_a_study_that_sent_no_weights_has_no_word_of_them(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 0)
    for number in range(2):
        trail.append(message(number).model_copy(update={"phase": "describe", "kind": "describe"}))
    assert "trained on" not in page(told(tmp_path), tmp_path)


def test_what_a_study_spent_stands_beside_its_messages_and_decisions(tmp_path: Path) -> None:
    trail_of(tmp_path, 2)
    epsilon = spend(tmp_path)
    assert epsilon == pytest.approx(spent_epsilon(STEPS, delta=1e-5))
    results = told(tmp_path)
    (study,) = results["studies"]
    assert (study["epsilon"], study["delta"], study["releases"]) == (epsilon, 1e-5, 2)
    assert [one["epsilon"] for one in results["decisions"]][-1] == epsilon
    text = page(results, tmp_path)
    assert f"has noised 2 releases: epsilon {epsilon:.3g} at delta 1e-05 bounds what these tell" in text
    assert f"Spent so far: epsilon {epsilon:.3g} at delta 1e-05, in 2 noised releases." in text
    assert f"training, round 2; 12 steps with noise 4; epsilon {epsilon:.3g} so far" in text
    assert "noise_multiplier" not in text and "may tell whether" not in text


def test_what_was_spent_before_the_day_asked_for_still_counts(tmp_path: Path) -> None:
    epsilon = spend(tmp_path)
    spent = Event.model_validate(Trail(tmp_path).entries()[-1].model_dump(include=set(Event.model_fields)))
    first = entry_of(spent, sequence=1, time="2026-01-01T08:00:00.000+00:00", previous=FIRST_PREVIOUS)
    second = entry_of(message(0), sequence=2, time="2026-03-01T08:00:00.000+00:00", previous=first.hash)
    chain = check_chain(first.line + b"\n" + second.line + b"\n", Head(sequence=2, hash=second.hash))
    results = audit_results(chain, site="north", synthetic=False, since=datetime.date(2026, 2, 1))
    assert (results["studies"][0]["epsilon"], results["decisions"]) == (epsilon, [])


def test_a_line_on_the_screen_says_what_was_spent(tmp_path: Path) -> None:
    trail_of(tmp_path, 1)
    epsilon = spend(tmp_path)
    line = list(table_lines(Trail(tmp_path).entries()))[-1]
    assert line.endswith(f"training, round 2; 12 steps with noise 4; epsilon {epsilon:.3g} so far")
    assert f"{2:064x}" not in line
