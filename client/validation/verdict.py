"""Whether the sealed signature holds at the centre, by one stated rule on the two AUCs."""

from __future__ import annotations

from typing import Literal

from common.report.parts import Results, look_up, reason
from common.report.words import CHANCE, estimate

Verdict = Literal["holds", "does_not_hold", "too_few"]
HOLDS_RULE = (
    "It holds when the 95% interval of this centre’s AUC lies above 0.5 and reaches the sealed test AUC or beyond; it "
    "does not when that interval lies wholly below the sealed AUC, or below 0.5; when the interval includes 0.5 and "
    "reaches the sealed AUC, there are too few patients to say."
)
_SENTENCES: dict[str, str] = {
    "holds": "The signature holds here: the interval of this centre’s AUC, {here}, lies above chance and reaches the "
    "sealed test AUC of {sealed}.",
    "does_not_hold": "The signature does not hold here: the interval of this centre’s AUC, {here}, lies below {below}.",
    "too_few": "There are too few patients to say whether the signature holds here: the interval of this centre’s "
    "AUC, {here}, cannot tell chance from the sealed test AUC of {sealed}.",
}


def holds_here(*, sealed_auc: float, ci_low: float, ci_high: float) -> Verdict:
    """The verdict by `HOLDS_RULE` on the sealed test AUC and the 95% interval of the centre's.

    An interval without width, which patients that are ordered perfectly have, says nothing: too few.
    """
    if ci_high < max(sealed_auc, CHANCE):
        return "does_not_hold"
    return "holds" if ci_low > CHANCE and ci_low < ci_high else "too_few"


def holds_sentence(results: Results) -> str:
    """The verdict of a validation in one sentence, or why there is none."""
    beside, area = results["sealed_discrimination"], look_up(results, "discrimination.pdl1es.all")
    why = reason(beside) or reason(area)
    if why:
        return f"Whether the signature holds here cannot be told: {why.rstrip('.')}."
    sealed = beside["sealed"]
    told = estimate(sealed["auc"])
    below = f"the sealed test AUC of {told}" if area["ci_high"] < sealed["auc"] else "chance"
    here = estimate(area["auc"], area["ci_low"], area["ci_high"])
    sentence = _SENTENCES[beside["verdict"]].format(here=here, sealed=told, below=below)
    if sealed["ci_low"] > CHANCE:
        return sentence
    interval = estimate(sealed["auc"], sealed["ci_low"], sealed["ci_high"])
    return f"{sentence} The sealed AUC itself, {interval}, does not exclude chance."
