"""Features and patches of a whole cohort, on several cores, with a cache that survives an interruption."""

from __future__ import annotations

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from client.extraction_cache import Recipe, Record, load_record, record_key, record_path
from client.extraction_task import CannotWrite, Refusal, Task, compute_patient
from client.quarantine import Quarantined
from client.radiomics import feature_names
from client.volume_files import ImageError, check_whole
from client.workers import WorkerDied, run_in_workers
from common import atomic
from common.errors import DataError
from common.progress import progress_bar
from common.study import Patches, Radiomics, Resampling


@dataclass(frozen=True)
class NotComputed:
    """A feature of a patient that has no finite value, and why."""

    patient_id: str
    feature: str
    reason: str


@dataclass(frozen=True)
class Extraction:
    """What a cohort gave; patients are in the order they were asked for, the quarantined left out."""

    recipe: Recipe
    features: pd.DataFrame
    """float64, index patient_id, columns in PyRadiomics' order."""
    patches: dict[str, np.ndarray]
    """uint8 (slices, size, size) a patient."""
    quarantined: tuple[Quarantined, ...]
    not_computed: tuple[NotComputed, ...]
    computed: int
    reused: int


def extract_cohort(
    patients: Mapping[str, tuple[Path, Path]],
    *,
    resampling: Resampling,
    patches: Patches,
    radiomics: Radiomics,
    cache: Path,
    jobs: int,
) -> Extraction:
    """Compute, or find in the cache, features and patches of all patients (patient_id -> image, mask).

    The result does not depend on jobs. A patient that cannot be computed is quarantined with the reason; what was
    computed before an interruption is found again. DataError when the cache cannot be written.
    """
    recipe = Recipe(resampling, patches, radiomics)
    outcomes = _find_all(patients, recipe, cache, jobs=jobs)
    tasks = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Task)}
    results: dict[str, Record | Refusal] = {name: one for name, one in outcomes.items() if not isinstance(one, Task)}
    reused = sum(isinstance(one, Record) for one in results.values())
    results |= _compute_all(tasks, jobs=jobs)
    return _assemble(recipe, {name: results[name] for name in patients}, reused=reused)


def write_features(extraction: Extraction, path: Path) -> None:
    """Write the features as Parquet with the settings and their SHA-256 in its metadata, in one step."""
    table = pa.Table.from_pandas(extraction.features)
    metadata = {"settings_sha256": extraction.recipe.sha256, "settings": extraction.recipe.json}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    atomic.write_bytes(path, buffer.getvalue())


def _find_all(
    patients: Mapping[str, tuple[Path, Path]], recipe: Recipe, cache: Path, *, jobs: int
) -> dict[str, Record | Refusal | Task]:
    found: dict[str, Record | Refusal | Task] = {}
    with progress_bar("what is known already", len(patients)) as advance, ThreadPoolExecutor(jobs) as threads:
        looked_up = threads.map(lambda paths: _find(paths[0], paths[1], recipe, cache), patients.values())
        for name, outcome in zip(patients, looked_up, strict=True):
            found[name] = outcome
            advance(1)
    return found


def _find(image: Path, mask: Path, recipe: Recipe, cache: Path) -> Record | Refusal | Task:
    try:
        path = record_path(cache, record_key(image, mask, recipe))
    except OSError as error:
        return _unreadable(image, mask, error)
    return load_record(path, recipe, features=len(feature_names(recipe.radiomics))) or Task(image, mask, recipe, path)


def _unreadable(image: Path, mask: Path, error: OSError) -> Refusal:
    try:
        check_whole(image)
        check_whole(mask)
    except ImageError as found:
        return Refusal(found.path, found.reason)
    return Refusal(
        Path(error.filename or image), f"cannot be read ({error.strerror}); check its permissions and the disk"
    )


def _compute_all(tasks: Mapping[str, Task], *, jobs: int) -> dict[str, Record | Refusal]:
    results: dict[str, Record | Refusal] = {}
    names = list(tasks)
    if not names:
        return results
    with progress_bar("features and patches", len(names)) as advance:
        for index, outcome in run_in_workers(compute_patient, list(tasks.values()), jobs=jobs):
            if isinstance(outcome, CannotWrite):
                raise DataError(outcome.reason)
            if isinstance(outcome, WorkerDied):
                outcome = Refusal(tasks[names[index]].image, outcome.sentence())
            results[names[index]] = outcome
            advance(1)
    return results


def _assemble(recipe: Recipe, results: Mapping[str, Record | Refusal], *, reused: int) -> Extraction:
    records = {name: one for name, one in results.items() if isinstance(one, Record)}
    columns = list(feature_names(recipe.radiomics))
    values = np.array([record.values for record in records.values()]).reshape(len(records), len(columns))
    return Extraction(
        recipe=recipe,
        features=pd.DataFrame(values, index=pd.Index(list(records), name="patient_id", dtype=object), columns=columns),
        patches={name: record.patches for name, record in records.items()},
        quarantined=tuple(
            Quarantined(name, one.reason, str(one.file)) for name, one in results.items() if isinstance(one, Refusal)
        ),
        not_computed=tuple(
            NotComputed(name, feature, reason)
            for name, record in records.items()
            for feature, reason in record.not_computed.items()
        ),
        computed=len(records) - reused,
        reused=reused,
    )
