"""How long liquidations wait where only so many fit into a block (MODEL 2.8)."""

from __future__ import annotations

import math

from .inputs import check_parameter


def queue_wait(arrivals: float, capacity: float) -> float:
    """Mean wait before service in an M/D/1 queue, ``rho / (2 mu (1 - rho))``.

    Parameters
    ----------
    arrivals : float
        Liquidations that become due per block, not negative.
    capacity : float
        Liquidations that a block holds, positive.

    Returns
    -------
    float
        Blocks; infinite if as many arrive as are served.

    Raises
    ------
    ParameterError
        If an argument is outside its range.
    """
    check_parameter("arrivals", arrivals, at_least=0.0)
    check_parameter("capacity", capacity, above=0.0)
    load = arrivals / capacity
    return load / (2.0 * capacity * (1.0 - load)) if load < 1.0 else math.inf
