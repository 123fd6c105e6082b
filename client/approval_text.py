"""A study in plain words for the person who approves it, derived from the study, the records and the policy."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from typing import get_args

from client.approval import Change
from client.policy import Policy, promised_epsilon
from common.messages import CATALOGUE, AloneRequest, CorrelationRequest, Reply, Request, TrainingReply
from common.messages.masking import MaskingRequest
from common.messages.record import Part
from common.privacy_coverage import Verdict, privacy_coverage, promise_text
from common.study import Federation, Privacy, Study

MASKED_PHASES = ("statistics", "selection", "training")
_SAID_OF_ALL = frozenset(Reply.model_fields)
_LEARNS = {
    "head": "the classifier alone learns, the trunk that the server sends does not learn",
    "full": "the whole network learns",
}


def approval_text(study: Study, federation: Federation, policy: Policy, *, sha256: str) -> Iterator[str]:
    """Line by line: what is computed here, what each phase sends, what protects the patients."""
    yield f"Study          {study.name}, SHA-256 {sha256}"
    yield f"Who            {', '.join(federation.roster)}; {federation.quorum} of them suffice"
    yield "\nComputed at this site, and kept here:"
    yield from (f"  - {line}" for line in _computed(study))
    yield "\nSent from this site, phase by phase:"
    yield from _sent(study, federation, policy)
    yield "\nWhat protects the patients:"
    yield from (f"  - {line}" for line in _protection(study, federation, policy))


def change_lines(found: Sequence[Change] | None) -> Iterator[str]:
    """What differs from the study that this site approved last; None when it approved none."""
    if found is None:
        yield "This site has approved no study before."
    elif not found:
        yield "Against the study approved last no key differs; at most comments or spelling do."
    else:
        yield "Against the study approved last:"
        yield from (f"  {one.key}: {_plain(one.before)} -> {_plain(one.now)}" for one in found)


def asked_kinds(study: Study, federation: Federation) -> dict[type[Request], type[Reply]]:
    """The questions that this study leads to, with their answers."""
    never: dict[type[Request], bool] = {
        CorrelationRequest: federation.correlation >= 1,
        AloneRequest: not federation.cross_site,
    }
    masked = federation.secure_aggregation
    return {
        request: reply
        for request, reply in CATALOGUE.items()
        if not never.get(request, not masked and issubclass(request, MaskingRequest))
    }


def _computed(study: Study) -> Iterator[str]:
    size, settings = study.patches.size_pixels, study.radiomics
    yield f"{study.patches.slices} patches of {size} x {size} pixels of each patient's tumour"
    yield f"radiomic features, {len(settings.feature_classes)} classes on {len(settings.image_types)} kinds of image"
    yield f"labels: high PD-L1 expression is a TPS of {study.cohort.label_tps:g}% or more"
    network = f"a network ({study.network.trunk} with clinical values), trained on this site's training patients"
    head = study.privacy is not None and study.privacy.mode == "head"
    yield f"{network}: {_LEARNS['head']}" if head else network


def _sent(study: Study, federation: Federation, policy: Policy) -> Iterator[str]:
    kinds = asked_kinds(study, federation)
    for phase in dict.fromkeys(request.phase for request in kinds):
        allowed = "" if phase in policy.allowed_phases else "; this site's policy does not allow it, nothing leaves"
        masked = "; as a masked sum only" if federation.secure_aggregation and phase in MASKED_PHASES else ""
        yield f"  {phase}{_how_often(phase, study, federation)}{masked}{allowed}"
        for reply in (reply for request, reply in kinds.items() if request.phase == phase):
            yield f"    - {_first_sentence(reply)} ({', '.join(_names(reply, study.privacy))})"
    travels = "this site's model, trained alone, goes to every site of the roster"
    yield f"  Models of single sites: {travels if federation.cross_site else 'do not travel'}."


def _how_often(phase: str, study: Study, federation: Federation) -> str:
    if phase == "selection":
        return f": at most {study.selection.maximum_features} features are chosen, by all sites together"
    if phase != "training":
        return ""
    epochs = [stage.epochs for stage in study.training.stages]
    rounds = sum(math.ceil(each / federation.local_epochs) for each in epochs)
    return f": {rounds} rounds of {federation.local_epochs} epoch(s), {sum(epochs)} epochs; {federation.aggregation}"


def _names(reply: type[Reply], privacy: Privacy | None) -> Iterator[str]:
    kept = _SAID_OF_ALL | (_kept_in_training(privacy) if reply is TrainingReply else frozenset())
    yield from (name for name in reply.model_fields if name not in kept)
    if reply.array_names:
        yield f"weights: {', '.join(sorted(reply.array_names))}"


def _kept_in_training(privacy: Privacy | None) -> frozenset[str]:
    """Fields of an answer that this study leaves empty."""
    if privacy is None:
        return frozenset({"epsilon"})
    return frozenset({"loss", "validation"} if privacy.validation == "withheld" else {"loss"})


def _protection(study: Study, federation: Federation, policy: Policy) -> Iterator[str]:
    least, epsilon = policy.minimum_count, promised_epsilon(study)
    yield f"this site's policy: no statistic over fewer than {least} patients, whatever the study asks"
    yield f"this site's own losses, AUC and hazard ratios: {_leave(policy.share_site_metrics)}"
    yield f"counts for survival curves, in intervals of 30 days or longer: {_leave(policy.share_survival_curves)}"
    yield from _privacy(study)
    if policy.maximum_epsilon is not None and epsilon > policy.maximum_epsilon:
        yield f"policy.maximum_epsilon is {policy.maximum_epsilon:g}: this site sends no weights of this study"
    if federation.secure_aggregation:
        yield "secure aggregation: the server learns sums over sites in statistics, selection and training"
    else:
        yield "secure aggregation: none; the server sees this site's weights of each round"


def _privacy(study: Study) -> Iterator[str]:
    privacy, coverage = study.privacy, privacy_coverage(study)
    if privacy is None:
        yield "differential privacy: none; the weights may tell whether a patient was trained on"
        return
    yield f"differential privacy: {promise_text(epsilon=privacy.epsilon, delta=privacy.delta)}"
    yield f"mode {privacy.mode}: {_LEARNS[privacy.mode]}; each patient's gradient is cut to {privacy.clipping_norm:g}"
    yield (
        "this site itself chooses the noise, so that the whole study stays within epsilon, writes each release into "
        "its ledger before it is computed, and releases nothing that would go beyond"
    )
    for verdict in get_args(Verdict):
        yield from (f"{verdict}: {one.what} ({one.why})" for one in coverage if one.verdict == verdict)


def _leave(allowed: bool) -> str:
    return "leave" if allowed else "do not leave"


def _first_sentence(record: type[Part]) -> str:
    return (inspect.getdoc(record) or record.__name__).split("\n")[0].rstrip(".")


def _plain(value: object) -> str:
    return "not there" if value is None else str(value)
