"""Figures of survival: Kaplan-Meier curves with numbers at risk, and the search of a cut-off."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.report.drawing import FAINT, GROUP_LINES, INK, SHARES, STYLE, as_svg


def survival_figure(curves: Mapping[str, Any], *, name: str, title: str) -> Markup:
    """Kaplan-Meier curves of the low and the high group with their 95% bands and the numbers at risk."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.8, 3.9), layout="constrained")
        axes, table = figure.subplots(2, 1, height_ratios=(6, 1), sharex=True)
        for group, line in GROUP_LINES.items():
            _curve(axes, curves[group], line, group.capitalize())
        axes.set(ylim=(0, 1.02), ylabel="Progression-free")
        axes.set_yticks(SHARES, ["0%", "25%", "50%", "75%", "100%"])
        axes.axhline(0.5, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        axes.legend(loc="upper right", borderaxespad=0.2)
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Days")
        _numbers_at_risk(table, curves)
        return as_svg(figure, f"figure-survival-{name}", title)


def search_figure(search: Mapping[str, Any], *, cutoff: float, name: str, title: str) -> Markup:
    """The log-rank statistic at each cut-off that was tried; the chosen one is marked."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.3, 2.9), layout="constrained")
        axes = figure.add_subplot()
        cutoffs, statistics = search["cutoffs"], search["statistics"]
        axes.plot(cutoffs, statistics, ".-", color=GROUP_LINES["low"]["color"], linewidth=1.2, markersize=4)
        chosen = min(range(len(cutoffs)), key=lambda place: abs(cutoffs[place] - cutoff))
        axes.axvline(cutoff, color=GROUP_LINES["high"]["color"], linewidth=1.2, linestyle=(0, (5, 2)), zorder=0)
        axes.plot(cutoffs[chosen], statistics[chosen], "D", color=GROUP_LINES["high"]["color"], markersize=7)
        axes.annotate(
            f"chosen: {cutoff:.3g}",
            (cutoffs[chosen], statistics[chosen]),
            xytext=(8, 5) if cutoff < (min(cutoffs) + max(cutoffs)) / 2 else (-8, 5),
            textcoords="offset points",
            ha="left" if cutoff < (min(cutoffs) + max(cutoffs)) / 2 else "right",
            color=INK,
        )
        axes.set(ylim=(0, 1.18 * max(statistics)), xlabel="Cut-off", ylabel="Log-rank statistic")
        return as_svg(figure, f"figure-search-{name}", title)


def _curve(axes: Axes, curve: Mapping[str, Any], line: Mapping[str, Any], label: str) -> None:
    days, survival = curve["days"], curve["survival"]
    axes.step(days, survival, where="post", label=label, **line)
    band = {"color": line["color"], "alpha": 0.13, "linewidth": 0}
    low, high = (
        [height if value is None else value for value, height in zip(curve[end], survival, strict=True)]
        for end in ("ci_low", "ci_high")
    )
    axes.fill_between(days, low, high, step="post", **band)
    heights = [survival[max(bisect_right(days, censored) - 1, 0)] for censored in curve["censored_days"]]
    axes.plot(curve["censored_days"], heights, "|", color=line["color"], markersize=6, markeredgewidth=1)


def _numbers_at_risk(axes: Axes, curves: Mapping[str, Any]) -> None:
    axes.set(ylim=(-0.6, 1.6), yticks=[1, 0], yticklabels=["Low", "High"], title="Number at risk")
    axes.title.set(fontsize=9.5, ha="left", x=0)
    axes.set_xticks(curves["at_risk_days"])
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    for height, group in ((1, "low"), (0, "high")):
        for day, count in zip(curves["at_risk_days"], curves[group]["at_risk"], strict=True):
            axes.text(day, height, str(count), ha="center", va="center", color=INK)
