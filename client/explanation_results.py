"""An explanation as results.json holds it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from client.explanation import Explanation
from client.scoring import Scored
from client.site import Site
from client.texture_maps import KERNEL_RADIUS, TextureMap
from common.device import device_name
from common.provenance import versions

FAR_DEVIATIONS = 6.0
"""Training patients hardly ever lie this far from their mean."""


def explanation_results(
    site: Site, scored: Scored, patient_id: str, explanation: Explanation, *, seconds: float
) -> dict[str, Any]:
    """What is known of one patient's score, for machines; it names the patient and stays at the site."""
    sealed = scored.signature.description
    found = _contributions(scored, patient_id, explanation)
    return {
        "synthetic": bool(explanation.synthetic),
        "synthetic_signature": explanation.synthetic_signature,
        "synthetic_image": explanation.synthetic_image,
        "site": site.name,
        "patient_id": patient_id,
        "study_sha256": sealed.study_sha256,
        "source": {"kind": "signature", "sha256": scored.signature.sha256},
        "versions": versions(),
        "device": device_name(scored.signature.device),
        "seconds": {"all": round(seconds, 1)},
        "warnings": _far_away(found["terms"]),
        "score": explanation.score,
        "cutoff": explanation.cutoff,
        "group": explanation.group,
        "slice_log_odds": scored.slice_logits[scored.place(patient_id)].tolist(),
        "contributions": found,
        "activation": {"fields": explanation.fields.tolist(), "patch_pixels": sealed.settings.patches.size_pixels},
        "feature_maps": {one.name: _feature_map(one) for one in explanation.textures},
        "picture": "explanation.png",
    }


def _contributions(scored: Scored, patient_id: str, explanation: Explanation) -> dict[str, Any]:
    found = explanation.contributions
    terms = [
        {"name": name, "contribution": share, **one}
        for (name, share), one in zip(found.values.items(), _inputs(scored, patient_id), strict=True)
    ]
    terms.sort(key=lambda term: -abs(term["contribution"]))
    groups = {
        kind: sum(term["contribution"] for term in terms if term["kind"] == kind) for kind in ("radiomic", "clinical")
    }
    return {
        "log_odds": found.log_odds,
        "constant": found.constant,
        "patch": found.patch,
        **groups,
        "exact": found.exact,
        "terms": terms,
    }


def _far_away(terms: list[dict[str, Any]]) -> list[str]:
    far = [one for one in terms if one["standardised"] is not None and abs(one["standardised"]) > FAR_DEVIATIONS]
    if not far:
        return []
    furthest = max(far, key=lambda one: abs(one["standardised"]))
    return [
        f"{len(far)} of {len(terms)} inputs lie more than {FAR_DEVIATIONS:g} standard deviations from the training "
        f"patients' mean, {furthest['name']} even {abs(furthest['standardised']):.0f}: the signature has hardly seen "
        "such a patient, so its score may mean nothing here"
    ]


def _inputs(scored: Scored, patient_id: str) -> list[dict[str, Any]]:
    """Kind, value as measured and standardised value of each input; null where it was taken as the training mean."""
    description, place = scored.signature.description, scored.place(patient_id)
    row, features = scored.patients.iloc[place], scored.extraction.features.loc[patient_id]
    radiomic = [float(features[name]) for name in description.radiomic_features]
    measured = [
        *({"kind": "radiomic", "value": value if math.isfinite(value) else None} for value in radiomic),
        *({"kind": "clinical", "value": _known(row[name])} for name in description.clinical_variables),
    ]
    standardised = scored.samples.values(description.parts())[place].tolist()
    return [
        one | {"standardised": None if one["value"] is None else value}
        for one, value in zip(measured, standardised, strict=True)
    ]


def _known(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell or None
    return float(cell) if math.isfinite(cell) else None


def _feature_map(one: TextureMap) -> dict[str, Any]:
    if one.values is None:
        return {"not_computed": one.not_computed}
    low, middle, high = np.nanpercentile(one.values, [0, 50, 100]).tolist()
    return {"minimum": low, "median": middle, "maximum": high, "kernel_radius": KERNEL_RADIUS}
