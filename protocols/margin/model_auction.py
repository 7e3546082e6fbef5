"""Auctions of accounts that start at a share of what a model says they are worth (Derive; MODEL 1.11).

A solvent account, one that is worth something, is sold at a falling share of its mark-to-model value.
An insolvent one pays whoever takes it over, more by the second, up to what the position needs as margin.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import WAD
from ..liquidation.curves import TwoLegDecrease


@dataclass(frozen=True, slots=True)
class ModelPriceAuction:
    """Solvent auction: a share of the model's value, falling fast and then slowly to nothing (CASES A14).

    Parameters
    ----------
    start : int
        Share of the value asked at first; wad.
    middle : int
        Share asked when the fast leg ends; wad, at most `start`.
    fast_s, slow_s : int
        Seconds of each leg.

    Raises
    ------
    ValueError
        If a share or a time is out of its range.
    """

    start: int = 95 * WAD // 100
    middle: int = 70 * WAD // 100
    fast_s: int = 900
    slow_s: int = 12 * 3_600

    def __post_init__(self) -> None:
        if not 0 < self.start <= WAD:
            raise ValueError(
                f"model-price auction: start must be above 0 and at most {WAD}, got {self.start}"
            )
        if not 0 <= self.middle <= self.start:
            raise ValueError(
                f"model-price auction: middle must be 0 to {self.start} (start), got {self.middle}"
            )
        self._curve()

    def _curve(self) -> TwoLegDecrease:
        return TwoLegDecrease(self.middle * WAD // self.start, self.fast_s, self.slow_s)

    def share(self, elapsed: int) -> int:
        """Share of the value asked after some seconds; wad."""
        return self._curve().price(self.start, elapsed)

    def price(self, value: int, elapsed: int) -> int:
        """Ask for an account worth `value` base units, positive, after some seconds; rounded down."""
        return value * self.share(elapsed) // WAD


@dataclass(frozen=True, slots=True)
class InsolventAuction:
    """Insolvent auction: the taker is paid, in a straight line from nothing up to the requirement.

    Parameters
    ----------
    duration_s : int
        Seconds until all is offered.

    Raises
    ------
    ValueError
        If it takes no time.
    """

    duration_s: int = 3_600

    def __post_init__(self) -> None:
        if self.duration_s < 1:
            raise ValueError(f"insolvent auction: duration_s must be at least 1, got {self.duration_s}")

    def payment(self, requirement: int, elapsed: int) -> int:
        """Return the base units that the taker gets after some seconds, rounded up."""
        return -(-requirement * min(max(elapsed, 0), self.duration_s) // self.duration_s)


@dataclass(frozen=True, slots=True)
class AccountAuction:
    """Both phases of an auction of one account: while it is worth something, and once it is not.

    What the taker of the whole account gains on its value is the `concession`: with equity it is the part of
    the equity that is not asked for, borne by the account; without equity it is the payment of an insolvent
    auction, borne by the insurance fund. Each phase has a clock of its own.

    Parameters
    ----------
    solvent : ModelPriceAuction
    insolvent : InsolventAuction
    """

    solvent: ModelPriceAuction = ModelPriceAuction()
    insolvent: InsolventAuction = InsolventAuction()

    def concession(self, equity: int, requirement: int, elapsed: int) -> int:
        """Return what the taker gains, some seconds into the phase; base units, not negative.

        Parameters
        ----------
        equity, requirement : int
            Of the account at the value that the auction goes by; base units.
        elapsed : int
            Seconds since the account first came into this phase.
        """
        if equity >= 0:
            return equity - self.solvent.price(equity, elapsed)
        return self.insolvent.payment(requirement, elapsed)
