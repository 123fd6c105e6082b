"""The federation's signature: the best weights with what the sites decided together, sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from scipy.special import expit

from common.errors import DataError
from common.federated_model import federated_network
from common.messages.judgements import Scores
from common.pooling import pooled_youden
from common.provenance import versions
from common.signature import seal
from common.study import ClinicalVariable
from common.weights import fill
from server.study_run import StudyRun


def seal_signature(run: StudyRun, folder: Path) -> dict[str, Any]:
    """Write the signature and say what it carries; with fedbn there is none, its BatchNorm layers are at the sites."""
    if run.federation.aggregation == "fedbn":
        return {"not_computed": "fedbn keeps BatchNorm layers at the sites, so no signature holds the whole network"}
    network = federated_network(run.study, run.preparation)
    fill(run.layout, network, run.state.arrays["best"])
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    description = _description(run)
    sealed = seal(folder, description, weights)
    return {
        "weights_sha256": sealed.weights_sha256,
        "operating_point": sealed.operating_point,
        "cutoff": sealed.cutoff,
        "radiomic_features": len(sealed.radiomic_features),
    }


def _description(run: StudyRun) -> dict[str, Any]:
    study, preparation = run.study, run.preparation
    return {
        "synthetic": study.synthetic is not None,
        "label_tps": study.cohort.label_tps,
        "radiomic_features": preparation.radiomic_features,
        "radiomics_scaling": preparation.radiomics.model_dump(),
        "clinical_variables": get_args(ClinicalVariable),
        "clinical_scaling": preparation.clinical.model_dump(),
        "settings": {
            "resampling": study.resampling,
            "patches": study.patches,
            "radiomics": study.radiomics,
            "network": study.network,
        },
        "operating_point": _operating_point(run),
        "cutoff": run.facts["survival"]["cutoff"].get("value"),
        "study_sha256": run.sha256,
        "provenance": {"sites": ", ".join(sorted(run.facts["sites"])), **versions()},
    }


def _operating_point(run: StudyRun) -> float | None:
    told = run.facts["evaluation"]["federated"]["validation_scores"]
    try:
        return float(expit(pooled_youden([Scores.model_validate_json(one).summary() for one in told])))
    except DataError:
        return None
