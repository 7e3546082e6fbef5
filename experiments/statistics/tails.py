"""Tails of losses: value at risk, expected shortfall, tail index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Interval, bootstrap_interval, known

Floats = NDArray[np.float64]


def value_at_risk(losses: ArrayLike, level: float = 0.95, confidence: float = 0.95) -> Interval:
    """Loss that a share `level` of the runs does not exceed, with its bootstrap interval.

    Parameters
    ----------
    losses : array_like
        Positive numbers are losses; NaN are left out.
    level : float
        0.95 and 0.99 are what risk desks publish (MODEL 7).
    confidence : float
        Of the interval.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    _check(level)
    return bootstrap_interval(losses, lambda sample: _quantile(sample, level), confidence)


def expected_shortfall(losses: ArrayLike, level: float = 0.95, confidence: float = 0.95) -> Interval:
    """Mean of the worst ``1 - level`` of the losses, with its bootstrap interval.

    The share is exact: where it is no whole number of runs, the mildest of the worst counts
    in part (Acerbi and Tasche 2002).

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> expected_shortfall([0.0, 0.0, 0.0, 10.0], 0.5).value
    5.0
    """
    _check(level)

    def worst(sample: Floats) -> Floats:
        ordered = np.sort(sample, axis=-1)[..., ::-1]
        n = ordered.shape[-1] * (1.0 - level)
        weights = np.clip(n - np.arange(ordered.shape[-1]), 0.0, 1.0)
        return np.asarray(ordered @ weights / n)

    return bootstrap_interval(losses, worst, confidence)


def hill_estimator(values: ArrayLike, k: int) -> float:
    """Tail index from the `k` largest values: one over the mean of ``ln(x / x_(k+1))`` (Hill 1975, case B04).

    Raises
    ------
    ValueError
        If there are not more than `k` values, or those used are not positive.

    Examples
    --------
    >>> round(hill_estimator([1, 2, 4, 8, 16], 3), 6)
    0.721348
    """
    ordered = np.sort(known(values))[::-1]
    if not 1 <= k < len(ordered):
        raise ValueError(f"k must be 1 to {len(ordered) - 1}, got {k}")
    if not ordered[k] > 0:
        raise ValueError(f"the {k + 1} largest values must be positive, got {ordered[k]}")
    return float(1.0 / np.mean(np.log(ordered[:k] / ordered[k])))


def _quantile(sample: Floats, level: float) -> Floats:
    return np.asarray(np.quantile(sample, level, axis=-1, method="inverted_cdf"))


def _check(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level}")
