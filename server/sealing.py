"""The federation's signature: the best weights with what the sites decided together, sealed and signed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scipy.special import expit

from common.errors import DataError
from common.federated_model import federated_network
from common.messages.judgements import Scores
from common.pooling import pooled_youden
from common.report.parts import reason
from common.signature import seal
from common.study import ClinicalVariable
from common.weights import fill
from server.model_card import model_card
from server.study_run import StudyRun


def seal_signature(run: StudyRun, folder: Path, *, key: Ed25519PrivateKey) -> dict[str, Any]:
    """Write the signature and say what it carries; with fedbn there is none, its BatchNorm layers are at the sites."""
    if run.federation.aggregation == "fedbn":
        return {"not_computed": "fedbn keeps BatchNorm layers at the sites, so no signature holds the whole network"}
    if "sealed_on" not in run.facts:
        run.facts["sealed_on"] = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
        run.state.save()
    network = federated_network(run.study, run.preparation)
    fill(run.layout, network, run.state.arrays["best"])
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    sealed = seal(folder, _description(run), weights, key=key)
    return {
        "weights_sha256": sealed.weights_sha256,
        "operating_point": sealed.operating_point,
        "operating_point_chosen": sealed.card.operating_point,
        "cutoff": sealed.cutoff,
        "cutoff_chosen": sealed.card.cutoff,
        "radiomic_features": len(sealed.radiomic_features),
    }


def _description(run: StudyRun) -> dict[str, Any]:
    study, preparation = run.study, run.preparation
    point, point_chosen = _operating_point(run)
    cutoff, cutoff_chosen = _cutoff(run)
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
            # where the first weights lay is nobody's business
            "network": study.network.model_copy(update={"pretrained_file": None}),
        },
        "operating_point": point,
        "cutoff": cutoff,
        "study_sha256": run.sha256,
        "card": model_card(run, operating_point=point_chosen, cutoff=cutoff_chosen),
    }


def _operating_point(run: StudyRun) -> tuple[float | None, str]:
    """The threshold, and how it was chosen or why there is none."""
    told = run.facts["evaluation"]["federated"]["validation_scores"]
    try:
        point = float(expit(pooled_youden([Scores.model_validate_json(one).summary() for one in told])))
    except DataError as error:
        return None, f"None: {error}"
    return point, (
        f"The largest sum of sensitivity and specificity (Youden), between bins of the validation patients' scores of "
        f"{len(told)} site(s)."
    )


def _cutoff(run: StudyRun) -> tuple[float | None, str]:
    found = run.facts["survival"]["cutoff"]
    if reason(found):
        return None, f"None: {reason(found)}"
    if found["rule"] == "given":
        return found["value"], "Given by the study's file."
    return found["value"], f"The {found['rule']}; no survival time was looked at."
