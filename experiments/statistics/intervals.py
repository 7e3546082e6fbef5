"""Confidence intervals of one sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

RESAMPLES = 2_000


class Interval(NamedTuple):
    """An estimate with both ends of its interval; ends are nan where there is none."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of the width."""
        return 0.5 * (self.high - self.low)


def known(values: ArrayLike) -> Floats:
    """Return the numbers of a sample, without its NaN."""
    numbers = np.asarray(values, np.float64)
    return numbers[~np.isnan(numbers)]


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean with Student's interval; NaN are left out.

    Examples
    --------
    >>> mean, low, high = t_interval([1.0, 2.0, 3.0])
    >>> mean, round(low, 3), round(high, 3)
    (2.0, -0.484, 4.484)
    """
    numbers = known(values)
    if not len(numbers):
        return Interval(math.nan, math.nan, math.nan)
    mean = float(numbers.mean())
    if len(numbers) < 2:
        return Interval(mean, math.nan, math.nan)
    error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    half = float(stats.t.ppf(0.5 + level / 2, len(numbers) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Share of successes with Wilson's interval, which holds for rare events too (case B10).

    Raises
    ------
    ValueError
        If there are no trials, or more successes than trials.

    Examples
    --------
    >>> [round(end, 4) for end in wilson_interval(0, 200)]
    [0.0, 0.0, 0.0188]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must be 0 to trials, at least 1; got {successes} of {trials}")
    z = float(stats.norm.ppf(0.5 + level / 2))
    share, spread = successes / trials, z * z / trials
    centre = share + spread / 2
    half = z * math.sqrt(share * (1.0 - share) / trials + spread / (4 * trials))
    low = max(0.0, (centre - half) / (1.0 + spread)) if successes else 0.0
    high = min(1.0, (centre + half) / (1.0 + spread)) if successes < trials else 1.0
    return Interval(share, low, high)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[Floats], Floats],
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Statistic of a sample with its percentile bootstrap interval.

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN are left out.
    statistic : callable
        Takes samples, shape (..., n), and returns one number for each, shape (...).
    level : float
    resamples : int
    seed : int
        Of the resampling; equal seeds give equal intervals.
    """
    numbers = known(values)
    if not len(numbers):
        return Interval(math.nan, math.nan, math.nan)
    centre = float(statistic(numbers))
    if len(numbers) < 2:
        return Interval(centre, math.nan, math.nan)
    picks = np.random.default_rng(seed).integers(len(numbers), size=(resamples, len(numbers)))
    low, high = np.quantile(statistic(numbers[picks]), [0.5 - level / 2, 0.5 + level / 2])
    return Interval(centre, float(low), float(high))
