"""The paper's numbers of progression-free survival: Results, Validation of the signature and what follows it."""

from __future__ import annotations

from simulation.published.record import Published

EFFICACY = "Results, efficacy of immunotherapy"
CLINICAL = "Results, clinical characteristics; Figure 4"
NAMES = {"pdl1es": "PD-L1ES", "clinical": "clinical model", "combined": "PD-L1ES with clinical model"}
RULE = "Divided by X-tile in the paper's text, at the median in the legend of Figure 3; here {rule}."
SEARCHED = "The log-rank p here, not corrected for the search of the cut-off, nor does the paper say that its own is."
SCALE = "On the scale of each Cox model's own predictor, whose zero the paper does not give."


def _ratio(score: str, value: float, low: float, high: float, where: str, note: str = "") -> Published:
    part = f"survival.{score}.all"
    quantity = f"Hazard ratio, high to low {NAMES[score]}"
    return Published(quantity, "estimate", (f"{part}.hazard_ratio",), value, where, f"{part}.ci", low, high, note)


def _p(score: str, group: str, value: float, where: str, text: str = "") -> Published:
    among = "" if group == "all" else f", {group}"
    quantity = f"P value, high against low {NAMES[score]}{among}"
    return Published(quantity, "p", (f"survival.{score}.{group}.logrank_p",), value, where, note=SEARCHED, text=text)


def _median(score: str, group: str, side: str, value: float, where: str) -> Published:
    path = f"survival.{score}.{group}.median_{side}"
    among = "" if group == "all" else f", {group}"
    return Published(f"Median PFS in days, {side} {NAMES[score]}{among}", "days", (path,), value, where, f"{path}_ci")


def _cutoff(score: str, value: float, where: str, note: str) -> Published:
    path = f"survival.{score}.all.cutoff"
    return Published(f"Cut-off of {NAMES[score]}", "estimate", (path,), value, where, note=note)


PDL1ES = (
    _ratio("pdl1es", 2.57, 1.22, 5.44, EFFICACY, RULE),
    _p("pdl1es", "all", 0.010, f"{EFFICACY}; Figure 3A"),
    Published(
        "C-index of the two groups",
        "estimate",
        ("survival.pdl1es.all.c_index_groups",),
        0.66,
        EFFICACY,
        "survival.pdl1es.all.c_index_groups_ci",
        0.48,
        0.83,
        "Of PD-L1ES divided into two groups, as in the paper.",
    ),
    Published(
        "Median PFS in days, high PD-L1ES",
        "days",
        ("survival.pdl1es.all.median_high",),
        183,
        EFFICACY,
        "survival.pdl1es.all.median_high_ci",
        122,
        257,
    ),
    Published(
        "Median PFS in days, low PD-L1ES",
        "days",
        ("survival.pdl1es.all.median_low",),
        363,
        EFFICACY,
        "survival.pdl1es.all.median_low_ci",
        363,
        note="The paper leaves the upper end of this interval open.",
    ),
    _cutoff("pdl1es", 0.66, EFFICACY, RULE),
    _p("pdl1es", "monotherapy", 0.028, f"{EFFICACY}; Figure 3"),
    _p("pdl1es", "combination", 0.038, f"{EFFICACY}; Figure 3"),
    _median("pdl1es", "combination", "high", 248, EFFICACY),
    _median("pdl1es", "combination", "low", 271, EFFICACY),
)
CLINICAL_MODEL = (
    _ratio("clinical", 2.09, 1.05, 4.18, CLINICAL),
    _p("clinical", "all", 0.032, CLINICAL),
    _cutoff("clinical", 0.05, CLINICAL, SCALE),
    _median("clinical", "all", "high", 172, CLINICAL),
    _median("clinical", "all", "low", 257, CLINICAL),
    _p("clinical", "monotherapy", 0.068, CLINICAL),
    _p("clinical", "combination", 0.054, CLINICAL),
)
COMBINED_MODEL = (
    _ratio("combined", 3.53, 1.86, 6.72, CLINICAL),
    _p("combined", "all", 0.001, CLINICAL, text="below 0.001"),
    _cutoff("combined", 1.78, CLINICAL, SCALE),
    _median("combined", "all", "high", 122, CLINICAL),
    _median("combined", "all", "low", 363, CLINICAL),
    _p("combined", "monotherapy", 0.016, CLINICAL),
    _p("combined", "combination", 0.003, CLINICAL),
)
