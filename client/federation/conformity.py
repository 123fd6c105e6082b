"""Whether a question is one that the agreed study leads to; a server that asks for more gets no answer."""

from __future__ import annotations

from common.errors import PeerError
from common.messages import (
    AloneRequest,
    CorrelationRequest,
    EvaluationRequest,
    RanksRequest,
    Request,
    StatisticsRequest,
    SurvivalRequest,
    TrainingRequest,
)
from common.messages.masking import MaskingRequest
from common.study import Federation, Study

FEDERATED = "federated"
SUMMED = (StatisticsRequest, RanksRequest, CorrelationRequest, TrainingRequest)
"""Questions that secure aggregation asks under masks only."""


def check_agreed(request: Request, study: Study, federation: Federation, *, masked: bool = False) -> None:
    """PeerError for a question that the agreed study does not ask; `masked` for one whose answer is masked."""
    if (reason := _strange(request, study, federation)) is None and isinstance(request, (*SUMMED, MaskingRequest)):
        reason = _unmasked(request, federation, masked=masked)
    if reason is not None:
        raise PeerError(f"the server asks {reason}, which the agreed study does not; ask the coordinator why")


def _strange(request: Request, study: Study, federation: Federation) -> str | None:
    match request:
        case CorrelationRequest():
            return _strange_correlation(request, study, federation)
        case TrainingRequest():
            return _strange_round(request, study, federation) or _strange_validation(request, study)
        case AloneRequest() if not federation.cross_site:
            return "for a model of this site alone"
        case EvaluationRequest() if request.model not in (FEDERATED, *federation.roster * federation.cross_site):
            return f"about a model of the name {request.model[:31]!r}"
        case SurvivalRequest() if not isinstance(study.survival.cutoff, str):
            return None if request.cutoff == study.survival.cutoff else f"for the cut-off {request.cutoff}"
    return None


def _unmasked(request: Request, federation: Federation, *, masked: bool) -> str | None:
    if isinstance(request, MaskingRequest):
        return None if federation.secure_aggregation else "for masked sums"
    return "for this site's own sums without masks" if federation.secure_aggregation and not masked else None


def _strange_correlation(request: CorrelationRequest, study: Study, federation: Federation) -> str | None:
    names, most = request.radiomic_features, study.selection.maximum_features
    if federation.correlation >= 1:
        return "for correlations"
    return f"for correlations of {len(names)} features" if len(names) > most else None


def _strange_validation(request: TrainingRequest, study: Study) -> str | None:
    refused = study.withholds_validation and request.validate_weights
    return "for sums over validation patients" if refused else None


def _strange_round(request: TrainingRequest, study: Study, federation: Federation) -> str | None:
    stages = study.training.stages
    if request.stage >= len(stages):
        return f"for stage {request.stage + 1} of {len(stages)}"
    last = stages[request.stage].epochs
    if request.epochs > federation.local_epochs or request.first_epoch + request.epochs > last:
        return f"for {request.epochs} epochs after epoch {request.first_epoch} of {last}"
    return None
