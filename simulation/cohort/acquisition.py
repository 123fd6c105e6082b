"""How a CT was taken: manufacturer, kernel, tube current, voxel size; and the noise that follows from these."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from simulation.cohort.fields import Volume

MANUFACTURERS = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "TOSHIBA")
MANUFACTURER_SHARES = (0.45, 0.25, 0.20, 0.10)
NOISE_WIDTH_MM = {"SIEMENS": 0.40, "GE MEDICAL SYSTEMS": 0.45, "Philips": 0.50, "TOSHIBA": 0.55}
"""Width of the noise grain (SD of its Gaussian) under the sharp kernel, in mm."""
SHARP_KERNEL = "60f"
SOFT_KERNEL = "30f"
SOFT_BLUR_MM = 0.9
"""Blur of an excluded, soft kernel (SD of its Gaussian), which image and noise grain share."""
SOFT_NOISE = 0.5
"""Noise of a soft kernel relative to the sharp one."""
REFERENCE_NOISE_HU = 20.0
REFERENCE_CURRENT_MA = 290.0
"""Noise has its reference SD at this tube current, the paper's median."""
CURRENT_SPREAD = 0.35
"""SD of the logarithm of the tube current."""
CURRENT_LIMITS_MA = (80, 640)
SPACING_LIMITS_MM = (0.60, 0.90)
THICKNESSES_MM = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
THICKNESS_SHARES = (0.10, 0.10, 0.10, 0.15, 0.15, 0.40)


@dataclass(frozen=True)
class Acquisition:
    """One CT acquisition; nothing here knows the patient's class."""

    manufacturer: str
    kernel: str
    tube_current_ma: int
    spacing_mm: float
    """In-plane distance of voxels."""
    slice_thickness_mm: float
    """Thickness and distance of slices."""
    soft: bool
    """Taken with an excluded kernel."""


@dataclass(frozen=True)
class Scanners:
    """What a site scans with; left as it is, what the whole cohort was scanned with."""

    manufacturers: tuple[float, ...] = MANUFACTURER_SHARES
    """Shares of MANUFACTURERS."""
    thicknesses: tuple[float, ...] = THICKNESS_SHARES
    """Shares of THICKNESSES_MM."""
    current_factor: float = 1.0
    """Median tube current relative to the cohort's."""


def draw_acquisition(
    rng: np.random.Generator, *, soft_kernel: str | None, scanners: Scanners = Scanners()
) -> Acquisition:
    """An acquisition at random; `soft_kernel` names the excluded kernel, None means the sharp one."""
    current = REFERENCE_CURRENT_MA * math.exp(CURRENT_SPREAD * rng.standard_normal()) * scanners.current_factor
    return Acquisition(
        manufacturer=str(rng.choice(MANUFACTURERS, p=scanners.manufacturers)),
        kernel=soft_kernel or SHARP_KERNEL,
        tube_current_ma=round(min(max(current, CURRENT_LIMITS_MA[0]), CURRENT_LIMITS_MA[1])),
        spacing_mm=round(float(rng.uniform(*SPACING_LIMITS_MM)), 3),
        slice_thickness_mm=float(rng.choice(THICKNESSES_MM, p=scanners.thicknesses)),
        soft=soft_kernel is not None,
    )


def noise_sd(acquisition: Acquisition) -> float:
    """SD of the noise in HU: quanta counted grow with the tube current, so it falls with its square root."""
    sd = REFERENCE_NOISE_HU * math.sqrt(REFERENCE_CURRENT_MA / acquisition.tube_current_ma)
    return sd * SOFT_NOISE if acquisition.soft else sd


def gaussian_kernel(width: float) -> NDArray[np.float32]:
    """Weights of a Gaussian of the given SD in pixels, with sum 1."""
    radius = max(1, math.ceil(3 * width))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2)
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def blurred_in_plane(volume: Volume, kernel: NDArray[np.float32]) -> Volume:
    """Slices (z, y, x) convolved with the same kernel along y and x."""
    rows = correlate1d(volume, kernel, axis=1, mode="reflect")
    return np.asarray(correlate1d(rows, kernel, axis=2, mode="reflect"), dtype=np.float32)


def draw_noise(shape: tuple[int, int, int], acquisition: Acquisition, rng: np.random.Generator) -> Volume:
    """Noise in HU (z, y, x): independent slices, in-plane grain by manufacturer and kernel, SD by tube current."""
    width_mm = NOISE_WIDTH_MM[acquisition.manufacturer] + (SOFT_BLUR_MM if acquisition.soft else 0.0)
    kernel = gaussian_kernel(width_mm / acquisition.spacing_mm)
    grain = blurred_in_plane(rng.standard_normal(shape, dtype=np.float32), kernel)
    # A sum of independent values has the summed squares of its weights as variance, once for each axis.
    return np.asarray(grain * np.float32(noise_sd(acquisition) / float(kernel @ kernel)), dtype=np.float32)
