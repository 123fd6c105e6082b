"""Statistics and selection: which features the network gets, and on what scale, without pooling a patient."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from common.errors import DataError, PeerError
from common.messages import (
    Arrays,
    ColumnScaling,
    CorrelationReply,
    CorrelationRequest,
    Preparation,
    RanksReply,
    RanksRequest,
    StatisticsReply,
    StatisticsRequest,
)
from common.pooling import CoMoments, Moments, merge, merge_co_moments, prune, van_elteren
from common.pooling.checks import Values
from common.selection import select_features
from server.phases.masked_preparation import masked_p, masked_products, masked_statistics
from server.study_run import StudyRun

CLINICAL_VARIABLES = 4


def statistics(run: StudyRun) -> None:
    """Pooled means and deviations of all features and clinical values."""
    run.live.tell("phase", "statistics: means and spreads of all training patients", phase="statistics")
    run.facts["statistics"] = masked_statistics(run) if run.federation.secure_aggregation else _statistics(run)
    run.finish("statistics")


def _statistics(run: StudyRun) -> Mapping[str, Any]:
    answered = run.ask(StatisticsRequest(study_sha256=run.sha256), StatisticsReply, check=_complete)
    replies = list(answered.records().values())
    names = Counter(reply.radiomic_features for reply in replies).most_common(1)[0][0]
    if differ := sorted(reply.site for reply in replies if reply.radiomic_features != names):
        raise PeerError(
            f"statistics: other features come from {', '.join(differ)}; install the same version everywhere"
        )
    return {
        "sites": sorted(answered.answers),
        "radiomic_features": list(names),
        "radiomics": _pooled([reply.radiomics.moments() for reply in replies]),
        "clinical": _pooled([reply.clinical.moments() for reply in replies]),
    }


def _complete(reply: StatisticsReply, _: Arrays) -> None:
    sizes = {len(reply.radiomic_features), *(len(part) for part in (reply.radiomics.n, reply.radiomics.mean))}
    if sizes != {len(reply.radiomics.m2)} or len(reply.clinical.mean) != CLINICAL_VARIABLES:
        raise PeerError("the statistics have another number of columns than the study")


def _pooled(parts: Sequence[Moments]) -> dict[str, Any]:
    return ColumnScaling.of(merge(parts).scaling()).model_dump(mode="json")


def selection(run: StudyRun) -> None:
    """The stratified test of every feature, the study's rule, and the common scaling of those that stay."""
    run.live.tell("phase", "selection: the rank test of every feature within the sites", phase="selection")
    names = run.facts["statistics"]["radiomic_features"]
    masked = run.federation.secure_aggregation
    tested, sites = masked_p(run, features=len(names)) if masked else _tested(run, features=len(names))
    p_values = pd.Series(tested, index=names)
    chosen = _without_copies(run, p_values[select_features(p_values, run.study.selection)])
    run.facts["selection"] = {
        "sites": sites,
        "test": "van Elteren's, stratified by site",
        "features": [{"name": name, "p_value": float(p_values[name])} for name in chosen],
    }
    run.facts["preparation"] = _preparation(run, chosen).model_dump_json()
    run.live.tell("selection", f"  {len(chosen)} of {len(names)} features stay", features=len(chosen))
    run.finish("selection")


def _tested(run: StudyRun, *, features: int) -> tuple[Values, list[str]]:
    """p of each feature from the sites' rank sums, and the sites."""

    def fits(reply: RanksReply, _: Arrays) -> None:
        if {len(part) for part in reply.ranks.model_dump().values()} != {features}:
            raise PeerError("the rank sums have another number of features than the statistics")

    answered = run.ask(RanksRequest(study_sha256=run.sha256), RanksReply, check=fits)
    parts = [reply.ranks.rank_sums() for reply in answered.records().values()]
    return van_elteren(parts), sorted(answered.answers)


def _without_copies(run: StudyRun, p_values: pd.Series) -> list[str]:
    """Leave out features that say what a better one says, where the study asks for it."""
    names, limit = [str(name) for name in p_values.index], run.federation.correlation
    if limit >= 1:
        return names
    scaling = _scaling(run, names)
    request = CorrelationRequest(study_sha256=run.sha256, radiomic_features=tuple(names), radiomics=scaling)
    products = masked_products(run, request) if run.federation.secure_aggregation else _products(run, request)
    if products is None:
        raise DataError(
            f"federation.correlation is {limit:g}, but no site may tell correlations of {len(names)} features; "
            "lower selection.maximum_features, or set federation.correlation to 1"
        )
    return prune(p_values, products.correlation(), limit=limit)


def _products(run: StudyRun, request: CorrelationRequest) -> CoMoments | None:
    answered = run.ask(request, CorrelationReply)
    products = [one.products.co_moments() for one in answered.records().values() if one.products is not None]
    return merge_co_moments(products) if products else None


def _preparation(run: StudyRun, names: list[str]) -> Preparation:
    clinical = ColumnScaling.model_validate_json(json.dumps(run.facts["statistics"]["clinical"]))
    return Preparation(radiomic_features=tuple(names), radiomics=_scaling(run, names), clinical=clinical)


def _scaling(run: StudyRun, names: list[str]) -> ColumnScaling:
    known, columns = run.facts["statistics"], run.facts["statistics"]["radiomic_features"]
    places = [columns.index(name) for name in names]
    pooled = {part: tuple(known["radiomics"][part][place] for place in places) for part in ("mean", "deviation")}
    return ColumnScaling(**pooled)
