"""What `evaluate` and `survival` print: a line a finding, in the words of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from common.report.words import estimate


def show_evaluation(results: Mapping[str, Any]) -> None:
    """Print who took part and how well PD-L1ES tells high from low expression."""
    show_patients(results)
    show_areas(results)


def show_areas(results: Mapping[str, Any]) -> None:
    """Print how well PD-L1ES tells high from low expression."""
    for division, found in results["discrimination"]["pdl1es"].items():
        if "not_computed" in found:
            _line(f"AUC, {division}", f"not computed: {found['not_computed']}")
        else:
            area = estimate(found["auc"], found["ci_low"], found["ci_high"])
            _line(f"AUC, {division}", f"{area}, {found['n_positive']} of {found['n']} patients positive")


def show_survival(results: Mapping[str, Any]) -> None:
    """Print who took part and how high and low PD-L1ES differ in progression-free survival."""
    show_patients(results)
    show_groups(results)


def show_groups(results: Mapping[str, Any]) -> None:
    """Print how high and low PD-L1ES differ in progression-free survival."""
    for group, found in results["survival"]["pdl1es"].items():
        if "not_computed" in found:
            _line(group.capitalize(), f"not computed: {found['not_computed']}")
        else:
            _line(group.capitalize(), _survival_text(found))


def _survival_text(found: Mapping[str, Any]) -> str:
    corrected = found["p_search_corrected"]
    search = "" if corrected is None else f", corrected for the search of the cut-off {_p(corrected)}"
    return (
        f"hazard ratio {estimate(found['hazard_ratio'], found['ci_low'], found['ci_high'])}, "
        f"log-rank p {_p(found['logrank_p'])}{search}; "
        f"{found['n_high']} of {found['n']} patients above {found['cutoff']:.3g} ({found['cutoff_rule']}), "
        f"{found['events']} progressions; median {_days(found['median_high'])} against {_days(found['median_low'])}"
    )


def show_patients(results: Mapping[str, Any]) -> None:
    """Print who took part and what to mind."""
    cohort = results["cohort"]
    left_out = cohort["excluded"] | cohort["quarantined"]
    reasons = "".join(f"; {count} left out: {reason}" for reason, count in left_out.items())
    _line("Rows", f"{cohort['read']}{reasons}")
    for sentence in results["warnings"]:
        _line("Mind", sentence)


def _line(title: str, text: str) -> None:
    typer.echo(f"{title:<14} {text}")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def _days(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.0f} days"
