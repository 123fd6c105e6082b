"""The digital phantom of the Image Biomarker Standardisation Initiative, and the table of docs/radiomics.md."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from phantoms import volume_of

from client.radiomics import extract_features, feature_names
from common.study import Radiomics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "reference"
PAGE = ROOT / "docs" / "radiomics.md"
BEGIN, END = "<!-- table from tests/client/test_radiomics_ibsi.py -->\n", "<!-- end of table -->\n"

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


def phantom_features() -> dict[str, float]:
    content = json.loads((REFERENCE / "ibsi_digital_phantom.json").read_text())
    image, mask = np.array(content["image"], dtype=float), np.array(content["mask"])
    features = extract_features(volume_of(image, mask, tuple(content["spacing_mm"])), SETTINGS)
    return dict(zip(feature_names(SETTINGS), features.values, strict=True))


def consensus() -> list[dict[str, str]]:
    with (REFERENCE / "ibsi_digital_phantom.csv").open() as file:
        return list(csv.DictReader(file))


def agrees(value: float, row: dict[str, str]) -> bool:
    """Within the tolerance, and where that is 0 within half of the third digit, which is what the table gives."""
    wanted = float(row["value"])
    digit = 0.5 * 10 ** (math.floor(math.log10(abs(wanted))) - 2)
    return abs(value - wanted) <= max(float(row["tolerance"]), digit)


def table() -> str:
    """The Markdown between the two marks of the page."""
    found, rows = phantom_features(), consensus()
    agreeing = [row for row in rows if agrees(found[row["feature"]], row)]
    lines = [
        f"{len(agreeing)} of the {len(rows)} features that both define agree with the consensus value.",
        "",
        "| class | features | agree |",
        "| --- | --: | --: |",
    ]
    for kind in SETTINGS.feature_classes:
        both = [sum(row["feature"].split("_")[1] == kind for row in some) for some in (rows, agreeing)]
        lines.append(f"| {kind} | {both[0]} | {both[1]} |")
    lines += [
        "",
        "Known deviations:",
        "",
        "| feature | here | IBSI | tolerance | why |",
        "| --- | --: | --: | --: | --- |",
    ]
    lines += [
        f"| `{row['feature']}` | {found[row['feature']]:.4g} | {row['value']} | {row['tolerance']} | "
        f"{DEVIATIONS[row['feature']]} |"
        for row in rows
        if row not in agreeing
    ]
    others = ", ".join(f"`{name}`" for name in found if name not in {row["feature"] for row in rows})
    return "\n".join([*lines, "", f"Not in IBSI: {others}.", ""])


@pytest.mark.parametrize("row", consensus(), ids=lambda row: row["feature"])
def test_agreement_with_the_consensus(row: dict[str, str]) -> None:
    value = FOUND[row["feature"]]
    assert agrees(value, row) == (row["feature"] not in DEVIATIONS)


def test_kurtosis_differs_by_exactly_three() -> None:
    row = next(row for row in consensus() if row["feature"] == "original_firstorder_Kurtosis")
    assert agrees(FOUND["original_firstorder_Kurtosis"] - 3, row)


def test_axis_lengths_agree_with_the_other_divisor() -> None:
    voxels = np.array(json.loads((REFERENCE / "ibsi_digital_phantom.json").read_text())["mask"]).sum()
    for row in consensus():
        if row["feature"].endswith(("MinorAxisLength", "LeastAxisLength", "MajorAxisLength")):
            assert agrees(FOUND[row["feature"]] * math.sqrt(voxels / (voxels - 1)), row)


def test_the_page_shows_what_is_measured() -> None:
    text = PAGE.read_text()
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == table()


FOUND = phantom_features()

if __name__ == "__main__":
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.split(END)[1])
