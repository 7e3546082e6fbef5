"""What the winner of a sealed-bid auction pays: one definition for all."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def sealed_price(highest, second, reserve, second_price):
    """Price of the winner, who bids the highest: that bid, or the second highest but not below the reserve.

    `second` is minus infinity where there is no other bid.
    """
    return max(second, reserve) if second_price else highest
