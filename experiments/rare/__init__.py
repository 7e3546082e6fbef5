"""Rare events in markets: how likely bad debt is that no ordinary number of runs would show."""

from __future__ import annotations

from .bad_debt import RareReport, rare_bad_debt
from .tilt import Tilt, tilt_of

__all__ = ["RareReport", "Tilt", "rare_bad_debt", "tilt_of"]
