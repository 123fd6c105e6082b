"""The picture of an explanation, after the paper's Figure 5."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from client.explanation import Explanation, explain_patient
from client.picture_panels import Panel, panels
from client.scoring import Scored
from client.site import Site

DOTS_PER_INCH = 150
_INK = "#333a45"
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
}


def explain_patients(site: Site, scored: Scored, *, high: str, low: str) -> bytes:
    """PNG of two scored patients, of high and of low PD-L1ES, on common colour scales (paper, Figure 5B)."""
    return explanation_picture([explain_patient(site, scored, name) for name in (high, low)])


def explanation_picture(explanations: Sequence[Explanation]) -> bytes:
    """PNG of one patient in two rows, or of several, a row each, on common colour scales; it names nobody."""
    count = len(explanations)
    shape, size = ((2, 2), (8.4, 9.4)) if count == 1 else ((count, 4), (14.4, 3.5 * count + 1.1))
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        lines = figure.subplots(*shape, squeeze=False).reshape(count, 4)
        for column, panel in zip(lines.T, panels(explanations), strict=True):
            _draw(figure, list(column), panel, explanations)
        if count > 1:
            for line, explanation in zip(lines, explanations, strict=True):
                line[0].set_ylabel(in_words(explanation), fontsize=11)
        figure.suptitle(_heading(explanations), fontsize=11)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def in_words(explanation: Explanation) -> str:
    """The score, and on which side of the cut-off it is when there is one."""
    score = f"PD-L1ES {explanation.score:.2f}"
    return f"{explanation.group.capitalize()} {score}" if explanation.group else score


def _draw(figure: Figure, column: list[Axes], panel: Panel, explanations: Sequence[Explanation]) -> None:
    column[0].set_title(panel.title)
    for axes, explanation in zip(column, explanations, strict=True):
        panel.draw(axes, explanation, panel.colours)
    bar = figure.colorbar(
        panel.colours.mappable(), ax=column, location="bottom", extend=panel.extend, aspect=30, shrink=0.94, pad=0.02
    )
    bar.set_label(panel.meaning)
    bar.locator = MaxNLocator(5)
    bar.outline.set(edgecolor="#c9ced6", linewidth=0.8)


def _heading(explanations: Sequence[Explanation]) -> str:
    made = next((one.synthetic for one in explanations if one.synthetic), "")
    score = in_words(explanations[0]) if len(explanations) == 1 else ""
    return "    ".join(filter(None, (made, score)))
