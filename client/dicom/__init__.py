"""DICOM in, one CT volume and one tumour mask out: series, RTSTRUCT and SEG read, checked and put on one grid."""

from client.dicom.convert import Converted, convert
from client.dicom.errors import DicomError
from client.dicom.headers import Ignored, is_dicom
from client.dicom.identifying import identifying
from client.dicom.patient_files import PatientFiles, fingerprint
from client.dicom.roi_names import check_roi_rule
from client.dicom.tree import DicomTree, read_tree

__all__ = [
    "Converted",
    "DicomError",
    "DicomTree",
    "Ignored",
    "PatientFiles",
    "check_roi_rule",
    "convert",
    "fingerprint",
    "identifying",
    "is_dicom",
    "read_tree",
]
