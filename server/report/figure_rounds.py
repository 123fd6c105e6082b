"""The training of a federation as a figure: losses and AUC by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.report.drawing import FAINT, GROUP_LINES, INK, MODEL_LINES, STYLE, as_svg

History = Sequence[Mapping[str, Any]]
PANELS = {"loss": "Training loss", "validation_loss": "Validation loss", "validation_auc": "Validation AUC"}


def shown_panels(history: History) -> list[str]:
    """Keys of the curves of which at least one number is known."""
    return [key for key in PANELS if any(one.get(key) is not None for one in history)]


def rounds_figure(history: History, *, best: int) -> Markup:
    """Curves by round, counted from 1, with the borders of the stages and the round whose weights were kept."""
    keys = shown_panels(history)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 1.55 * len(keys) + 0.5), layout="constrained")
        panels = figure.subplots(len(keys), 1, sharex=True, squeeze=False)[:, 0]
        for axes, key in zip(panels, keys, strict=True):
            _curve(axes, history, key, best, named=key == keys[0])
            axes.set_ylabel(PANELS[key])
        panels[-1].set_xlabel("Round")
        panels[-1].xaxis.get_major_locator().set_params(integer=True)
        figure.align_ylabels()
        return as_svg(figure, "figure-rounds", "Losses and validation AUC by round of training")


def _curve(axes: Axes, history: History, key: str, best: int, *, named: bool) -> None:
    known = [(one["round"] + 1, one[key]) for one in history if one.get(key) is not None]
    axes.plot(*zip(*known, strict=True), ".-", color=MODEL_LINES["pdl1es"]["color"], linewidth=1.6, markersize=4)
    for before, after in pairwise(history):
        if before["stage"] != after["stage"]:
            axes.axvline(after["round"] + 0.5, color=FAINT, linewidth=1, zorder=0)
    kept = [point for point in known if point[0] == best + 1]
    if kept:
        axes.axvline(best + 1, color=GROUP_LINES["high"]["color"], linewidth=1, linestyle=(0, (4, 2)), zorder=0)
        axes.plot(*kept[0], "D", color=GROUP_LINES["high"]["color"], markersize=6)
    if kept and named:
        axes.text(best + 1, 1.03, "kept", transform=axes.get_xaxis_transform(), ha="center", color=INK)
