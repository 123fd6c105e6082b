"""What the report shows of the clinical variables and of Cox regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.parts import Results, computed_parts, reason, reasons
from common.report.words import VARIABLE_NAMES, counted, listed, plain_name

UNITS = {
    "pdl1es": "PD-L1ES, high to low",
    "pdl1es_score": "PD-L1ES, a tenth more",
    "age": "Age, ten years more",
    "sex": "Sex, male",
    "smoking": "Smoking, one step more",
    "family_history": "Family history, yes",
    "clinical": "Clinical model, one more",
}
MODELS = {
    "pdl1es_age": "PD-L1ES and age",
    "pdl1es_sex": "PD-L1ES and sex",
    "pdl1es_smoking": "PD-L1ES and smoking",
    "pdl1es_family_history": "PD-L1ES and family history",
    "pdl1es_clinical": "PD-L1ES and clinical model",
    "clinical": "The four clinical variables",
}
LEVEL = 0.05


def variables_view(results: Results) -> Mapping[str, Any] | None:
    """Progression by each clinical variable alone."""
    parts = results.get("survival_by_variable")
    if parts is None:
        return None
    there = computed_parts(parts)
    telling = [plain_name(name) for name, part in there.items() if part["logrank_p"] < LEVEL]
    sentence = (
        f"Of {counted(len(there), 'variable')} the log-rank p is below {LEVEL} for {listed(telling)}."
        if telling
        else f"Of {counted(len(there), 'variable')} none has a log-rank p below {LEVEL}."
    )
    return {"rows": there, "missing": reasons(parts, VARIABLE_NAMES), "sentence": sentence if there else ""}


def cox_view(results: Results) -> Mapping[str, Any] | None:
    """Cox regression, one variable at a time and together."""
    one, several = results.get("cox_univariable"), results.get("cox_multivariable")
    if not one and not several:
        return None
    terms = [
        {"name": UNITS.get(name, name), "path": f"cox_univariable.{name}", **part}
        for name, part in computed_parts(one).items()
    ]
    models = [_model(name, part) for name, part in computed_parts(several).items()]
    return {
        "terms": terms,
        "terms_sentence": _sentence(terms, "one variable at a time"),
        "models": models,
        "models_sentence": _together(models),
        "missing": [*_missing(one, UNITS, "alone"), *_missing(several, MODELS, "together")],
    }


def _model(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    terms = [
        {"name": UNITS.get(variable, variable), "path": f"cox_multivariable.{name}.terms.{variable}", **term}
        for variable, term in part["terms"].items()
    ]
    return {**part, "name": MODELS.get(name, name), "key": name, "terms": terms}


def _missing(parts: Any, names: Mapping[str, str], how: str) -> list[str]:
    return reasons(parts, names) if reason(parts) else [f"{line} ({how})" for line in reasons(parts, names)]


def _sentence(terms: list[dict[str, Any]], how: str) -> str:
    if not terms:
        return ""
    telling = [term["name"] for term in terms if term["p"] < LEVEL]
    broken = [term["name"] for term in terms if _below(term["proportional_hazards_p"])]
    text = f"Below {LEVEL}, {how}: {listed(telling)}."
    return text + (f" Hazards are not proportional for {listed(broken)}." if broken else "")


def _together(models: list[dict[str, Any]]) -> str:
    with_score = [model for model in models if any(term["name"] == UNITS["pdl1es"] for term in model["terms"])]
    if not with_score:
        return ""
    kept = sum(
        1 for model in with_score for term in model["terms"] if term["name"] == UNITS["pdl1es"] and term["p"] < LEVEL
    )
    return f"High PD-L1ES keeps a p below {LEVEL} in {kept} of {counted(len(with_score), 'model')} that hold it."


def _below(value: float | None) -> bool:
    return value is not None and value < LEVEL
