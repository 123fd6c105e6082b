"""The signature of a reproduction, with the card of its one synthetic site, signed by the run's own key."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from client.clinical import VARIABLES, encode
from client.pipeline import DIVISIONS, Prepared
from common import atomic
from common.code_hash import code_sha256
from common.provenance import versions
from common.report.parts import reason
from common.signature import seal
from common.signature.card import INTENDED_USE, OUT_OF_SCOPE, limits
from common.signing_key import SIGNING_KEY, SIGNING_PUB, signing_key, write_public_key
from common.study import Study

SITE = "synthetic"
FEWEST = 5
"""Patients of an acquisition level that is named; smaller ones are counted together."""
OTHERS = "others"
ACQUISITION = ("manufacturer", "convolution_kernel", "slice_thickness_mm")
CUTOFFS = {
    "xtile": "Searched for on the immunotherapy patients of the study (X-tile), so its p there is corrected.",
    "median": "The median of the immunotherapy patients of the study.",
    "given": "Given by the study's file.",
}


def seal_run(
    folder: Path,
    study: Study,
    prepared: Prepared,
    measured: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    *,
    study_sha256: str,
) -> None:
    """Seal what a run in `folder` trained and measured; the key and the day are those of its first sealing."""
    key = signing_key(folder / SIGNING_KEY)
    write_public_key(key, folder / SIGNING_PUB)
    description = _description(study, prepared, measured, sealed_on=_day(folder / "sealed_on.json"))
    seal(folder / "signature", {**description, "study_sha256": study_sha256}, weights, key=key)


def _day(file: Path) -> str:
    if not file.is_file():
        atomic.write_json(file, {"sealed_on": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"})
    return str(json.loads(file.read_text("utf-8"))["sealed_on"])


def _description(study: Study, prepared: Prepared, measured: Mapping[str, Any], *, sealed_on: str) -> dict[str, Any]:
    point, groups = measured["operating_point"], measured["survival"]["pdl1es"]["all"]
    return {
        "synthetic": True,
        "label_tps": study.cohort.label_tps,
        "radiomic_features": prepared.selected,
        "radiomics_scaling": prepared.radiomics_scaling.as_dict(),
        "clinical_variables": VARIABLES,
        "clinical_scaling": prepared.clinical_scaling.as_dict(),
        "settings": {
            "resampling": study.resampling,
            "patches": study.patches,
            "radiomics": study.radiomics,
            # where the first weights lay is nobody's business
            "network": study.network.model_copy(update={"pretrained_file": None}),
        },
        "operating_point": point.get("threshold"),
        "cutoff": groups.get("cutoff"),
        "card": _card(study, prepared, measured, sealed_on=sealed_on),
    }


def _card(study: Study, prepared: Prepared, measured: Mapping[str, Any], *, sealed_on: str) -> dict[str, Any]:
    sizes = _sizes(prepared.patients)
    training = prepared.patients[prepared.patients["division"] == "training"]
    point, groups = measured["operating_point"], measured["survival"]["pdl1es"]["all"]
    return {
        "study": study.name,
        "sealed_on": sealed_on,
        "seed": study.seed,
        "code_sha256": code_sha256(),
        "versions": versions(),
        "sites": {SITE: sizes},
        "withheld": {},
        "intended_use": INTENDED_USE,
        "out_of_scope": OUT_OF_SCOPE,
        "limits": limits(synthetic=True, smallest_site=len(training), withheld=False, sites=1),
        "differential_privacy": "none",
        "performance": _performance(measured, groups),
        "operating_point": f"None: {reason(point)}"
        if reason(point)
        else "The largest sum of sensitivity and specificity (Youden) on the validation patients.",
        "cutoff": f"None: {reason(groups)}" if reason(groups) else CUTOFFS[groups["cutoff_rule"]],
        "clinical_missing": {str(name): float(share) for name, share in encode(training).isna().mean().items()},
        "acquisition": {name: _levels(training[name]) for name in ACQUISITION},
    }


def _sizes(patients: pd.DataFrame) -> dict[str, dict[str, int | None]]:
    found: dict[str, dict[str, int | None]] = {}
    for division in DIVISIONS:
        label = patients.loc[patients["division"] == division, "label"]
        known = division != "immunotherapy"
        found[division] = {"patients": len(label), "positives": int((label == 1).sum()) if known else None}
    return found


def _performance(measured: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    areas = measured["discrimination"]["pdl1es"]
    ratio = {name: groups[name] for name in ("hazard_ratio", "ci_low", "ci_high")} if not reason(groups) else groups
    return {"discrimination": areas, "test_by_site": {}, "survival": ratio}


def _levels(values: pd.Series) -> dict[str, int]:
    counts = values.fillna("").astype(str).replace("", "unknown").value_counts().sort_index()
    named = {str(level): int(count) for level, count in counts.items() if count >= FEWEST}
    others = int(counts.sum()) - sum(named.values())
    return named | ({OTHERS: others} if others else {})
