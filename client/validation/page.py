"""The page of an external validation: the sections of `evaluate` and `survival`, the signature, and the shift."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from client.validation.verdict import HOLDS_RULE, holds_sentence
from common.report import SECTIONS, Section, write_page
from common.report.parts import Results, computed, computed_parts, look_up, reason
from common.report.view_summary import Summary, summary
from common.report.words import counted, estimate, listed

TEMPLATES = Path(__file__).parent / "templates"
TITLE = "External validation of PD-L1ES"
MOST_ROWS = 20
"""Inputs shown, the most shifted first; results.json has all."""
GROUP_WORDS = {"radiomic": "radiomic features", "clinical": "clinical variables"}
RECALIBRATIONS = {
    "sealed": "As sealed",
    "intercept": "Recalibrated here: intercept",
    "intercept_and_slope": "Recalibrated here: intercept and slope",
}

_REFITTED = {
    "sealed": "as sealed",
    "intercept": "with the intercept refitted",
    "intercept_and_slope": "with intercept and slope refitted",
}


def write_validation(results: Results, path: Path) -> None:
    """Write the report, one self-contained HTML file that names no patient."""
    write_page(
        results,
        path,
        title=TITLE,
        sections=list(_sections()),
        templates=[TEMPLATES],
        summary=validation_summary(results),
    )


def _sections() -> Iterator[Section]:
    names = ("cohort", "table1_expression", "discrimination", "operating_point", "calibration")
    yield Section("sealed", "The signature", sealed_view)
    yield from (SECTIONS[name] for name in names)
    yield Section("recalibration", "Recalibrated on these patients, for comparison", recalibration_view, "Recalibrated")
    yield from (SECTIONS[name] for name in ("decision_curves", "subgroups", "table1_immunotherapy", "survival"))
    yield Section("shift", "Does this centre look like the training sites?", shift_view, "Shift")


def validation_summary(results: Results) -> Summary:
    """The first screen of a site's report, the verdict first, with the sealed numbers and the verdict on shift."""
    plain = summary(results, {})
    asked = (*plain.asked, "Nothing was fitted here: does the signature hold at a centre that it was not trained at?")
    first = Markup("<b>{}</b> {}").format(holds_sentence(results), HOLDS_RULE)
    found = (first, *plain.found, *_beside(results), _verdict(results))
    return dataclasses.replace(plain, asked=asked, found=found)


def _beside(results: Results) -> Iterator[Markup]:
    beside = results["sealed_discrimination"]
    if computed(beside) and beside["inside"] is not None:
        sealed = beside["sealed"]
        yield Markup("The sealed test AUC is {}; this centre’s differs by {} ({} to {}).").format(
            estimate(sealed["auc"], sealed["ci_low"], sealed["ci_high"]),
            f"{beside['difference']:+.2f}",
            f"{beside['ci_low']:+.2f}",
            f"{beside['ci_high']:+.2f}",
        )
    ratio = results["sealed_survival"]
    if computed(ratio):
        told = estimate(ratio["hazard_ratio"], ratio["ci_low"], ratio["ci_high"])
        yield Markup("The sealed hazard ratio is {}, on the patients of the study.").format(told)


def _verdict(results: Results) -> Markup:
    return Markup("{}").format(verdict_sentence(results["shift"]))


def verdict_sentence(shift: Any) -> str:
    """The verdict on shift in one sentence."""
    if reason(shift):
        return f"Whether this centre looks like the training sites cannot be told: {reason(shift)}."
    verdict = shift["verdict"]
    if verdict["looks_alike"] is None:
        return f"Whether this centre looks like the training sites cannot be told: {reason(shift['radiomic'])}."
    if verdict["looks_alike"]:
        return "By the means of its inputs this centre looks like the training sites."
    words = listed([GROUP_WORDS[name] for name in verdict["differs_in"]])
    return f"By the means of its inputs this centre does not look like the training sites: its {words} are shifted."


def sealed_view(results: Results) -> Mapping[str, Any]:
    """Who signed, what is sealed, and the sealed numbers beside this centre's."""
    told = results["signature"]
    return {
        "signed": told["signed"][:1].upper() + told["signed"][1:],
        "facts": {
            "Study": told["study"],
            "Sealed on": told["sealed_on"],
            "SHA-256 of signature.json": told["sha256"],
            "Trained on": f"{counted(told['training_patients'], 'patient')} at {counted(told['sites'], 'site')}",
            "Privacy": told["privacy"],
            "Operating point": told["operating_point_chosen"],
            "Cut-off": told["cutoff_chosen"],
        },
        "limits": told["limits"],
        "rows": list(_numbers(results)),
    }


def _numbers(results: Results) -> Iterator[dict[str, str]]:
    beside, area = results["sealed_discrimination"], look_up(results, "discrimination.pdl1es.all")
    yield {"name": "AUC (sealed: test patients)", "sealed": _area(look_up(beside, "sealed")), "here": _area(area)}
    ratio, here = results["sealed_survival"], look_up(results, "survival.pdl1es.all")
    yield {"name": "Hazard ratio, high to low PD-L1ES", "sealed": _ratio(ratio), "here": _ratio(here)}
    share = look_up(results, "shift.positive_share")
    if computed(share):
        told = {name: "not known" if share[name] is None else f"{share[name]:.0%}" for name in ("training", "centre")}
        yield {"name": "High expression", "sealed": f"{told['training']} in training", "here": told["centre"]}


def _area(area: Any) -> str:
    return estimate(area["auc"], area["ci_low"], area["ci_high"]) if computed(area) else f"not known: {reason(area)}"


def _ratio(part: Any) -> str:
    if not computed(part):
        return f"not known: {reason(part)}"
    return estimate(part["hazard_ratio"], part["ci_low"], part["ci_high"])


def shift_view(results: Results) -> Mapping[str, Any]:
    """The verdict, the inputs by size of their shift, and the acquisition."""
    shift = results["shift"]
    if reason(shift):
        return {"missing": [reason(shift)]}
    groups = computed_parts({name: shift[name] for name in GROUP_WORDS})
    return {
        "missing": [reason(shift[name]) for name in GROUP_WORDS if reason(shift[name])],
        "verdict": verdict_sentence(shift),
        "cohort": shift["cohort"],
        "groups": [_group(name, one) for name, one in groups.items()],
        "acquisition": [{"variable": name, **one} for name, one in shift["acquisition"].items()],
        "missing_in_training": shift["clinical_missing_in_training"],
    }


def _group(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    rows = sorted(one["columns"], key=lambda row: -abs(row["difference"] or 0))
    more = len(rows) - MOST_ROWS
    return {
        "name": GROUP_WORDS[name],
        "rows": rows[:MOST_ROWS],
        "sentence": (
            f"{one['shifted']} of {counted(len(rows), 'mean')} are shifted, {one['expected']:.1f} would be by chance; "
            f"the summed differences have p = {one['p']:.2g}. With {counted(one['patients'], 'patient')} a shift below "
            f"{one['noticed_from']:.2f} training deviations cannot be noticed."
            + (f" The {MOST_ROWS} largest are shown, results.json has all." if more > 0 else "")
        ),
    }


def recalibration_sentence(part: Any) -> str:
    """The Brier score as sealed and after each refit, in one line."""
    if reason(part):
        return f"not computed: {reason(part)}"
    return "Brier score " + ", ".join(f"{part[name]['brier']:.3f} {title}" for name, title in _REFITTED.items())


def recalibration_view(results: Results) -> Mapping[str, Any] | None:
    """Calibration of the sealed score and of the refits, side by side."""
    part = results.get("recalibration")
    if part is None or reason(part):
        return None if part is None else {"missing": [reason(part)]}
    return {
        "missing": [],
        "folds": part["folds"],
        "rows": [{"name": title, **part[name]} for name, title in RECALIBRATIONS.items()],
    }
