"""Text that may name a person or a day: pure functions on names and headers; what they find is never repeated."""

from __future__ import annotations

import datetime
import itertools
import re

_DAY = re.compile(
    r"(?<!\d)(?:(?P<y>19\d\d|20\d\d)[-._/]?(?P<m>0[1-9]|1[0-2])[-._/]?(?P<d>0[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-._/](?:0?[1-9]|1[0-2])[-._/](?:19|20)?\d\d)(?!\d)"
)
_PERSON_NAME = re.compile(r"[^\W\d_]{2,}\^[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LABELLED = re.compile(r"patient.?s?.?name|birth.?date|date.?of.?birth|\(?0010,?[_ ]?00[134]0", re.IGNORECASE)
_FILE_WORDS = (
    "anonymized anonymous bronchus case chest cohort control converted created data dicom exported file from gtv "
    "hospital image images label labels left lesion lower lung lungs mask masks middle nifti nodule nrrd original "
    "patient patients phantom primary resampled right roi scan segmentation series site slicer study subject "
    "synthetic test thorax tool training tumor tumour upper validation version volume with"
)
_ORDINARY = frozenset(_FILE_WORDS.split())
"""Words of files that are nobody's name."""


def holds_day(text: str) -> bool:
    """Whether a text holds what looks like a calendar day between 1900 and today."""
    for found in _DAY.finditer(text):
        if found["y"] is None or (int(found["y"]), int(found["m"])) <= _this_month():
            return True
    return False


def _this_month() -> tuple[int, int]:
    today = datetime.datetime.now(tz=datetime.UTC)
    return today.year, today.month


def holds_person(text: str) -> bool:
    """Whether a text has a name in DICOM's form (SURNAME^FIRST) or names a patient's name or birth date."""
    return bool(_PERSON_NAME.search(text) or _LABELLED.search(text))


def looks_like_name(text: str) -> bool:
    """Whether a short text, an id or a file's name, has two neighbouring words that are written like a name."""
    words = _WORD.findall(text)
    named = [word[0].isupper() and word.lower() not in _ORDINARY and not _abbreviation(word) for word in words]
    return any(first and second for first, second in itertools.pairwise(named))


def looks_like_surname(text: str) -> bool:
    """Whether an id is one capitalised word without a digit."""
    return bool(re.fullmatch(r"[^\W\d_][^\W\d_]{3,}", text)) and text.istitle() and text.lower() not in _ORDINARY


def _abbreviation(word: str) -> bool:
    return word.isupper() and len(word) <= 4
