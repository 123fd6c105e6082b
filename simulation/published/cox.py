"""The paper's P values of the clinical characteristics, alone and beside PD-L1ES."""

from __future__ import annotations

from simulation.published.record import Published

WHERE = "Results, clinical characteristics"
ALONE = {"age": 0.028, "family_history": 0.17, "smoking": 0.22, "sex": 0.95}
BESIDE = {"family_history": 0.064, "smoking": 0.245, "sex": 0.374, "age": 0.088}
WALD = "Wald's test of the term in the Cox model here."


def _said(name: str) -> str:
    return name.replace("_", " ")


def _term(quantity: str, path: str, value: float, text: str = "") -> Published:
    return Published(quantity, "p", (f"cox_multivariable.{path}.p",), value, WHERE, note=WALD, text=text)


CHARACTERISTICS = (
    *(
        Published(
            f"P value, {_said(name)} alone",
            "p",
            (f"survival_by_variable.{name}.logrank_p",),
            value,
            f"{WHERE}; Supplementary Figure 3",
            text="" if name == "age" else f"{value:.2f}",
        )
        for name, value in ALONE.items()
    ),
    Published("Cut-off of age in years", "years", ("survival_by_variable.age.cutoff",), 63, WHERE),
    *(
        _term(f"P value, {_said(name)} beside PD-L1ES", f"pdl1es_{name}.terms.{name}", value)
        for name, value in BESIDE.items()
    ),
    _term("P value, PD-L1ES beside the clinical model", "pdl1es_clinical.terms.pdl1es", 0.0396, "0.0396"),
    _term("P value, clinical model beside PD-L1ES", "pdl1es_clinical.terms.clinical", 0.010),
)
