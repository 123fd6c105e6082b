"""Any page: complete, from nowhere else, the same bytes each time, and in an order that a reader can follow."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pages import EVALUATION_SECTIONS, SURVIVAL_SECTIONS, Page, run_page, section_page

from common.report import SECTIONS
from simulation.comparison import comparison_rows

LEAKS = re.compile(r"\b(?:nan|None|inf|undefined|not_computed|True|False)\b|&amp;lt;|\{\{|\}\}")


@pytest.fixture(params=["run", "evaluate", "survival"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Page:
    if request.param == "run":
        whole: Page = request.getfixturevalue("whole")
        return whole
    if request.param == "evaluate":
        return section_page(request.getfixturevalue("evaluated"), tmp_path, *EVALUATION_SECTIONS)
    return section_page(request.getfixturevalue("followed"), tmp_path, *SURVIVAL_SECTIONS)


def test_page_asks_for_nothing_from_outside(page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import|<script|https?://", page.html)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page.html
    assert len(page.html) < 1_500_000


def test_ids_are_unique_and_every_link_arrives(page: Page) -> None:
    assert [name for name, times in Counter(page.ids).items() if times > 1] == []
    named = set(re.findall(r"url\(#([^)]+)\)", page.html)) | set(re.findall(r'labelledby="([^"]+)"', page.html))
    assert named | {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)


def test_headings_go_down_one_level_at_a_time(page: Page) -> None:
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(page.headings))


def test_figures_and_tables_have_names(page: Page) -> None:
    figures = page.tags.count("svg")
    assert figures and page.html.count('<svg role="img" aria-labelledby="') == figures
    assert page.tags.count("figcaption") == page.tags.count("figure")
    assert page.tags.count("caption") == page.tags.count("table")
    assert not re.search(r"<th(?![^>]*scope)[ >]", page.html)
    assert [name for name, times in Counter(page.labels).items() if times > 1] == []


def test_nothing_of_the_code_leaks_into_the_text(page: Page) -> None:
    assert LEAKS.findall(page.text) == []
    assert not re.search(r"(?<![\w.])-?0\.\d{6,}", page.text)


def test_same_results_same_bytes(whole: Page, results: dict[str, Any], tmp_path: Path) -> None:
    assert run_page(results, tmp_path).html == whole.html


def test_every_part_of_a_run_is_there(whole: Page) -> None:
    assert set(SECTIONS) | {"beside", "truth", "reading", "methods", "provenance", "checklist"} <= set(whole.ids)
    assert whole.tags.count("img") == 1


def test_synthetic_comes_first_and_only_when_it_is(whole: Page, followed: dict[str, Any], tmp_path: Path) -> None:
    assert whole.html.index("SYNTHETIC</strong>") < whole.html.index("<h1>")
    assert whole.html.count("<title>SYNTHETIC") == 1
    assert "synthetic" not in section_page(followed, tmp_path, *SURVIVAL_SECTIONS).text.lower()
    print_rules = whole.html[whole.html.index("@media print") :]
    assert re.search(r"\.banner \{ position: fixed", print_rules)


def test_a_site_sees_nothing_of_the_paper_s_numbers(evaluated: dict[str, Any], tmp_path: Path) -> None:
    page = section_page(evaluated, tmp_path, *EVALUATION_SECTIONS)
    assert 'class="paper' not in page.html
    assert "Hospital of the fixture" in page.text
    assert "beside" not in page.ids


def test_the_paper_stands_beside_the_run(whole: Page, results: dict[str, Any]) -> None:
    text = whole.text
    for row in comparison_rows(results):
        assert row.quantity in text
        assert row.paper_text in text and row.measured_text in text and row.verdict in text
    assert "Paper 3.53 (1.86 to 6.72)" in text and "Paper 0.0396" in text and "Paper below 0.001" in text


def test_text_of_the_results_is_escaped(whole: Page) -> None:
    assert "<30f>" not in whole.html
    assert "&lt;30f&gt;" in whole.html


def test_the_checklist_has_its_27_items_and_says_what_the_author_adds(
    evaluated: dict[str, Any], tmp_path: Path
) -> None:
    page = section_page(evaluated, tmp_path, *EVALUATION_SECTIONS)
    checklist = page.html[page.html.index('id="checklist"') :]
    assert re.findall(r'<th scope="row">(\d+) ', checklist) == [str(number) for number in range(1, 28)]
    assert '<a href="#subgroups">' in checklist and '<a href="#survival">' not in checklist
