"""The page that explains one patient's score: everything in it comes from results.json and the picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from client.texture_maps import SHOWN_FEATURES, TITLES
from common.atomic import write_text

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_TERMS = 10
"""Radiomic features on the page, those that contribute most."""
_BAR = Markup('<span class="track" aria-hidden="true"><span class="{}" style="width:{}%"></span></span>')
MEANINGS = {
    SHOWN_FEATURES[0]: "high where the fine differences between neighbouring rows or columns are many and varied.",
    SHOWN_FEATURES[1]: "high where few grey levels fill the place, low where many do.",
}


def write_page(results: Mapping[str, Any], png: bytes, path: Path) -> None:
    """Write the page, one self-contained HTML file, from the content of results.json and the picture."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(plain=_plain, signed="{:+.2f}".format, track=_track)
    template = environment.get_template("explanation.html.j2")
    write_text(path, template.render(r=results, png=base64.b64encode(png).decode(), **_view(results)))


def _view(results: Mapping[str, Any]) -> dict[str, Any]:
    found = results["contributions"]
    by_kind = {kind: [one for one in found["terms"] if one["kind"] == kind] for kind in ("radiomic", "clinical")}
    shown = [*by_kind["radiomic"][:SHOWN_TERMS], *by_kind["clinical"]]
    parts = [
        ("Network, from the patch", found["patch"]),
        ("Radiomic features", found["radiomic"]),
        ("Clinical values", found["clinical"]),
        ("Constant", found["constant"]),
    ]
    return {
        "titles": TITLES,
        "meanings": MEANINGS,
        "parts": parts,
        "largest_part": max(abs(value) for _, value in parts),
        "groups": [
            ("radiomic", "Radiomic features that push most", by_kind["radiomic"][:SHOWN_TERMS]),
            ("clinical", "Clinical values", by_kind["clinical"]),
        ],
        "largest_term": max((abs(one["contribution"]) for one in shown), default=0),
        "left_out": max(0, len(by_kind["radiomic"]) - SHOWN_TERMS),
    }


def _plain(value: float | str | None) -> str:
    return "unknown" if value is None else value if isinstance(value, str) else f"{value:.4g}"


def _track(value: float, largest: float) -> Markup:
    """A bar to the right of the middle for what raises the score, to the left for what lowers it."""
    width = 50 * abs(value) / largest if largest else 0
    side = "raises" if value > 0 else "lowers"
    return _BAR.format(side, f"{width:.1f}")
