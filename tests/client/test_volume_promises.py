"""Gzipped volumes: unzipped once when their checksum vouches for every voxel, never trusted when it does not."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import tumour_volume, write_volume

from client import volumes
from client.volume_files import ImageError
from client.volume_promises import promised_content
from client.volumes import read_volume

HEADER_BYTES = 352


def voxels_of(image: sitk.Image) -> np.ndarray:
    voxels: np.ndarray = sitk.GetArrayFromImage(image)
    return voxels


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_whole_files_are_not_unzipped_a_second_time(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tumour_volume()
    files = write_volume(volume, tmp_path, "p", suffix)

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} is unzipped again")

    monkeypatch.setattr(volumes, "check_whole", refuse)
    read = read_volume(*files)
    assert np.array_equal(voxels_of(read.image), voxels_of(volume.image))
    assert np.array_equal(voxels_of(read.mask), voxels_of(volume.mask))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_no_changed_bit_changes_a_voxel_unnoticed(tmp_path: Path, suffix: str) -> None:
    volume = tumour_volume()
    image, mask = write_volume(volume, tmp_path, "p", suffix)
    whole, refused = image.read_bytes(), 0
    places = range(whole.index(b"\x1f\x8b"), len(whole), 199)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        image.write_bytes(changed)
        try:
            read = read_volume(image, mask)
        except ImageError:
            refused += 1
        else:
            assert np.array_equal(voxels_of(read.image), voxels_of(volume.image)), place
    assert refused > 0.9 * len(places)


def test_a_hole_before_an_honest_end_is_noticed(tmp_path: Path) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p")
    data = image.read_bytes()
    image.write_bytes(data[: len(data) // 2] + data[-8:])
    with pytest.raises(ImageError, match="compressed part ends too early"):
        read_volume(image, mask)


def in_two_parts(unzipped: bytes) -> bytes:
    return gzip.compress(unzipped[:9000]) + gzip.compress(unzipped[9000:])


def padded(unzipped: bytes) -> bytes:
    return gzip.compress(unzipped) + bytes(7)


def longer(unzipped: bytes) -> bytes:
    return gzip.compress(unzipped + b"more")


def extended(unzipped: bytes) -> bytes:
    header = bytearray(unzipped[:HEADER_BYTES])
    struct.pack_into("<f", header, 108, HEADER_BYTES + 64)
    header[348] = 1
    return gzip.compress(bytes(header) + struct.pack("<2i", 64, 6) + bytes(56) + unzipped[HEADER_BYTES:])


@pytest.mark.parametrize("form", [in_two_parts, padded, longer, extended])
def test_every_form_of_gzip_gives_the_same_voxels(tmp_path: Path, form: Callable[[bytes], bytes]) -> None:
    volume = tumour_volume()
    image, mask = write_volume(volume, tmp_path, "p")
    image.write_bytes(form(gzip.decompress(image.read_bytes())))
    assert np.array_equal(voxels_of(read_volume(image, mask).image), voxels_of(volume.image))


def test_rescaled_voxels_are_read_and_damage_to_them_is_noticed(tmp_path: Path) -> None:
    volume = tumour_volume()
    image, mask = write_volume(volume, tmp_path, "p")
    unzipped = bytearray(gzip.decompress(image.read_bytes()))
    struct.pack_into("<2f", unzipped, 112, 0.5, -100)
    data = gzip.compress(bytes(unzipped))
    image.write_bytes(data)
    assert np.allclose(voxels_of(read_volume(image, mask).image), voxels_of(volume.image) * 0.5 - 100)
    image.write_bytes(data[:-8] + b"\0" + data[-7:])
    with pytest.raises(ImageError, match="another checksum"):
        read_volume(image, mask)


def test_what_promises_nothing(tmp_path: Path) -> None:
    image, _ = write_volume(tumour_volume(), tmp_path, "p")
    unzipped = bytearray(gzip.decompress(image.read_bytes()))
    plain = tmp_path / "plain.nii"
    plain.write_bytes(unzipped)
    assert promised_content(image) is not None
    struct.pack_into("<h", unzipped, 42, 30000)
    image.write_bytes(gzip.compress(bytes(unzipped)))
    for path in (image, plain, tmp_path, tmp_path / "none.nii.gz"):
        assert promised_content(path) is None


def test_one_changed_voxel_breaks_the_promise(tmp_path: Path) -> None:
    image, _ = write_volume(tumour_volume(), tmp_path, "p")
    promise, voxels = promised_content(image), voxels_of(sitk.ReadImage(str(image)))
    assert promise is not None
    assert promise.kept_by(voxels)
    assert not promise.kept_by(voxels[1:])
    voxels[3, 4, 5] += 1
    assert not promise.kept_by(voxels)
