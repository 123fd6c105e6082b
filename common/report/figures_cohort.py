"""The flow of patients as a figure: read, left out by reason, and where the others took part."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from common.report.drawing import FAINT, INK, SOFT, STYLE, as_svg

WIDTH, LINE, GAP = 4.4, 0.19, 0.32
"""Inches: of the figure, of a line of text, between boxes."""
SIDE_CHARACTERS = 30


def flow_figure(read: int | None, left_out: Mapping[str, Mapping[str, int]], groups: Mapping[str, int]) -> Markup:
    """Patients from the rows of the table to the groups; `left_out` has a box a heading, a line a reason."""
    sides = [_side_lines(heading, counts) for heading, counts in left_out.items() if counts]
    side_height = sum(LINE * (len(lines) + 1) + GAP for lines in sides)
    height = 2 * (0.55 + GAP) + side_height + 0.7
    with matplotlib.rc_context(STYLE | {"font.size": 9.5}):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, height))
        axes.set_axis_off()
        _flow(axes, height, _total(read, left_out, groups), sides, groups)
        return as_svg(figure, "figure-flow", "Flow of patients from the table to the groups that were compared")


def _flow(axes: Axes, height: float, total: int, sides: Sequence[list[str]], groups: Mapping[str, int]) -> None:
    centre, top = 0.85, height - 0.05
    top = _box(axes, centre, top, 1.5, [f"{total:,}", "rows of the table"])
    start = top
    for lines in sides:
        top -= GAP
        bottom = _box(axes, 3.05, top, 2.6, lines, left=True)
        _arrow(axes, (centre, (top + bottom) / 2), (1.73, (top + bottom) / 2))
        top = bottom
    top -= GAP
    _arrow(axes, (centre, start), (centre, top))
    bottom = _box(axes, centre, top, 1.5, [f"{sum(groups.values()):,}", "took part"])
    _groups(axes, centre, bottom, groups)


def _groups(axes: Axes, centre: float, top: float, groups: Mapping[str, int]) -> None:
    width = WIDTH / max(len(groups), 4)
    branch = top - GAP / 2
    middles = [width * (place + 0.5) for place in range(len(groups))] if len(groups) > 1 else [centre]
    axes.plot([centre, centre], [top, branch], color=SOFT, linewidth=1)
    axes.plot([min(*middles, centre), max(*middles, centre)], [branch, branch], color=SOFT, linewidth=1)
    for middle, (name, n) in zip(middles, groups.items(), strict=True):
        _arrow(axes, (middle, branch), (middle, top - GAP))
        _box(axes, middle, top - GAP, width - 0.06 if len(groups) > 1 else 1.5, [f"{n:,}", name])


def _box(axes: Axes, centre: float, top: float, width: float, lines: Sequence[str], *, left: bool = False) -> float:
    """Draw a box with its lines and return its lower edge; the first line is the strong one."""
    height = LINE * (len(lines) + 1) if left else 0.55
    axes.add_patch(
        Rectangle(
            (centre - width / 2, top - height), width, height, facecolor="#ffffff", edgecolor=FAINT, linewidth=1.2
        )
    )
    for place, line in enumerate(lines):
        at = top - LINE * (place + 1) + (0 if left else 0.03) if left else top - 0.17 - 0.22 * place
        axes.text(
            centre - width / 2 + 0.1 if left else centre,
            at,
            line,
            ha="left" if left else "center",
            va="center",
            color=INK,
            weight="bold" if place == 0 else "normal",
            size=9.5 if left or place == 0 else 8.8,
        )
    return top - height


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": SOFT, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
    )


def _side_lines(heading: str, counts: Mapping[str, int]) -> list[str]:
    lines = [f"{sum(counts.values()):,} {heading}"]
    for reason, n in counts.items():
        lines += textwrap.wrap(f"{n:,} {reason}", SIDE_CHARACTERS, subsequent_indent="   ")
    return lines


def _total(read: int | None, left_out: Mapping[str, Mapping[str, int]], groups: Mapping[str, int]) -> int:
    return read or sum(groups.values()) + sum(sum(counts.values()) for counts in left_out.values())
