"""Pages of small pictures, a tumour each, so that somebody sees every outline before anything is computed."""

from __future__ import annotations

import hashlib
import io
import math
import textwrap
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from client.preflight.thumbnail import Thumbnail
from client.workers import run_in_workers
from common import atomic
from common.progress import progress_bar

if TYPE_CHECKING:
    from client.preflight.survey import Survey

PAGE_VERSION = 1
"""Raised whenever this code draws the same patients in another way."""
TILES_A_PAGE, COLUMNS = 24, 6
MANY_PAGES = 10
"""From so many pages on, processes that draw are worth their start."""
_TILE_INCHES, _CAPTION_INCHES = 1.72, 0.56
_DOTS_PER_INCH = 100
_JPEG: Any = {"quality": 82, "optimize": True}
_OUTLINE = (240, 228, 66)
"""Okabe and Ito's yellow."""
_INK, _SOFT, _FAINT, _RED = "#1d232c", "#57606c", "#e9ecef", "#a8480a"


@dataclass(frozen=True, eq=False)
class Tile:
    """One patient on a page; without a thumbnail `note` says why."""

    patient_id: str
    note: str
    thumbnail: Thumbnail | None = None


@dataclass(frozen=True, eq=False)
class Page:
    """A page as PNG for the eye and as JPEG for the report, with the patients it shows."""

    number: int
    png: bytes
    jpeg: bytes
    patients: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """What a page shows, and its number from 1 on."""

    number: int
    tiles: Sequence[Tile]


def tiles(survey: Survey) -> list[Tile]:
    """Every row of the table in its order: those that were seen, and those in quarantine with their reason."""
    found = {
        survey.row(name): Tile(
            name, f"row {survey.row(name)}, {one.tumour.ml:.3g} ml\n{_size(one.spacing_mm)}", one.thumbnail
        )
        for name, one in survey.looks.items()
    }
    for one in survey.quarantined:
        row = "" if one.row is None else f"row {one.row}: "
        found[one.row or 0] = Tile(one.patient_id, row + one.reason)
    return [found[row] for row in sorted(found)]


def _size(spacing_mm: tuple[float, float, float]) -> str:
    return " x ".join(f"{step:.3g}" for step in spacing_mm) + " mm"


def pages(shown: Sequence[Tile], *, jobs: int, cache: Path) -> Iterator[Page]:
    """The pages in their order; those drawn before are in the cache, many new ones are drawn by several processes."""
    starts = range(0, len(shown), TILES_A_PAGE)
    parts = [Part(number, shown[start : start + TILES_A_PAGE]) for number, start in enumerate(starts, start=1)]
    wanted = [(part, _path(part, cache)) for part in parts]
    new = [one for one in wanted if not one[1].exists()]
    if len(new) >= MANY_PAGES:
        with progress_bar("pictures", len(new)) as advance:
            # a page at which a worker dies is drawn here, below
            for _ in run_in_workers(keep_page, new, jobs=jobs):
                advance(1)
    for part, path in wanted:
        yield _kept_page(part, path) or keep_page((part, path))


def keep_page(wanted: tuple[Part, Path]) -> Page:
    """Draw a page and keep it in the cache, as far as that takes it."""
    part, path = wanted
    page, buffer = draw_page(part), io.BytesIO()
    np.savez(buffer, png=np.frombuffer(page.png, np.uint8), jpeg=np.frombuffer(page.jpeg, np.uint8))
    with suppress(OSError):
        atomic.write_bytes(path, buffer.getvalue())
    return page


def _kept_page(part: Part, path: Path) -> Page | None:
    """None when there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            png, jpeg = file["png"].tobytes(), file["jpeg"].tobytes()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return Page(part.number, png, jpeg, tuple(one.patient_id for one in part.tiles))


def _path(part: Part, cache: Path) -> Path:
    """Named by all that is drawn, and what draws it."""
    digest = hashlib.sha256(repr([PAGE_VERSION, version("matplotlib"), version("pillow")]).encode())
    for tile in part.tiles:
        digest.update(repr([tile.patient_id, tile.note, tile.thumbnail and tile.thumbnail.grey.shape]).encode())
        if tile.thumbnail:
            digest.update(tile.thumbnail.grey.tobytes() + tile.thumbnail.outline)
    return cache / "pages" / f"{digest.hexdigest()}.npz"


def draw_page(part: Part) -> Page:
    """One page."""
    canvas: Any = FigureCanvasAgg(_figure(part.tiles))
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    png, jpeg = _written(picture, "png", {}), _written(picture, "jpeg", _JPEG)
    return Page(part.number, png, jpeg, tuple(one.patient_id for one in part.tiles))


def _written(picture: Image.Image, form: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, dpi=(_DOTS_PER_INCH, _DOTS_PER_INCH), **options)
    return buffer.getvalue()


def _figure(part: Sequence[Tile]) -> Figure:
    rows = math.ceil(len(part) / COLUMNS)
    width, height = COLUMNS * _TILE_INCHES, rows * (_TILE_INCHES + _CAPTION_INCHES)
    figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, facecolor="white")
    with matplotlib.rc_context({"font.family": "sans-serif", "font.size": 8.5}):
        for place, tile in enumerate(part):
            row, column = divmod(place, COLUMNS)
            top = height - row * (_TILE_INCHES + _CAPTION_INCHES)
            left, bottom, edge = column * _TILE_INCHES + 0.06, top - _TILE_INCHES + 0.06, _TILE_INCHES - 0.12
            _draw(figure.add_axes((left / width, bottom / height, edge / width, edge / height)), tile)
    return figure


def _draw(axes: Axes, tile: Tile) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=tile.thumbnail is None, edgecolor=_FAINT)
    below: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "top"}
    axes.text(0, -0.03, _short(tile.patient_id, 24), color=_INK, weight="bold", **below)
    if tile.thumbnail is None:
        axes.set_facecolor(_FAINT)
        said = "\n".join(textwrap.wrap(_short(tile.note, 110), 25))
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center", color=_RED, fontsize=8)
        axes.text(0, -0.125, "in quarantine", color=_SOFT, fontsize=8, **below)
    else:
        axes.imshow(coloured(tile.thumbnail), interpolation="nearest")
        axes.text(0, -0.125, tile.note, color=_SOFT, fontsize=8, linespacing=1.25, **below)


def coloured(one: Thumbnail) -> np.ndarray:
    """Grey levels with the outline over them, uint8 (y, x, 3)."""
    picture = np.repeat(one.grey[..., None], 3, axis=2)
    picture[one.outline_pixels()] = _OUTLINE
    return picture


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
