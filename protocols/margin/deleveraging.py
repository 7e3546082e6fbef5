"""Auto-deleveraging: who of the winners pays for what an insurance fund could not (MODEL 2.2).

A rule splits a budget over accounts, none of which gives more than its capacity: its equity, what it
has gained, or the lots it holds against the bankrupt position. Everything is whole: base units, or lots of
which each account gives a whole number, so that together they give less than one lot too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .accounts import MarginAccounts

Integers = NDArray[np.int64]


class DeleveragingRule(Protocol):
    """How a budget is split."""

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives; see `Queue`."""
        ...


@dataclass(frozen=True, slots=True)
class Queue:
    """One after the other, highest score first, each up to its capacity (BitMEX, Binance)."""

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives.

        Parameters
        ----------
        budget : int
            What is needed; base units or lots.
        capacity : sequence of int
            Most that each account can give; who has none or less gives nothing.
        score : sequence of float
            Rank of each account, as of `ranking`; ties by position.
        lot : int
            Amounts are whole multiples of it.

        Returns
        -------
        list of int
            Sums to the budget, rounded up to a lot; to all capacities if they do not reach it.
        """
        check_budget(budget, capacity, score, lot)
        room = np.maximum(np.asarray(capacity, np.int64), 0) // lot
        order = np.argsort(-np.asarray(score, np.float64), kind="stable")
        before = np.cumsum(room[order]) - room[order]
        taken = np.empty_like(room)
        taken[order] = np.clip(-(-budget // lot) - before, 0, room[order]) * lot
        given: list[int] = taken.tolist()
        return given


@dataclass(frozen=True, slots=True)
class ProRata:
    """In proportion to capacity.

    With equity as capacity it is the pro-rata rule of arXiv:2512.01112 (CASES P10).
    What rounding leaves goes to the largest remainders.
    """

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives; see `Queue.allocate`."""
        check_budget(budget, capacity, score, lot)
        lots = [max(amount, 0) // lot for amount in capacity]
        return [share * lot for share in shares(-(-budget // lot), lots, lots)]


@dataclass(frozen=True, slots=True)
class CappedProRata:
    """In proportion to weights, none above its capacity; what caps cut off is spread over the others.

    Weights are equities and capacities gains in the rule of arXiv:2512.01112, the one that is proof
    against splitting accounts, scale-invariant and monotone.

    Parameters
    ----------
    weights : tuple of int
        One per account, in the order of the capacities.
    """

    weights: tuple[int, ...]

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives; see `Queue.allocate`.

        Raises
        ------
        ValueError
            If there is not one weight per account.
        """
        check_budget(budget, capacity, score, lot)
        if len(self.weights) != len(capacity):
            raise ValueError(
                f"capped pro rata: weights must be {len(capacity)}, one per account, got {len(self.weights)}"
            )
        lots = [max(amount, 0) // lot for amount in capacity]
        return [share * lot for share in shares(-(-budget // lot), lots, self.weights)]


@dataclass(frozen=True, slots=True)
class MinMax:
    """Whole lots such that the largest share of its capacity that anybody gives is smallest.

    The min-max integer programme of arXiv:2602.15182, solved without a solver:

    1. A share ``k lot / capacity`` is what giving a ``k``-th lot comes to; the best choice is the smallest
       of all of them, as many as are needed.
    2. All below the shares of a plain division are among them: everybody gives these.
    3. The lots that are left, fewer than accounts, go one by one to whom the next costs the smallest share.

    With small lots it is `ProRata`; with large ones that rule may take most of a small account.
    """

    def allocate(
        self, budget: int, capacity: Sequence[int], score: Sequence[float], lot: int = 1
    ) -> list[int]:
        """Return what each account gives; see `Queue.allocate`."""
        check_budget(budget, capacity, score, lot)
        room = [max(amount, 0) for amount in capacity]
        most = [amount // lot for amount in room]
        needed = min(-(-budget // lot), sum(most))
        total = sum(room)
        plain = [needed * amount // total if total else 0 for amount in room]
        given = [min(share, cap) for share, cap in zip(plain, most, strict=True)]
        waiting = [
            (Fraction((given[i] + 1) * lot, room[i]), i) for i in range(len(room)) if given[i] < most[i]
        ]
        heapify(waiting)
        for _ in range(needed - sum(given)):
            _, i = heappop(waiting)
            given[i] += 1
            if given[i] < most[i]:
                heappush(waiting, (Fraction((given[i] + 1) * lot, room[i]), i))
        return [count * lot for count in given]


def shares(total: int, caps: Sequence[int], weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to weights, none above its cap; sums to ``min(total, sum(caps))``.

    Whoever's share would exceed its cap gives its cap, until nobody's does; whole parts that rounding
    leaves go to the largest remainders. An account without weight gives only when the others are exhausted.

    Parameters
    ----------
    total : int
    caps : sequence of int
        Not negative.
    weights : sequence of int
        A negative one is 0.
    """
    cap, weight = (np.array(list(part), object) for part in (caps, weights))  # products exceed 64 bits
    weight = np.maximum(weight, 0)
    given = np.zeros(len(cap), object)
    left = min(total, sum(caps))
    while left > 0:
        open_ = np.flatnonzero((cap > given) & (weight > 0))
        if not len(open_):  # only accounts without weight are left
            weight[:] = 1
            continue
        mass, wanted, room = weight[open_].sum(), left * weight[open_], (cap - given)[open_]
        full = wanted >= room * mass
        if full.any():
            given[open_[full]] += room[full]
            left -= room[full].sum()
            continue
        whole = wanted // mass
        given[open_] += whole
        left -= whole.sum()
        rest = ((wanted - whole * mass) / mass).astype(np.float64)
        given[open_[np.argsort(-rest, kind="stable")[:left]]] += 1
        left = 0
    shared: list[int] = given.tolist()
    return shared


def ranking(
    profit: ArrayLike, entry_value: ArrayLike, notional: ArrayLike, equity: ArrayLike
) -> Integers | NDArray[np.float64]:
    """Rank of positions in a queue: profit share times effective leverage; losers last.

    ``pnl / |entry| * notional / equity`` where profit is positive, divided by leverage where not.

    Parameters
    ----------
    profit, entry_value, notional, equity : array_like, shape (n,)
        Base units; what has no equity ranks last.

    Returns
    -------
    float ndarray, shape (n,)
    """
    gain = np.asarray(profit, np.float64) / np.maximum(np.abs(np.asarray(entry_value, np.float64)), 1.0)
    held = np.asarray(equity, np.float64)
    leverage = np.maximum(np.abs(np.asarray(notional, np.float64)), 1.0) / np.where(held > 0.0, held, np.nan)
    score = np.where(gain > 0.0, gain * leverage, gain / leverage)
    return np.where(np.isnan(score), -np.inf, score)


def haircut(accounts: MarginAccounts, rows: Sequence[int], taken: Sequence[int], target: int) -> int:
    """Take base units from the balances of rows and give them to one, for example to who owes; the total."""
    for row, amount in zip(rows, taken, strict=True):
        accounts.transfer(row, target, amount)
    return sum(taken)


def close_against(
    accounts: MarginAccounts,
    bankrupt: int,
    contract: int,
    rows: Sequence[int],
    lots: Sequence[int],
    ticks: int,
) -> int:
    """Close a position against those of others at one price, usually its bankruptcy price.

    Parameters
    ----------
    accounts : MarginAccounts
    bankrupt : int
        Row whose position is closed.
    contract : int
    rows : sequence of int
        Rows on the other side.
    lots : sequence of int
        Lots that each of them closes, not negative.
    ticks : int

    Returns
    -------
    int
        Lots closed.

    Raises
    ------
    ValueError
        If a row is not on the other side, or does not hold so many lots.
    """
    held = accounts.lots.item(bankrupt, contract)
    side = 1 if held > 0 else -1
    for row, closed in zip(rows, lots, strict=True):
        if not 0 <= closed <= max(-side * accounts.lots.item(row, contract), 0):
            raise ValueError(
                f"deleveraging: row {row} holds {accounts.lots.item(row, contract)} lots, cannot close "
                f"{closed} against {held}"
            )
    if sum(lots) > abs(held):
        raise ValueError(f"deleveraging: {sum(lots)} lots are more than the {abs(held)} to close")
    for row, closed in zip(rows, lots, strict=True):
        accounts.trade(row, bankrupt, contract, side * closed, ticks)
    return sum(lots)


def check_budget(budget: int, capacity: Sequence[int], score: Sequence[float], lot: int) -> None:
    """Refuse what no rule can split.

    Raises
    ------
    ValueError
        If the budget is negative, the lot not positive, or there is not one score per account.
    """
    if budget < 0 or lot < 1:
        raise ValueError(
            f"deleveraging: budget must not be negative and lot be at least 1, got {budget}, {lot}"
        )
    if len(score) != len(capacity):
        raise ValueError(
            f"deleveraging: score must be {len(capacity)} numbers, one per account, got {len(score)}"
        )
