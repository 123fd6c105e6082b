"""A folder in any layout, read into patients."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from client.dicom.copies import without_copies
from client.dicom.headers import DAMAGED, SPOILED, UNREADABLE, Found, Ignored, look_at
from client.dicom.instances import CtFile, MaskFile, kept_once
from client.dicom.patient_files import PatientFiles
from client.workers import WorkerDied, run_in_workers
from common.errors import DataError
from common.progress import progress_bar

PORTION = 200
"""Files a worker is given at a time; fewer than this in all are read without workers."""

PatientFrom = Literal["tag", "folder"]


@dataclass(frozen=True)
class DicomTree:
    """The patients below a folder, the files that take no part, and how many files there are."""

    root: Path
    patients: Mapping[str, PatientFiles]
    ignored: tuple[Ignored, ...]
    files: int

    @property
    def spoiled(self) -> tuple[Ignored, ...]:
        """The files that are damaged, empty or cannot be read."""
        return tuple(one for one in self.ignored if one.reason in SPOILED)


def read_tree(root: Path, *, patient_from: PatientFrom = "tag", jobs: int) -> DicomTree:
    """Read the headers of all files below a folder and sort them by patient.

    The patient is the PatientID (0010,0020), or with "folder" the first folder below the root. NIfTI and NRRD files go
    to the patient whose DICOM lie in their folder or the nearest one above. DataError when the root is no folder.
    """
    if not root.is_dir():
        raise DataError(f"{root}: is no folder; name the folder that holds the patients' DICOM files")
    paths, ignored = _walk(root)
    read = _look_at_all(paths, jobs=jobs)
    ignored += [one for one in read if isinstance(one, Ignored)]
    found = [one for one in read if isinstance(one, Found)]
    owners = _owners(found, root=root, patient_from=patient_from)
    by_patient: dict[str, list[CtFile | MaskFile]] = defaultdict(list)
    for one in found:
        owner = owners[one.instance.path]
        if isinstance(owner, Ignored):
            ignored.append(owner)
        else:
            by_patient[owner].append(one.instance)
    patients = {}
    names = {one.instance.path: one.patient_id for one in found}
    strays = _strays(ignored, by_patient)
    for patient_id in sorted(by_patient):
        files, copies = without_copies(patient_id, by_patient[patient_id])
        patients[patient_id] = replace(files, spoiled=_among(strays, files.ct), mixed=_mixed(files.ct, names))
        ignored += [Ignored(path, "a copy of another file") for path in copies]
        ignored += _without_voxels(files.ct)
    return DicomTree(root, patients, tuple(sorted(ignored, key=lambda one: one.path)), len(paths))


def _strays(ignored: Iterable[Ignored], by_patient: Mapping[str, Iterable[CtFile | MaskFile]]) -> list[Path]:
    """Spoiled files in the folders of one patient each; where several lie, all would be refused for one."""
    owners: dict[Path, set[str]] = defaultdict(set)
    for patient_id, files in by_patient.items():
        for one in files:
            owners[one.path.parent].add(patient_id)
    return [one.path for one in ignored if one.reason in SPOILED and len(owners.get(one.path.parent, ())) == 1]


def _among(strays: Iterable[Path], files: Iterable[CtFile]) -> tuple[Path, ...]:
    """The paths in a folder that holds CT files."""
    folders = {one.path.parent for one in files}
    return tuple(path for path in strays if path.parent in folders)


def _mixed(files: Iterable[CtFile], names: Mapping[Path, str]) -> tuple[Path, ...]:
    """The first file under another PatientID than a file of its series before it, of each such series."""
    first: dict[str, str] = {}
    mixed: dict[str, Path] = {}
    for one in files:
        name = names[one.path]
        if name and first.setdefault(one.series_uid, name) != name:
            mixed.setdefault(one.series_uid, one.path)
    return tuple(mixed.values())


def _without_voxels(files: Iterable[CtFile]) -> list[Ignored]:
    """The CT files that stay with their patient, who is refused or told of them, and give no voxel."""
    cut = [Ignored(one.path, DAMAGED) for one in files if not one.whole]
    return cut + [Ignored(one.path, "localiser") for one in files if one.whole and one.localiser]


def _walk(root: Path) -> tuple[list[Path], list[Ignored]]:
    """All files in a fixed order, each folder once, whatever links point to it; and the folders not entered."""
    ignored: list[Ignored] = []
    paths: list[Path] = []
    seen: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        ignored.append(Ignored(Path(error.filename), UNREADABLE))

    for folder, below, names in os.walk(root, followlinks=True, onerror=unreadable):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            ignored.append(Ignored(Path(folder), "a link to a folder read already"))
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        paths += [Path(folder) / name for name in sorted(names)]
    return paths, ignored


def _look_at_all(paths: Sequence[Path], *, jobs: int) -> list[Found | Ignored]:
    portions = [tuple(paths[start : start + PORTION]) for start in range(0, len(paths), PORTION)]
    if len(portions) < 2:
        return list(look_at_portion(paths))
    found: dict[int, Sequence[Found | Ignored]] = {}
    known: dict[str, Any] = {}
    with progress_bar("Reading DICOM headers", len(paths)) as advance:
        for index, answer in run_in_workers(look_at_portion, portions, jobs=jobs):
            read = _one_by_one(portions[index]) if isinstance(answer, WorkerDied) else answer
            found[index] = [_kept_once(one, known) for one in read]
            advance(len(portions[index]))
    return [one for index in sorted(found) for one in found.pop(index)]


def _kept_once(one: Found | Ignored, known: dict[str, Any]) -> Found | Ignored:
    if isinstance(one, Found) and isinstance(one.instance, CtFile):
        return Found(known.setdefault(repr(one.patient_id), one.patient_id), kept_once(one.instance, known))
    return one


def look_at_portion(paths: Sequence[Path]) -> tuple[Found | Ignored, ...]:
    """Look at several files in one worker."""
    return tuple(look_at(path) for path in paths)


def _one_by_one(paths: Sequence[Path]) -> tuple[Found | Ignored, ...]:
    """Look again at the files of a portion on which a worker died, to lose the guilty one only."""
    answers = dict(run_in_workers(look_at, paths, jobs=1))
    read = ((path, answers[index]) for index, path in enumerate(paths))
    return tuple(Ignored(path, DAMAGED) if isinstance(one, WorkerDied) else one for path, one in read)


def _owners(found: Sequence[Found], *, root: Path, patient_from: PatientFrom) -> dict[Path, str | Ignored]:
    """The patient each file belongs to, or why it belongs to none."""
    dicom = [one for one in found if not _is_volume(one)]
    owners: dict[Path, str | Ignored] = {
        one.instance.path: _owner(one, root=root, patient_from=patient_from) for one in dicom
    }
    folders = _patients_by_folder(owners, root)
    direct: dict[Path, set[str]] = defaultdict(set)
    for path, owner in owners.items():
        if isinstance(owner, str):
            direct[path.parent].add(owner)
    for one in found:
        if _is_volume(one):
            path = one.instance.path
            owners[path] = _volume_owner(path, (direct.get(path.parent, set()), *_above(path, root, folders)))
    return owners


def _is_volume(one: Found) -> bool:
    return isinstance(one.instance, MaskFile) and one.instance.kind == "volume"


def _owner(one: Found, *, root: Path, patient_from: PatientFrom) -> str | Ignored:
    path = one.instance.path
    if patient_from == "tag":
        return one.patient_id or Ignored(path, "no PatientID (0010,0020)")
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else Ignored(path, "in no patient's folder")


def _patients_by_folder(owners: Mapping[Path, str | Ignored], root: Path) -> dict[Path, set[str]]:
    """The patients whose DICOM lie in or below each folder."""
    below: dict[Path, set[str]] = defaultdict(set)
    for path, owner in owners.items():
        if isinstance(owner, str):
            for folder in _upwards(path.parent, root):
                below[folder].add(owner)
    return below


def _above(path: Path, root: Path, folders: Mapping[Path, set[str]]) -> Iterator[set[str]]:
    return (folders.get(folder, set()) for folder in _upwards(path.parent, root))


def _upwards(folder: Path, root: Path) -> Iterator[Path]:
    while folder != root and root in folder.parents:
        yield folder
        folder = folder.parent
    yield root


def _volume_owner(path: Path, candidates: Iterable[set[str]]) -> str | Ignored:
    for patients in candidates:
        if len(patients) == 1:
            return next(iter(patients))
        if patients:
            break
    return Ignored(path, "belongs to no patient with DICOM files")
