"""What several sections of a study's report need: parts that may be absent, and numbers for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from common.report.parts import Results, look_up, reason
from common.report.words import counted, estimate, listed, ratio

Part = Mapping[str, Any]
ABSENT = "the results have nothing of it"
LARGEST_LOG = 50.0
"""Log hazard ratios beyond this are no numbers that anybody reads."""


def known(results: Results, path: str) -> Any:
    """The value at a dotted key; None where it is absent or was not computed."""
    value = look_up(results, path)
    return None if reason(value) else value


def missing_part(part: Any) -> list[str]:
    """Why there is nothing to show of a part, for a template; empty when there is something."""
    if reason(part):
        return [reason(part)]
    return [] if part else [ABSENT]


def roster(results: Results) -> list[str]:
    """The sites of the study in the order of the results."""
    return list(results.get("sites") or ())


def taking_part(results: Results) -> list[str]:
    """Those of the sites that took part."""
    return [site for site, one in (results.get("sites") or {}).items() if one.get("took_part")]


def exchanges(results: Results, *, phase: str = "") -> list[Part]:
    """The exchanges in their order, all or those of a phase."""
    return [one for one in results.get("rounds") or () if phase in ("", one["phase"])]


def training_rounds(results: Results) -> list[Part]:
    """The exchanges in which sites trained, without those that only judged a stage's last weights."""
    return [one for one in exchanges(results, phase="training") if one.get("epochs")]


def patients_of(site: Part, division: str) -> int:
    """Patients of a division at a site, 0 where it did not tell."""
    return int(((site.get("divisions") or {}).get(division) or {}).get("patients") or 0)


def total_told(counts: Sequence[int | None]) -> str:
    """The sum of what sites told, which is the least there are where one withholds its count."""
    total = sum(one for one in counts if one is not None)
    return f"{total:,} or more" if None in counts else f"{total:,}"


def these_sites(sites: Sequence[str], everybody: Sequence[str]) -> str:
    """`all 4 sites`, or which."""
    if len(everybody) > 1 and set(sites) == set(everybody):
        return f"all {len(everybody)} sites"
    return listed(list(sites)) if len(sites) < 6 else counted(len(sites), "site")


def curly(text: str) -> str:
    """Words of the results with the apostrophes of a page."""
    return text.replace("'", "’")


def duration(number: float) -> str:
    """A time that somebody chose, in the largest unit that divides it."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if number % length == 0:
            return counted(int(number // length), unit)
    return f"{number:g} seconds"


def data_size(number: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 999.5 or unit == "GB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"


def hazard_ratio(log_ratio: float) -> float:
    """The hazard ratio of its logarithm, within what a computer can hold."""
    return math.exp(min(max(log_ratio, -LARGEST_LOG), LARGEST_LOG))


def ratio_text(log_ratio: float, log_low: float, log_high: float) -> str:
    """A hazard ratio with its interval, from logarithms."""
    return ratio(*(hazard_ratio(one) for one in (log_ratio, log_low, log_high)))


def area_text(part: Part) -> str:
    """An AUC with its interval."""
    return estimate(part["auc"], part["ci_low"], part["ci_high"])
