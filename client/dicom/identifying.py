"""Which tags of a DICOM file name a patient or the people around one."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from client.dicom.errors import DicomError, reading
from client.dicom.headers import is_dicom
from client.dicom.tags import text, words

_NAMES = (
    "PatientName PatientID IssuerOfPatientID PatientBirthDate PatientBirthTime PatientBirthName OtherPatientIDs "
    "OtherPatientNames PatientMotherBirthName PatientAddress PatientTelephoneNumbers PatientTelecomInformation "
    "MedicalRecordLocator MilitaryRank PatientReligiousPreference PatientInsurancePlanCodeSequence PatientComments "
    "AccessionNumber AdmissionID ServiceEpisodeID InsurancePlanIdentification CountryOfResidence RegionOfResidence "
    "ResponsiblePerson ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers "
    "PerformingPhysicianName PhysiciansOfRecord NameOfPhysiciansReadingStudy RequestingPhysician OperatorsName "
    "ScheduledPerformingPhysicianName InstitutionName InstitutionAddress ReviewerName PersonName "
    "ContentCreatorName ConsultingPhysicianName AdditionalPatientHistory ImageComments StudyComments "
    "RequestedProcedureComments VisitComments"
)
KEYWORDS = tuple(_NAMES.split())
"""From the basic confidentiality profile, DICOM PS3.15 table E.1-1: what names a person or leads straight to one."""

_PLACEHOLDERS = frozenset({"", "anonymous", "anonymized", "anonymised", "anon", "removed", "unknown", "none"})
_PSEUDONYM = ("PatientName", "PatientID")
_TEXT = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
MOST_PRIVATE = 5
"""Private tags with text that are named; nobody but the maker knows what they hold."""


def identifying(path: Path) -> tuple[str, ...]:
    """The tags of a DICOM file that identify a patient and have a value, as "PatientName (0010,0010)"; no values.

    PatientID, and a PatientName that repeats it, count as pseudonyms where PatientIdentityRemoved (0012,0062) is YES.
    DicomError when it is no DICOM file or is damaged.
    """
    if not is_dicom(path):
        raise DicomError(path, "is no DICOM file, or cannot be read; name a DICOM file")
    with reading(path):
        data = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        exempt = _pseudonyms(data)
        told = [element for element in data.iterall() if _told(element.value)]
        # a pseudonym stands at the top; deeper down the scanner's own items keep the name
        found = {
            one.keyword
            for one in told
            if one.keyword in KEYWORDS and not (one.keyword in exempt and one is data.get(one.tag))
        }
        private = sorted(
            {one.tag for one in told if one.tag.is_private and one.VR in _TEXT and not one.tag.is_private_creator}
        )
        burned = ("BurnedInAnnotation (0028,0301) is YES",) if "YES" in words(data, "BurnedInAnnotation") else ()
    named = tuple(f"{keyword} {Tag(keyword)}" for keyword in KEYWORDS if keyword in found)
    return named + tuple(f"private text {tag}" for tag in private[:MOST_PRIVATE]) + burned


def _told(value: object) -> bool:
    return str(value if value is not None else "").strip(" ^[]").lower() not in _PLACEHOLDERS


def _pseudonyms(data: Dataset) -> set[str]:
    if "YES" not in words(data, "PatientIdentityRemoved"):
        return set()
    return {name for name in _PSEUDONYM if text(data, name) == text(data, "PatientID")}
