"""How seized collateral is sold over time: one class for each schedule (MODEL 2.7).

A schedule says how much of a lot is to be sold now; the world sells it on the book like any
other order, never below the price that the owner accepts. What the book does not take is
offered again with the next part, and what is left when the horizon is over is offered whole
in every block. Any strategy that seizes collateral can use them: its `exit` is either one of
the names in `AT_ONCE` or a schedule.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .optimal_execution import share_held, slice_urgency

AT_ONCE = ("book", "pool", "hold")
"""Exits without a schedule: all at once on the book, in the pool within the transaction, or never."""


class SaleStart(NamedTuple):
    """What was known when a sale began: volatility per square root of a second; depth (USD) within a band."""

    volatility: float
    depth_usd: float
    depth_band: float
    block_time_s: float


class Progress(NamedTuple):
    """How far a sale has come.

    Attributes
    ----------
    start : SaleStart
    elapsed_s : float
        Since the collateral was seized.
    total, left : int
        Base units at the start and now.
    traded : int
        Base units that the book has traded since the last look, other exits of the block left out.
    sold : int
        Base units of the same asset that the owner has sold in this block already.
    price_usd : float
        Mid, per base unit.
    """

    start: SaleStart
    elapsed_s: float
    total: int
    left: int
    traded: int
    sold: int
    price_usd: float


class Part(NamedTuple):
    """What to do now: sell units at once, or let them rest on the book at the best ask, `shown` at a time."""

    units: int
    shown: int = 0


@dataclass(frozen=True)
class Schedule(ABC):
    """A way to sell collateral over time.

    Parameters
    ----------
    horizon_s : float
        What is left after this time is sold at once, s.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    horizon_s: float = 600.0

    def __post_init__(self) -> None:
        if not 0 < self.horizon_s < math.inf:
            raise ValueError(f"horizon_s must be above 0, got {self.horizon_s:g}")

    @abstractmethod
    def part(self, progress: Progress) -> Part:
        """Return what is to be sold now; asked once a block until the horizon is over."""

    def shares_held(self, start: SaleStart) -> list[float]:
        """Return shares still held after each part, as far as they are known before: even ones, a block each.

        Strategies value a sale by them: impact falls with the sum of squared parts, and what is
        held is at risk.
        """
        n = max(1, round(self.horizon_s / start.block_time_s))
        return [1.0 - (j + 1) / n for j in range(n)]


@dataclass(frozen=True)
class Twap(Schedule):
    """Even slices at even times (time-weighted average price; CASES X11).

    Parameters
    ----------
    slices : int
        The first is sold at once, the others one each ``horizon_s / slices``.
    """

    slices: int = 10

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        if not 1 <= self.slices <= 10_000:
            raise ValueError(f"slices must be from 1 to 10,000, got {self.slices}")

    def part(self, progress: Progress) -> Part:
        """Return what is beyond the schedule: slices due that have not been sold."""
        due = int(progress.elapsed_s * self.slices / self.horizon_s + 1e-9) + 1
        keep = math.floor(progress.total * self.share_held(progress.start, min(due, self.slices)))
        return Part(max(progress.left - keep, 0))

    def share_held(self, start: SaleStart, done: int) -> float:
        """Return the share of the lot that is held after `done` slices."""
        return share_held(0.0, self.slices, done)

    def shares_held(self, start: SaleStart) -> list[float]:
        """Return the share that is held after each slice."""
        return [self.share_held(start, done) for done in range(1, self.slices + 1)]


@dataclass(frozen=True)
class AlmgrenChriss(Twap):
    """Slices that shrink as fast as risk aversion asks for (Almgren and Chriss 2000; CASES X07).

    With depth D within a band b of the mid, selling n units moves the price by ``b p^2 n / (2 D)`` on
    average, so ``eta~ = tau b p^2 / (2 D)`` and the price drops out of the urgency. The book
    has no permanent impact: a displaced mid returns.

    Parameters
    ----------
    risk_aversion_per_usd : float
        Variance of the proceeds (USD squared) counts this much; 0 is a TWAP.
    """

    risk_aversion_per_usd: float = 1e-6

    def __post_init__(self) -> None:
        Twap.__post_init__(self)
        if not 0 <= self.risk_aversion_per_usd < math.inf:
            raise ValueError(
                f"risk_aversion_per_usd must be finite and not negative, got {self.risk_aversion_per_usd:g}"
            )

    def share_held(self, start: SaleStart, done: int) -> float:
        """Return the share of the lot that is held after `done` slices."""
        tau = self.horizon_s / self.slices
        penalty = self.risk_aversion_per_usd * start.volatility**2 * tau
        penalty *= 2.0 * max(start.depth_usd, 0.0) / start.depth_band
        return share_held(slice_urgency(penalty), self.slices, done)


@dataclass(frozen=True)
class PercentageOfVolume(Schedule):
    """A share of what the book has traded since the last block.

    Parameters
    ----------
    participation : float
        Sold for each unit that others trade; above 0, at most 1. All lots of an owner in one book together.
    """

    participation: float = 0.2

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        if not 0 < self.participation <= 1:
            raise ValueError(f"participation must be above 0 and at most 1, got {self.participation:g}")

    def part(self, progress: Progress) -> Part:
        """Return the share of the volume, at most what is left."""
        units = int(self.participation * progress.traded) - progress.sold
        return Part(max(0, min(units, progress.left)))


@dataclass(frozen=True)
class Iceberg(Schedule):
    """All rests on the book at the best ask, little of it shown (CASES X11).

    It follows the best ask in every block, and sells when others buy.

    Parameters
    ----------
    shown_usd : float
        Worth of what others see at a time.
    """

    shown_usd: float = 10_000.0

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        if not 0 < self.shown_usd < math.inf:
            raise ValueError(f"shown_usd must be above 0, got {self.shown_usd:g}")

    def part(self, progress: Progress) -> Part:
        """Return everything, with the size of a displayed tranche."""
        shown = max(1, int(self.shown_usd / progress.price_usd)) if progress.price_usd > 0.0 else 1
        return Part(progress.left, min(shown, progress.left))


def tranches(units: int, shown: int) -> int:
    """Count the tranches that an iceberg shows, the first included (CASES X11)."""
    return -(-units // shown)


Exit: TypeAlias = str | Schedule
"""One of `AT_ONCE`, or a schedule."""

SCHEDULES: dict[str, type[Schedule]] = {
    "twap": Twap,
    "iceberg": Iceberg,
    "percentage-of-volume": PercentageOfVolume,
    "almgren-chriss": AlmgrenChriss,
}
"""Packaged schedules by name."""


class Spreading(NamedTuple):
    """What selling in parts does to a sale.

    Attributes
    ----------
    cost_share : float
        Impact over that of one sale: sum of squared parts, if the book recovers in between.
    largest : float
        Largest part.
    risk_s : float
        Time over which the whole lot would bear the same variance, s.
    """

    cost_share: float
    largest: float
    risk_s: float


def spreading(schedule: Schedule, start: SaleStart) -> Spreading:
    """Return what a schedule saves in impact and costs in risk (MODEL 2.7)."""
    held = [1.0, *schedule.shares_held(start)]
    parts = [before - after for before, after in itertools.pairwise(held)]
    tau = schedule.horizon_s / len(parts)
    return Spreading(
        math.fsum(part * part for part in parts), max(parts), tau * math.fsum(x * x for x in held[1:])
    )
