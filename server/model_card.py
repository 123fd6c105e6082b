"""The model card of a federated signature, from what the server was told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from common.privacy_coverage import privacy_coverage
from common.provenance import versions
from common.report.parts import reason
from common.signature.card import INTENDED_USE, OUT_OF_SCOPE, limits
from common.study import Study
from server.study_run import StudyRun

BY_GROUP = "by_group"


def model_card(run: StudyRun, *, operating_point: str, cutoff: str) -> dict[str, Any]:
    """The content of ModelCard; the two texts say how the thresholds were chosen, or why there are none."""
    sites = {site: _divisions(one) for site, one in sorted(run.facts["sites"].items())}
    withheld = {site: tuple(notes) for site, notes in sorted(run.facts.get("withheld", {}).items()) if notes}
    return {
        "study": run.study.name,
        "sealed_on": run.facts["sealed_on"],
        "seed": run.study.seed,
        "code_sha256": run.state.code_sha256,
        "versions": versions(),
        "sites": sites,
        "withheld": withheld,
        "intended_use": INTENDED_USE,
        "out_of_scope": OUT_OF_SCOPE,
        "limits": (
            *limits(
                synthetic=run.study.synthetic is not None,
                smallest_site=min(one["training"]["patients"] for one in sites.values() if "training" in one),
                withheld=bool(withheld),
                sites=len(sites),
            ),
            *_not_covered(run.study),
        ),
        "differential_privacy": _promise(run.study),
        "performance": _performance(run.facts),
        "operating_point": operating_point,
        "cutoff": cutoff,
        # these would be counts of few patients, which sites do not tell
        "clinical_missing": {},
        "acquisition": {},
    }


def _promise(study: Study) -> str | dict[str, float]:
    """The most that any site's training patients lose; each site holds itself to it."""
    privacy = study.privacy
    return "none" if privacy is None else {"epsilon": privacy.epsilon, "delta": privacy.delta}


def _not_covered(study: Study) -> Iterator[str]:
    if study.privacy is not None:
        outside = [one.what for one in privacy_coverage(study) if one.verdict == "not covered"]
        yield f"Differential privacy does not cover what sites told beside it: {'; '.join(outside)}."


def _divisions(site: dict[str, Any]) -> dict[str, Any]:
    """Of those that the site tells the size of."""
    told = {name: one for name, one in site["divisions"].items() if one["patients"] is not None}
    return {name: {key: one[key] for key in ("patients", "positives")} for name, one in told.items()}


def _performance(facts: dict[str, Any]) -> dict[str, Any]:
    federated = facts["evaluation"]["federated"]
    return {
        "discrimination": {"test": _area(federated["pooled"])},
        "test_by_site": {site: _area(one) for site, one in sorted(federated["sites"].items())},
        "survival": _hazard_ratio(facts["survival"]["combined"][BY_GROUP]),
    }


def _area(found: dict[str, Any]) -> dict[str, Any]:
    if reason(found):
        return {"not_computed": reason(found)}
    return {name: found[name] for name in ("auc", "ci_low", "ci_high", "n", "n_positive")}


def _hazard_ratio(combined: dict[str, Any]) -> dict[str, Any]:
    if reason(combined):
        return {"not_computed": reason(combined)}
    told = combined["random"]
    try:
        low, middle, high = (math.exp(told[name]) for name in ("ci_low", "estimate", "ci_high"))
    except OverflowError:
        return {"not_computed": "the hazard ratio over the sites is too large to be a number"}
    if not (middle > 0 and high > 0):
        return {"not_computed": "the hazard ratio over the sites is too small to be a number"}
    return {"hazard_ratio": middle, "ci_low": low, "ci_high": high}
