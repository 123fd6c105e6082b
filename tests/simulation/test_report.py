"""The page: everything from the results, nothing from outside, the same bytes each time."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from simulation.comparison import comparison_rows
from simulation.evaluation import DIVISIONS, MODELS, evaluate
from simulation.published import PUBLISHED
from simulation.report import write_report

REASON = "the low group has 7 patients and no progression"


class Page(HTMLParser):
    """The tags, ids and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.addresses.append(value or "")


def made_up_predictions() -> pd.DataFrame:
    random = np.random.default_rng(11)
    parts = []
    for division, n in zip((*DIVISIONS, "immunotherapy"), (80, 40, 40, 60), strict=True):
        label = (np.arange(n) % 3 == 0).astype(float)
        part = pd.DataFrame({"division": [division] * n, "label": label})
        for model in MODELS:
            part[f"{model}_logit"] = random.normal(size=n) + label
        part["pdl1es_score"] = 1 / (1 + np.exp(-part["pdl1es_logit"]))
        days = np.ceil(random.exponential(300 / np.exp(0.7 * part["pdl1es_logit"])))
        part["pfs_days"], part["progressed"] = np.minimum(days, 450), (days <= 450).astype(float)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    epochs = [
        {"stage": stage, "epoch": epoch, "loss": 0.6 / epoch, "validation_auc": 0.5 + epoch / 50, "best": epoch == 3}
        for stage in (1, 2)
        for epoch in (1, 2, 3)
    ]
    return {
        "synthetic": True,
        "preset": "quick",
        "study_sha256": "ab" * 32,
        "seed": 5,
        "versions": {"numpy": "2.4.6"},
        "device": "cpu: 2 cores",
        "seconds": {"features": 12.0, "training": 5000.0},
        "cohort": {
            "training": 80,
            "validation": 40,
            "test": 40,
            "immunotherapy": 60,
            "excluded": {"reconstruction kernel <30f>": 7},
            "quarantined": {"mask empty": 2},
        },
        **evaluate(made_up_predictions()),
        "selected_features": [
            {"name": "original_glcm_Idm", "p_value": 0.02},
            {"name": "wavelet-HL_glcm_SumEntropy", "p_value": 3e-7},
        ],
        "ideal_observers": {"border": 0.77, "together": 0.84},
        "study": {
            "cohort": {"label_tps": 50.0},
            "selection": {"p_value": 0.05},
            "training": {"stages": [{"epochs": 3}, {"epochs": 3}]},
        },
        "training": dict.fromkeys(MODELS, epochs),
    }


def written(run: dict[str, Any], folder: Path) -> str:
    path = folder / "report.html"
    write_report(json.loads(json.dumps(run, allow_nan=False)), path)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def html(run: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(run, tmp_path_factory.mktemp("report"))


def by_quantity(run: dict[str, Any], quantity: str) -> Any:
    return next(row for row in comparison_rows(run) if row.quantity == quantity)


def test_page_asks_for_nothing_from_outside(html: str) -> None:
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import", html)
    assert len(html) < 600_000


def test_ids_are_unique_and_figures_are_named(html: str) -> None:
    page = Page(html)
    assert [name for name, times in Counter(page.ids).items() if times > 1] == []
    assert set(re.findall(r"url\(#([^)]+)\)", html)) | {a[1:] for a in page.addresses} <= set(page.ids)
    assert page.tags.count("svg") == 9
    assert html.count('<svg role="img" aria-label="') == html.count("><title>") == 9
    assert page.tags.count("h1") == 1


def test_same_results_same_bytes(html: str, run: dict[str, Any], tmp_path: Path) -> None:
    assert written(run, tmp_path) == html


def test_synthetic_comes_first_and_only_when_it_is(html: str, run: dict[str, Any], tmp_path: Path) -> None:
    assert html.index("SYNTHETIC</strong>") < html.index("<h1>")
    assert "synthetic" not in written({**run, "synthetic": False}, tmp_path).lower()


def test_numbers_on_the_page_are_those_of_the_run(html: str, run: dict[str, Any]) -> None:
    html = html.replace("\N{NO-BREAK SPACE}", " ")
    test = run["discrimination"]["pdl1es"]["test"]
    assert f"AUC of {test['auc']:.2f} ({test['ci_low']:.2f} to {test['ci_high']:.2f})" in html
    for text in ("220 synthetic patients", "3.0e-07", "83.3 min", "training.stages.2.epochs", run["study_sha256"]):
        assert text in html
    assert html.index("SumEntropy") < html.index("original_glcm_Idm")
    for number, row in zip(PUBLISHED, comparison_rows(run), strict=True):
        assert number.quantity in html
        assert row.paper_text in html and row.measured_text in html


def test_text_of_the_run_is_escaped(html: str) -> None:
    assert "<30f>" not in html
    assert "&lt;30f&gt;" in html


def test_a_part_not_computed_is_said_and_the_rest_stands(run: dict[str, Any], tmp_path: Path) -> None:
    part = copy.deepcopy(run)
    part["survival"]["pdl1es"]["all"] = {"not_computed": REASON}
    for table in ("discrimination", "roc"):
        part[table]["deep"]["test"] = {"not_computed": "0 positive patients"}
    part |= {"selected_features": [], "training": {}}
    part["cohort"] = {**part["cohort"], "quarantined": {}}
    del part["ideal_observers"]
    html = written(part, tmp_path)
    assert f"Not computed: {REASON}" in html
    assert "Deep features, test: 0 positive patients" in html
    assert "AUC of PD-L1ES, test" in html
    assert by_quantity(part, "Hazard ratio, high to low PD-L1ES").verdict == f"not computed: {REASON}"
    assert by_quantity(part, "Patients, test").verdict == "56 fewer than in the paper"


@pytest.mark.parametrize(
    ("low", "high", "overlap"), [(0.70, 0.80, True), (0.85, 0.95, True), (0.86, 0.95, False), (0.40, 0.65, False)]
)
def test_overlap_in_words(run: dict[str, Any], low: float, high: float, overlap: bool) -> None:
    other = copy.deepcopy(run)
    other["discrimination"]["pdl1es"]["test"] |= {"auc": (low + high) / 2, "ci_low": low, "ci_high": high}
    row = by_quantity(other, "AUC of PD-L1ES, test")
    assert row.overlap is overlap
    assert row.verdict == ("the intervals overlap" if overlap else "the intervals do not overlap")
    assert row.paper_text == "0.76 (0.66 to 0.85)"


@pytest.mark.parametrize(
    ("low", "high", "overlap"), [(300.0, None, True), (400.0, None, True), (100.0, 362.0, False), (100.0, 363.0, True)]
)
def test_an_open_interval_reaches_to_infinity(
    run: dict[str, Any], low: float, high: float | None, overlap: bool
) -> None:
    other = copy.deepcopy(run)
    ends = {"median_low": None, "median_low_ci_low": low, "median_low_ci_high": high}
    other["survival"]["pdl1es"]["all"] |= ends
    row = by_quantity(other, "Median PFS in days, low PD-L1ES")
    assert row.overlap is overlap
    assert row.paper_text == "363 (363 to open)"
    assert row.measured_text.startswith("not reached (")


def test_published_numbers_of_a_division_add_up() -> None:
    value = {number.quantity: number.value for number in PUBLISHED}
    assert sum(value[f"Patients, {name}"] for name in DIVISIONS) == value["Patients, expression cohort"]
    assert sum(value[f"TPS of 50% or more, {name}"] for name in DIVISIONS) == 328
