"""Intervals of means over seeds, and numbers for JSON."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95


def interval(values: Sequence[float]) -> tuple[float, float, float, int]:
    """Return mean, t interval and count of the finite values; NaN for what they do not say."""
    known = np.array([value for value in values if np.isfinite(value)])
    n = len(known)
    if n == 0:
        return np.nan, np.nan, np.nan, 0
    mean = float(known.mean())
    if n == 1:
        return mean, np.nan, np.nan, 1
    half = float(stats.t.ppf(0.5 + 0.5 * LEVEL, n - 1) * known.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half, n


def plain(value: float) -> float | int | None:
    """Return a number of Python, None for one that is not finite."""
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return int(value) if isinstance(value, (int, np.integer)) else float(value)
