"""Which weights are best: validation loss and AUC of all sites together, from sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.messages.judgements import Validation
from common.study import Training
from server.study_run import StudyRun


def judge(run: StudyRun, facts: dict[str, Any], sums: Sequence[Validation]) -> None:
    """Put the sites' judgement of the current weights beside their round, and keep the weights if they are better.

    Where no site may tell how they do, the newest weights count as best, and the run says so.
    """
    loss, area = validation(sums)
    line = next(one for one in facts["history"] if one["round"] == facts["weights_round"])
    rank = _rank(run.study.training, loss, area)
    better = rank is None or facts["best_rank"] is None or tuple(rank) > tuple(facts["best_rank"])
    line |= {"validation_loss": loss, "validation_auc": area, "best": better}
    facts["judged"] = True
    if better:
        facts.update(best_rank=rank, best_round=facts["weights_round"])
        run.state.put("best", run.state.arrays["current"])
    if rank is None:
        kept = run.study.withholds_validation
        remedy = "the study keeps them at the sites" if kept else "lower the sites' minimum"
        warning = f"no site may tell validation results, so the newest weights count as best; {remedy}"
        run.facts["warnings"] = sorted({*run.facts.get("warnings", []), warning})


def validation(sums: Sequence[Validation]) -> tuple[float | None, float | None]:
    """Mean cross-entropy of all validation slices, and the share of pairs within sites in the right order."""
    slices, pairs = sum(one.slices for one in sums), sum(one.pairs for one in sums)
    loss = sum(one.loss_sum for one in sums) / slices if slices else None
    return loss, sum(one.concordant_pairs for one in sums) / pairs if pairs else None


def _rank(settings: Training, loss: float | None, area: float | None) -> list[float] | None:
    if loss is None:
        return None
    known = 0.5 if area is None else area
    return [known, -loss] if settings.best_by == "auc" else [-loss, known]
