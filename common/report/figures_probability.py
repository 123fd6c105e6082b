"""Figures of predicted probabilities: calibration and decision curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from common.report.drawing import FAINT, INK, MODEL_LINES, SOFT, STYLE, as_svg, unit_ticks
from common.report.words import MODEL_NAMES


def calibration_figure(part: Mapping[str, Any], *, model: str, division: str) -> Markup:
    """Observed shares of groups of similar prediction with their intervals, and the smooth curve."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.7, 3.7), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, label="Ideal")
        colour = MODEL_LINES[model]["color"]
        smooth = part["smooth"]
        axes.plot(smooth["predicted"], smooth["observed"], color=colour, linewidth=2, label="Smooth")
        for group in part["groups"]:
            middle = [group["predicted"]] * 2
            axes.plot(middle, [group["ci_low"], group["ci_high"]], color=INK, linewidth=1.2, zorder=3)
        points = [(group["predicted"], group["observed"]) for group in part["groups"]]
        axes.plot(*zip(*points, strict=True), "o", color=INK, markersize=5, label="Groups, 95% CI", zorder=4)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="Predicted", ylabel="Observed", aspect="equal")
        unit_ticks(axes)
        axes.legend(loc="upper left", handlelength=1.6, borderaxespad=0.2)
        title = f"Calibration of {MODEL_NAMES[model]}, {division} patients"
        return as_svg(figure, f"figure-calibration-{model}-{division}", title)


def decision_figure(part: Mapping[str, Any], *, division: str) -> Markup:
    """Net benefit of the models, of treating all and of treating none, by threshold probability."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.7, 3.5), layout="constrained")
        axes = figure.add_subplot()
        thresholds = part["thresholds"]
        axes.plot(thresholds, part["treat_all"], color=SOFT, linewidth=1.2, label="All positive")
        axes.plot(
            thresholds, part["treat_none"], color=INK, linewidth=1.2, linestyle=(0, (6, 3)), label="Nobody positive"
        )
        for model, name in MODEL_NAMES.items():
            if model in part["models"]:
                axes.plot(thresholds, part["models"][model], label=name, **MODEL_LINES[model])
        highest = max(max(part["treat_all"]), *(max(curve) for curve in part["models"].values()))
        axes.set(ylim=(-0.25 * max(highest, 0.02), 1.1 * max(highest, 0.02)), xlabel="Threshold", ylabel="Net benefit")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(loc="upper right", handlelength=1.9, borderaxespad=0.2)
        return as_svg(figure, f"figure-decision-{division}", f"Decision curves, {division} patients")
