"""One self-contained HTML file from results: nothing on it comes from anywhere else, and no script runs."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from common.atomic import write_text
from common.report import words
from common.report.parts import Results
from common.report.sections import CLOSING, SECTIONS, Section
from common.report.view_summary import Summary
from common.report.view_summary import summary as site_summary

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Beside:
    """A number published elsewhere, shown beside the measured one; `verdict` compares the two in words."""

    text: str
    verdict: str
    agrees: bool | None
    """None where there is no telling."""


def write_page(
    results: Results,
    path: Path,
    *,
    title: str,
    sections: Sequence[str | Section],
    beside: Mapping[str, Beside] | None = None,
    templates: Sequence[Path] = (),
    summary: Summary | None = None,
    closing: Sequence[Section] = CLOSING,
) -> None:
    """Write a report of the content of results.json (docs/results.md), one self-contained HTML file.

    `sections` are names of `common.report.sections` or sections of the caller's own, whose templates lie in
    `templates`, where one takes the place of another of its name; sections of which the results have nothing are left
    out. How to read the page, methods, provenance and the TRIPOD+AI checklist always follow, as one site's or as
    `closing` has them; so does `summary` take the place of one site's. `beside` has published numbers by dotted key of
    the results. Pictures are read from the folder of `path`.
    """
    chosen = [SECTIONS[one] if isinstance(one, str) else one for one in (*sections, *closing)]
    views = [(section, section.view(results)) for section in chosen]
    shown = [(section, view) for section, view in views if view is not None]
    text = (
        _environment(path.parent, [*templates, TEMPLATES])
        .get_template("base.html.j2")
        .render(
            r=results,
            title=title,
            summary=summary or site_summary(results, beside or {}),
            sections=shown,
            titles={"summary": "Summary"} | {section.name: section.short or section.title for section, _ in shown},
            beside=beside or {},
        )
    )
    write_text(path, text)


def _environment(folder: Path, templates: Sequence[Path]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=_breakable,
        count=words.count,
        heading=lambda text: text.replace("PD-L1", "PD\N{NON-BREAKING HYPHEN}L1"),
        p=words.p_text,
        percent=words.percent,
        plain=words.plain_name,
        scientific="{:.1e}".format,
        seconds=words.seconds,
        unbroken=words.unbroken,
    )
    environment.globals.update(estimate=words.estimate, picture=lambda file: _data_url(folder / file), paper=_paper)
    return environment


@pass_context
def _paper(context: Context, path: str) -> Beside | None:
    """The published number at a dotted key, if there is one."""
    found: Mapping[str, Any] = context["beside"]
    return found.get(path)


def _breakable(text: str) -> Markup:
    """A fingerprint may be broken after a colon, so that no byte is torn."""
    pairs = re.compile(r"(?<=[0-9a-f]{2}:)(?=[0-9a-f]{2}\b)")
    return Markup("<wbr>").join(pairs.split(text))


def _data_url(file: Path) -> str:
    """A PNG as an address that needs nothing outside the page."""
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()
