"""Whether this machine can compute a study: versions, memory, disk, device and who can read the keys."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from client.federation_folder import FederationFolder
from client.intake.ledger import LEDGER_FILE
from client.intake.pseudonyms import KEY_FILE
from client.preflight.finding import Check, Item, Topic
from client.site import Site
from common.parallel import cores
from common.report.words import counted

AREA = "Machine"
GIB = 2**30
TRAINING_BYTES, WORKER_BYTES = 2 * GIB, GIB
"""What a training and a worker that computes a patient hold at most."""
STUDY_BYTES, PATIENT_BYTES = GIB, 2**19
"""What a study and a patient leave in the cache: models and their state, patches and features."""
_OTHERS = 0o077


def machine_checks(site: Site, *, patients: int, jobs: int) -> Iterator[Check]:
    """Versions, device, memory, disk and private files."""
    yield _versions()
    yield _device(site)
    yield _memory(jobs)
    yield _disk(site, patients)
    yield _private_files(site)


def _versions() -> Check:
    topic, wrong, count = Topic(AREA, "Versions"), [], 0
    for line in metadata.requires("pdl1es") or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        if fault := _version_fault(requirement):
            wrong.append(Item(fault))
    python = ".".join(map(str, sys.version_info[:3]))
    if not wrong:
        return topic.ok(f"Python {python} and {count} packages are in the range that was tested")
    found = f"{counted(len(wrong), 'package')} outside the range that was tested"
    return topic.failed(found, "install pdl1es again: pip install uv && uv sync", wrong)


def _version_fault(requirement: Requirement) -> str:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is missing, {requirement.specifier} was tested"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} is {version}, {requirement.specifier} was tested"


def _device(site: Site) -> Check:
    # torch takes seconds to import and is needed here only
    import torch

    topic = Topic(AREA, "GPU")
    if torch.cuda.is_available():
        return topic.ok(f"{torch.cuda.get_device_name()}, site.toml says {site.device}")
    found = f"none; a training runs on {counted(cores(), 'core')}"
    if site.device == "cuda":
        return topic.failed(f"{found}, site.toml says cuda", "mend the driver, or set device to auto in site.toml")
    return topic.ok(found)


def _memory(jobs: int) -> Check:
    topic, total = Topic(AREA, "Memory"), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = max(TRAINING_BYTES, jobs * WORKER_BYTES)
    found = (
        f"{total / GIB:.1f} GiB; a training needs {TRAINING_BYTES / GIB:g}, {jobs} jobs {jobs * WORKER_BYTES / GIB:g}"
    )
    if total < TRAINING_BYTES:
        return topic.failed(found, "take a machine with more memory")
    if total < needed:
        return topic.warning(found, f"give --jobs {max(1, int(total // WORKER_BYTES))} or fewer")
    return topic.ok(found)


def _disk(site: Site, patients: int) -> Check:
    topic, needed = Topic(AREA, "Disk"), STUDY_BYTES + patients * PATIENT_BYTES
    place = next(one for one in (site.cache, *site.cache.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / GIB:.1f} GiB free; features, patches and models need {needed / GIB:.1f}"
    if free < needed:
        return topic.failed(found, "make room, or set paths.cache in site.toml to another disk")
    return topic.ok(found)


def _private_files(site: Site) -> Check:
    topic, folder = Topic(AREA, "Private files"), FederationFolder(site.folder).folder
    of_import = [path for name in (KEY_FILE, LEDGER_FILE) if (path := site.folder / name).is_file()]
    if not folder.is_dir() and not of_import:
        return topic.skipped("there is no key: nothing was imported, and this site is not enrolled")
    enrolled = sorted(folder.iterdir()) if folder.is_dir() else []
    private = of_import + [path for path in enrolled if path.is_file() and _is_private(path)]
    open_files = [path for path in private if path.stat().st_mode & _OTHERS]
    if open_files:
        items = [Item(f"has mode {path.stat().st_mode & 0o777:04o}", file=str(path)) for path in open_files]
        remedy = "chmod 600 " + " ".join(map(str, open_files))
        return topic.failed(f"others can read {counted(len(open_files), 'private file')}", remedy, items)
    return topic.ok(f"{counted(len(private), 'private file')}, readable by their owner only")


def _is_private(path: Path) -> bool:
    if path.suffix == ".secret":
        return True
    try:
        with path.open("rb") as file:
            return b"PRIVATE KEY" in file.read(64)
    except PermissionError:
        return True
