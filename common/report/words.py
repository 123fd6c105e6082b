"""Numbers of a report in words, and the names of what they belong to."""

from __future__ import annotations

from collections.abc import Sequence

MODEL_NAMES = {"pdl1es": "PD-L1ES", "deep": "Deep features", "radiomics": "Radiomics", "clinical": "Clinical"}
DIVISION_NAMES = {"training": "Training", "validation": "Validation", "test": "Test", "all": "All patients"}
SCORE_NAMES = {"pdl1es": "PD-L1ES", "clinical": "Clinical model", "combined": "PD-L1ES and clinical model"}
GROUP_NAMES = {"all": "All patients", "monotherapy": "Monotherapy", "combination": "With chemotherapy"}
VARIABLE_NAMES = {
    "age": "Age",
    "sex": "Sex",
    "smoking": "Smoking",
    "family_history": "Family history of malignancy",
    "pdl1_expression": "PD-L1 expression",
    "progressed": "Progressed",
    "manufacturer": "Manufacturer",
    "tube_current_ma": "Tube current",
    "slice_thickness_mm": "Slice thickness",
    "clinical": "Clinical model",
    "pdl1es": "PD-L1ES",
}
FORMATS = {"count": "{:,.0f}", "days": "{:,.0f}", "years": "{:.0f}", "estimate": "{:.2f}", "p": "{:.3f}"}
NOTHING = {"days": "not reached", "p": "none"}
CHANCE = 0.5
LARGE = 1000
"""An estimate from here on has three digits and a power of ten."""


def plain_name(key: str) -> str:
    """A key of the results as a person says it."""
    known = VARIABLE_NAMES | MODEL_NAMES | DIVISION_NAMES | GROUP_NAMES
    return known.get(key) or (key[:1].upper() + key[1:]).replace("_", " ")


def in_sentence(key: str) -> str:
    """The name of a key within a sentence: small, but for PD-L1."""
    name = plain_name(key)
    return name if name.startswith("PD-L1") else name[:1].lower() + name[1:]


def with_interval(kind: str, value: float | None, low: float | None, high: float | None) -> str:
    """A number for people with its interval in brackets, in the format of its kind."""
    text = NOTHING.get(kind, "no estimate") if value is None else _number(kind, value)
    if low is None:
        return text
    end = "open" if high is None else _number(kind, high)
    return f"{text} ({_number(kind, low)} to {end})"


def estimate(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """An estimate with two decimals and its interval."""
    return with_interval("estimate", value, low, high)


def ratio(value: float, low: float, high: float) -> str:
    """A hazard ratio with its interval; `below 0.01` and `above 1,000` for what nobody reads digits of."""
    return f"{_ratio(value)} ({_ratio(low)} to {_ratio(high)})"


def p_text(value: float | None) -> str:
    """A p value with three decimals; `below 0.001`, and `none` where there is none."""
    return NOTHING["p"] if value is None else _number("p", value)


def p_phrase(value: float | None) -> str:
    """A p value within a sentence: `p = 0.012`, `p below 0.001`."""
    text = "no p value" if value is None else f"p {_number('p', value)}" if value < 0.001 else f"p = {value:.3f}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def days(value: float | None, interval: Sequence[float | None] | None = None) -> str:
    """A median in days with its interval; one that is null was not reached."""
    low, high = (None, None) if interval is None else interval
    return with_interval("days", value, low, high)


def percent(value: float | None) -> str:
    """A share as whole per cent."""
    return "none" if value is None else f"{value:.0%}"


def count(value: float | None) -> str:
    """A number of patients."""
    return "unknown" if value is None else _number("count", value)


def seconds(value: float) -> str:
    """A time for people."""
    if value < 90:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def unbroken(text: str) -> str:
    """A line may end before the bracket of an interval and not within it."""
    value, bracket, interval = text.partition(" (")
    return value + bracket + interval.replace(" ", "\N{NO-BREAK SPACE}")


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}" if names else "none"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 patient`, `2 patients`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def against_one(low: float | None, high: float | None) -> str:
    """What the interval of a hazard ratio says."""
    if low is None or high is None:
        return "it has no interval"
    if low <= 1 <= high:
        return "the interval includes 1, so a difference is not shown"
    return "the interval excludes 1"


def _number(kind: str, value: float) -> str:
    if kind == "estimate" and abs(value) >= LARGE:
        return f"{value:.2e}"
    return "below 0.001" if kind == "p" and value < 0.001 else FORMATS[kind].format(value)


def _ratio(value: float) -> str:
    if value >= LARGE:
        return "above 1,000"
    return "below 0.01" if value < 0.005 else f"{value:.2f}"
