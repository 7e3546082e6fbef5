"""Call auction: one price for all orders, at which most is traded (MODEL 2.6)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]

MARKET_BID = 2**62
"""Limit of a buy order at any price."""
MARKET_ASK = 0
"""Limit of a sell order at any price."""


class Clearing(NamedTuple):
    """What an auction decided.

    Attributes
    ----------
    ticks : int or None
        Price of all trades; None if nothing trades.
    lots : int
        Traded.
    imbalance : int
        Lots that want to buy at the price and find nobody, negative if they want to sell.
    bought, sold : int64 ndarray, shape (n_bids,) and (n_asks,)
        Lots filled of each order, best price first, then in the order given.
    """

    ticks: int | None
    lots: int
    imbalance: int
    bought: Integers
    sold: Integers


def call_auction(
    bid_ticks: ArrayLike, bid_lots: ArrayLike, ask_ticks: ArrayLike, ask_lots: ArrayLike, reference: int
) -> Clearing:
    """Clear orders at the price that trades most.

    1. Candidates are the limits of all orders, and the reference.
    2. Of those that trade most, those that leave the least imbalance;
    3. of those, the nearest to the reference, the lower of two.

    Parameters
    ----------
    bid_ticks, ask_ticks : array_like of int, shape (n_bids,) and (n_asks,)
        Limits; `MARKET_BID` and `MARKET_ASK` for orders at any price.
    bid_lots, ask_lots : array_like of int, shape (n_bids,) and (n_asks,)
        Sizes.
    reference : int
        Ticks.

    Raises
    ------
    ValueError
        If limits and sizes are not of one length, or a size is negative.
    """
    bids, wanted = _side("bid", bid_ticks, bid_lots)
    asks, offered = _side("ask", ask_ticks, ask_lots)
    limits = np.unique(np.concatenate([bids, asks, np.array([reference], np.int64)]))
    candidates = limits[(limits > MARKET_ASK) & (limits < MARKET_BID)]
    demand = _at_or_above(bids, wanted, candidates)
    supply = _at_or_below(asks, offered, candidates)
    traded = np.minimum(demand, supply)
    if not len(traded) or traded.max() == 0:
        return Clearing(None, 0, 0, np.zeros_like(wanted), np.zeros_like(offered))
    keys = np.lexsort((candidates, np.abs(candidates - reference), np.abs(demand - supply), -traded))
    best = keys[0]
    price, lots = int(candidates[best]), int(traded[best])
    bought = _fill(np.where(bids >= price, wanted, 0), -bids, lots)
    sold = _fill(np.where(asks <= price, offered, 0), asks, lots)
    return Clearing(price, lots, int(demand[best] - supply[best]), bought, sold)


def _side(name: str, ticks: ArrayLike, lots: ArrayLike) -> tuple[Integers, Integers]:
    limits, sizes = np.asarray(ticks, np.int64), np.asarray(lots, np.int64)
    if limits.shape != sizes.shape or limits.ndim != 1:
        raise ValueError(
            f"call auction: {name}_ticks and {name}_lots must be of one length, "
            f"got shapes {limits.shape} and {sizes.shape}"
        )
    if (sizes < 0).any():
        raise ValueError(f"call auction: {name}_lots must not be negative, got {sizes.min()}")
    return limits, sizes


def _at_or_below(ticks: Integers, lots: Integers, prices: Integers) -> Integers:
    order = np.argsort(ticks, kind="stable")
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(lots[order])])
    below: Integers = running[np.searchsorted(ticks[order], prices, side="right")]
    return below


def _at_or_above(ticks: Integers, lots: Integers, prices: Integers) -> Integers:
    return _at_or_below(-ticks, lots, -prices)


def _fill(sizes: Integers, rank: Integers, lots: int) -> Integers:
    order = np.argsort(rank, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    filled = np.zeros_like(sizes)
    filled[order] = np.clip(lots - before, 0, sizes[order])
    return filled
