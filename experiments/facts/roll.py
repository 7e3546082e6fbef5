"""The spread that trade prices betray by bouncing (Roll 1984)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def spread_of_bounce(autocovariance: float) -> float:
    """Return ``2 sqrt(-cov)`` of the first autocovariance of price changes (case B02); nan if it is positive.

    Examples
    --------
    >>> spread_of_bounce(-0.0004)
    0.04
    """
    return 2.0 * math.sqrt(-autocovariance) if autocovariance <= 0.0 else math.nan


def roll_spread(prices: ArrayLike) -> float:
    """Estimate the spread from trade prices in their order, in their unit; nan of fewer than four."""
    changes = np.diff(np.asarray(prices, np.float64))
    if len(changes) < 3:
        return math.nan
    return spread_of_bounce(float(np.cov(changes[1:], changes[:-1])[0, 1]))
