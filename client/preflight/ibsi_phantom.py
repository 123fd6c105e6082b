"""The IBSI digital phantom, computed by the installed radiomics and compared with the consensus values."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from client.preflight.finding import Check, Item, Topic
from client.radiomics import extract_features, feature_names
from client.volumes import Volume
from common.study import Radiomics

FOLDER = Path(__file__).parent / "ibsi"
"""The phantom and its consensus values, CC BY 4.0; SOURCE.md beside them says whose."""
AREA = "Machine"

SETTINGS = Radiomics(
    bin_width=1,
    force_2d=False,
    log_sigmas_mm=(),
    image_types=("Original",),
    feature_classes=("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"),
)
DEVIATIONS = {
    "original_firstorder_Kurtosis": "PyRadiomics gives kurtosis, IBSI excess kurtosis: 3 more",
    "original_shape_LeastAxisLength": "PyRadiomics divides the covariance by N, IBSI by N - 1",
    "original_shape_MinorAxisLength": "PyRadiomics divides the covariance by N, IBSI by N - 1",
    "original_shape_Maximum3DDiameter": (
        "PyRadiomics measures between any two vertices of the mesh; two lie 10, 6 and 6 mm apart; "
        "11.7 mm is the largest distance within a slice"
    ),
}
"""Features that both define and PyRadiomics computes in another way, and in which."""


def phantom() -> Volume:
    """The digital phantom: grey levels and mask, 2 mm voxels."""
    content = json.loads((FOLDER / "digital_phantom.json").read_text("utf-8"))
    image = sitk.GetImageFromArray(np.array(content["image"], dtype=float))
    mask = sitk.GetImageFromArray(np.array(content["mask"], dtype=np.uint8))
    for one in (image, mask):
        one.SetSpacing(content["spacing_mm"])
    return Volume(image, mask)


def phantom_features() -> dict[str, float]:
    """Every feature of the phantom, by its PyRadiomics name."""
    return dict(zip(feature_names(SETTINGS), extract_features(phantom(), SETTINGS).values, strict=True))


def consensus() -> list[dict[str, str]]:
    """Rows of the consensus: feature, ibsi_tag, ibsi_name, consensus, value, tolerance."""
    with (FOLDER / "consensus.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def agrees(value: float, row: dict[str, str]) -> bool:
    """Within the tolerance, and where that is 0 within half of the third digit, which is what the table gives."""
    wanted = float(row["value"])
    digit = 0.5 * 10.0 ** (math.floor(math.log10(abs(wanted))) - 2)
    return abs(value - wanted) <= max(float(row["tolerance"]), digit)


def phantom_check() -> Check:
    """Whether this installation gives the known values: all but the known deviations agree, and these deviate."""
    topic, found, rows = Topic(AREA, "IBSI phantom"), phantom_features(), consensus()
    agreeing = {row["feature"] for row in rows if agrees(found[row["feature"]], row)}
    wrong = [row for row in rows if (row["feature"] in agreeing) == (row["feature"] in DEVIATIONS)]
    said = f"{len(agreeing)} of {len(rows)} features agree with the consensus, {len(DEVIATIONS)} deviate as is known"
    if not wrong:
        return topic.ok(said)
    items = [
        Item(f"{row['feature']} is {found[row['feature']]:.6g}, consensus {row['value']} within {row['tolerance']}")
        for row in wrong
    ]
    return topic.failed(
        f"{len(agreeing)} of {len(rows)} features agree with the consensus, {len(wrong)} others than is known deviate",
        "install pdl1es again with the tested versions; radiomics of this machine differ from those of other sites",
        items,
    )
