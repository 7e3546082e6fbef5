"""Who goes first in a block, and how much gas an outcome uses: one definition for all.

The rules of `inclusion` and the batches of `contests` decide by these functions, so
that a contest played by itself ends as the market would end it. A precedence is a
tuple of three numbers: the smaller goes first.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def by_fee(price, arrival_s, tie):
    """Highest price first; earlier arrival, then the smaller draw, break ties."""
    return (-price, arrival_s, tie)


@njit(cache=True)
def by_arrival(arrival_s, tie):
    """Earliest arrival first, whatever is paid; the smaller draw breaks ties."""
    return (arrival_s, tie, 0.0)


@njit(cache=True)
def by_draw(tie, arrival_s):
    """Smallest draw first: an order that nobody can buy."""
    return (tie, arrival_s, 0.0)


@njit(cache=True)
def bought_s(price, boost_s, half_price):
    """Seconds that a price buys: none for nothing, half of `boost_s` for `half_price`, never all of it.

    The concave score of Mamageishvili et al. (2023), arXiv:2306.02179.
    """
    return boost_s * price / (price + half_price)


@njit(cache=True)
def by_boosted_arrival(price, arrival_s, tie, boost_s, half_price):
    """Earliest arrival first, less the time that the price buys; the smaller draw breaks ties."""
    return (arrival_s - bought_s(price, boost_s, half_price), tie, 0.0)


@njit(cache=True)
def gas_used(done, gas, revert_gas, protected):
    """Gas that is paid for: all of it when done; a revert pays its share, or nothing if it is protected."""
    if done:
        return gas
    return 0 if protected else revert_gas
