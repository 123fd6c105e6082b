"""Files changed at random: whatever comes, a patient is converted, refused in one line or ignored with a reason."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import ball_contours, ball_mask, write_ct_series, write_enhanced_ct, write_rtstruct, write_seg
from phantoms import SHARED
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from client.dicom import DicomError, convert, fingerprint, identifying, read_tree

TRIES, LONG_TRIES = 150, int(os.environ.get("PDL1ES_FUZZ_TRIES", "10000"))
ODD_VALUES = ("", "0", "-1", "1e300", "nan", "65535", "9" * 40, "\\\\", "A\\B\\C", "\x00", "ä", "1.2.3")


def flip(content: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.choice((1, 4, 32))):
        content[dice.randrange(len(content))] = dice.randrange(256)
    return content


def flip_head(content: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.choice((1, 4, 16))):
        content[dice.randrange(128, min(2000, len(content)))] = dice.randrange(256)
    return content


def cut(content: bytearray, dice: random.Random) -> bytearray:
    return content[: dice.randrange(len(content))]


def drop(content: bytearray, dice: random.Random) -> bytearray:
    start = dice.randrange(len(content))
    del content[start : start + dice.choice((1, 2, 8, 100))]
    return content


def double(content: bytearray, dice: random.Random) -> bytearray:
    start = dice.randrange(len(content))
    return content[:start] + content[start : start + dice.choice((1, 8, 200))] + content[start:]


def spoil_tags(path: Path, dice: random.Random) -> None:
    """Delete, swap or replace values of an intact file, in sequences too."""
    data = pydicom.dcmread(path)
    for _ in range(dice.choice((1, 2, 5))):
        element = dice.choice(list(data.iterall()))
        place = next((one for one in [data, *_datasets(data)] if one.get(element.tag) is element), data)
        action = dice.randrange(3)
        if action == 0 and element.tag in place:
            del place[element.tag]
        elif action == 1 and element.VR not in ("SQ", "OW", "OB"):
            element._value = _odd(element.VR, dice)
        elif element.VR not in ("SQ", "OW", "OB"):
            other = dice.choice(list(data.iterall()))
            if other.VR == element.VR:
                element._value = other._value
    data.save_as(path)


def _odd(value_type: str, dice: random.Random) -> object:
    if value_type in ("US", "UL", "SS", "UV"):
        return dice.choice((0, 1, 7, 32767))
    if value_type in ("FD", "FL"):
        return dice.choice((float("nan"), float("inf"), 0.0, -1e300))
    return dice.choice(ODD_VALUES)


def _datasets(data: pydicom.Dataset) -> list[pydicom.Dataset]:
    below = [item for element in data if element.VR == "SQ" for item in element.value]
    return below + [deeper for item in below for deeper in _datasets(item)]


BYTE_CHANGES: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (flip, flip_head, cut, drop, double)


def patients(root: Path) -> list[Path]:
    """Small intact patients of every kind that is read, each a folder."""
    syntaxes = (None, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1, RLELossless)
    for index, syntax in enumerate(syntaxes):
        folder, options = root / f"rt{index}", {} if syntax is None else {"transfer_syntax": syntax}
        series = write_ct_series(folder / "ct", size=(8, 8, 4), **options)  # type: ignore[arg-type]
        write_rtstruct(folder / "rs.dcm", series, {"GTV": ball_contours(series, radius_mm=3, points=8)})
    for kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
        series = write_ct_series(root / kind / "ct", size=(8, 8, 4))
        write_seg(root / kind / "seg.dcm", series, {"GTV": ball_mask(series, radius_mm=3)}, kind=kind)  # type: ignore[arg-type]
    for legacy in (False, True):
        folder = root / f"enhanced{legacy}"
        path = write_enhanced_ct(folder / "ct.dcm", write_ct_series(root / "x", size=(8, 8, 4)), legacy=legacy)
        data = pydicom.dcmread(path)
        series = write_ct_series(root / "x", size=(8, 8, 4), frame_of_reference_uid=data.FrameOfReferenceUID)
        contours = {"GTV": ball_contours(series, radius_mm=3, points=8)}
        write_rtstruct(folder / "rs.dcm", series, contours, references="none")
    folders = [path for path in sorted(root.iterdir()) if path.name != "x"]
    real = SHARED / "lung_dicom" / "pat_2" / "DCM_RS_00041.dcm"
    if real.exists():
        (root / "real").mkdir()
        for path in [*sorted(real.parent.glob("*.dcm"))[15:32], real]:
            (root / "real" / path.name).write_bytes(path.read_bytes())
        folders.append(root / "real")
    return folders


def outcome(folder: Path) -> str:
    """What is made of a folder; any error but DicomError leaves the test."""
    tree = read_tree(folder, jobs=1)
    assert all(one.reason and "\n" not in one.reason for one in tree.ignored)
    results = []
    for files in tree.patients.values():
        try:
            fingerprint(files)
            converted = convert(files, roi=None)
            assert np.isfinite(converted.volume.image.GetSpacing()).all()
            texts = (*converted.acquisition.values(), converted.roi, *converted.notes)
            assert all(text.isprintable() and "Doe" not in text for text in texts)
            results.append("converted")
        except DicomError as error:
            assert error.reason and "\n" not in error.reason and "Doe" not in error.reason
            results.append("refused")
    return ", ".join(results) or "ignored"


def fuzz(root: Path, *, tries: int, seed: int) -> dict[str, int]:
    """Change one file of one patient a try; how often which outcome came."""
    dice, counts = random.Random(seed), dict[str, int]()
    folders = patients(root)
    assert {outcome(folder) for folder in folders} == {"converted"}
    for _ in range(tries):
        folder = dice.choice(folders)
        path = dice.choice([*folder.rglob("*.dcm"), *folder.glob("*.dcm"), *folder.glob("rs*"), *folder.glob("*RS*")])
        before = path.read_bytes()
        if dice.random() < 0.4:
            try:
                spoil_tags(path, dice)
            except Exception:  # the writer refuses what was put in
                path.write_bytes(before)
                continue
        else:
            path.write_bytes(dice.choice(BYTE_CHANGES)(bytearray(before), dice))
        found = outcome(folder)
        counts[found] = counts.get(found, 0) + 1
        try:
            identifying(path)
        except DicomError:
            counts["no DICOM left"] = counts.get("no DICOM left", 0) + 1
        path.write_bytes(before)
    return counts


def test_changed_files_are_converted_refused_or_ignored(tmp_path: Path) -> None:
    counts = fuzz(tmp_path, tries=TRIES, seed=1)
    assert counts["refused"] > TRIES / 10 and counts["converted"] > TRIES / 10


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_changed_files_are_converted_refused_or_ignored(tmp_path: Path) -> None:
    counts = fuzz(tmp_path, tries=LONG_TRIES, seed=2)
    print(counts)
    assert sum(counts.values()) > 0.8 * LONG_TRIES
