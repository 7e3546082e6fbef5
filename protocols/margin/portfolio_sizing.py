"""How much of which position a liquidation closes where positions offset each other.

The position that can bring an account nearest to its target goes first, as far as it does, and after each the
rest is looked at again. So naked short options go before hedges, and a hedge is reduced with what it hedges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .tiers import NANO

Integers = NDArray[np.int64]
Needs = Callable[[Integers], Integers]
"""Maintenance of accounts, base units, shape (n,), from their lots, shape (n, n_contracts)."""

POINTS = 33
"""Sizes that are tried at once."""


def relief(needs: Needs, lots: Sequence[int]) -> list[int]:
    """By how much maintenance falls if a position is closed, for each contract; negative for a hedge."""
    held = np.asarray(lots, np.int64)
    without = np.tile(held, (len(held) + 1, 1))
    np.fill_diagonal(without, 0)
    needed = needs(without)
    freed: list[int] = (needed[-1] - needed[:-1]).tolist()
    return freed


def close_to_target(
    needs: Needs, lots: Sequence[int], equity: int, target: int, lot_costs: Sequence[int]
) -> list[int]:
    """Close as little of each position as leaves equity at a multiple of maintenance.

    1. What is missing is ``target maintenance(x) + cost x - equity`` when x lots of a position are closed.
       It is convex in x: its least is found by looking at a few sizes, and again beside the best of them.
    2. The position whose least is lowest is closed: up to the first size that leaves nothing missing, else up
       to its least; then the next.
    3. If no position lowers what is missing, all are closed.

    Parameters
    ----------
    needs : callable
    lots : sequence of int, shape (n_contracts,)
        Positions, negative if short.
    equity : int
        Base units.
    target : int
        Equity over maintenance that is to be reached, parts in `NANO`.
    lot_costs : sequence of int, shape (n_contracts,)
        What closing one lot is expected to cost, base units.

    Returns
    -------
    list of int, shape (n_contracts,)
        Lots to close, not negative; none if the target is reached as it is.
    """
    start = np.array(lots, np.int64)
    held, left = start.copy(), equity

    def missing(column: int, closed: Integers) -> Integers:
        after = np.tile(held, (len(closed), 1))
        after[:, column] -= np.sign(held[column]) * closed
        share = [-(-needed * target // NANO) for needed in needs(after).tolist()]
        return np.array(share, np.int64) + closed * lot_costs[column] - left

    while held.any():
        now = int(missing(0, np.zeros(1, np.int64))[0])
        if now <= 0:
            break
        columns: list[int] = np.flatnonzero(held).tolist()
        best = [(*_least(missing, column, abs(held.item(column))), column) for column in columns]
        lowest, closed, column = min(best)
        if lowest >= now:
            held[:] = 0
            break
        if lowest <= 0:
            closed = _first(missing, column, closed)
        left -= closed * lot_costs[column]
        held[column] -= np.sign(held[column]) * closed
    closing: list[int] = (np.abs(start) - np.abs(held)).tolist()
    return closing


def _least(missing: Callable[[int, Integers], Integers], column: int, most: int) -> tuple[int, int]:
    """Return the least of a convex function of whole lots up to `most`, and the first size that has it."""
    low, high = 0, most
    while True:
        sizes = np.unique(np.linspace(low, high, POINTS).astype(np.int64))
        found = missing(column, sizes)
        at = int(np.argmin(found))
        if high - low < POINTS:
            return int(found[at]), int(sizes[at])
        low, high = int(sizes[max(at - 1, 0)]), int(sizes[min(at + 1, len(sizes) - 1)])


def _first(missing: Callable[[int, Integers], Integers], column: int, enough: int) -> int:
    """Return the fewest lots that leave nothing missing, of those up to a size that does."""
    low, high = 0, enough
    while high - low > 1:
        middle = (low + high) // 2
        short = missing(column, np.array([middle]))[0] > 0
        low, high = (middle, high) if short else (low, middle)
    return high
