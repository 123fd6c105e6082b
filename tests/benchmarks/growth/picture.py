"""How costs grow, drawn on two logarithmic axes."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from statistics import median

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullLocator

from common.report.drawing import FAINT, STYLE
from tests.benchmarks.growth.curve import Curve

# Okabe and Ito's colours
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "os^Dv<>PX*"


def growth_svg(curves: Sequence[Curve], *, of: str, cost: str) -> str:
    """The medians of each curve over the size, with its exponent, as an SVG file; the same figures give the same."""
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": of}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log", xlabel=of, ylabel=cost)
        axes.grid(color=FAINT, linewidth=0.5)
        for place, curve in enumerate(curves):
            sizes = sorted(curve.costs)
            axes.plot(
                sizes,
                [median(curve.costs[size]) for size in sizes],
                color=COLOURS[place % len(COLOURS)],
                marker=MARKS[place % len(MARKS)],
                label=f"{curve.name}: {curve.exponent:.2f}",
            )
        every = sorted({size for curve in curves for size in curve.costs})
        axes.set_xticks(every, [EngFormatter(sep="")(size) for size in every])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(title="exponent", loc="center left", bbox_to_anchor=(1.0, 0.5))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return re.sub(r"<metadata>.*?</metadata>\s*", "", buffer.getvalue(), flags=re.DOTALL)
