"""Differences between designs that were run with the same seeds (common random numbers, MODEL 7)."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .intervals import Interval, bootstrap_interval, t_interval


class PairedDifference(NamedTuple):
    """Mean difference of pairs: Student's interval, bootstrap interval, p value and number of pairs."""

    student: Interval
    bootstrap: Interval
    p_value: float
    pairs: int


def paired_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> PairedDifference:
    """Mean of ``first - second``, pair by pair; pairs with a NaN are left out.

    The p value is that of the t test of no difference: 1 if no pair differs, nan for fewer
    than two pairs.

    Raises
    ------
    ValueError
        If the samples differ in length.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"paired samples must be of one length, got {one.shape} and {other.shape}")
    difference = one - other
    difference = difference[~np.isnan(difference)]
    n = len(difference)
    if n < 2:
        p_value = math.nan
    elif not np.ptp(difference):
        p_value = 0.0 if difference[0] else 1.0
    else:
        p_value = float(stats.ttest_1samp(difference, 0.0).pvalue)
    interval = bootstrap_interval(difference, lambda sample: sample.mean(axis=-1), level)
    return PairedDifference(t_interval(difference, level), interval, p_value, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for testing all of them (Holm 1979); NaN stay and do not count.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, worst = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(order):
        worst = max(worst, min(1.0, p * (len(order) - rank)))
        adjusted[i] = worst
    return adjusted


def paths_needed(pilot: ArrayLike, half_width: float, level: float = 0.95) -> int:
    """Return how many pairs bring the interval of their mean difference down to a half-width.

    Parameters
    ----------
    pilot : array_like
        Differences of a pilot, two at least.
    half_width : float
        In the unit of the differences.

    Raises
    ------
    ValueError
        If the pilot has fewer than two differences or the half-width is not positive.

    Examples
    --------
    >>> paths_needed([-10.0, 0.0, 10.0, -10.0, 10.0], 1.0)
    387
    """
    differences = np.asarray(pilot, np.float64)
    if len(differences) < 2:
        raise ValueError(f"a pilot needs two differences at least, got {len(differences)}")
    if not half_width > 0:
        raise ValueError(f"half_width must be positive, got {half_width}")
    sd = float(differences.std(ddof=1))

    def suffices(n: int) -> bool:
        return float(stats.t.ppf(0.5 + level / 2, n - 1)) * sd <= half_width * math.sqrt(n)

    high = 2
    while not suffices(high):
        high *= 2
    return bisect.bisect_left(range(high + 1), True, lo=2, key=suffices)


def error_of_difference(sd: float, correlation: float, pairs: int) -> float:
    """Return the standard error of a mean difference of two designs with equal spread (case B11).

    Examples
    --------
    >>> error_of_difference(10.0, 0.5, 100)
    1.0
    """
    return math.sqrt(2.0 * sd * sd * (1.0 - correlation) / pairs)
