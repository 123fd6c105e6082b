"""What a worker reads of a file that may name a patient; nothing heavier is imported than that needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.preflight.image_headers import header_texts
from client.preflight.private_text import holds_day, holds_person
from client.volume_files import SUFFIXES
from common.errors import DataError


@dataclass(frozen=True)
class Naming:
    """What one file tells of a patient: `dicom` for tags of a DICOM file, `text` for a header; no values."""

    path: Path
    kind: str
    sure: tuple[str, ...]
    perhaps: tuple[str, ...]


def name_patients(paths: tuple[Path, ...]) -> tuple[Naming, ...]:
    """What these files tell of patients; files that tell nothing are left out, a DICOM file never is."""
    return tuple(one for path in paths if (one := _naming(path)) is not None)


def _naming(path: Path) -> Naming | None:
    if path.name.lower().endswith(SUFFIXES):
        texts = header_texts(path)
        sure = tuple(name for name, text in texts.items() if holds_person(text) or name == "DICOM header")
        perhaps = tuple(name for name, text in texts.items() if name not in sure and holds_day(text))
        return Naming(path, "text", sure, perhaps) if sure or perhaps else None
    # the command starts without pydicom, and a folder of NIfTI needs none
    from client.dicom import identifying, is_dicom

    if not is_dicom(path):
        return None
    try:
        return Naming(path, "dicom", identifying(path), ())
    except DataError as error:
        return Naming(path, "dicom", (), (str(error).removeprefix(f"{path}: "),))
