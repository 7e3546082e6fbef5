"""Memory of a series: autocorrelations, and how fast they fade."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def autocorrelations(values: ArrayLike, lags: int) -> Floats:
    """Return the autocorrelations of a series at lags 1 to `lags`.

    Returns
    -------
    float64 ndarray, shape (lags,)
        nan at lags that the series is too short for, and of a constant series.

    Examples
    --------
    >>> autocorrelations([1.0, -1.0, 1.0, -1.0], 2).tolist()
    [-0.75, 0.5]
    """
    series = np.asarray(values, np.float64)
    found = np.full(lags, np.nan)
    centred = series - series.mean() if len(series) else series
    power = float(centred @ centred)
    if not power > 0.0:
        return found
    for lag in range(1, min(lags, len(series) - 2) + 1):
        found[lag - 1] = float(centred[lag:] @ centred[:-lag]) / power
    return found


def decay_exponent(correlations: ArrayLike) -> float:
    """Return b of a decay as ``lag ** -b``, by least squares of logarithms.

    Correlations are averaged in octaves of the lag first, so that noise at long lags does not
    decide. Octaves are used up to the first that is not positive.

    Parameters
    ----------
    correlations : array_like, shape (lags,)
        At lags 1, 2, ...

    Returns
    -------
    float
        nan if fewer than three octaves can be used.

    Examples
    --------
    >>> lags = np.arange(1, 128)
    >>> round(decay_exponent(0.3 / lags**0.4), 2)
    0.4
    """
    values = np.asarray(correlations, np.float64)
    places, heights = [], []
    start = 1
    while 2 * start - 1 <= len(values):
        lags = np.arange(start, 2 * start)
        mean = float(values[lags - 1].mean())
        if not mean > 0.0:
            break
        places.append(float(np.log(lags).mean()))
        heights.append(math.log(mean))
        start *= 2
    if len(places) < 3:
        return math.nan
    return float(-np.polyfit(places, heights, 1)[0])
