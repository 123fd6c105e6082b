"""Features and patches of a whole cohort, on several cores, with a cache that survives an interruption."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from client.cluster import run_on_cluster
from client.extraction_cache import Recipe, Record, load_record, record_key, record_path
from client.extraction_task import CannotWrite, Refusal, Task, compute_patient
from client.known_digests import Digest, known_digests
from client.quarantine import Quarantined
from client.radiomics import feature_names
from client.volume_files import ImageError, check_whole
from client.workers import WorkerDied, run_in_workers
from common import atomic
from common.errors import DataError
from common.progress import progress_bar
from common.study import Patches, Radiomics, Resampling

Taken = Callable[[Record], Record]
"""What of a record stays in memory."""


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
    """uint8 (slices, size, size) a patient; empty when they were not asked for."""
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
    cluster: str | None = None,
    with_patches: bool = True,
) -> Extraction:
    """Compute, or find in the cache, features and patches of all patients (patient_id -> image, mask).

    `cluster` is the address of a Ray cluster that computes in place of `jobs` processes here. The result does not
    depend on either. Without `with_patches` these go to the cache only, and memory holds the features alone. A patient
    that cannot be computed is quarantined with the reason; what was computed before an interruption is found again.
    DataError when the cache cannot be written, PeerError when the cluster is lost.
    """
    recipe = Recipe(resampling, patches, radiomics)
    taken = _whole if with_patches else _without_patches
    outcomes = _find_all(patients, recipe, cache, taken, jobs=jobs)
    tasks = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Task)}
    results: dict[str, Record | Refusal] = {name: one for name, one in outcomes.items() if not isinstance(one, Task)}
    reused = sum(isinstance(one, Record) for one in results.values())
    results |= _compute_all(tasks, taken, jobs=jobs, cluster=cluster)
    return _assemble(recipe, {name: results[name] for name in patients}, reused=reused)


def _whole(record: Record) -> Record:
    return record


def _without_patches(record: Record) -> Record:
    return replace(record, patches=record.patches[:0].copy())


def write_features(extraction: Extraction, path: Path) -> None:
    """Write the features as Parquet with the settings and their SHA-256 in its metadata, in one step."""
    table = pa.Table.from_pandas(extraction.features)
    metadata = {"settings_sha256": extraction.recipe.sha256, "settings": extraction.recipe.json}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    atomic.write_bytes(path, buffer.getvalue())


def _find_all(
    patients: Mapping[str, tuple[Path, Path]], recipe: Recipe, cache: Path, taken: Taken, *, jobs: int
) -> dict[str, Record | Refusal | Task]:
    found: dict[str, Record | Refusal | Task] = {}
    bar = progress_bar("what is known already", len(patients))
    with bar as advance, known_digests(cache) as digest, ThreadPoolExecutor(jobs) as threads:
        looked_up = threads.map(lambda paths: _find(paths, recipe, cache, taken, digest), patients.values())
        for name, outcome in zip(patients, looked_up, strict=True):
            found[name] = outcome
            advance(1)
    return found


def _find(
    paths: tuple[Path, Path], recipe: Recipe, cache: Path, taken: Taken, digest: Digest
) -> Record | Refusal | Task:
    image, mask = paths
    try:
        path = record_path(cache, record_key(image, mask, recipe, digest))
    except OSError as error:
        return _unreadable(image, mask, error)
    record = load_record(path, recipe, features=len(feature_names(recipe.radiomics)))
    return Task(image, mask, recipe, path) if record is None else taken(record)


def _unreadable(image: Path, mask: Path, error: OSError) -> Refusal:
    try:
        check_whole(image)
        check_whole(mask)
    except ImageError as found:
        return Refusal(found.path, found.reason)
    return Refusal(
        Path(error.filename or image), f"cannot be read ({error.strerror}); check its permissions and the disk"
    )


def _compute_all(
    tasks: Mapping[str, Task], taken: Taken, *, jobs: int, cluster: str | None
) -> dict[str, Record | Refusal]:
    results: dict[str, Record | Refusal] = {}
    names = list(tasks)
    if not names:
        return results
    with progress_bar("features and patches", len(names)) as advance:
        for index, outcome in _outcomes(list(tasks.values()), jobs=jobs, cluster=cluster):
            if isinstance(outcome, CannotWrite):
                raise DataError(outcome.reason)
            if isinstance(outcome, WorkerDied):
                outcome = Refusal(tasks[names[index]].image, outcome.sentence())
            results[names[index]] = taken(outcome) if isinstance(outcome, Record) else outcome
            advance(1)
    return results


def _outcomes(
    tasks: Sequence[Task], *, jobs: int, cluster: str | None
) -> Iterator[tuple[int, Record | Refusal | CannotWrite | WorkerDied]]:
    if cluster is None:
        return run_in_workers(compute_patient, tasks, jobs=jobs)
    return run_on_cluster(tasks, address=cluster)


def _assemble(recipe: Recipe, results: Mapping[str, Record | Refusal], *, reused: int) -> Extraction:
    records = {name: one for name, one in results.items() if isinstance(one, Record)}
    columns = list(feature_names(recipe.radiomics))
    values = np.array([record.values for record in records.values()]).reshape(len(records), len(columns))
    return Extraction(
        recipe=recipe,
        features=pd.DataFrame(values, index=pd.Index(list(records), name="patient_id", dtype=object), columns=columns),
        patches={name: record.patches for name, record in records.items() if len(record.patches)},
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
