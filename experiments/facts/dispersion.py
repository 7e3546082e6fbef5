"""Whether events come one by one or in swarms: the index of dispersion of their counts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def index_of_dispersion(counts: ArrayLike) -> float:
    """Return variance over mean of counts in windows: 1 for Poisson arrivals; nan without events."""
    numbers = np.asarray(counts, np.float64)
    mean = float(numbers.mean()) if len(numbers) > 1 else 0.0
    return float(numbers.var(ddof=1)) / mean if mean > 0.0 else math.nan


def branching_ratio(dispersion: float) -> float:
    """Return the share of events triggered by others, from ``1 / (1 - n)**2`` of long windows (case B03).

    Counts more even than Poisson's give 0.

    Examples
    --------
    >>> round(branching_ratio(25.0), 12)
    0.8
    """
    if math.isnan(dispersion):
        return math.nan
    return 1.0 - dispersion**-0.5 if dispersion > 1.0 else 0.0
