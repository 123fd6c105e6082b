"""Where a score is divided into low and high (paper, Statistical analysis: X-tile)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from client.evaluation.survival_scores import Score
from common.study import Survival
from common.survival import CutoffSearch, search_cutoff


@dataclass(frozen=True)
class Rule:
    """How a score is divided: `xtile`, `median`, or at a number that was `given` or `sealed`."""

    name: str
    value: float | None = None


@dataclass(frozen=True)
class Divided:
    """A score with its cut-off; `high` is above it, `search` is there when it was searched for."""

    score: Score
    cutoff: float
    rule: str
    high: pd.Series
    search: CutoffSearch | None = None


def rule_of(settings: Survival) -> Rule:
    """The rule that a study's `survival.cutoff` asks for."""
    return Rule(settings.cutoff) if isinstance(settings.cutoff, str) else Rule("given", settings.cutoff)


def divide_score(treated: pd.DataFrame, score: Score, rule: Rule, settings: Survival, *, seed: int) -> Divided:
    """Divide a score by a rule; a searched cut-off comes with its search. DataError when nothing can be divided."""
    if rule.name != "xtile":
        cutoff = float(score.value.median()) if rule.value is None else rule.value
        return Divided(score, cutoff, rule.name, score.value > cutoff)
    rows = treated.loc[score.rank.index]
    search = search_cutoff(
        rows["pfs_days"],
        rows["progressed"],
        score.rank,
        minimum_share=settings.minimum_share,
        permutations=settings.permutations,
        seed=seed,
    )
    cutoff = float(as_values(score, np.array([search.cutoff]))[0])
    return Divided(score, cutoff, rule.name, score.rank > search.cutoff, search)


def as_values(score: Score, ranks: np.ndarray) -> np.ndarray:
    """The values of the score that stand at these ranks."""
    order = np.argsort(score.rank.to_numpy(), kind="stable")
    places = np.searchsorted(score.rank.to_numpy()[order], ranks, side="right") - 1
    return np.asarray(score.value.to_numpy()[order][places])
