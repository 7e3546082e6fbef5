"""Lots sold by open bids that rise, and in a second phase by asking for less of the lot.

The rules of an auction are Maker's (`protocols.lending.maker.flip`), with a bid in base units. In
one phase there is no upper end to a bid, and what exceeds debt and penalty is the owner's; in two
phases a bid of all that is owed begins the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Reason
from ...fixed_point import RAY
from ..maker.flip import (
    FlipAuction,
    FlipParameters,
    deal,
    dent,
    kick_flip,
    maximum_lot,
    minimum_bid,
    tend,
    tick,
)
from ..pool import Bought, Chore, Sale
from .auction_pool import AuctionPool

Floats = NDArray[np.float64]

BEYOND_ANY_BID = 100
"""In one phase, the end of bidding as a multiple of what a lot owes or is worth, whichever is more."""


@dataclass(frozen=True, slots=True)
class EnglishRules:
    """How bids rise.

    Parameters
    ----------
    flip : FlipParameters
        Least ratio of a bid to the last (`beg`), how long one stands before it wins (`ttl`), and how
        long an auction lasts (`tau`).
    phases : int
        1 or 2.

    Raises
    ------
    ValueError
        If bids need not rise, or a number is out of range.
    """

    flip: FlipParameters
    phases: int = 2

    def __post_init__(self) -> None:
        if self.phases not in (1, 2):
            raise ValueError(f"English auction: phases must be 1 or 2, got {self.phases}")
        if self.flip.beg <= 10**18:
            raise ValueError(
                f"English auction: the minimum raise must be above 0, got {self.flip.beg / 1e18 - 1:g}"
            )
        for key in ("ttl", "tau"):
            if getattr(self.flip, key) < 1:
                raise ValueError(
                    f"English auction: {key} must be at least 1 s, got {getattr(self.flip, key)}"
                )


class EnglishPool(AuctionPool[FlipAuction]):
    """The highest bid for a lot wins when it has stood long enough.

    Parameters
    ----------
    *args, **kwargs
        As in `LaboratoryPool`.
    pricing : EnglishRules
    """

    def __init__(self, *args: Any, pricing: EnglishRules, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pricing = pricing

    def _begin(self, units: int, wanted: int, mark: int, now: int) -> FlipAuction:
        end = wanted
        if self.pricing.phases == 1:
            end = BEYOND_ANY_BID * max(wanted, units * mark // RAY)
        return kick_flip(self.pricing.flip, end, units, now)

    def sales(self, now_s: int) -> Sequence[Sale]:
        """Return all auctions; one that waits for its `deal` takes neither money nor fewer units."""
        now, flip, offers = self.start_s + now_s, self.pricing.flip, []
        for number, lot in self.lots.items():
            auction = lot.auction
            closed = auction.bidder is not None and (auction.end <= now or auction.tic <= now)
            rising = auction.bid < auction.tab and not closed
            falling = auction.bid == auction.tab and not closed
            reserves = self.market.reserves
            per_token = reserves[lot.collateral].unit / reserves[lot.debt].unit
            offers.append(
                Sale(
                    number=number,
                    kind="bids",
                    account=lot.row,
                    collateral=lot.collateral,
                    debt=lot.debt,
                    units=auction.lot,
                    price=auction.bid / auction.lot * per_token,
                    most=auction.tab,
                    least_bid=minimum_bid(auction, flip) if rising else 0,
                    most_units=maximum_lot(auction, flip) if falling else 0,
                    bidder=-1 if auction.bidder is None else auction.bidder,
                    ends_s=min(auction.tic, auction.end) - self.start_s if auction.tic else float("inf"),
                )
            )
        return offers

    def bid(self, number: int, pay: int, units: int, bidder: int, now_s: int) -> None:
        """Bid for a lot; see `LendingPool.bid`. A bid on one that ended without any reopens it."""
        now, lot, flip = self.start_s + now_s, self._lot(number), self.pricing.flip
        auction = lot.auction
        if auction.bidder is None and auction.end < now:
            auction = tick(auction, flip, now)
        rule = tend if auction.bid < auction.tab else dent
        result = rule(auction, flip, bidder, lot=units, bid=pay, now=now)
        own = auction.bid if bidder == auction.bidder else 0
        self._must_hold(bidder, lot.debt, pay - own)
        self._remember(lot.row, lot.collateral, lot.debt)
        if auction.bidder is not None:
            self.ledger.transfer(lot.debt, self.account, auction.bidder, auction.bid, Reason.RELEASE)
        self.ledger.transfer(lot.debt, bidder, self.account, pay, Reason.ESCROW)
        self.lots[number] = replace(lot, auction=result.auction)

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return the standing bids of a ledger account."""
        return tuple(
            (lot.debt, lot.auction.bid) for lot in self.lots.values() if lot.auction.bidder == account
        )

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return auctions to be handed to their winner (``deal``)."""
        now, chores = self.start_s + now_s, []
        for number, lot in self.lots.items():
            auction = lot.auction
            if auction.bidder is not None and (auction.tic < now or auction.end < now):
                unit = self.market.reserves[lot.collateral].unit
                value = auction.lot / unit * self.prices[lot.collateral] / 1e8
                chores.append(Chore(number, "deal", 0.0, auction.bidder, value))
        return chores

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Hand a finished auction to its winner (``deal``)."""
        if kind != "deal":
            return super().work(kind, number, worker, now_s)
        now, lot = self.start_s + now_s, self._lot(number)
        result = deal(lot.auction, now)
        units = min(result.lot, self._units(lot, now))
        self._must_have(lot, units)
        self._remember(lot.row, lot.collateral, lot.debt)
        lot = self._hand_out(lot, units, result.winner, now)
        self.lots[number] = replace(lot, auction=replace(lot.auction, bid=0, bidder=None))
        lot, refund = self._take_in(lot, result.bid, now)
        returned, unpaid = self._close(number, lot, now)
        return Bought(result.winner, result.bid, units, returned, refund - unpaid)

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what groups own; money bid is the bidders' until an auction is dealt."""
        claims = super().claims(now_s)
        claims["bidders"] = np.zeros(len(self.prices))
        for lot in self.lots.values():
            claims["bidders"][lot.debt] += lot.auction.bid
        return claims

    def _set_aside(self, asset: int) -> int:
        bids = sum(lot.auction.bid for lot in self.lots.values() if lot.debt == asset)
        return super()._set_aside(asset) + bids
