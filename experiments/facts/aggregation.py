"""What becomes of a series when neighbours are added up: kurtosis and spread over longer and longer sums."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEWEST_SUMS = 15
"""Sums below which no moment of them is taken."""


def excess_kurtosis(values: ArrayLike) -> float:
    """Return the fourth standardised moment less 3; nan of a constant series."""
    numbers = np.asarray(values, np.float64)
    centred = numbers - numbers.mean() if len(numbers) else numbers
    variance = float(np.mean(centred**2)) if len(numbers) else 0.0
    return float(np.mean(centred**4)) / variance**2 - 3.0 if variance > 0.0 else math.nan


def kurtosis_of_sum(kurtosis: float, n: int) -> float:
    """Return the excess kurtosis of a sum of `n` independent draws, ``K / n`` (case B05).

    Examples
    --------
    >>> kurtosis_of_sum(30.0, 10)
    3.0
    """
    return kurtosis / n


def sums_of(values: ArrayLike, n: int) -> Floats:
    """Return sums over neighbours that do not overlap, shape (len // n,)."""
    numbers = np.asarray(values, np.float64)
    whole = len(numbers) // n * n
    return np.asarray(numbers[:whole].reshape(-1, n).sum(axis=1))


def kurtosis_under_aggregation(values: ArrayLike, steps: ArrayLike) -> Floats:
    """Return the excess kurtosis of sums over each number of neighbours; nan where sums are too few."""
    return np.array(
        [
            excess_kurtosis(added) if len(added := sums_of(values, int(n))) >= FEWEST_SUMS else math.nan
            for n in np.asarray(steps)
        ]
    )


def kurtosis_exponent(values: ArrayLike, steps: ArrayLike) -> float:
    """Return b of ``K(n) = K(1) n ** -b``: 1 for independent returns, less where there is memory (case B05).

    Returns
    -------
    float
        nan if fewer than three of the kurtoses are positive.
    """
    return _slope(steps, kurtosis_under_aggregation(values, steps), -1.0)


def hurst_exponent(values: ArrayLike, steps: ArrayLike) -> float:
    """Return H where sums over `n` neighbours spread as ``n ** H``: 0.5 for independent values.

    The mean of the series is taken off first.

    Returns
    -------
    float
        nan if fewer than three of the spreads exist.
    """
    series = np.asarray(values, np.float64)
    centred = series - series.mean() if len(series) else series
    spreads = [
        float(np.sqrt(np.mean(added**2))) if len(added := sums_of(centred, int(n))) >= FEWEST_SUMS else 0.0
        for n in np.asarray(steps)
    ]
    return _slope(steps, np.array(spreads), 1.0)


def _slope(steps: ArrayLike, heights: Floats, sign: float) -> float:
    """Return the slope of logarithms, where both are positive."""
    places = np.asarray(steps, np.float64)
    usable = np.nan_to_num(heights) > 0.0
    if usable.sum() < 3:
        return math.nan
    return float(sign * np.polyfit(np.log(places[usable]), np.log(heights[usable]), 1)[0])
