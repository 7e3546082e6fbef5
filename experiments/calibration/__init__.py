"""Calibration: parameters under which simulated moments meet a table of targets."""

from __future__ import annotations

from .estimator import Estimate, simulated_moments
from .moments import MOMENTS, find_moment
from .plan import CalibrationPlan, Target, calibration_names, load_calibration
from .report import CalibrationReport, is_calibration
from .run import calibrate

__all__ = [
    "MOMENTS",
    "CalibrationPlan",
    "CalibrationReport",
    "Estimate",
    "Target",
    "calibrate",
    "calibration_names",
    "find_moment",
    "is_calibration",
    "load_calibration",
    "simulated_moments",
]
