"""The paper's AUCs: Results, Predicting PD-L1 expression."""

from __future__ import annotations

from simulation.published.record import Published

WHERE = "Results, predicting PD-L1 expression"
AUCS = {"training": (0.78, 0.75, 0.80), "validation": (0.71, 0.59, 0.81), "test": (0.76, 0.66, 0.85)}
REDIVISIONS = {
    1: {"training": (0.79, 0.77, 0.82), "validation": (0.73, 0.61, 0.85), "test": (0.76, 0.67, 0.87)},
    2: {"training": (0.77, 0.74, 0.80), "validation": (0.74, 0.60, 0.86), "test": (0.75, 0.66, 0.84)},
}
NARROW = "By patient here; the paper's interval is as narrow as its slices, three a patient, would give."


def _auc(quantity: str, part: str, numbers: tuple[float, float, float], where: str, note: str) -> Published:
    value, low, high = numbers
    return Published(quantity, "estimate", (f"{part}.auc",), value, where, f"{part}.ci", low, high, note)


DISCRIMINATION = tuple(
    _auc(
        f"AUC of PD-L1ES, {division}",
        f"discrimination.pdl1es.{division}",
        numbers,
        f"{WHERE}; Figure 2A-C",
        NARROW if division == "training" else "",
    )
    for division, numbers in AUCS.items()
)
DIVIDED_ANEW = tuple(
    _auc(
        f"AUC under re-division {number}, {division}",
        f"redivisions.{number}.{division}",
        numbers,
        WHERE,
        NARROW if division == "training" else "",
    )
    for number, divisions in REDIVISIONS.items()
    for division, numbers in divisions.items()
)
