"""Progression-free survival at every site, combined over sites without a patient's day leaving one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from common.errors import DataError
from common.messages import SurvivalReply, SurvivalRequest
from common.messages.judgements import SiteEffect, SurvivalBins
from common.pooling import binned_kaplan_meier, combine, merge_counts
from server.study_run import StudyRun

EFFECTS = ("by_score", "by_group")


def survive(run: StudyRun) -> None:
    """The common cut-off, then hazard ratios and curves; facts["survival"]."""
    run.live.tell("phase", "survival: PD-L1ES and progression under immunotherapy at every site", phase="survival")
    if "cutoff" not in run.facts:
        run.facts["cutoff"] = _cutoff(run)
        run.state.save()
    replies = _ask(run, cutoff=run.facts["cutoff"]["value"]) if "value" in run.facts["cutoff"] else {}
    run.facts["survival"] = {
        "cutoff": run.facts["cutoff"],
        "sites": {site: _site(reply) for site, reply in replies.items()},
        "combined": {name: _combined(replies, name) for name in EFFECTS},
        "curves": {group: _curve(replies, group) for group in ("high", "low")},
    }
    run.finish("survival")


def _ask(run: StudyRun, *, cutoff: float | None) -> dict[str, SurvivalReply]:
    request = SurvivalRequest(
        study_sha256=run.sha256,
        run=run.facts["run"],
        preparation=run.preparation,
        weights_round=run.facts["training"]["best_round"],
        cutoff=cutoff,
    )
    answered = run.ask(request, SurvivalReply, arrays=run.state.arrays["best"], about={"cutoff": cutoff})
    return answered.records()


def _cutoff(run: StudyRun) -> dict[str, Any]:
    """The study's number, else the sites' median scores averaged by patients.

    A search such as X-tile's would need every candidate's counts, which give single patients away.
    """
    rule = run.study.survival.cutoff
    if not isinstance(rule, str):
        return {"rule": "given", "value": rule}
    told = [
        (reply.patients, reply.median_score)
        for reply in _ask(run, cutoff=None).values()
        if reply.patients is not None and reply.median_score is not None
    ]
    patients = sum(number for number, _ in told)
    if not patients:
        return {"not_computed": "no site has enough patients of the immunotherapy cohort to tell their median score"}
    value = sum(number * score for number, score in told) / patients
    return {"rule": "mean of the sites' medians, by patients", "value": value, "asked": rule}


def _site(reply: SurvivalReply) -> dict[str, Any]:
    effects = {name: _effect(getattr(reply, name), reply) for name in EFFECTS}
    return {"patients": reply.patients, "median_score": reply.median_score, **effects}


def _effect(effect: SiteEffect | None, reply: SurvivalReply) -> dict[str, Any]:
    if effect is None:
        return {"not_computed": "; ".join(reply.withheld) or "withheld"}
    return effect.model_dump(mode="json")


def _combined(replies: Mapping[str, SurvivalReply], name: str) -> dict[str, Any]:
    told = {site: effect for site, reply in replies.items() if (effect := getattr(reply, name)) is not None}
    if not told:
        return {"not_computed": "no site tells this effect; the sites' own lines say why"}
    try:
        found = combine([one.log_hazard_ratio for one in told.values()], [one.standard_error for one in told.values()])
    except DataError as error:
        return {"not_computed": str(error)}
    return {**asdict(found), "sites": sorted(told)}


def _curve(replies: Mapping[str, SurvivalReply], group: str) -> dict[str, Any]:
    parts: dict[str, SurvivalBins] = {
        site: bins for site, reply in replies.items() if (bins := getattr(reply, group)) is not None
    }
    if not parts:
        return {"not_computed": "no site shares binned counts of this group"}
    curve = binned_kaplan_meier(merge_counts([bins.counts() for bins in parts.values()]))
    return {**asdict(curve), "sites": sorted(parts)}
