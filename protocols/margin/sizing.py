"""How much of a position a liquidation closes: all, a tranche, to a target, or what its own impact allows.

Whole lots, decided on whole base units. `MarginPosition` is what a sizing sees: one position, and what the
rest of its account needs. `close_in_order` does it for all positions of an account, one after the other;
which of them goes first is the caller's rule, for example `largest_requirement_first`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from .contracts import Contract
from .tiers import NANO, MarginTiers


class MarginPosition(NamedTuple):
    """A position that may be closed, at the mark.

    Attributes
    ----------
    contract : Contract
    lots : int
        Negative if short.
    ticks : int
        Mark.
    equity : int
        Of the whole account, base units.
    tiers : MarginTiers
        Maintenance of this contract.
    other_requirement : int
        Maintenance of the account's other positions, base units, less `freed`.
    freed : int
        Maintenance that closing other positions before this one frees, base units.
    """

    contract: Contract
    lots: int
    ticks: int
    equity: int
    tiers: MarginTiers
    other_requirement: int = 0
    freed: int = 0

    def requirement(self, closed: int = 0) -> int:
        """Return the maintenance of the account after `closed` lots are gone; base units."""
        left = self.contract.value(abs(self.lots) - closed, self.ticks)
        return self.tiers.required(abs(left)) + self.other_requirement


class MarginSizing(Protocol):
    """How many lots a liquidation may close."""

    def lots_to_close(self, position: MarginPosition) -> int:
        """Return lots of an unsafe position, from 1 to its size; 0 if it is safe."""
        ...


def _unsafe(position: MarginPosition) -> bool:
    """Whether its account is below maintenance as it is, before anything is closed."""
    return position.lots != 0 and position.equity < position.requirement() + position.freed


@dataclass(frozen=True, slots=True)
class CloseAll:
    """The whole position at once."""

    def lots_to_close(self, position: MarginPosition) -> int:
        """Return all lots of an unsafe position."""
        return abs(position.lots) if _unsafe(position) else 0


@dataclass(frozen=True, slots=True)
class CloseTranches:
    """Shares of the position that grow as equity falls below its requirement, step by step.

    Parameters
    ----------
    steps : tuple of (int, int)
        Equity over requirement below which a share of the position is closed, both parts in `NANO`;
        from the highest ratio, which is 1, to the lowest, with shares that do not fall.

    Raises
    ------
    ValueError
        If there is no step, or they are not in this order.
    """

    steps: tuple[tuple[int, int], ...] = ((NANO, NANO // 5),)

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0][0] != NANO:
            raise ValueError(f"margin tranches: steps must begin at a ratio of {NANO} (1), got {self.steps}")
        for (above, smaller), (below, larger) in pairwise(((NANO + 1, 1), *self.steps)):
            if below >= above or not smaller <= larger <= NANO:
                raise ValueError(
                    f"margin tranches: steps must go to lower ratios and to shares from 1 to {NANO} that do "
                    f"not fall, got ({below}, {larger}) after ({above}, {smaller})"
                )

    def lots_to_close(self, position: MarginPosition) -> int:
        """Return the share of the lowest step that the account is below, rounded up."""
        share = 0
        for ratio, part in self.steps:
            if position.equity * NANO < ratio * (position.requirement() + position.freed):
                share = part
        return -(-abs(position.lots) * share // NANO)


@dataclass(frozen=True, slots=True)
class CloseToTarget:
    """The fewest lots after which equity is a multiple of the requirement again.

    Parameters
    ----------
    target : int
        Equity over requirement to reach, parts in `NANO`, at least 1.
    fee : int
        What closing is expected to cost, part in `NANO` of the value closed: fee, spread and impact.

    Raises
    ------
    ValueError
        If the target is below 1, or the fee is not from 0 to 1.
    """

    target: int = NANO
    fee: int = 0

    def __post_init__(self) -> None:
        if self.target < NANO:
            raise ValueError(f"close to target: target must be at least {NANO} (1), got {self.target}")
        if not 0 <= self.fee < NANO:
            raise ValueError(f"close to target: fee must be from 0 to below {NANO}, got {self.fee}")

    def lots_to_close(self, position: MarginPosition) -> int:
        """Return the fewest lots that reach the target, all of them if not even that does."""
        if not _unsafe(position) or self._reached(position, 0):
            return 0
        low, high = 0, abs(position.lots)
        while high - low > 1:  # what is missing is convex in the lots closed, so it changes its sign once
            middle = (low + high) // 2
            low, high = (low, middle) if self._reached(position, middle) else (middle, high)
        return high

    def cost(self, position: MarginPosition, closed: int) -> int:
        """Return what closing lots is expected to cost; base units."""
        return -(-abs(position.contract.value(closed, position.ticks)) * self.fee // NANO)

    def _reached(self, position: MarginPosition, closed: int) -> bool:
        equity = position.equity - self.cost(position, closed)
        return equity * NANO >= self.target * position.requirement(closed)


@dataclass(frozen=True, slots=True)
class CloseUnderImpact:
    """The fewest lots of a linear contract after which equity is a share of notional, with impact (P11).

    The equity is that of the account less what its other positions need.

    Parameters
    ----------
    impact : float
        Price change per unit sold, as a price: selling ``dq`` brings ``p - impact/2 dq`` on average.
    rate : float
        Equity over notional to reach.
    lot : float
        Units of the underlying in a lot.
    unit : float
        Base units in one whole unit of the settlement asset.

    Raises
    ------
    ValueError
        If a number is not positive.
    """

    impact: float
    rate: float
    lot: float = 1.0
    unit: float = 1.0

    def __post_init__(self) -> None:
        for key in ("impact", "rate", "lot", "unit"):
            if not getattr(self, key) > 0.0:
                raise ValueError(f"close under impact: {key} must be positive, got {getattr(self, key):g}")

    def lots_to_close(self, position: MarginPosition) -> int:
        """Return the smaller root in lots, rounded up; all lots if no sale reaches the share."""
        if not _unsafe(position):
            return 0
        held = abs(position.lots)
        quantity = held * self.lot
        price = abs(position.contract.value(held, position.ticks)) / self.unit / quantity
        equity = (position.equity - position.other_requirement) / self.unit
        closed = greedy_quantity(price, quantity, equity, self.rate, self.impact)
        if closed == 0.0:  # what was closed before is enough
            return 0
        return held if math.isinf(closed) else min(max(math.ceil(closed / self.lot - 1e-9), 1), held)


def greedy_quantity(price: float, quantity: float, equity: float, rate: float, impact: float) -> float:
    """Smallest sale after which equity is a share of the notional, under linear impact (MODEL 2.2).

    The smaller root of ``impact/2 x^2 - rate p x + (rate p q - e) = 0``; infinity if there is none
    up to the quantity, 0 if nothing has to be sold.
    """
    missing = rate * price * quantity - equity
    if missing <= 0.0:
        return 0.0
    discriminant = (rate * price) ** 2 - 2.0 * impact * missing
    if discriminant < 0.0:
        return math.inf
    sold = 2.0 * missing / (rate * price + math.sqrt(discriminant))
    return sold if sold <= quantity else math.inf


def close_in_order(
    equity: int, positions: Sequence[MarginPosition], sizings: Sequence[MarginSizing]
) -> list[int]:
    """How many lots of each position of an account are closed, the first ones first.

    All or a tranche is meant of each position. A sizing that restores something goes on to the next position
    only if closing the whole of one does not.

    Parameters
    ----------
    equity : int
        Of the account, base units.
    positions : sequence of MarginPosition
        Its positions in the order of closing; what they say of the rest of the account is not read.
    sizings : sequence of MarginSizing
        One for each.

    Returns
    -------
    list of int
        Lots, not negative; all 0 if the account is safe.
    """
    needs = [position._replace(other_requirement=0).requirement() for position in positions]
    total, freed, closing = sum(needs), 0, [0] * len(positions)
    for i, (position, need, sizing) in enumerate(zip(positions, needs, sizings, strict=True)):
        seen = position._replace(equity=equity, other_requirement=total - freed - need, freed=freed)
        closing[i] = sizing.lots_to_close(seen)
        if closing[i] < abs(position.lots) and not isinstance(sizing, CloseTranches):
            break
        if isinstance(sizing, CloseToTarget):
            equity -= sizing.cost(seen, closing[i])
        freed += need - seen._replace(other_requirement=0).requirement(closing[i])
    return closing


def largest_requirement_first(requirements: Sequence[int]) -> list[int]:
    """Order in which the positions of a cross-margin account are closed; ties by their column."""
    return sorted(range(len(requirements)), key=lambda i: (-requirements[i], i))
