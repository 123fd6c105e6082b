"""The site folder of a synthetic cohort on disk, made by all cores, the same bytes whatever their number."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from client.site import init_site, load_site
from common import atomic
from common.errors import StudyError, UsageError
from common.parallel import in_parallel
from common.progress import progress_bar
from common.study import Study, Synthetic
from simulation.cohort.nifti import DESCRIPTION, HEADER_BYTES, nifti_bytes
from simulation.cohort.table import DIVISIONS, Cohort, draw_cohort
from simulation.cohort.volume import Subject, make_scan

RECIPE = 2
"""Raised whenever the same study would give other voxels."""
SITE_NAME = "synthetic"
MASK_LEVEL = 6


@dataclass(frozen=True)
class Task:
    """A patient to write, where, and the text that marks the files as made from this study."""

    subject: Subject
    image: Path
    mask: Path
    text: str


def file_text(study: Study, synthetic: Synthetic) -> str:
    """The text in every file's header: that it is synthetic, and a hash of what the voxels depend on."""
    kernels = ",".join(study.cohort.excluded_kernels)
    content = f"{RECIPE}|{study.seed}|{study.cohort.label_tps}|{kernels}|{synthetic.model_dump_json(exclude_none=True)}"
    return f"SYNTHETIC pdl1es {hashlib.sha256(content.encode()).hexdigest()[:16]}"


def write_patient(task: Task) -> None:
    """Make and write one patient's mask and CT; the CT comes last, so that where it is, the mask is too."""
    scan = make_scan(task.subject)
    atomic.write_bytes(task.mask, nifti_bytes(scan.mask, spacing_mm=scan.spacing_mm, text=task.text, level=MASK_LEVEL))
    atomic.write_bytes(task.image, nifti_bytes(scan.hu, spacing_mm=scan.spacing_mm, text=task.text, level=0))


def _text_of(header: bytes) -> str:
    return header[DESCRIPTION].rstrip(b"\0").decode("ascii", "replace")


def is_complete(task: Task) -> bool:
    """Whether both files of a patient are whole and made from this study."""
    try:
        with task.image.open("rb") as file:
            header = file.read(HEADER_BYTES)
        mask = gzip.decompress(task.mask.read_bytes())
    except (OSError, EOFError, zlib.error):
        return False
    # The CT has two bytes a voxel, the mask one.
    voxels = len(mask) - HEADER_BYTES
    return _text_of(header) == _text_of(mask) == task.text and task.image.stat().st_size == HEADER_BYTES + 2 * voxels


def _write_all(tasks: Sequence[Task], *, jobs: int) -> None:
    with (
        progress_bar("synthetic CT", len(tasks)) as advance,
        in_parallel(write_patient, [(task,) for task in tasks], jobs=jobs) as futures,
    ):
        for future in as_completed(futures):
            future.result()
            advance(1)


def _prepare_folder(folder: Path, *, name: str, threads: int | None, resume: bool) -> None:
    if resume and (folder / "site.toml").exists():
        found = load_site(folder).name
        if found != name:
            raise UsageError(
                f"{folder}: is the site {found}, not the synthetic {name}; resume a synthetic cohort in its own folder"
            )
    else:
        init_site(folder, name=name, threads=threads, made_up=True)


def _tasks(cohort: Cohort, folder: Path, text: str) -> list[Task]:
    files = zip(cohort.subjects, cohort.table["image"], cohort.table["mask"], strict=True)
    return [Task(subject, folder / image, folder / mask, text) for subject, image, mask in files]


def write_sites(
    sites: Mapping[str, tuple[Path, Cohort]],
    study: Study,
    synthetic: Synthetic,
    *,
    jobs: int,
    resume: bool,
    threads: int | None = None,
) -> None:
    """Write the folders of sites by their names, all patients in one go: site.toml, images/ and, last, cohort.csv.

    UsageError as for `make_site`.
    """
    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}, it must be at least 1")
    for name, (folder, _) in sites.items():
        _prepare_folder(folder, name=name, threads=threads, resume=resume)
    text = file_text(study, synthetic)
    tasks = [task for folder, cohort in sites.values() for task in _tasks(cohort, folder, text)]
    if resume:
        tasks = [task for task in tasks if not is_complete(task)]
    if tasks:
        _write_all(tasks, jobs=jobs)
    for folder, cohort in sites.values():
        atomic.write_text(folder / "cohort.csv", cohort.table.to_csv(index=False, lineterminator="\n"))


def synthetic_part(study: Study) -> Synthetic:
    """The study's [synthetic] table; StudyError when it has none or asks for no patients."""
    if study.synthetic is None:
        raise StudyError(f"study {study.name} has no [synthetic] table, so there is no cohort to make; add one")
    if not any(getattr(study.synthetic, name) for name in DIVISIONS):
        raise StudyError(f"study {study.name} asks for a synthetic cohort of 0 patients; give it at least one")
    return study.synthetic


def make_site(study: Study, folder: Path, *, jobs: int, resume: bool = False) -> None:
    """Write the site folder of a study's synthetic cohort: site.toml, images/ and, last, cohort.csv.

    Every patient's files depend on the seed and the patient's number only, not on `jobs` or the order. With `resume`,
    files that are whole and made from the same study are kept. StudyError when the study has no synthetic patients,
    UsageError when the folder is a site already and `resume` is not asked for.
    """
    # One site: what the study says of several leaves its files as they are.
    synthetic = synthetic_part(study).model_copy(update={"sites": None})
    sites = {SITE_NAME: (folder, draw_cohort(study, synthetic))}
    write_sites(sites, study, synthetic, jobs=jobs, resume=resume)
