"""What the report shows of the score as a probability: operating point, calibration and decision curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.figures_probability import calibration_figure, decision_figure
from common.report.parts import Results, computed_parts, reason, reasons
from common.report.view_discrimination import divisions_of
from common.report.view_summary import judging_division
from common.report.words import DIVISION_NAMES, MODEL_NAMES, counted, estimate, listed, percent

RATES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "ppv": "PPV", "npv": "NPV"}
RULES = {"youden": "the largest sum of sensitivity and specificity (Youden)"}
TOO_WIDE = 2
"""An interval of the slope wider than this includes the ideal 1 whatever the score is worth."""


def operating_point_view(results: Results) -> Mapping[str, Any] | None:
    """The threshold, and what it does on each division."""
    point = results.get("operating_point")
    if point is None or reason(point):
        return None if point is None else {"missing": [reason(point)]}
    divisions = computed_parts(point["by_division"])
    return {
        "missing": reasons(point["by_division"], DIVISION_NAMES),
        "point": point,
        "chosen": _chosen(point),
        "divisions": {name: divisions[name] for name in divisions_of(divisions)},
        "rates": RATES,
        "sentence": _point_sentence(divisions),
    }


def _chosen(point: Mapping[str, Any]) -> str:
    if point["rule"] == "sealed":
        return "as sealed in the signature"
    patients = " patients" if point["chosen_on"] in DIVISION_NAMES else ""
    return f"chosen on {point['chosen_on']}{patients}: {RULES.get(point['rule'], point['rule'])}"


def _point_sentence(divisions: Mapping[str, Mapping[str, Any]]) -> str:
    name = judging_division(divisions)
    if not name:
        return "No rate could be computed."
    counts, found = divisions[name], divisions[name]["sensitivity"]["value"]
    high = counts["true_positive"] + counts["false_negative"]
    called = counts["true_positive"] + counts["false_positive"]
    return (
        f"{DIVISION_NAMES[name]}: {counted(called, 'patient')} called positive, {counts['true_positive']} of them "
        f"rightly; of {counted(high, 'patient')} with high expression {percent(found)} found."
    )


def calibration_view(results: Results) -> Mapping[str, Any] | None:
    """Calibration of each model on the patients not trained on: figures of PD-L1ES, a table of all."""
    parts = results.get("calibration")
    if parts is None or reason(parts):
        return None if parts is None else {"missing": [reason(parts)]}
    models = [model for model in MODEL_NAMES if model in parts]
    rows = [
        {"model": model, "division": division, **parts[model][division]}
        for model in models
        for division in divisions_of(computed_parts(parts[model]))
    ]
    return {
        "missing": [
            f"{MODEL_NAMES[model]}, {line}" for model in models for line in reasons(parts[model], DIVISION_NAMES)
        ],
        "rows": rows,
        "figures": [
            {
                "division": row["division"],
                "figure": calibration_figure(row, model="pdl1es", division=row["division"]),
                "sentence": _calibration_sentence(row),
            }
            for row in rows
            if row["model"] == "pdl1es"
        ],
    }


def _calibration_sentence(part: Mapping[str, Any]) -> str:
    low, high, slope = part["slope_ci_low"], part["slope_ci_high"], part["slope"]
    text = (
        f"Predicted {part['mean_predicted']:.0%} on average, observed {part['observed']:.0%} of {part['n']} patients. "
    )
    if low is None or slope is None:
        return text + "The slope has no interval."
    text += f"Slope {estimate(slope, low, high)}: "
    if high < 1:
        return text + "below 1, the predictions are too extreme."
    if low > 1:
        return text + "above 1, the predictions are too timid."
    wide = high - low > TOO_WIDE
    return text + ("the interval is too wide to judge by." if wide else "the interval includes the ideal 1.")


def decision_curves_view(results: Results) -> Mapping[str, Any] | None:
    """Net benefit by threshold, a figure a division."""
    parts = results.get("decision_curves")
    if parts is None or reason(parts):
        return None if parts is None else {"missing": [reason(parts)]}
    there = computed_parts(parts)
    figures = [
        {
            "division": name,
            "figure": decision_figure(there[name], division=name),
            "sentence": _decision_sentence(there[name]),
        }
        for name in divisions_of(there)
    ]
    return {"missing": reasons(parts, DIVISION_NAMES), "figures": figures}


def _decision_sentence(part: Mapping[str, Any]) -> str:
    curve = part["models"].get("pdl1es")
    if curve is None:
        return "PD-L1ES has no decision curve here."
    better = [
        threshold
        for threshold, value, everyone in zip(part["thresholds"], curve, part["treat_all"], strict=True)
        if value > max(everyone, 0)
    ]
    best = sum(value >= max(curves) for value, *curves in zip(curve, *part["models"].values(), strict=True))
    others = [name for model, name in MODEL_NAMES.items() if model in part["models"] and model != "pdl1es"]
    beside = f" At {best} thresholds none of {listed(others)} is above it." if others else ""
    if not better:
        return f"PD-L1ES is nowhere above both calling all and calling none positive.{beside}"
    return (
        f"PD-L1ES is above both calling all and calling none positive at {len(better)} of {len(curve)} thresholds, "
        f"between {min(better):.0%} and {max(better):.0%}.{beside}"
    )
