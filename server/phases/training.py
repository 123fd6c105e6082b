"""Rounds of local training and averaging, in the paper's stages, the best on all sites' validation patients kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import PeerError, SpentError
from common.federated_model import federated_network
from common.messages import Arrays, TrainingReply, TrainingRequest
from common.weights import flatten
from server.phases.best_weights import judge
from server.phases.describe import admit_latecomers
from server.phases.masked_training import masked_exchange
from server.phases.rounds import Planned, take_step
from server.study_run import StudyRun
from server.updates import accepted_updates

Updates = Mapping[str, tuple[TrainingReply, Arrays]]


def plan(run: StudyRun) -> list[Planned]:
    """All exchanges of the study's training in their order."""
    planned, number = [], 0
    for stage, settings in enumerate(run.study.training.stages):
        for first in range(0, settings.epochs, run.federation.local_epochs):
            planned.append(Planned(stage, number, first, min(run.federation.local_epochs, settings.epochs - first)))
            number += 1
        planned.append(Planned(stage, number, settings.epochs, 0))
    return planned


def train(run: StudyRun) -> None:
    """Do every exchange that is not done yet; the best weights stand in the state as `best`."""
    if "training" not in run.facts:
        _begin(run)
    planned, started, facts = plan(run), time.monotonic(), run.facts["training"]
    first = facts["next"]
    for place in range(first, len(planned)):
        try:
            _exchange(run, planned[place], facts)
        except SpentError as error:
            _end_early(run, planned[place], facts, error)
            break
        facts["next"] = place + 1
        run.state.save()
        each = (time.monotonic() - started) / (place + 1 - first)
        _tell(run, planned[place], facts, seconds_left=each * (len(planned) - place - 1))
    run.finish("training")


def _end_early(run: StudyRun, planned: Planned, facts: dict[str, Any], error: SpentError) -> None:
    """The training ends with the weights that there are; SpentError when not one round was done."""
    if facts["best_round"] < 0:
        raise error
    warning = f"training ended before round {planned.round + 1} of {len(plan(run))}: {error}"
    run.facts["warnings"] = [*run.facts.get("warnings", []), warning]
    run.live.tell("spent", f"  {warning}", round=planned.round)


def _begin(run: StudyRun) -> None:
    weights = flatten(run.layout, federated_network(run.study, run.preparation).state_dict())
    run.facts["training"] = {
        "next": 0,
        "weights_round": -1,
        "best_round": -1,
        "best_rank": None,
        "judged": True,
        "optimizer_steps": 0,
        "history": [],
        "epsilon": {},
    }
    run.state.put("current", weights)
    run.state.put("best", weights)


def _exchange(run: StudyRun, planned: Planned, facts: dict[str, Any]) -> None:
    if planned.first_epoch == 0 and planned.stage > 0:
        run.state.put("current", run.state.arrays["best"])
        facts.update(weights_round=facts["best_round"], judged=True)
    if run.study.withholds_validation and not facts["judged"]:
        judge(run, facts, [])
    admit_latecomers(run)
    request = _request(run, planned, facts)
    about = {"round": planned.round, "stage": planned.stage, "epochs": planned.epochs}
    if run.federation.secure_aggregation:
        masked_exchange(run, planned, facts, request, about)
        return

    def fits(reply: TrainingReply, arrays: Arrays) -> None:
        if reply.round != planned.round:
            raise PeerError(f"the answer is for round {reply.round}, asked was round {planned.round}")
        if reply.patients != (told := run.facts["sites"][reply.site]["divisions"]["training"]["patients"]):
            raise PeerError(f"the answer speaks of {reply.patients} training patients, the site described {told}")
        if planned.epochs:
            run.layout.check(arrays)

    answered = run.ask(request, TrainingReply, arrays=run.state.arrays["current"], check=fits, about=about)
    facts["epsilon"] |= {site: reply.epsilon for site, reply in answered.records().items() if reply.epsilon is not None}
    if request.validate_weights:
        told = (reply.validation for reply in answered.records().values())
        judge(run, facts, [one for one in told if one is not None])
    if planned.epochs:
        _average(run, planned, facts, answered.answers)


def _request(run: StudyRun, planned: Planned, facts: dict[str, Any]) -> TrainingRequest:
    return TrainingRequest(
        study_sha256=run.sha256,
        run=run.facts["run"],
        preparation=run.preparation,
        weights_round=facts["weights_round"],
        best_round=facts["best_round"],
        stage=planned.stage,
        round=planned.round,
        first_epoch=planned.first_epoch,
        epochs=planned.epochs,
        validate_weights=not facts["judged"] and not run.study.withholds_validation,
    )


def _average(run: StudyRun, planned: Planned, facts: dict[str, Any], updates: Updates) -> None:
    weights = run.state.arrays["current"]
    arrays = {site: update for site, (_, update) in sorted(updates.items())}
    known = {site: reply.patients for site, (reply, _) in updates.items()}
    taken, refused, flagged = accepted_updates(weights, arrays, known, run.federation)
    for site, reason in (refused | flagged).items():
        verdict = "refused" if site in refused else "flagged"
        run.live.tell("update", f"  {site}: {reason}, {verdict}", site=site, reason=reason, verdict=verdict)
    patients = {site: known[site] for site in taken}
    take_step(run, planned, facts, taken, patients)
    loss = _mean_loss([(updates[site][0].loss, patients[site]) for site in taken])
    facts["history"].append({"round": planned.round, "stage": planned.stage, "loss": loss, "sites": sorted(taken)})
    run.facts["rounds"][-1] |= {"refused": refused, "flagged": flagged}


def _mean_loss(losses: Sequence[tuple[float | None, int]]) -> float | None:
    """By patients, of the sites that tell theirs."""
    told = [(value, number) for value, number in losses if value is not None]
    return sum(value * number for value, number in told) / sum(number for _, number in told) if told else None


def _tell(run: StudyRun, planned: Planned, facts: dict[str, Any], *, seconds_left: float) -> None:
    line = facts["history"][-1]
    kind = f"round {planned.round + 1}" if planned.epochs else "stage end"
    answered = len(run.facts["rounds"][-1]["answered"])
    judged = next((one for one in reversed(facts["history"]) if "validation_auc" in one), None)
    area, seen_loss = (_three(judged[name]) for name in ("validation_auc", "validation_loss")) if judged else ("", "")
    seen = f", validation AUC {area}, loss {seen_loss}" if judged else ""
    left = f"{seconds_left / 60:.0f} min" if seconds_left > 90 else f"{seconds_left:.0f} s"
    loss = f"training loss {_three(line['loss'])}{seen}"
    run.live.tell(
        "round",
        f"  stage {planned.stage + 1}, {kind}: {answered} sites, {loss}; {left} left",
        **{name: value for name, value in line.items() if name != "sites"},
        answered=run.facts["rounds"][-1]["answered"],
        seconds_left=round(seconds_left),
    )
    run.live.scalars(line["round"], **{name: line.get(name) for name in ("loss", "validation_loss", "validation_auc")})


def _three(value: float | None) -> str:
    return "withheld" if value is None else f"{value:.3f}"
