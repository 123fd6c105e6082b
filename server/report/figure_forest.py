"""Forest plots of sites: estimates with their intervals, weights as squares, combined ones as diamonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, MultipleLocator, NullLocator

from common.report.drawing import FAINT, GROUP_LINES, MODEL_LINES, SOFT, STYLE, as_svg
from common.report.words import CHANCE

Estimate = tuple[float, float, float]
OF_SITE, COMBINED = MODEL_LINES["pdl1es"]["color"], GROUP_LINES["high"]["color"]
WIDEST = (1 / 32, 32.0)
"""Hazard ratios beyond are cut off with an arrow."""
RATIOS = tuple(2.0**power for power in range(-5, 6))
MOST_TICKS = 6
LABEL_CHARACTERS = 22


@dataclass(frozen=True)
class ForestLine:
    """A line: an estimate with the ends of its interval, or None; the weight is a share of the combined estimate."""

    label: str
    estimate: Estimate | None
    weight: float | None = None
    combined: bool = False


def sites_forest(lines: Sequence[ForestLine], *, name: str, title: str, axis: str, ratios: bool = False) -> Markup:
    """Estimates one below the other, AUCs or hazard `ratios`; what a site did not tell is said in its place."""
    # site names and reasons are text, never formulas
    with matplotlib.rc_context(STYLE | {"text.parse_math": False}):
        figure = Figure(figsize=(4.4, 0.33 * len(lines) + 0.85), layout="constrained")
        axes = figure.add_subplot()
        limits = _scale(axes, [line.estimate for line in lines if line.estimate], ratios=ratios)
        for height, line in enumerate(reversed(lines)):
            _line(axes, height, line, limits)
        axes.axvline(1 if ratios else CHANCE, color=FAINT, linewidth=0.9, linestyle=(0, (3, 2)), zorder=0)
        axes.set_yticks(range(len(lines)), [_label(line.label) for line in reversed(lines)])
        axes.set(ylim=(-0.6, len(lines) - 0.4), xlabel=axis)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        return as_svg(figure, f"figure-{name}", title)


def _scale(axes: Axes, estimates: Sequence[Estimate], *, ratios: bool) -> Estimate:
    """Set the axis; its lower and upper limit and its middle, where text may stand."""
    lows, highs = [one[1] for one in estimates], [one[2] for one in estimates]
    if not ratios:
        low, high = min(0.4, *lows), max(1.0, *highs)
        axes.set_xlim(low - 0.01, high + 0.01)
        axes.xaxis.set_major_locator(MultipleLocator(0.2))
        return low, high, (low + high) / 2
    low, high = max(min(0.5, *lows), WIDEST[0]), min(max(2.0, *highs), WIDEST[1])
    axes.set_xscale("log", base=2)
    axes.set_xlim(low / 1.1, high * 1.1)
    ticks = [ratio for ratio in RATIOS if low <= ratio <= high]
    # every second one, 1 among them, where all would run into each other
    axes.set_xticks(ticks if len(ticks) <= MOST_TICKS else [ratio for ratio in ticks if ratio in RATIOS[1::2]])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FormatStrFormatter("%.2g"))
    return low, high, (low * high) ** 0.5


def _line(axes: Axes, height: float, line: ForestLine, limits: Estimate) -> None:
    left, right, middle = limits
    if line.estimate is None:
        axes.text(middle, height, "not told", ha="center", va="center", color=SOFT, size=9)
        return
    value, low, high = line.estimate
    ends = max(low, left), min(high, right)
    colour = COMBINED if line.combined else OF_SITE
    for end, inside, arrow in ((left, low >= left, "<"), (right, high <= right, ">")):
        if not inside:
            axes.plot(end, height, arrow, color=colour, markersize=5, zorder=3)
    if line.combined:
        value = min(max(value, left), right)
        axes.fill([ends[0], value, ends[1], value], [height, height + 0.2, height, height - 0.2], color=colour)
        return
    axes.plot(ends, [height, height], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=2)
    if left <= value <= right:
        size = 6.5 if line.weight is None else 4 + 7 * line.weight**0.5
        axes.plot(value, height, "s", color=OF_SITE, markersize=size, zorder=3)


def _label(text: str) -> str:
    """A name short enough for the left of a figure; names differ most at their ends."""
    half = LABEL_CHARACTERS // 2
    return text if len(text) <= LABEL_CHARACTERS else f"{text[: half - 1]}…{text[-half:]}"
