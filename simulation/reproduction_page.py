"""A run as a page of the documentation: `python -m simulation.reproduction_page runs/paper/results.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.report import MODEL_NAMES
from simulation.comparison import comparison_rows
from simulation.evaluation import DIVISIONS

_HEAD = """\
# The paper and what was measured

SYNTHETIC cohort: the patients are simulated (`docs/cohort.md`), so this shows that the pipeline finds what was written
into them, not that PD-L1 can be seen in CT. The page is written by `python -m simulation.reproduction_page` from the
`results.json` of one run, as it came out.
"""


def page(results: Mapping[str, Any]) -> str:
    """The whole page, Markdown."""
    parts = (_run, _verdict, _comparison, _models, _redivisions, _truth, _time)
    return "\n".join([_HEAD, *(line for part in parts for line in part(results))])


def _run(results: Mapping[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    yield f"- preset `{results['preset']}`, seed {results['seed']}, study SHA-256 `{results['study_sha256']}`"
    yield f"- device {results['device']}; {versions}"
    observers = ", ".join(f"{name} {auc:.3f}" for name, auc in results["ideal_observers"].items())
    yield f"- best possible AUC, as written into the patients: {observers}"
    yield f"- {len(results['selected_features'])} radiomic features selected\n"


def _verdict(results: Mapping[str, Any]) -> Iterator[str]:
    """Where the run does what the paper says, and where it does not."""
    yield "## In short\n"
    rows = {row.quantity: row for row in comparison_rows(results)}
    for division in DIVISIONS:
        row = rows[f"AUC of PD-L1ES, {division}"]
        low, high, measured = row.paper_ci_low, row.paper_ci_high, row.measured
        if low is not None and high is not None and measured is not None:
            place = "inside" if low <= measured <= high else "OUTSIDE"
            yield f"- AUC of PD-L1ES, {division}: {measured:.3f}, {place} the paper's interval {low:.2f} to {high:.2f}"
        ranked = sorted(MODEL_NAMES, key=lambda model: -results["discrimination"][model][division].get("auc", 0))
        yield f"- order of the models, {division}: {', '.join(MODEL_NAMES[model] for model in ranked)}"
    yield ""


def _comparison(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## Beside the paper\n\n| | paper | measured | |\n| --- | --- | --- | --- |"
    for row in comparison_rows(results):
        yield f"| {row.quantity} | {row.paper_text} | {row.measured_text} | {row.verdict} |"
    notes = dict.fromkeys(row.note for row in comparison_rows(results) if row.note)
    yield "\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def _models(results: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Four models\n\nAUC with 95% CI (DeLong), by patient.\n\n| | {' | '.join(DIVISIONS)} |"
    yield "| --- " * (len(DIVISIONS) + 1) + "|"
    for model, name in MODEL_NAMES.items():
        cells = [_interval(results["discrimination"][model][division]) for division in DIVISIONS]
        yield f"| {name} | {' | '.join(cells)} |"
    cells = [_interval(results["discrimination_by_slice"]["pdl1es"][division]) for division in DIVISIONS]
    yield f"| PD-L1ES, as if slices were patients | {' | '.join(cells)} |"
    yield ""


def _redivisions(results: Mapping[str, Any]) -> Iterator[str]:
    if "redivisions" not in results:
        return
    yield "## Validation and test patients divided anew\n"
    yield "PD-L1ES trained again on the same training patients; 0 is the run itself.\n"
    yield f"| | {' | '.join(DIVISIONS)} |\n" + "| --- " * (len(DIVISIONS) + 1) + "|"
    for row in results["redivisions"]:
        yield f"| {row['redivision']} | {' | '.join(_interval(row[division]) for division in DIVISIONS)} |"
    yield ""


def _truth(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## What each model found of what was written\n"
    yield "Correlation of a patient's log-odds with the latent, within the classes, on validation and test patients.\n"
    yield "| | border (outside the mask) | texture (inside) |\n| --- | --- | --- |"
    for model, found in results["latent_correlations"].items():
        yield f"| {MODEL_NAMES[model]} | {found['border']:.2f} | {found['texture']:.2f} |"
    yield ""


def _interval(part: Mapping[str, Any]) -> str:
    if "not_computed" in part:
        return str(part["not_computed"])
    return f"{part['auc']:.3f} ({part['ci_low']:.3f} to {part['ci_high']:.3f})"


def _time(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## Time\n\n| step | minutes |\n| --- | --- |"
    for step, seconds in results["seconds"].items():
        yield f"| {step} | {seconds / 60:.1f} |"
    yield f"| together | {sum(results['seconds'].values()) / 60:.1f} |\n"


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text("utf-8"))), end="")
