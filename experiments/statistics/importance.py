"""Rare events by importance sampling: runs drawn where the event is common, weighted back.

Runs come from two laws: the true one and a tilted one under which the event is common. All
are weighted by the true density over that of the mixture (Owen and Zhou 2000), so that no
weight exceeds one over the share of the true law, whatever the tilt.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Interval, t_interval, wilson_interval

Floats = NDArray[np.float64]


class ImportanceEstimate(NamedTuple):
    """Probability of an event, and how far it can be trusted.

    Attributes
    ----------
    probability : Interval
    runs, events : int
        Runs made, and those in which the event happened.
    effective_runs : float
        Runs of the true law that would weigh as much, ``(sum w)**2 / sum w**2``.
    effective_events : float
        The same of the runs with the event: below ten or so the interval says little.
    mean_weight : float
        1 in expectation; far from it, the tilt has missed a part of the true law.
    """

    probability: Interval
    runs: int
    events: int
    effective_runs: float
    effective_events: float
    mean_weight: float


def mixture_weights(log_ratio: ArrayLike, true_share: float) -> Floats:
    """Return the true density over that of the mixture.

    Parameters
    ----------
    log_ratio : array_like, shape (runs,)
        Logarithm of the true density over the tilted one, at what was drawn.
    true_share : float
        Share of the runs drawn from the true law, above 0.

    Returns
    -------
    float64 ndarray, shape (runs,)
        From 0 to ``1 / true_share``.

    Examples
    --------
    >>> mixture_weights([0.0, 50.0], 0.2).round(6).tolist()
    [1.0, 5.0]
    """
    if not 0.0 < true_share <= 1.0:
        raise ValueError(f"true_share must be above 0 and at most 1, got {true_share}")
    ratio = np.asarray(log_ratio, np.float64)
    log_mixture = np.logaddexp(
        math.log(true_share) + ratio, math.log1p(-true_share) if true_share < 1 else -np.inf
    )
    return np.asarray(np.exp(ratio - log_mixture))


def importance_estimate(
    happened: ArrayLike, log_ratio: ArrayLike, true_runs: int, level: float = 0.95
) -> ImportanceEstimate:
    """Estimate the probability of an event under the true law.

    Parameters
    ----------
    happened : array_like of bool, shape (runs,)
    log_ratio : array_like, shape (runs,)
        Logarithm of the true density over the tilted one, of every run.
    true_runs : int
        How many of the runs were drawn from the true law; the others were from the tilted one.
    level : float
        Of the interval: Student's for the weighted mean. If the event never happened, its upper
        end is Wilson's for the runs of the true law.

    Raises
    ------
    ValueError
        If lengths differ, there are fewer than two runs, or none of them is from the true law.
    """
    hits = np.asarray(happened, bool)
    ratio = np.asarray(log_ratio, np.float64)
    n = len(hits)
    if ratio.shape != (n,) or n < 2:
        raise ValueError(
            f"happened and log_ratio must be of one length, two at least; got {n} and {len(ratio)}"
        )
    if not 1 <= true_runs <= n:
        raise ValueError(f"true_runs must be 1 to {n}, got {true_runs}")
    weights = mixture_weights(ratio, true_runs / n)
    weighted = weights * hits
    if hits.any():
        value, low, high = t_interval(weighted, level)
        probability = Interval(value, max(0.0, low), min(1.0, high))
    else:
        probability = Interval(0.0, 0.0, wilson_interval(0, true_runs, level).high)
    return ImportanceEstimate(
        probability, n, int(hits.sum()), _effective(weights), _effective(weighted), float(weights.mean())
    )


def _effective(weights: Floats) -> float:
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0
