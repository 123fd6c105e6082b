"""Which cohort a patient belongs to: what the spreadsheet says, else what it has of the patient."""

from __future__ import annotations

from collections.abc import Mapping


def cohort_of(cells: Mapping[str, str]) -> tuple[str, str]:
    """The cohort and an empty fault, or no cohort and the fault with its remedy.

    Only TPS: expression. Only PFS with progression: immunotherapy. Both: immunotherapy when a treatment is given.
    """
    if cells.get("cohort"):
        return cells["cohort"], ""
    tps = bool(cells.get("tps"))
    pfs, progressed = bool(cells.get("pfs_days")), bool(cells.get("progressed"))
    survival = pfs and progressed
    if tps and survival and not cells.get("treatment"):
        return "", (
            "has TPS and PFS and no treatment, its cohort is not clear; "
            "add a column cohort with expression or immunotherapy"
        )
    if survival:
        return "immunotherapy", ""
    if tps:
        return "expression", ""
    if pfs or progressed:
        there, lacks = ("pfs_days", "progressed") if pfs else ("progressed", "pfs_days")
        return "", f"has {there} and no {lacks}, one is nothing without the other; fill it in"
    return "", "has neither TPS nor PFS; fill one in, or leave the patient out"
