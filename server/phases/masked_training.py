"""A round of which the server learns the sum over sites: mean weights, mean loss, and how the weights did."""

from __future__ import annotations

from typing import Any

from common.errors import PeerError
from common.messages import TrainingRequest
from common.messages.masking import MaskedReply
from common.secure_aggregation import SUMS
from common.secure_aggregation.training_sums import SCALARS, PooledRound, pooled_round
from server.phases.best_weights import judge
from server.phases.rounds import Planned, take_step
from server.secure_aggregation import masked_sum
from server.study_run import StudyRun

ALL_SITES = "all sites"


def masked_exchange(
    run: StudyRun, planned: Planned, facts: dict[str, Any], request: TrainingRequest, about: dict[str, Any]
) -> None:
    """Ask for the sum of a round, judge the weights that went out, and take a step with those that came."""
    weights = run.state.arrays["current"]
    sizes = {name: run.layout.size(name) if planned.epochs else 0 for name in ("parameters", "buffers")}

    def size(_: MaskedReply) -> tuple[int, int]:
        return sizes["parameters"], SCALARS + sizes["buffers"]

    everybody = described_patients(run, run.taking_part())
    total = masked_sum(run, request, SUMS, size=size, arrays=weights, patients=everybody, about=about)
    done = pooled_round(total.vector, before=weights, all_patients=everybody)
    if done.patients != (told := described_patients(run, set(total.sites))):
        raise PeerError(
            f"training: the sum is over {done.patients} patients, its sites described {told}; "
            "find the site whose patients changed and run again with --resume"
        )
    if request.validate_weights:
        judge(run, facts, [done.validation] if done.validation is not None else [])
    if planned.epochs:
        _step(run, planned, facts, done, total.sites)


def _step(run: StudyRun, planned: Planned, facts: dict[str, Any], done: PooledRound, sites: tuple[str, ...]) -> None:
    run.layout.check(done.arrays)
    take_step(run, planned, facts, {ALL_SITES: done.arrays}, {ALL_SITES: done.patients})
    # under differential privacy sites tell no loss, and their sum is of nothing
    loss = None if run.study.privacy is not None else done.loss
    line = {"round": planned.round, "stage": planned.stage, "loss": loss, "sites": sorted(sites)}
    facts["history"].append(line)


def described_patients(run: StudyRun, sites: set[str]) -> int:
    """Training patients of sites, by their own description."""
    known = run.facts["sites"]
    return sum(known[site]["divisions"]["training"]["patients"] or 0 for site in sites if site in known)
