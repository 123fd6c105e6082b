"""The digital phantom of the Image Biomarker Standardisation Initiative, and the table of docs/radiomics.md."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from client.preflight.ibsi_phantom import DEVIATIONS, SETTINGS, agrees, consensus, phantom, phantom_features

PAGE = Path(__file__).parents[2] / "docs" / "radiomics.md"
BEGIN, END = "<!-- table from tests/client/test_radiomics_ibsi.py -->\n", "<!-- end of table -->\n"


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
    voxels = np.count_nonzero(sitk.GetArrayViewFromImage(phantom().mask))
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
