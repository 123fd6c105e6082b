"""A tumour's largest slice at a fixed size, as a montage shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from client.volumes import Volume

EDGE_PIXELS = 160
CONTEXT_MM = 30.0
"""What is shown of the CT on each side of the tumour."""
LEAST_MM = 90.0
"""Edge of the smallest square that is shown."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """uint8 (y, x) grey levels and the tumour's outline as packed bits; the patient's front is at the top."""

    grey: np.ndarray
    outline: bytes

    def outline_pixels(self) -> np.ndarray:
        """The outline, bool (y, x)."""
        bits = np.unpackbits(np.frombuffer(self.outline, dtype=np.uint8), count=self.grey.size)
        return bits.reshape(self.grey.shape).astype(bool)


def thumbnail(volume: Volume, *, window_hu: tuple[float, float]) -> Thumbnail:
    """The slice in which the tumour is largest, in a square around it, black where the CT ends."""
    tumour = sitk.GetArrayViewFromImage(volume.mask)
    place = int(np.argmax(np.count_nonzero(tumour, axis=(1, 2))))
    hounsfield = sitk.GetArrayViewFromImage(volume.image)[place].astype(np.float32)
    marked = tumour[place].astype(bool)
    rows, columns = _sampled(marked, volume.image.GetSpacing())
    low, high = window_hu
    grey = np.clip((_at(hounsfield, rows, columns, outside=low) - low) / (high - low), 0, 1)
    inside = _at(marked.astype(np.float32), rows, columns, outside=0) >= 0.5
    outline = inside & ~ndimage.binary_erosion(inside)
    direction = volume.image.GetDirection()
    turn = (slice(None, None, -1 if direction[4] < 0 else 1), slice(None, None, -1 if direction[0] < 0 else 1))
    return Thumbnail((grey * 255).astype(np.uint8)[turn], np.packbits(outline[turn]).tobytes())


def _sampled(marked: np.ndarray, spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the slice, in voxels, at which the thumbnail's pixels lie."""
    places = np.nonzero(marked)
    middles = [(int(one.min()) + int(one.max())) / 2 for one in places]
    widths = [(int(np.ptp(one)) + 1) * step for one, step in zip(places, (spacing[1], spacing[0]), strict=True)]
    edge = max(*widths, LEAST_MM - 2 * CONTEXT_MM) + 2 * CONTEXT_MM
    offsets = ((np.arange(EDGE_PIXELS) + 0.5) / EDGE_PIXELS - 0.5) * edge
    return middles[0] + offsets / spacing[1], middles[1] + offsets / spacing[0]


def _at(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, *, outside: float) -> np.ndarray:
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    sampled: np.ndarray = ndimage.map_coordinates(values, places, order=1, mode="constant", cval=outside)
    return sampled
