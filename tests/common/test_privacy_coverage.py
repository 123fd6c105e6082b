"""What the promise of differential privacy covers: it follows the study, and no phase is left out."""

from __future__ import annotations

from typing import Any

import pytest

from client.approval_text import asked_kinds
from common.privacy_coverage import Coverage, privacy_coverage, promise_text
from common.study import Privacy, Study, parse_study
from simulation.studies import federated_text, preset_text

PRIVACY = {
    "epsilon": 3.0,
    "delta": 1e-5,
    "mode": "head",
    "clipping_norm": 1.0,
    "statistics": "exact",
    "statistics_noise": 20.0,
    "validation": "exact",
    "age_range": (20.0, 100.0),
    "ranges": {"original_shape_Sphericity": (0.0, 1.0)},
}
PUBLIC = parse_study(federated_text(preset_text("quick"), sites=3))


def study(*, federation: dict[str, Any] | None = None, **privacy: Any) -> Study:
    """The quick study with a table [privacy], or without one where no key of it is given."""
    assert PUBLIC.federation is not None
    table = PUBLIC.federation.model_copy(update=federation or {})
    given = Privacy.model_validate({**PRIVACY, **privacy}) if privacy else None
    return PUBLIC.model_copy(update={"federation": table, "privacy": given})


def found(one: Study, words: str) -> Coverage:
    (only,) = (line for line in privacy_coverage(one) if words in line.what)
    return only


def verdicts(one: Study) -> set[str]:
    return {line.verdict for line in privacy_coverage(one)}


def test_without_privacy_nothing_is_covered() -> None:
    assert verdicts(study()) == {"not covered"}
    assert found(study(), "trained alone").phase == "evaluation"
    assert not [line for line in privacy_coverage(study(federation={"cross_site": False})) if "alone" in line.what]
    assert privacy_coverage(PUBLIC.model_copy(update={"federation": None})) == ()


@pytest.mark.parametrize("mode", ["head", "full"])
def test_weights_are_covered_and_the_loss_stays(mode: str) -> None:
    one = study(mode=mode)
    weights = found(one, "weights after")
    assert weights.verdict == "covered"
    assert "epsilon 3 at delta 1e-05" in weights.why
    assert ("does not learn" in weights.why) == (mode == "head")
    assert found(one, "training loss").verdict == "does not leave"


@pytest.mark.parametrize(("choice", "verdict"), [("exact", "not covered"), ("noised", "covered")])
def test_statistics_and_selection_follow_their_key(choice: str, verdict: str) -> None:
    one = study(statistics=choice)
    assert [found(one, words).verdict for words in ("means and", "rank sums")] == [verdict] * 2


@pytest.mark.parametrize(("choice", "verdict"), [("exact", "not covered"), ("withheld", "does not leave")])
def test_validation_follows_its_key(choice: str, verdict: str) -> None:
    assert found(study(validation=choice), "validation patients, by which").verdict == verdict


def test_correlation_is_there_where_it_is_asked_for() -> None:
    assert found(study(mode="head", federation={"correlation": 0.9}), "cross products").verdict == "not covered"
    assert not [line for line in privacy_coverage(study(mode="head")) if "cross products" in line.what]


@pytest.mark.parametrize("privacy", [{}, {"mode": "head"}, {"mode": "full", "statistics": "noised"}])
@pytest.mark.parametrize("federation", [{}, {"correlation": 0.5}, {"cross_site": False}])
def test_every_phase_that_is_asked_for_is_there_in_its_order(
    privacy: dict[str, Any], federation: dict[str, Any]
) -> None:
    one = study(federation=federation, **privacy)
    assert one.federation is not None
    asked = dict.fromkeys(request.phase for request in asked_kinds(one, one.federation))
    assert list(dict.fromkeys(line.phase for line in privacy_coverage(one))) == list(asked)
    # what judges is exact whatever the study promises
    assert {line.verdict for line in privacy_coverage(one) if line.phase in ("describe", "evaluation", "survival")} == {
        "not covered"
    }


def test_the_promise_says_whom_it_is_about() -> None:
    text = promise_text(epsilon=3.0, delta=1e-5)
    for words in ("training patient of a site", "were used", "epsilon 3 at delta 1e-05", "restarts together"):
        assert words in text
