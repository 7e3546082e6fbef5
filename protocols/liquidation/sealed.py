"""Sealed bids for one lot: who wins and what is paid, at first, second or uniform price.

Bidders pay in full when they bid and learn nothing of each other's amounts before the end.
What they do not owe is paid back then. Ties go to the earlier bid (MODEL 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..fixed_point import RAY, WAD
from ..revert import Revert

PAYMENTS = ("first", "second", "uniform")
"""What winners pay: their own bid, the best losing one, or all the lowest accepted price."""


class SealedBid(NamedTuple):
    """A bid of `pay` base units for at most `units` of collateral."""

    bidder: int
    pay: int
    units: int


class Award(NamedTuple):
    """What a bidder gets: base units of collateral, for so many of the debt asset."""

    bidder: int
    units: int
    paid: int


@dataclass(frozen=True, slots=True)
class SealedBids:
    """Rules of a sealed auction.

    Parameters
    ----------
    payment : str
        One of `PAYMENTS`. Under ``first`` and ``second`` a bid is for the whole lot; under
        ``uniform`` bidders name an amount and the lot is divided.
    window_s : int
        Seconds for which bids are taken.
    reserve : int
        Least price as a share of the oracle's when the auction opens; wad, below 1.

    Raises
    ------
    ValueError
        If a rule could never sell anything: no time, or a reserve that nobody pays.
    """

    payment: str = "first"
    window_s: int = 120
    reserve: int = 0

    def __post_init__(self) -> None:
        if self.payment not in PAYMENTS:
            raise ValueError(
                f"sealed bids: payment must be one of {', '.join(PAYMENTS)}, got {self.payment!r}"
            )
        if self.window_s < 1:
            raise ValueError(f"sealed bids: window_s must be at least 1, got {self.window_s}")
        if not 0 <= self.reserve < WAD:
            raise ValueError(
                f"sealed bids: reserve must be from 0 to below {WAD} (wad), got {self.reserve}; "
                "nobody pays the whole value of a lot"
            )

    @property
    def divisible(self) -> bool:
        """Whether bids may be for a part of the lot."""
        return self.payment == "uniform"

    def least(self, units: int, mark: int) -> int:
        """Return the least payment for so many base units at a price `mark` (ray); base units, above 0."""
        return max(1, -(-units * mark * self.reserve // (WAD * RAY)))


def check_bid(
    rules: SealedBids, bids: Sequence[SealedBid], bid: SealedBid, *, lot: int, mark: int, now: int, end: int
) -> None:
    """Refuse a bid that the rules do not take.

    Parameters
    ----------
    rules, bids, bid : SealedBids, sequence of SealedBid, SealedBid
        The rules, bids so far, and the new one.
    lot : int
        Base units of collateral for sale.
    mark : int
        Oracle's price when the auction opened, base units of debt per base unit of collateral; ray.
    now, end : int
        Time, and the end of the window; s.

    Raises
    ------
    Revert
        ``AuctionOver``, ``AlreadyBid``, ``NotTheWholeLot``, ``BadAmount`` or ``BelowReserve``.
    """
    if now >= end:
        raise Revert("AuctionOver")
    if any(other.bidder == bid.bidder for other in bids):
        raise Revert("AlreadyBid")
    if bid.units <= 0 or bid.pay <= 0 or bid.units > lot:
        raise Revert("BadAmount")
    if not rules.divisible and bid.units != lot:
        raise Revert("NotTheWholeLot")
    if bid.pay < rules.least(bid.units, mark):
        raise Revert("BelowReserve")


def settle(rules: SealedBids, bids: Sequence[SealedBid], *, lot: int, wanted: int, mark: int) -> list[Award]:
    """Return who gets what for which payment.

    Under ``uniform`` the best prices are served first until the lot or the debt is used up, and all
    pay the price of the last bid served, rounded up to a base unit for each.

    Parameters
    ----------
    rules, bids, lot, mark
        As in `check_bid`.
    wanted : int
        Debt to be raised, base units; a divided lot is not sold beyond it.

    Returns
    -------
    list of Award
        No one pays more than they bid; empty without bids.
    """
    if not bids:
        return []
    if not rules.divisible:
        best = sorted(bids, key=lambda bid: -bid.pay)  # stable: the earlier of equal bids wins
        paid = best[0].pay
        if rules.payment == "second":
            paid = max(best[1].pay if len(best) > 1 else 0, rules.least(lot, mark))
        return [Award(best[0].bidder, lot, paid)]
    ranked = sorted(bids, key=lambda bid: -(bid.pay * RAY // bid.units))
    served: list[SealedBid] = []
    for bid in ranked:
        served.append(bid)
        if sum(b.units for b in served) >= lot or _raised(served, bid, lot) >= wanted:
            break
    last, awards, left, short = served[-1], [], lot, wanted
    for bid in served:
        units = min(bid.units, left, short * last.units // last.pay)
        if units <= 0:
            break
        paid = -(-units * last.pay // last.units)
        awards.append(Award(bid.bidder, units, paid))
        left -= units
        short = max(short - paid, 0)
    return awards


def _raised(served: Sequence[SealedBid], last: SealedBid, lot: int) -> int:
    """Money that bids served so far bring at the price of the last one."""
    return min(sum(bid.units for bid in served), lot) * last.pay // last.units
