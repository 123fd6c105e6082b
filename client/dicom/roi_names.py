"""Which ROI is the tumour, by its name and never by luck."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from client.dicom.errors import DicomError
from client.dicom.mask_sources import MaskSource, Roi
from common.errors import UsageError

TUMOUR_PREFIXES = ("gtv", "tumour", "tumor", "lesion", "nodule", "primary")
"""How the name of a tumour's ROI begins where no rule is given, in any case."""
OTHERS = (
    *("lung", "heart", "spin", "cord", "esoph", "oesoph", "trachea", "bronch", "liver", "brain", "aorta"),
    *("body", "external", "skin", "couch", "patient", "ctv", "itv", "ptv", "igtv"),
)
"""How the name of a ROI begins that is an organ, the outline or a planning volume, and so not taken unasked."""
MOST_NAMES_SHOWN = 12

Marked = tuple[MaskSource, Roi]


def check_roi_rule(rule: str) -> None:
    """Raise UsageError when a rule for ROI names is empty or no regular expression."""
    if not rule.strip():
        raise UsageError("--roi is empty; give the name of the tumour's ROI, or a regular expression for it")
    try:
        re.compile(rule)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"--roi {rule!r} is no regular expression ({error}); give a ROI's exact name, or put \\ before signs like "
            "( [ + *"
        ) from error


def choose_roi(sources: Sequence[MaskSource], *, rule: str | None) -> list[Marked]:
    """The ROI that is the tumour in each source that has it; DicomError when it is none or not one."""
    offered = [(source, roi) for source in sources for roi in source.rois]
    if not offered:
        raise DicomError(sources[0].path, "marks no ROI at all; send the structure set with the tumour")
    found = _by_rule(offered, rule) if rule is not None else _by_custom(offered)
    names = _names(roi for _, roi in found)
    if len(names) != 1:
        asked = f"no ROI is named {rule!r}" if rule is not None else "no ROI's name says that it is the tumour"
        several = f"{len(names)} ROIs could be the tumour ({_listed(names)})"
        raise DicomError(
            sources[0].path if len(sources) == 1 else sources[0].path.parent,
            f"{several if names else asked}; present are {_listed(_names(roi for _, roi in offered))}; "
            "name the tumour's with --roi",
        )
    for source in sources:
        if sum(one is source for one, _ in found) > 1:
            raise DicomError(source.path, f'has several ROIs named "{names[0]}"; give each a name of its own')
    return found


def _by_rule(offered: Sequence[Marked], rule: str) -> list[Marked]:
    exact = _matching(offered, lambda name: name.casefold() == rule.strip().casefold())
    if exact:
        return exact
    check_roi_rule(rule)
    pattern = re.compile(rule, re.IGNORECASE)
    return _matching(offered, lambda name: pattern.fullmatch(name) is not None)


def _by_custom(offered: Sequence[Marked]) -> list[Marked]:
    if len(_names(roi for _, roi in offered)) == 1 and not offered[0][1].name.casefold().startswith(OTHERS):
        return list(offered)
    return _matching(offered, lambda name: name.casefold().startswith(TUMOUR_PREFIXES))


def _matching(offered: Iterable[Marked], fits: Callable[[str], bool]) -> list[Marked]:
    return [(source, roi) for source, roi in offered if any(name and fits(name) for name in (roi.name, roi.also))]


def _names(rois: Iterable[Roi]) -> list[str]:
    """Distinct names, in their order, the case aside."""
    names: dict[str, str] = {}
    for roi in rois:
        names.setdefault(roi.name.casefold(), roi.name)
    return list(names.values())


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES_SHOWN} more" if len(names) > MOST_NAMES_SHOWN else ""
    return ", ".join(f'"{name}"' for name in names[:MOST_NAMES_SHOWN]) + more
