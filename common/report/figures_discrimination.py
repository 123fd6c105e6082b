"""Figures of discrimination: ROC curves, and estimates with their intervals one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, MultipleLocator

from common.report.drawing import FAINT, MODEL_LINES, STYLE, as_svg, unit_ticks
from common.report.words import CHANCE, MODEL_NAMES

Estimate = tuple[float, float, float]
MEASURED, PUBLISHED = ("#0072B2", "o"), ("#6b7280", "s")
RATIOS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class ForestRow:
    """A line of a forest plot: an estimate with low and high end for each series; None where there is none."""

    label: str
    estimates: tuple[Estimate | None, ...]


def roc_figure(curves: Mapping[str, Mapping[str, Any]], areas: Mapping[str, float], *, division: str) -> Markup:
    """ROC curves of the models on one division; `areas` are the AUCs of the legend."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.7, 3.7), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        for model, name in MODEL_NAMES.items():
            if model in curves:
                label = f"{name} {areas[model]:.2f}" if model in areas else name
                axes.plot(curves[model]["fpr"], curves[model]["tpr"], label=label, **MODEL_LINES[model])
        axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="1 - specificity", ylabel="Sensitivity", aspect="equal")
        unit_ticks(axes)
        if curves:
            axes.legend(loc="lower right", title="AUC", alignment="left", handlelength=1.9, borderaxespad=0.2)
        return as_svg(figure, f"figure-roc-{division}", f"ROC curves, {division} patients")


def forest_figure(
    rows: Sequence[ForestRow], *, name: str, title: str, series: Sequence[str] = (), ratios: bool = False
) -> Markup:
    """Estimates with their 95% intervals, a line a row; AUCs with a line at chance, or `ratios` with one at 1."""
    marks = (PUBLISHED, MEASURED) if len(series) == 2 else (MEASURED,)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, (0.34 + 0.06 * len(series)) * len(rows) + 0.8), layout="constrained")
        axes = figure.add_subplot()
        for height, row in enumerate(reversed(rows)):
            for place, estimate in enumerate(row.estimates):
                if estimate is not None:
                    _interval(axes, height + 0.15 * (len(row.estimates) - 1 - 2 * place), estimate, marks[place])
        axes.axvline(1 if ratios else CHANCE, color=FAINT, linewidth=0.9, linestyle=(0, (3, 2)), zorder=0)
        axes.set_yticks(range(len(rows)), [row.label for row in reversed(rows)])
        _scale(axes, ratios=ratios)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        if series:
            handles = [axes.plot([], [], marker, color=colour)[0] for colour, marker in marks]
            figure.legend(handles, list(series), loc="outside upper right", ncols=len(series))
        return as_svg(figure, f"figure-{name}", title)


def _scale(axes: Axes, *, ratios: bool) -> None:
    if not ratios:
        axes.xaxis.set_major_locator(MultipleLocator(0.2))
        return
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xticks([ratio for ratio in RATIOS if low <= ratio <= high])
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))


def _interval(axes: Axes, height: float, estimate: Estimate, mark: tuple[str, str]) -> None:
    (value, low, high), (colour, marker) = estimate, mark
    axes.plot([low, high], [height, height], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
    axes.plot(value, height, marker, color=colour, markersize=6.5, zorder=3)
