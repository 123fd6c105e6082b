"""Whether what lies in the site's folder names a patient: DICOM tags, headers, file names and pseudonyms."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from client.federation_folder import FOLDER as FEDERATION_FOLDER
from client.preflight.finding import Check, Item, Topic
from client.preflight.naming import Naming, name_patients
from client.preflight.private_text import holds_day, holds_person, looks_like_name, looks_like_surname
from client.preflight.survey import Survey
from client.site import Site
from client.workers import WorkerDied, run_in_workers
from common.progress import progress_bar
from common.report.words import counted

AREA = "De-identification"
FILES_A_TASK = 64


def deidentification_checks(site: Site, survey: Survey, *, jobs: int) -> Iterator[Check]:
    """DICOM tags, NIfTI and NRRD headers, file names and patient ids."""
    files = kept_files(site)
    namings, unread = _read_all(files, jobs=jobs)
    dicom = [one for one in namings if one.kind == "dicom"]
    yield _dicom(site, dicom, unread)
    yield _headers(site, [one for one in namings if one.kind == "text"])
    yield _file_names(site, files)
    yield _pseudonyms(survey)


def kept_files(site: Site) -> list[Path]:
    """Every file of the site's folder but the cache's, the results' and the federation's, sorted."""
    skipped = {one.resolve() for one in (site.cache, site.results, site.folder / FEDERATION_FOLDER)}
    found: list[Path] = []
    for place, folders, names in os.walk(site.folder):
        folders[:] = [name for name in folders if (Path(place) / name).resolve() not in skipped]
        found += [Path(place) / name for name in names]
    return sorted(found)


def _read_all(files: list[Path], *, jobs: int) -> tuple[list[Naming], list[Path]]:
    """What the files tell, and those at which a worker died."""
    tasks = [tuple(files[start : start + FILES_A_TASK]) for start in range(0, len(files), FILES_A_TASK)]
    found: list[Naming] = []
    unread: list[Path] = []
    with progress_bar("headers", len(tasks)) as advance:
        for index, outcome in run_in_workers(name_patients, tasks, jobs=jobs):
            if isinstance(outcome, WorkerDied):
                unread += tasks[index]
            else:
                found += outcome
            advance(1)
    return sorted(found, key=lambda one: one.path), unread


def _dicom(site: Site, files: list[Naming], unread: list[Path]) -> Check:
    topic = Topic(AREA, "DICOM files")
    telling = [one for one in files if one.sure]
    if telling:
        tags = Counter(tag for one in telling for tag in one.sure)
        shown = ", ".join(f"{tag} in {n}" for tag, n in tags.most_common())
        return topic.failed(
            f"{len(telling)} of {counted(len(files), 'DICOM file')} with tags that identify a patient: {shown}",
            "de-identify them (DICOM PS3.15, basic profile), or keep NIfTI in the folder and DICOM elsewhere",
            _in_folders(site, telling),
        )
    odd = [Item(one.perhaps[0], file=_name(site, one.path)) for one in files if one.perhaps]
    odd += [Item("a process died while it was read", file=_name(site, path)) for path in unread]
    if odd:
        found = f"{counted(len(odd), 'file')} could not be read"
        return topic.warning(found, "copy or export them again, or take them out of the folder", odd)
    if not files:
        return topic.ok("there is no DICOM file in the folder")
    return topic.ok(f"{counted(len(files), 'DICOM file')} without a tag that identifies a patient")


def _in_folders(site: Site, telling: list[Naming]) -> list[Item]:
    """One item a folder: a series is hundreds of files with the same tags."""
    folders: dict[Path, list[Naming]] = {}
    for one in telling:
        folders.setdefault(one.path.parent, []).append(one)
    items = []
    for folder, ones in folders.items():
        tags = ", ".join(sorted({tag for one in ones for tag in one.sure}))
        items.append(
            Item(f"{counted(len(ones), 'file')}, the first {ones[0].path.name}: {tags}", file=_name(site, folder))
        )
    return items


def _headers(site: Site, files: list[Naming]) -> Check:
    topic, remedy = Topic(AREA, "Image headers"), "write the image again without this text, or clear the field"
    if not files:
        return topic.ok("no NIfTI or NRRD header holds a name or a day")
    items = [
        Item(
            ", ".join(
                [f"{name} holds a name or a birth date" for name in one.sure]
                + [f"{name} holds a day" for name in one.perhaps]
            ),
            file=_name(site, one.path),
        )
        for one in files
    ]
    found = f"{counted(len(files), 'header')} with text that may identify a patient"
    return (topic.failed if any(one.sure for one in files) else topic.warning)(found, remedy, items)


def _file_names(site: Site, files: list[Path]) -> Check:
    topic = Topic(AREA, "File names")
    images = site.folder / "images"
    items = []
    for path in files:
        name = str(path.relative_to(images)) if path.is_relative_to(images) else path.name
        if holds_person(name) or looks_like_name(name):
            items.append(Item("looks like a person's name", file=_name(site, path)))
        elif holds_day(name):
            items.append(Item("holds a day", file=_name(site, path)))
    if not items:
        return topic.ok("no file is named after a person or a day")
    return topic.warning(
        f"{counted(len(items), 'file')} with a name that may identify a patient",
        "rename them after the pseudonym, here and in cohort.csv",
        items,
    )


def _pseudonyms(survey: Survey) -> Check:
    topic, items = Topic(AREA, "Pseudonyms"), []
    for name in map(str, survey.cohort.patients.index):
        if holds_person(name) or looks_like_name(name) or looks_like_surname(name):
            items.append(Item("looks like a person's name", name, survey.row(name)))
        elif holds_day(name):
            items.append(Item("holds a day, perhaps of birth", name, survey.row(name)))
    if not items:
        return topic.ok("no patient_id looks like a name or a day")
    return topic.warning(
        f"{counted(len(items), 'patient_id')} may identify a patient".replace("patient_ids", "patient_id"),
        "give every patient a pseudonym that means nothing outside, and keep the key to it elsewhere",
        items,
    )


def _name(site: Site, path: Path) -> str:
    return str(path.relative_to(site.folder))
