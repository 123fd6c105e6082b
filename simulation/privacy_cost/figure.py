"""Accuracy and attack against epsilon, both modes beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.report.drawing import FAINT, GROUP_LINES, STYLE, as_svg

MODES = {"head": "private head on a frozen trunk", "full": "whole network"}
_LINES = dict(zip(MODES, GROUP_LINES.values(), strict=True))
ATTACK = "likelihood ratio"
Settings = Sequence[Mapping[str, Any]]


def privacy_figure(settings: Settings, *, name: str = "figure-privacy") -> Markup:
    """Test AUC above, AUC of the likelihood-ratio attack below; bars are standard deviations over models."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.2, 5.2), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        for mode, words in MODES.items():
            rows = [one for one in settings if one["mode"] == mode]
            _line(upper, [one["test_auc"] for one in rows], mode, words)
            _line(lower, [one["attacks"][ATTACK] for one in rows], mode, words)
        for axes, label in ((upper, "Test AUC"), (lower, "Attack AUC")):
            axes.axhline(0.5, color=FAINT, linewidth=1, zorder=0)
            axes.set_ylabel(label)
        rows = [one for one in settings if one["mode"] == "head"]
        lower.set_xticks(range(len(rows)), [_epsilon(one["epsilon"]) for one in rows])
        lower.set_xlabel("epsilon")
        upper.legend(loc="lower right")
        title = "Test AUC and AUC of a membership attack against epsilon, for both modes"
        return as_svg(figure, name, title)


def _line(axes: Axes, found: Sequence[Mapping[str, Any]], mode: str, words: str) -> None:
    shift = {"head": -0.04, "full": 0.04}[mode]
    places = [place + shift for place in range(len(found))]
    means, bars = ([one[key] for one in found] for key in ("mean", "standard_deviation"))
    axes.errorbar(places, means, yerr=bars, marker="o", markersize=5, capsize=3, label=words, **_LINES[mode])


def _epsilon(epsilon: float | None) -> str:
    return "none" if epsilon is None else f"{epsilon:g}"
