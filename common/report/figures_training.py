"""Figures of training: learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.report.drawing import FAINT, INK, MODEL_LINES, STYLE, as_svg

Epochs = Sequence[Mapping[str, Any]]


def learning_figure(epochs: Epochs, *, model: str, title: str) -> Markup:
    """Validation AUC and training loss by epoch, with the kept epoch of each stage."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.3, 3.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        steps = range(1, len(epochs) + 1)
        colour = MODEL_LINES[model]["color"] if model in MODEL_LINES else INK
        upper.plot(steps, [epoch["validation_auc"] for epoch in epochs], color=colour, linewidth=1.6)
        kept = {epoch["stage"]: (step, epoch) for step, epoch in zip(steps, epochs, strict=True) if epoch["best"]}
        for step, epoch in kept.values():
            upper.plot(step, epoch["validation_auc"], "o", color=colour, markersize=6)
        lower.plot(steps, [epoch["loss"] for epoch in epochs], color=colour, linewidth=1.6)
        for axes, label in ((upper, "Validation AUC"), (lower, "Training loss")):
            axes.set_ylabel(label)
            _stage_borders(axes, epochs)
        lower.set_xlabel("Epoch")
        lower.xaxis.get_major_locator().set_params(integer=True)
        figure.align_ylabels()
        return as_svg(figure, f"figure-learning-{model}", title)


def _stage_borders(axes: Axes, epochs: Epochs) -> None:
    for step, (before, after) in enumerate(pairwise(epochs), start=1):
        if before["stage"] != after["stage"]:
            axes.axvline(step + 0.5, color=FAINT, linewidth=1, zorder=0)
