"""The inputs of the network at a centre beside those of training, and the verdict whether the centre looks alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from client.clinical import encode
from client.evaluation.parts import or_reason
from client.judged import NEEDED
from client.scoring import Scored
from client.validation.centre import Centre
from client.validation.shift import BOUND, FEWEST, LEVEL, measure_shift
from common.errors import DataError
from common.scaling import Scaling
from common.signature import Description, SealedScaling

RULE = "means"
GROUPS = ("radiomic", "clinical")


def validate_inputs(centre: Centre) -> dict[str, Any]:
    """`shift` by group of inputs with its `verdict`, the share of positive patients, and the acquisition."""
    cohort = _compared(centre)
    if isinstance(cohort, DataError):
        return {"not_computed": str(cohort)}
    rows = centre.cohort(cohort)
    training = centre.sealed.card.count("training")
    tables = standardised_inputs(centre.scored, centre.sealed)
    groups = {name: or_reason(_shift, tables[name].loc[rows.index], training_patients=training) for name in GROUPS}
    return {
        "cohort": cohort,
        "patients": len(rows),
        "rule": RULE,
        "bound": BOUND,
        "level": LEVEL,
        **groups,
        "verdict": _verdict(groups),
        "positive_share": _positives(centre, rows) if cohort == "expression" else None,
        "clinical_missing_in_training": {
            str(name): share for name, share in centre.sealed.card.clinical_missing.items()
        },
        "acquisition": _acquisition(rows, centre.sealed),
    }


def standardised_inputs(scored: Scored, sealed: Description) -> dict[str, pd.DataFrame]:
    """Every input of every patient in training deviations from the training mean; NaN is unknown."""
    features = scored.extraction.features.loc[scored.patients.index, list(sealed.radiomic_features)]
    clinical = encode(scored.patients)[list(sealed.clinical_variables)]
    return {
        "radiomic": _scaled(features, sealed.radiomics_scaling),
        "clinical": _scaled(clinical, sealed.clinical_scaling),
    }


def _scaled(values: pd.DataFrame, scaling: SealedScaling) -> pd.DataFrame:
    scaled = Scaling.from_dict(scaling.model_dump()).apply(values.to_numpy(dtype=float))
    return pd.DataFrame(np.where(np.isfinite(scaled), scaled, np.nan), values.index, values.columns)


def _compared(centre: Centre) -> str | DataError:
    """The cohort that is compared: expression, as in training, or immunotherapy where that is all there is."""
    sizes = centre.predictions["cohort"].value_counts()
    chosen = next((name for name in NEEDED if sizes.get(name, 0) >= FEWEST), None)
    return chosen or DataError(f"no cohort has {FEWEST} patients: a verdict on shift needs them; add patients")


def _shift(table: pd.DataFrame, *, training_patients: int) -> dict[str, Any]:
    return asdict(measure_shift(table, training_patients=training_patients))


def _verdict(groups: dict[str, Any]) -> dict[str, Any]:
    told = {name: one for name, one in groups.items() if "not_computed" not in one}
    if not told:
        return {"looks_alike": None, "differs_in": []}
    differs = [name for name, one in told.items() if one["differs"]]
    return {"looks_alike": not differs, "differs_in": differs}


def _positives(centre: Centre, rows: pd.DataFrame) -> dict[str, float | None]:
    return {"centre": float((rows["label"] == 1).mean()), "training": centre.sealed.card.positive_share("training")}


def _acquisition(rows: pd.DataFrame, sealed: Description) -> dict[str, Any]:
    """Patients by level, and the share whose level the card names; levels are written as in the card."""
    found: dict[str, Any] = {}
    for variable in ("manufacturer", "convolution_kernel", "slice_thickness_mm"):
        values = rows[variable].fillna("").astype(str).replace("", "unknown")
        known = sealed.card.acquisition.get(variable)
        counts = {str(level): int(count) for level, count in values.value_counts().sort_index().items()}
        seen = None if known is None else float(values.isin(set(known)).mean())
        found[variable] = {"centre": counts, "training": known, "share_seen_in_training": seen}
    return found
