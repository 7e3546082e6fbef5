"""Rounds of raises within a block: senders answer to each other until nobody wants or has the time to."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def raise_bids(bids, ceilings, turns, minimum_raise, rounds):
    """Let those who are outbid raise, in place.

    In each round everybody but the leader, in order of their turns, replaces their bid
    by the leader's raised by the least that is allowed, if that is within their ceiling
    (MODEL 3.3; Daian et al. 2019, arXiv:1904.05234).

    Parameters
    ----------
    bids : float64 ndarray, shape (n,)
        Opening bids; they hold the last ones afterwards.
    ceilings : float64 ndarray, shape (n,)
        Most that each would bid.
    turns : int64 ndarray, shape (m,)
        Who takes part, fastest first.
    minimum_raise : float
        Least raise over the leading bid, as a fraction of it; positive.
    rounds : int
        Rounds that a block has time for.

    Returns
    -------
    int
        Raises made.
    """
    if len(turns) < 2:
        return 0
    leader = turns[0]
    for k in turns:
        if bids[k] > bids[leader]:
            leader = k
    raises = 0
    for _ in range(rounds):
        before = raises
        for k in turns:
            wanted = bids[leader] * (1.0 + minimum_raise)
            if k != leader and bids[leader] < wanted <= ceilings[k]:
                bids[k] = wanted
                leader = k
                raises += 1
        if raises == before:
            break
    return raises
