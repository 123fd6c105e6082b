"""The report of what privacy costs, and the part of docs/privacy.md that is measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from common import atomic
from common.errors import UsageError
from common.report import Section, write_page
from common.report.parts import Results
from common.report.view_summary import Summary
from common.report.words import counted
from simulation.privacy_cost.figure import ATTACK, MODES, privacy_figure

TITLE = "What differential privacy costs"
TEMPLATES = Path(__file__).parents[1] / "templates"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
PICTURE = "privacy.svg"


def write_privacy_report(results: Results, path: Path) -> None:
    """Write the report of the content of results.json, one self-contained HTML file."""
    section = Section("privacy_cost", "Accuracy and attack against epsilon", _view, "Epsilon")
    write_page(
        results, path, title=TITLE, sections=(section,), templates=(TEMPLATES,), summary=_summary(results), closing=()
    )


def _view(results: Results) -> Mapping[str, Any]:
    return {"figure": privacy_figure(results["settings"]), "rows": list(_rows(results)), "notes": list(_notes(results))}


def _summary(results: Results) -> Summary:
    best = {mode: _row(results, mode, None) for mode in MODES}
    strict = {mode: _row(results, mode, 3.0) for mode in MODES}
    found = [
        Markup(
            "{}: test AUC <b>{}</b> without privacy, <b>{}</b> with epsilon 3; an attacker told members from others "
            "with an AUC of {} and of {}."
        ).format(
            words.capitalize(),
            *(_mean(one["test_auc"]) for one in (best[mode], strict[mode])),
            *(_mean(one["attacks"][ATTACK]) for one in (best[mode], strict[mode])),
        )
        for mode, words in MODES.items()
    ]
    return Summary(
        f"preset {results['preset']} · seed {results['seed']} · study {results['study_sha256'][:12]}",
        ("What does differential privacy cost in accuracy, and how well does it hide who was trained on?",),
        tuple(found),
        (_patients(results),),
    )


def _patients(results: Results) -> str:
    patients = results["patients"]
    return f"{patients['training']:,} training patients a model, {patients['test']:,} test patients."


def _row(results: Results, mode: str, epsilon: float | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        one for one in results["settings"] if (one["mode"], one["epsilon"]) == (mode, epsilon)
    )
    return found


def _rows(results: Results) -> Iterator[dict[str, str]]:
    for one in results["settings"]:
        yield {
            "mode": MODES[one["mode"]],
            "epsilon": "none" if one["epsilon"] is None else f"{one['epsilon']:g}",
            "noise": "none" if one["epsilon"] is None else f"{one['noise_multiplier']:.2f}",
            "models": str(len(one["test_auc"]["values"])),
            "auc": _spread(one["test_auc"]),
            **{name: _spread(found) for name, found in one["attacks"].items()},
        }


def _notes(results: Results) -> Iterator[str]:
    patients = results["patients"]
    yield (
        f"Each model learns from {counted(patients['training'], 'patient')}, a random half of a pool of "
        f"{patients['pool']:,}; test AUC is on {patients['test']:,} other patients. Given are mean and standard "
        "deviation over the models of a row."
    )
    yield (
        "The attacker sees a model's log-odds for a patient and that patient's label, and of the other models of the "
        "row which patients they learned from. Loss threshold: Yeom et al. 2018, doi:10.1109/CSF.2018.00027; "
        "likelihood ratio (LiRA): Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649. 0.5 is a guess."
    )
    yield (
        f"Epsilon is at delta {results['delta']:g} by Opacus' RDP accountant, for one patient's data used or not; "
        f"gradients are cut to {results['clipping_norm']:g}. Features, scaling and the frozen trunk come from another, "
        "public cohort, so that nothing private is in them."
    )
    yield (
        "The public cohort's own model, which no private patient touched, has a test AUC of "
        f"{results['public_auc']:.3f}: private patients add what is above it."
    )
    for mode, recipe in results["recipes"].items():
        yield (
            f"{MODES[mode].capitalize()}: {recipe['epochs']} epochs, Adam at {recipe['learning_rate']:g}, "
            f"{recipe['batch_size']} patients a step on average; without privacy the same but for noise and cutting."
        )


def _spread(found: Mapping[str, Any]) -> str:
    return f"{_mean(found)} ± {found['standard_deviation']:.3f}"


def _mean(found: Mapping[str, Any]) -> str:
    return f"{found['mean']:.3f}"


def put_into_page(results: Results, page: Path) -> None:
    """Replace the measured part of a Markdown page, and the picture beside it; UsageError without the two marks."""
    text = page.read_text("utf-8") if page.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise UsageError(f"{page}: has not one line {BEGIN} and one line {END}; give docs/privacy.md")
    part = "\n".join([BEGIN, *_markdown(results), END])
    atomic.write_text(page, re.sub(f"{BEGIN}.*{END}", lambda _: part, text, flags=re.DOTALL))
    drawn = str(privacy_figure(results["settings"])).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    atomic.write_text(page.parent / "pictures" / PICTURE, drawn + "\n")


def _markdown(results: Results) -> Iterator[str]:
    study = f"study `{results['study_sha256'][:12]}`, {results['device']}"
    yield f"\nPreset `{results['preset']}`, seed {results['seed']}, {study}.\n"
    yield f"![Test AUC and attack AUC against epsilon](pictures/{PICTURE})\n"
    columns = ("mode", "epsilon", "noise", "models", "auc", "loss threshold", "likelihood ratio")
    yield "| mode | epsilon | noise | models | test AUC | loss threshold, attack AUC | likelihood ratio, attack AUC |"
    yield f"| --- |{' --: |' * (len(columns) - 1)}"
    for row in _rows(results):
        yield f"| {' | '.join(row[column] for column in columns)} |"
    yield ""
    yield from (f"- {note}" for note in _notes(results))
