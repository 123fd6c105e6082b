"""From a request to an answer: the one place where a site decides what it computes for a study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from client.approval import Approval, check_approved
from client.approval_study import read_for_site
from client.federation.board import for_own_eyes, write_scalars
from client.federation.conformity import check_agreed
from client.federation.dataset import STATE_FILE, Dataset, federation_cache, load_dataset
from client.federation.describe import describe, difference
from client.federation.evaluation import judge, train_alone
from client.federation.guards import Guard
from client.federation.local_report import write_local_report
from client.federation.masking import answer_masked
from client.federation.masking_checks import MaskingDesk
from client.federation.pinned import check_pinned
from client.federation.private_round import PrivateDesk
from client.federation.site_state import SiteState
from client.federation.statistics import training_correlation, training_ranks, training_statistics
from client.federation.survival import received_scores, survive
from client.federation.training import train_round
from client.models import choose_device
from client.outgoing import check_phase, withheld_or_refused
from client.policy import promised_epsilon
from client.site import Site
from common.device import device_name
from common.errors import PeerError
from common.messages import (
    AloneRequest,
    Arrays,
    CorrelationRequest,
    DescribeRequest,
    EvaluationRequest,
    Letter,
    RanksRequest,
    Reply,
    Request,
    StatisticsRequest,
    SurvivalRequest,
    TrainingReply,
    TrainingRequest,
)
from common.messages.masking import MaskingRequest
from common.parallel import cores
from common.study import Federation, Study

STUDY_FILE = Path("federation") / "study.toml"
"""The study that the site approved, in its folder."""


@dataclass(frozen=True)
class Desk:
    """A site with the study it agreed to: everything an answer needs."""

    site: Site
    study: Study
    federation: Federation
    sha256: str
    approval: Approval

    @cached_property
    def device(self) -> torch.device:
        """What the site computes on."""
        return choose_device(self.site.device)

    @cached_property
    def dataset(self) -> Dataset:
        """The site's patients."""
        return load_dataset(self.site, self.study, self.sha256, jobs=cores())

    def state(self, run: str) -> SiteState:
        """What was kept after the last rounds of a run."""
        return SiteState.load(federation_cache(self.site, self.sha256) / STATE_FILE, run=run)

    @cached_property
    def noised(self) -> PrivateDesk | None:
        """What hides patients in the weights; None in a study without differential privacy."""
        if self.study.privacy is None:
            return None
        return PrivateDesk(self.site, self.study, self.sha256, self.study.privacy, self.dataset)

    @property
    def noised_statistics(self) -> PrivateDesk | None:
        """The same for statistics and selection; None where the study has them exact."""
        return self.noised if self.noised and self.noised.privacy.statistics == "noised" else None

    def guard(self) -> Guard:
        """The site's rule for small counts."""
        return Guard(self.site.policy.minimum_count)


def open_desk(site: Site) -> Desk:
    """Read the study that a site approved; StudyError when there is none, or it is not for this site.

    ApprovalError for a study that was not approved, or was changed since by a byte.
    """
    read = read_for_site(site, site.folder / STUDY_FILE)
    approval = check_approved(site.folder, read.sha256)
    if site.threads is not None:
        torch.set_num_threads(site.threads)
    return Desk(site, read.study, read.federation, read.sha256, approval)


def answer(desk: Desk, request: Request, arrays: Arrays) -> Letter:
    """The answer to a request of the agreed study; PeerError for another study and for what that does not ask."""
    if request.study_sha256 != desk.sha256:
        raise PeerError(
            f"the server runs the study {request.study_sha256[:12]}, this site agreed to {desk.sha256[:12]}; "
            "agree on one file"
        )
    check_agreed(request, desk.study, desk.federation)
    if isinstance(request, MaskingRequest):
        return answer_masked(
            MaskingDesk(desk.site, desk.federation, lambda *asked: _hidden(desk, *asked)), request, arrays
        )
    return _plain(desk, request, arrays)


def _hidden(desk: Desk, request: Request, arrays: Arrays) -> Letter:
    """The answer that is going to be masked; afterwards nobody can hold it against the site's policy, so now."""
    check_agreed(request, desk.study, desk.federation, masked=True)
    policy, epsilon = desk.site.policy, promised_epsilon(desk.study)
    letter = _plain(desk, request, arrays)
    if not isinstance(letter.record, Reply):
        raise PeerError(f"a {letter.record.kind} record is no answer")
    check_phase(request.phase, policy, epsilon=epsilon, weights=bool(letter.arrays))
    return Letter(withheld_or_refused(letter.record, policy, epsilon=epsilon), letter.arrays)


def _plain(desk: Desk, request: Request, arrays: Arrays) -> Letter:
    check_pinned(request, federation_cache(desk.site, desk.sha256))
    match request:
        case DescribeRequest():
            return _describe(desk, request)
        case StatisticsRequest():
            return _statistics(desk)
        case RanksRequest():
            return _ranks(desk)
        case CorrelationRequest():
            return _correlation(desk, request)
        case TrainingRequest():
            return _training(desk, request, arrays)
        case AloneRequest():
            return _alone(desk, request)
        case EvaluationRequest():
            return _evaluation(desk, request, arrays)
        case SurvivalRequest():
            return _survival(desk, request, arrays)
        case _:
            raise PeerError(f"a request of the kind {request.kind} is not answered here")


def _describe(desk: Desk, request: DescribeRequest) -> Letter:
    if (differs := difference(request, desk.study)) is not None:
        raise PeerError(differs)
    reply = describe(desk.dataset, desk.study, desk.sha256, site=desk.site.name, guard=desk.guard())
    return Letter(reply)


def _statistics(desk: Desk) -> Letter:
    return Letter(
        training_statistics(
            desk.dataset, desk.sha256, site=desk.site.name, guard=desk.guard(), private=desk.noised_statistics
        )
    )


def _ranks(desk: Desk) -> Letter:
    return Letter(
        training_ranks(
            desk.dataset, desk.sha256, site=desk.site.name, guard=desk.guard(), private=desk.noised_statistics
        )
    )


def _correlation(desk: Desk, request: CorrelationRequest) -> Letter:
    return Letter(training_correlation(desk.dataset, request, site=desk.site.name, guard=desk.guard()))


def _training(desk: Desk, request: TrainingRequest, arrays: Arrays) -> Letter:
    guard = desk.guard()
    done = train_round(
        desk.dataset,
        desk.study,
        request,
        arrays,
        state=desk.state(request.run),
        guard=guard,
        device=desk.device,
        private=desk.noised,
    )
    for_own_eyes(write_scalars, desk.site, request.round, done)
    reply = TrainingReply(
        study_sha256=desk.sha256,
        site=desk.site.name,
        round=request.round,
        patients=int(desk.dataset.cohort.training.sum()),
        loss=done.loss,
        epsilon=desk.noised.epsilon if desk.noised else None,
        validation=done.validation,
        withheld=guard.notes(),
    )
    return Letter(reply, done.arrays)


def _alone(desk: Desk, request: AloneRequest) -> Letter:
    reply, arrays = train_alone(
        desk.dataset, desk.study, request, site=desk.site, guard=desk.guard(), device=desk.device
    )
    return Letter(reply, arrays)


def _evaluation(desk: Desk, request: EvaluationRequest, arrays: Arrays) -> Letter:
    return Letter(
        judge(
            desk.dataset,
            desk.study,
            request,
            arrays,
            site=desk.site.name,
            state=desk.state(request.run),
            guard=desk.guard(),
            device=desk.device,
        )
    )


def _survival(desk: Desk, request: SurvivalRequest, arrays: Arrays) -> Letter:
    dataset, guard = desk.dataset, desk.guard()
    slices = received_scores(dataset, desk.study, request, arrays, state=desk.state(request.run), device=desk.device)
    policy = desk.site.policy
    reply = survive(
        dataset,
        request,
        slices,
        site=desk.site.name,
        guard=guard,
        curves_allowed=policy.share_survival_curves,
    )
    if request.cutoff is not None:
        report = {"study_sha256": desk.sha256, "cutoff": request.cutoff, "device": device_name(desk.device)}
        for_own_eyes(write_local_report, desk.site, dataset, desk.study, slices, **report)
    return Letter(reply)
