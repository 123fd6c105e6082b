"""How figures look, and figures as inline SVG: the same results give the same bytes."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart in every common colour blindness; the dashes tell them apart in grey.
MODEL_LINES: dict[str, dict[str, Any]] = {
    "pdl1es": {"color": "#0072B2", "linewidth": 2.4, "zorder": 4},
    "deep": {"color": "#D55E00", "linewidth": 1.6, "linestyle": (0, (5, 1.5))},
    "radiomics": {"color": "#009E73", "linewidth": 1.6, "linestyle": (0, (3, 1, 1, 1))},
    "clinical": {"color": "#CC79A7", "linewidth": 1.8, "linestyle": (0, (1, 1))},
}
GROUP_LINES: dict[str, dict[str, Any]] = {
    "low": {"color": "#0072B2", "linewidth": 2.2},
    "high": {"color": "#D55E00", "linewidth": 2.2, "linestyle": (0, (5, 1.2))},
}
INK, SOFT, FAINT = "#333a45", "#5a6370", "#c9ced6"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "path.simplify_threshold": 0.3,
}
SHARES = [0, 0.25, 0.5, 0.75, 1]


def unit_ticks(axes: Axes) -> None:
    """Both axes from 0 to 1 in quarters."""
    labels = ["0", ".25", ".5", ".75", "1"]
    axes.set_xticks(SHARES, labels)
    axes.set_yticks(SHARES, labels)


def as_svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as one <svg> with a title, whose ids begin with its name, so that several stand in one page."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r' xmlns(?::xlink)?="[^"]+"', "", text).replace("xlink:href", "href")
    text = re.sub(r"^<svg", f'<svg role="img" aria-labelledby="{name}-title"', text)
    # Matplotlib escapes every text it draws, so the SVG may enter the page as it is.
    return Markup(text.replace(">", f'><title id="{name}-title">{escape(title)}</title>', 1))  # noqa: S704
