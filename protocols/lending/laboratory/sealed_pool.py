"""Lots sold by sealed bids, at first, second or uniform price.

Rules: `protocols.liquidation.sealed`. Bidders pay when they bid. After the window anyone may hand a
winner what it has won; losers are paid back at the first such `deal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Reason
from ...fixed_point import RAY
from ...liquidation.sealed import Award, SealedBid, SealedBids, check_bid, settle
from ...revert import Revert
from ..pool import Bought, Chore, Sale
from .auction_pool import AuctionPool, Lot

Floats = NDArray[np.float64]

MOST = 100
"""Largest payment that a sale announces, as a multiple of a lot's value: no end to bids."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round of bids.

    Parameters
    ----------
    end : int
        Unix time at which it closes.
    bids : tuple of SealedBid
    awards : tuple of Award, optional
        What is still to be handed out, once the bids have been opened.
    """

    end: int
    bids: tuple[SealedBid, ...] = ()
    awards: tuple[Award, ...] | None = None


class SealedPool(AuctionPool[Round]):
    """Bids are opened when the window closes.

    Parameters
    ----------
    *args, **kwargs
        As in `LaboratoryPool`.
    pricing : SealedBids
    """

    sealed_bids = True

    def __init__(self, *args: Any, pricing: SealedBids, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pricing = pricing

    def _begin(self, units: int, wanted: int, mark: int, now: int) -> Round:
        return Round(now + self.pricing.window_s)

    def sales(self, now_s: int) -> Sequence[Sale]:
        """Return all auctions; one whose window has closed over bids takes none."""
        now, offers = self.start_s + now_s, []
        for number, lot in self.lots.items():
            auction, units = lot.auction, self._units(lot, now)
            closed = bool(auction.bids or auction.awards) and auction.end <= now
            offers.append(
                Sale(
                    number=number,
                    kind="bids",
                    account=lot.row,
                    collateral=lot.collateral,
                    debt=lot.debt,
                    units=units,
                    price=0.0,
                    most=MOST * max(units * lot.mark // RAY, 1),
                    least_bid=0 if closed else self.pricing.least(units, lot.mark),
                    ends_s=auction.end - self.start_s,
                    sealed=tuple(bid.bidder for bid in auction.bids),
                    divisible=self.pricing.divisible,
                )
            )
        return offers

    def bid(self, number: int, pay: int, units: int, bidder: int, now_s: int) -> None:
        """Bid once for a lot; see `LendingPool.bid`. A bid after a window without any begins another."""
        now, lot = self.start_s + now_s, self._lot(number)
        auction, size = lot.auction, self._units(lot, now)
        if not auction.bids and auction.awards is None and auction.end <= now:
            auction = Round(now + self.pricing.window_s)
            lot = replace(lot, mark=self._mark(lot.collateral, lot.debt))
        whole = not self.pricing.divisible or units >= size
        bid = SealedBid(bidder, pay, size if whole else units)
        check_bid(self.pricing, auction.bids, bid, lot=size, mark=lot.mark, now=now, end=auction.end)
        self._must_hold(bidder, lot.debt, pay)
        self._remember(lot.row, lot.collateral, lot.debt)
        self.ledger.transfer(lot.debt, bidder, self.account, pay, Reason.ESCROW)
        self.lots[number] = replace(lot, auction=replace(auction, bids=(*auction.bids, bid)))

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return the bids of a ledger account that have not been opened, and what it has won."""
        held = []
        for lot in self.lots.values():
            held += [(lot.debt, bid.pay) for bid in lot.auction.bids if bid.bidder == account]
            held += [(lot.debt, award.paid) for award in lot.auction.awards or () if award.bidder == account]
        return tuple(held)

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return what is to be handed to each winner (``deal``)."""
        now, chores = self.start_s + now_s, []
        for number, lot in self.lots.items():
            if lot.auction.end > now:
                continue
            unit = self.market.reserves[lot.collateral].unit
            for award in self._awards(lot, now):
                value = award.units / unit * self.prices[lot.collateral] / 1e8
                chores.append(Chore(number, "deal", 0.0, award.bidder, value))
        return chores

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Hand out one award (``deal``), the worker's own if there is one; pay losers back."""
        if kind != "deal":
            return super().work(kind, number, worker, now_s)
        now, lot = self.start_s + now_s, self._lot(number)
        awards = self._awards(lot, now)
        if not awards or lot.auction.end > now:
            raise Revert("NotFinished")
        award = next((a for a in awards if a.bidder == worker), awards[0])
        units = min(award.units, self._units(lot, now))
        self._must_have(lot, units)
        self._remember(lot.row, lot.collateral, lot.debt)
        kept = {a.bidder: a.paid for a in awards} if lot.auction.awards is None else {}
        for bid in lot.auction.bids:
            back = bid.pay - kept.get(bid.bidder, 0)
            if back:
                self.ledger.transfer(lot.debt, self.account, bid.bidder, back, Reason.RELEASE)
        left = tuple(a for a in awards if a is not award)
        lot = self._hand_out(lot, units, award.bidder, now)
        lot = replace(lot, auction=Round(lot.auction.end, (), left))
        self.lots[number] = lot
        lot, refund = self._take_in(lot, award.paid, now)
        self.lots[number] = lot
        returned, unpaid = (0, 0) if left else self._close(number, lot, now)
        return Bought(award.bidder, award.paid, units, returned, refund - unpaid)

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what groups own; money bid is the bidders' until it has been used."""
        claims = super().claims(now_s)
        claims["bidders"] = np.array([float(self._bids_in(asset)) for asset in range(len(self.prices))])
        return claims

    def _awards(self, lot: Lot[Round], now: int) -> tuple[Award, ...]:
        if lot.auction.awards is not None:
            return lot.auction.awards
        wanted = self._wanted(lot, now)
        units = self._units(lot, now)
        return tuple(settle(self.pricing, lot.auction.bids, lot=units, wanted=wanted, mark=lot.mark))

    def _bids_in(self, asset: int) -> int:
        """Money of bids and awards in the pool's custody, base units."""
        total = 0
        for lot in self.lots.values():
            if lot.debt == asset:
                total += sum(bid.pay for bid in lot.auction.bids)
                total += sum(award.paid for award in lot.auction.awards or ())
        return total

    def _set_aside(self, asset: int) -> int:
        return super()._set_aside(asset) + self._bids_in(asset)
