"""How well a score tells two classes apart, whether it means what it says, and what acting on it would gain."""

from common.discrimination.auc import AucInterval, auc, auc_interval, roc_points
from common.discrimination.calibration import Calibration, CalibrationGroup, calibrate
from common.discrimination.decision_curves import DecisionCurves, decision_curves
from common.discrimination.delong import PairedDelong, paired_delong
from common.discrimination.operating_point import OperatingPoint, Proportion, at_threshold, youden_threshold

__all__ = [
    "AucInterval",
    "Calibration",
    "CalibrationGroup",
    "DecisionCurves",
    "OperatingPoint",
    "PairedDelong",
    "Proportion",
    "at_threshold",
    "auc",
    "auc_interval",
    "calibrate",
    "decision_curves",
    "paired_delong",
    "roc_points",
    "youden_threshold",
]
