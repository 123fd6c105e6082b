"""A patient's tumour with what the signature finds in it (paper, Visualization, Figure 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from client.activation import field_maps, on_box, on_patch
from client.contributions import Contributions, contributions
from client.patches import Box, tumour_box
from client.resampling import resample
from client.scoring import Scored
from client.site import Site
from client.slice_canvas import canvas_around
from client.synthetic import is_synthetic
from client.texture_maps import SHOWN_FEATURES, TextureMap, texture_map
from client.volumes import read_volume


@dataclass(frozen=True)
class Explanation:
    """The slice of largest tumour area, turned for display, and what the signature makes of it.

    All arrays are (y, x) on one grid of `pixel_mm` (y, x); `box` says where the network's patch lies in them.
    """

    synthetic_signature: bool
    synthetic_image: bool
    score: float
    cutoff: float | None
    window_hu: tuple[float, float]
    pixel_mm: tuple[float, float]
    box: Box
    hounsfield: np.ndarray
    tumour: np.ndarray
    """bool."""
    fields: np.ndarray
    """Log-odds that each field of the patch adds, float64 (rows, columns), as the network tells them apart."""
    activation: np.ndarray
    """The fields spread over the slice, NaN outside the box."""
    textures: tuple[TextureMap, ...]
    contributions: Contributions

    @property
    def synthetic(self) -> str:
        """What was made with patients that never lived, in words; empty when nothing was."""
        if self.synthetic_image:
            return "SYNTHETIC images"
        return "SYNTHETIC signature" if self.synthetic_signature else ""

    @property
    def group(self) -> str | None:
        """high or low PD-L1ES by the signature's cut-off; None when it has none."""
        return None if self.cutoff is None else "high" if self.score > self.cutoff else "low"


def explain_patient(site: Site, scored: Scored, patient_id: str) -> Explanation:
    """Explain the score of a patient who was scored, on the slice of largest tumour area; ValueError for another."""
    sealed, row = scored.signature.description, scored.patients.iloc[scored.place(patient_id)]
    image, mask = site.folder / row["image"], site.folder / row["mask"]
    whole = read_volume(image, mask)
    volume = resample(whole, sealed.settings.resampling)
    marked = sitk.GetArrayViewFromImage(volume.mask)
    box = tumour_box(marked, margin=sealed.settings.patches.margin_pixels)
    canvas = canvas_around(whole, volume, box)
    fields, shares = _network_sees(scored, patient_id)
    activation = np.full(marked.shape[1:], np.nan)
    patch = on_patch(fields, size=sealed.settings.patches.size_pixels)
    activation[box.top : box.bottom, box.left : box.right] = on_box(patch, box)
    across, down, _ = volume.image.GetSpacing()
    textures = [texture_map(volume, name, sealed.settings.radiomics, slice_number=box.slice) for name in SHOWN_FEATURES]
    return Explanation(
        synthetic_signature=sealed.synthetic,
        synthetic_image=is_synthetic(image),
        score=float(scored.scores[scored.place(patient_id)]),
        cutoff=sealed.cutoff,
        window_hu=sealed.settings.patches.window_hu,
        pixel_mm=(down, across),
        box=canvas.place_box(box),
        hounsfield=canvas.displayed(canvas.hounsfield),
        tumour=canvas.place(marked[box.slice] != 0) == 1,
        fields=fields,
        activation=canvas.place(activation),
        textures=tuple(
            one if one.values is None else replace(one, values=canvas.place(one.values)) for one in textures
        ),
        contributions=shares,
    )


def _network_sees(scored: Scored, patient_id: str) -> tuple[np.ndarray, Contributions]:
    """Fields and contributions of the slice of largest area, in full precision."""
    network, description = scored.signature.network, scored.signature.description
    sample = scored.samples.take([scored.place(patient_id)]).to(scored.signature.device)
    # of three slices the largest is the middle one
    patch, values = sample.patches[:, sample.patches.shape[1] // 2], sample.values(description.parts())
    names = (*description.radiomic_features, *description.clinical_variables)
    return field_maps(network, patch, values)[0], contributions(network, patch, values, names)
