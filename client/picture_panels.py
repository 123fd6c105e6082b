"""The four panels of an explanation's picture: CT, class activation map and two feature maps."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.patches import Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from client.explanation import Explanation
from client.texture_maps import SHOWN_FEATURES, TITLES

LUNG_WINDOW_HU = (-1350.0, 150.0)
MARGIN_MM = 3.0
"""Shown around the box where a panel looks closer."""
_BLUE, _RED, _YELLOW = "#0072B2", "#D55E00", "#F0E442"  # Okabe and Ito's, told apart in every common colour blindness
_LOWERS_RAISES = LinearSegmentedColormap.from_list(
    "lowers_raises", [to_rgba(_BLUE, 0.8), to_rgba("white", 0), to_rgba(_RED, 0.8)]
)
_DARK_EDGE: list[AbstractPathEffect] = [withStroke(linewidth=2.4, foreground="black")]
_BARS_MM = (2, 5, 10, 20, 50)
_BESIDE_OUTLIERS = (2, 98)
"""Percentiles between which a feature map's colours run: voxels at a corner have few neighbours and extreme values."""

_ADDS = "log-odds; blue lowers the score, orange raises it"

Extend = Literal["neither", "both"]


@dataclass(frozen=True)
class Colours:
    """What number has what colour."""

    norm: Normalize
    map: Colormap | str

    def mappable(self) -> ScalarMappable:
        """What a colour bar is drawn from."""
        return ScalarMappable(self.norm, self.map)


@dataclass(frozen=True)
class Panel:
    """A column of the picture: its title, what its colours mean, and how it is drawn."""

    title: str
    meaning: str
    colours: Colours
    extend: Extend
    draw: Callable[[Axes, Explanation, Colours], None]


def panels(explanations: Sequence[Explanation]) -> tuple[Panel, ...]:
    """The four panels with colour scales that all the patients share."""
    largest = max(float(np.nanmax(np.abs(one.activation))) for one in explanations) or 1.0
    adds = Colours(Normalize(-largest, largest), _LOWERS_RAISES)
    lung = Colours(Normalize(*LUNG_WINDOW_HU), "gray")
    return (
        Panel("CT around the tumour", "density in HU", lung, "both", _draw_context),
        Panel("Network: what each region adds", _ADDS, adds, "neither", _draw_activation),
        *(
            Panel(TITLES[name], name, _texture_colours(explanations, place), "both", _texture_drawer(place))
            for place, name in enumerate(SHOWN_FEATURES)
        ),
    )


def _texture_colours(explanations: Sequence[Explanation], place: int) -> Colours:
    maps = [one.textures[place].values for one in explanations]
    known = np.concatenate([values[np.isfinite(values)] for values in maps if values is not None] or [np.zeros(0)])
    low, high = np.percentile(known, _BESIDE_OUTLIERS) if known.size else (0.0, 1.0)
    return Colours(Normalize(low, high if high > low else low + 1), "viridis")


def _draw_context(axes: Axes, one: Explanation, colours: Colours) -> None:
    _show(axes, one.hounsfield, one, colours)
    rows, columns = one.hounsfield.shape
    _look_at(axes, one, (0, rows, 0, columns))
    _outline(axes, one)
    down, across = one.pixel_mm
    corner, box = (one.box.left * across, one.box.top * down), one.box
    size = (box.right - box.left) * across, (box.bottom - box.top) * down
    frame: dict[str, Any] = {
        "edgecolor": "white",
        "linewidth": 1.1,
        "linestyle": (0, (4, 3)),
        "path_effects": _DARK_EDGE,
    }
    axes.add_patch(Rectangle(corner, *size, fill=False, **frame))
    _scale_bar(axes)


def _draw_activation(axes: Axes, one: Explanation, colours: Colours) -> None:
    _show(axes, one.hounsfield, one, _seen_by_network(one))
    _show(axes, one.activation, one, colours)
    _closer(axes, one)
    # on a scale shared with others a patient's own map may be too pale to tell
    whole = f"all regions {one.fields.sum():+.2f}"
    placed: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "va": "bottom"}
    axes.text(0.95, 0.05, whole, color="white", fontsize=8.5, path_effects=_DARK_EDGE, **placed)


def _texture_drawer(place: int) -> Callable[[Axes, Explanation, Colours], None]:
    def draw(axes: Axes, one: Explanation, colours: Colours) -> None:
        found = one.textures[place]
        _show(axes, one.hounsfield, one, _seen_by_network(one))
        if found.values is None:
            centred: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
            reason = textwrap.fill(f"not computed: {found.not_computed}", 34)
            axes.text(0.5, 0.5, reason, color="white", path_effects=_DARK_EDGE, **centred)
        else:
            _show(axes, found.values, one, colours)
        _closer(axes, one)

    return draw


def _closer(axes: Axes, one: Explanation) -> None:
    _outline(axes, one)
    _look_at(axes, one, (one.box.top, one.box.bottom, one.box.left, one.box.right), margin_mm=MARGIN_MM)
    _scale_bar(axes)


def _seen_by_network(one: Explanation) -> Colours:
    return Colours(Normalize(*one.window_hu), "gray")


def _show(axes: Axes, values: np.ndarray, one: Explanation, colours: Colours) -> None:
    down, across = one.pixel_mm
    rows, columns = values.shape
    axes.imshow(
        np.ma.masked_invalid(values),
        cmap=colours.map,
        norm=colours.norm,
        extent=(0, columns * across, rows * down, 0),
        interpolation="nearest",
    )


def _outline(axes: Axes, one: Explanation) -> None:
    down, across = one.pixel_mm
    y, x = (np.arange(count) + 0.5 for count in one.tumour.shape)
    lines = axes.contour(x * across, y * down, one.tumour.astype(float), [0.5], colors=_YELLOW, linewidths=1.2)
    lines.set_path_effects(_DARK_EDGE)


def _look_at(axes: Axes, one: Explanation, part: tuple[int, int, int, int], *, margin_mm: float = 0.0) -> None:
    """A square around (top, bottom, left, right), so that all panels have one size."""
    down, across = one.pixel_mm
    top, bottom, left, right = part[0] * down, part[1] * down, part[2] * across, part[3] * across
    half = max(bottom - top, right - left) / 2 + margin_mm
    y, x = (top + bottom) / 2, (left + right) / 2
    axes.set(xlim=(x - half, x + half), ylim=(y + half, y - half), xticks=[], yticks=[], facecolor="black")


def _scale_bar(axes: Axes) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    length = max((one for one in _BARS_MM if one < 0.35 * (right - left)), default=_BARS_MM[0])
    x, y = left + 0.05 * (right - left), bottom + 0.05 * (top - bottom)
    axes.plot([x, x + length], [y, y], color="white", linewidth=2.2, solid_capstyle="butt", path_effects=_DARK_EDGE)
    label = y + 0.02 * (top - bottom)
    axes.text(x, label, f"{length} mm", color="white", fontsize=8.5, va="bottom", path_effects=_DARK_EDGE)
