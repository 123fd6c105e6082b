"""The final model at every site's own test patients and, if asked for, each site's own model at every site."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from common.errors import DataError, PeerError
from common.federated_model import federated_parts
from common.messages import AloneReply, AloneRequest, Arrays, EvaluationReply, EvaluationRequest, Preparation
from common.network import FusionNetwork
from common.pooling import pooled_auc
from common.weights import layout_of
from server.study_run import StudyRun

FEDERATED = "federated"


def evaluate(run: StudyRun) -> None:
    """AUC by site and over all sites from guarded summaries; facts["evaluation"] by model."""
    run.live.tell("phase", "evaluation: the final model on every site's test patients", phase="evaluation")
    facts = run.facts.setdefault("evaluation", {})
    if FEDERATED not in facts:
        best = run.facts["training"]["best_round"]
        facts[FEDERATED] = _judged(run, FEDERATED, run.preparation, run.state.arrays["best"], weights_round=best)
        run.state.save()
    if run.federation.cross_site:
        _cross_site(run, facts)
    run.finish("evaluation")


def _judged(
    run: StudyRun, model: str, preparation: Preparation, arrays: Arrays, *, weights_round: int
) -> dict[str, Any]:
    request = EvaluationRequest(
        study_sha256=run.sha256, run=run.facts["run"], preparation=preparation, weights_round=weights_round, model=model
    )
    answered = run.ask(request, EvaluationReply, arrays=arrays, about={"model": model})
    replies = answered.records()
    return {
        "sites": {site: _area(reply) for site, reply in replies.items()},
        "pooled": _pooled(replies),
        "validation_scores": [
            reply.validation_scores.model_dump_json()
            for reply in replies.values()
            if reply.validation_scores is not None
        ],
    }


def _area(reply: EvaluationReply) -> dict[str, Any]:
    if reply.test is None:
        return {"not_computed": next(iter(reply.withheld), "withheld")}
    return reply.test.model_dump(mode="json")


def _pooled(replies: dict[str, EvaluationReply]) -> dict[str, Any]:
    told = {site: reply.test_scores.summary() for site, reply in replies.items() if reply.test_scores is not None}
    try:
        return {**asdict(pooled_auc(list(told.values()))), "sites": sorted(told)}
    except DataError as error:
        return {"not_computed": str(error)}


def _cross_site(run: StudyRun, facts: dict[str, Any]) -> None:
    if "alone" not in run.facts:
        _train_alone(run)
    for site, preparation in run.facts["alone"].items():
        if site not in facts:
            own = Preparation.model_validate_json(preparation)
            facts[site] = _judged(run, site, own, run.state.arrays[f"alone-{site}"], weights_round=-1)
            run.state.save()


def _train_alone(run: StudyRun) -> None:
    run.live.tell("phase", "evaluation: every site trains alone, for comparison", phase="evaluation")

    def fits(reply: AloneReply, arrays: Arrays) -> None:
        unknown = set(reply.preparation.radiomic_features) - set(run.facts["statistics"]["radiomic_features"])
        if unknown:
            raise PeerError("the model uses features that the study does not have")
        layout_of(FusionNetwork(federated_parts(reply.preparation), run.study.network)).check(arrays)

    # what one site cannot do alone, it cannot do; the study does not depend on it
    answered = run.ask(AloneRequest(study_sha256=run.sha256), AloneReply, check=fits, quorum=0)
    run.facts["alone"] = {site: reply.preparation.model_dump_json() for site, reply in answered.records().items()}
    for site, (_, arrays) in answered.answers.items():
        run.state.put(f"alone-{site}", arrays)
    run.state.save()
