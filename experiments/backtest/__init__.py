"""Simulated against recorded liquidations."""

from __future__ import annotations

from ..episodes.fits import PopulationFit, fit_names, load_fit
from .score import BacktestScore, hourly_fall, hourly_volume, score_episode, score_hours

__all__ = [
    "BacktestScore",
    "PopulationFit",
    "fit_names",
    "hourly_fall",
    "hourly_volume",
    "load_fit",
    "score_episode",
    "score_hours",
]
