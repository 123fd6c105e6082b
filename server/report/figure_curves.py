"""Survival curves from binned counts: known at the edges of intervals, a straight line in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.report.drawing import FAINT, GROUP_LINES, INK, SHARES, STYLE, as_svg

Curves = Mapping[str, Mapping[str, Any]]
COLUMNS = 6


def drawn(curves: Curves) -> dict[str, float]:
    """Groups of which a curve can be drawn, and until which day.

    The last interval is open-ended and holds whoever is left; a curve of no other interval is none.
    """
    there = {group: curves[group]["days"] for group in GROUP_LINES if group in curves}
    return {group: days[-2] for group, days in there.items() if len(days) > 2}


def binned_figure(curves: Curves, *, title: str) -> Markup:
    """Curves of `high` and `low`, or of the one that is there, with 95% bands and numbers at risk below."""
    ends = drawn(curves)
    end = max(ends.values())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.1), layout="constrained")
        axes, table = figure.subplots(2, 1, height_ratios=(6, 1), sharex=True)
        for group, last in ends.items():
            _curve(axes, curves[group], group, last)
        axes.set(xlim=(-0.02 * end, 1.02 * end), ylim=(0, 1.02), ylabel="Progression-free", xlabel="Days")
        axes.set_yticks(SHARES, ["0%", "25%", "50%", "75%", "100%"])
        axes.axhline(0.5, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        axes.legend(loc="upper right", borderaxespad=0.2)
        axes.tick_params(labelbottom=True)
        _numbers_at_risk(table, curves, ends)
        return as_svg(figure, "figure-survival-curves", title)


def _curve(axes: Axes, curve: Mapping[str, Any], group: str, end: float) -> None:
    there = [place for place, day in enumerate(curve["days"]) if day <= end]
    days, survival, low, high = (
        [curve[key][place] for place in there] for key in ("days", "survival", "ci_low", "ci_high")
    )
    line = GROUP_LINES[group]
    axes.plot(days, survival, marker=".", markersize=5, label=group.capitalize(), **line)
    axes.fill_between(days, low, high, color=line["color"], alpha=0.13, linewidth=0)


def _numbers_at_risk(axes: Axes, curves: Curves, ends: Mapping[str, float]) -> None:
    days = _columns(curves, ends)
    rows = list(ends)[::-1]
    axes.set(ylim=(-0.6, len(rows) - 0.4), title="Number at risk")
    axes.set_yticks(range(len(rows)), [group.capitalize() for group in rows])
    axes.title.set(fontsize=9.5, ha="left", x=0)
    axes.set_xticks(days)
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=9)
    axes.spines[:].set_visible(False)
    for height, group in enumerate(rows):
        told = [day for day in days if day <= ends[group]]
        numbers = np.interp(told, curves[group]["days"], curves[group]["at_risk"])
        for day, number in zip(told, numbers, strict=True):
            axes.text(day, height, f"{number:.0f}", ha="center", va="center", color=INK)


def _columns(curves: Curves, ends: Mapping[str, float]) -> list[float]:
    """Edges of intervals, not closer than labels need."""
    end = max(ends.values())
    columns: list[float] = []
    for edge in sorted({day for group in ends for day in curves[group]["days"] if day <= end}):
        if not columns or edge - columns[-1] >= end / COLUMNS:
            columns.append(float(edge))
    return columns
