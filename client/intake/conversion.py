"""What a worker does with one patient of the import: convert, write, read back."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from client.dicom import DicomError, PatientFiles, convert
from client.intake.ledger import OutputFile
from client.volume_files import ImageError
from client.volumes import read_volume

COMPRESSION_LEVEL = 1
"""ITK writes NIfTI at level 6 only, which takes three times as long for a sixth less."""
UNFINISHED = ".import-"
"""Beginning of the name of a folder in which a worker writes; what a killed one left can go."""
FULL = "no space left on the disk, or it takes no more files"
_PORTION = 1 << 22


@dataclass(frozen=True)
class Conversion:
    """One patient to convert, and into which site folder under which name."""

    files: PatientFiles
    roi: str | None
    folder: Path
    pseudonym: str


@dataclass(frozen=True)
class Written:
    """What was written of one patient, how it was acquired, and what a person may want to know."""

    files: tuple[OutputFile, ...]
    acquisition: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NotConverted:
    """Why a patient goes to quarantine; the path is the hospital's own."""

    reason: str
    path: Path | None = None


@dataclass(frozen=True)
class CannotWrite:
    """The site folder took no image: not the patient's fault, and no patient after it will fare better."""

    reason: str


def output_names(pseudonym: str) -> tuple[str, str]:
    """CT and mask of a patient, relative to the site folder."""
    return f"images/{pseudonym}_ct.nii.gz", f"images/{pseudonym}_mask.nii.gz"


def convert_patient(task: Conversion) -> Written | NotConverted | CannotWrite:
    """Convert one patient and write CT and mask; raises nothing."""
    try:
        converted = convert(task.files, roi=task.roi)
        volumes = (converted.volume.image, converted.volume.mask)
        files = _write(task.folder, dict(zip(output_names(task.pseudonym), volumes, strict=True)))
    except DicomError as error:
        return NotConverted(error.reason, error.path)
    except ImageError as error:
        return NotConverted(f"what was written cannot be computed: {error.reason}")
    except OSError as error:
        return CannotWrite(f"{task.folder / 'images'}: cannot be written ({error.strerror or error})")
    except Exception as error:
        return NotConverted(f"{type(error).__name__} while it was converted; look at its files, or leave it out")
    return Written(files, dict(converted.acquisition), converted.notes)


def _write(folder: Path, volumes: Mapping[str, sitk.Image]) -> tuple[OutputFile, ...]:
    """Write all volumes beside their places, read them back by the site's rules, and only then put them there."""
    with tempfile.TemporaryDirectory(dir=folder / "images", prefix=UNFINISHED) as beside:
        temporary = [Path(beside) / Path(name).name for name in volumes]
        digests = [_write_volume(image, path) for image, path in zip(volumes.values(), temporary, strict=True)]
        read_volume(*temporary)
        sizes = [path.stat().st_size for path in temporary]
        for path, name in zip(temporary, volumes, strict=True):
            path.replace(folder / name)
    return tuple(
        OutputFile(name=name, size=size, sha256=digest)
        for name, size, digest in zip(volumes, sizes, digests, strict=True)
    )


def _write_volume(image: sitk.Image, path: Path) -> str:
    """Write a NIfTI with nothing but voxels and geometry; gives its SHA-256."""
    plain = path.with_name(path.name.removesuffix(".gz"))
    bare = sitk.Image(image)
    for key in bare.GetMetaDataKeys():
        bare.EraseMetaData(key)
    size = bare.GetNumberOfPixels() * bare.GetSizeOfPixelComponent()
    if shutil.disk_usage(path.parent).free < 2 * size:  # asked beforehand because ITK complains in its own way
        raise OSError(errno.ENOSPC, FULL)
    try:
        sitk.WriteImage(bare, str(plain), useCompression=False)
    except RuntimeError as error:
        raise OSError(errno.ENOSPC, FULL) from error
    if plain.stat().st_size < size:
        raise OSError(errno.ENOSPC, FULL)  # ITK says nothing of what it could not write
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for portion in _packed(plain):
            digest.update(portion)
            target.write(portion)
        target.flush()
        os.fsync(target.fileno())
    plain.unlink()
    return digest.hexdigest()


def _packed(path: Path) -> Iterator[bytes]:
    packer = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, wbits=31)
    with path.open("rb") as source:
        while portion := source.read(_PORTION):
            yield packer.compress(portion)
    yield packer.flush()
