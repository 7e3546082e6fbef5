"""The best way to sell a position over time, in closed form (Almgren and Chriss 2000; MODEL 2.7).

Selling fast moves the price, selling slowly leaves the position at risk. With linear costs
the schedule that minimises ``cost + risk aversion * variance`` is a hyperbolic sine.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class ExecutionPlan(NamedTuple):
    """A schedule, what it costs on average, and how uncertain that is.

    Attributes
    ----------
    urgency : float
        kappa, per unit of time; 0 sells evenly.
    slices : tuple of float
        Units sold in each interval.
    expected_cost, sd : float
        Of the proceeds, against the price at the start; units times price.
    """

    urgency: float
    slices: tuple[float, ...]
    expected_cost: float
    sd: float


def slice_urgency(penalty: float) -> float:
    """Urgency of one interval, kappa tau, for ``penalty = risk aversion sigma^2 tau^2 / eta~``."""
    return math.acosh(1.0 + 0.5 * penalty)


def share_held(urgency: float, slices: int, done: int) -> float:
    """Share still held after `done` of `slices` intervals: ``sinh(kt (N-j)) / sinh(kt N)``.

    Parameters
    ----------
    urgency : float
        Of one interval, kappa tau; 0 is the straight line (TWAP).
    """
    left = slices - done
    if left <= 0:
        return 0.0
    if urgency * slices < 1e-6:
        return left / slices
    # both sines without the overflow of large urgencies
    shrink = -math.expm1(-2.0 * urgency * left) / -math.expm1(-2.0 * urgency * slices)
    return math.exp(-urgency * done) * shrink


def almgren_chriss(
    total: float,
    slices: int,
    interval: float,
    *,
    volatility: float,
    fixed_cost: float,
    permanent: float,
    temporary: float,
    risk_aversion: float,
) -> ExecutionPlan:
    """Schedule that minimises expected cost plus risk aversion times variance (CASES X07).

    Parameters
    ----------
    total : float
        Units to sell.
    slices : int
        Intervals.
    interval : float
        Length of one (tau).
    volatility : float
        Of the price, in its own unit per square root of time (sigma).
    fixed_cost : float
        Half spread and fees per unit (epsilon).
    permanent, temporary : float
        Price moves per unit sold, and per unit sold in a unit of time (gamma, eta).
    risk_aversion : float
        Per unit of money (lambda); 0 gives even slices.

    Raises
    ------
    ValueError
        If the temporary impact does not exceed half the permanent one of an interval.
    """
    stiffness = temporary - 0.5 * permanent * interval
    if not stiffness > 0.0:
        raise ValueError(f"temporary must exceed permanent * interval / 2, got {stiffness:g} less than that")
    step = slice_urgency(risk_aversion * (volatility * interval) ** 2 / stiffness)
    held = [total * share_held(step, slices, done) for done in range(slices + 1)]
    sold = tuple(held[j - 1] - held[j] for j in range(1, slices + 1))
    cost = 0.5 * permanent * total * total + fixed_cost * total
    cost += stiffness / interval * math.fsum(n * n for n in sold)
    sd = volatility * math.sqrt(interval * math.fsum(x * x for x in held[1:]))
    return ExecutionPlan(step / interval, sold, cost, sd)
