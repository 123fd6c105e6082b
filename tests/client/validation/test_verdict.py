"""The verdict of a validation: each of its three answers, and what the page and the screen say."""

from __future__ import annotations

from typing import Any

import pytest

from client.validation.verdict import holds_here, holds_sentence


@pytest.mark.parametrize(
    ("sealed", "low", "high", "verdict"),
    [
        (0.75, 0.60, 0.80, "holds"),
        (0.75, 0.80, 0.95, "holds"),
        (0.75, 0.55, 0.70, "does_not_hold"),
        (0.75, 0.40, 0.70, "does_not_hold"),
        (0.40, 0.30, 0.45, "does_not_hold"),
        (0.75, 0.45, 0.80, "too_few"),
        (0.52, 0.29, 0.59, "too_few"),
        (0.75, 1.00, 1.00, "too_few"),
    ],
)
def test_the_rule(sealed: float, low: float, high: float, verdict: str) -> None:
    assert holds_here(sealed_auc=sealed, ci_low=low, ci_high=high) == verdict


def validation(verdict: str, *, auc: float, sealed_low: float = 0.65) -> dict[str, Any]:
    sealed = {"auc": 0.75, "ci_low": sealed_low, "ci_high": 0.85}
    area = {"auc": auc, "ci_low": auc - 0.1, "ci_high": auc + 0.1}
    return {
        "sealed_discrimination": {"sealed": sealed, "verdict": verdict},
        "discrimination": {"pdl1es": {"all": area}},
    }


def test_the_sentence_has_the_numbers_it_rests_on() -> None:
    assert holds_sentence(validation("holds", auc=0.7)).startswith("The signature holds here: ")
    sentence = holds_sentence(validation("does_not_hold", auc=0.6))
    assert "does not hold here" in sentence
    assert "0.60 (0.50 to 0.70), lies below the sealed test AUC of 0.75" in sentence
    assert "itself" not in sentence
    assert "itself, 0.75 (0.40 to 0.85)" in holds_sentence(validation("too_few", auc=0.6, sealed_low=0.4))


def test_without_a_sealed_auc_there_is_no_verdict() -> None:
    results = validation("holds", auc=0.7) | {"sealed_discrimination": {"not_computed": "the test AUC is not known."}}
    assert holds_sentence(results) == "Whether the signature holds here cannot be told: the test AUC is not known."
