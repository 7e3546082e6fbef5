"""Sweeps: many runs of one scenario over factors and seeds, which survive being killed."""

from __future__ import annotations

from .designs import Design
from .factors import Choice, Factor
from .folder import load_sweep, load_sweep_table
from .plan import Job, Picture, SweepPlan, load_plan, sweep_names
from .sweep import SweepReport, sweep

__all__ = [
    "Choice",
    "Design",
    "Factor",
    "Job",
    "Picture",
    "SweepPlan",
    "SweepReport",
    "load_plan",
    "load_sweep",
    "load_sweep_table",
    "sweep",
    "sweep_names",
]
