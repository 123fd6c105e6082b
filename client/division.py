"""Training, validation and test patients of the expression cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from common.errors import DataError
from common.seeds import derive_seed
from common.study import Division


def divide(splits: pd.Series, labels: pd.Series, division: Division, *, seed: int) -> pd.Series:
    """Give every patient a division, the written split first, else stratified at random (paper: 8:1:1).

    `splits` holds training, validation, test or "", `labels` 0 or 1; both are indexed by patient_id.
    DataError when only some of the patients have a written split.
    """
    written = splits != ""
    if written.all():
        return splits
    if written.any():
        raise DataError(
            f"split is written for {int(written.sum())} of {len(splits)} patients of the expression cohort; "
            "write it for all of them, or for none to have them divided at random"
        )
    return _random(labels, division, seed=seed)


def divide_each(splits: pd.Series, division: Division, *, seed: int) -> pd.Series:
    """Give every patient the written split, else one that hangs on the patient's own id and the seed alone.

    Under differential privacy a patient who is there or not must not move another one into the training patients, as a
    division by label does.
    """
    drawn = [np.random.default_rng(derive_seed(seed, "division", str(name))).random() for name in splits.index]
    names = np.select(
        [np.array(drawn) < division.training, np.array(drawn) < division.training + division.validation],
        ["training", "validation"],
        "test",
    )
    return splits.where(splits != "", pd.Series(names, index=splits.index))


def _random(labels: pd.Series, division: Division, *, seed: int) -> pd.Series:
    names = pd.Series("training", index=labels.index)
    held_out = division.validation + division.test
    try:
        _, rest = train_test_split(labels.index, test_size=held_out, stratify=labels, random_state=seed)
        validation, test = train_test_split(
            rest, test_size=division.test / held_out, stratify=labels[rest], random_state=seed
        )
    except ValueError as error:
        raise DataError(f"{len(labels)} patients cannot be divided by label ({error}); add patients") from error
    names[validation], names[test] = "validation", "test"
    return names
