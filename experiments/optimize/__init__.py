"""Search over a design for its trade-offs: a Pareto set, scored again on seeds the search has not seen."""

from __future__ import annotations

from .plan import Objective, OptimizePlan, load_optimize_plan, optimize_names
from .report import OptimizeReport, is_optimized
from .search import optimize

__all__ = [
    "Objective",
    "OptimizePlan",
    "OptimizeReport",
    "is_optimized",
    "load_optimize_plan",
    "optimize",
    "optimize_names",
]
