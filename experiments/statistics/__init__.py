"""Statistics of many runs: intervals, paired differences, tails, sensitivity, trade-offs."""

from __future__ import annotations

from .deleveraging import (
    CascadeFigures,
    DeleveragingFigures,
    EpisodeFigures,
    cascade_figures,
    deleveraging_figures,
    episode_figures,
)
from .importance import ImportanceEstimate, importance_estimate, mixture_weights
from .intervals import Interval, bootstrap_interval, t_interval, wilson_interval
from .paired import PairedDifference, holm, paired_difference, paths_needed
from .pareto import knee, pareto_front
from .sensitivity import SobolIndices, saltelli_runs, sobol_indices
from .tails import expected_shortfall, hill_estimator, value_at_risk

__all__ = [
    "CascadeFigures",
    "DeleveragingFigures",
    "EpisodeFigures",
    "ImportanceEstimate",
    "Interval",
    "PairedDifference",
    "SobolIndices",
    "bootstrap_interval",
    "cascade_figures",
    "deleveraging_figures",
    "episode_figures",
    "expected_shortfall",
    "hill_estimator",
    "holm",
    "importance_estimate",
    "knee",
    "mixture_weights",
    "paired_difference",
    "pareto_front",
    "paths_needed",
    "saltelli_runs",
    "sobol_indices",
    "t_interval",
    "value_at_risk",
    "wilson_interval",
]
