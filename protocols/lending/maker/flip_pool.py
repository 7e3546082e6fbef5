"""The auctions of 2020 with their crowd: vaults are bitten lot by lot and sold to bidders.

Rules: `cat`, `flip`. A bid is whole base units of the stablecoin; the bid that meets the
debt is that debt rounded up. A new bidder pays the last one back, and the protocol the rest.
Whoever bids in an auction that ended without a bid reopens it in the same transaction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import RAY, WAD
from ...revert import Revert
from ..pool import Bought, Chore
from ..pool import Sale as Offer
from .cat import bite
from .flip import FlipAuction, deal, dent, maximum_lot, minimum_bid, tend, tick
from .market import FlipType
from .pool import Lot, Seizure, VaultPool
from .vat import Ilk, Vault

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class FlipPool(VaultPool[FlipAuction]):
    """Vaults whose collateral is sold by auctions of bids, in two phases.

    Nobody is paid for a kick, and whoever starts an auction may bid in it like all others.
    Bidders may hope for the smallest raise, which is what keeps the next bid away.

    Parameters
    ----------
    ledger : Ledger
    name : str
    types : mapping of int to FlipType
        Collateral type of each ledger asset that vaults may hold.
    debt : int
        Ledger asset that is issued.
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, s.
    """

    kick_pays = False

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        types: Mapping[int, FlipType],
        debt: int,
        n_borrowers: int,
        start_s: int,
    ) -> None:
        terms = {asset: kind.terms for asset, kind in types.items()}
        bonus = {asset: max(0.0, kind.flip.beg / WAD - 1.0) for asset, kind in types.items()}
        super().__init__(ledger, name, terms, debt, n_borrowers, start_s, bonus)
        self.settings = dict(types)
        self._offers: dict[int, tuple[FlipAuction, float, Offer]] = {}  # as last shown, by lot

    @property
    def penalty(self) -> Floats:
        """The penalty on the debt of a vault that is auctioned."""
        kept = np.zeros(len(self.bonus))
        for asset, kind in self.settings.items():
            kept[asset] = kind.cat.chop / RAY - 1.0
        return kept

    def _seize(self, vault: Vault, ilk: Ilk, asset: int, now: int) -> Seizure[FlipAuction]:
        settings = self.settings[asset]
        result = bite(vault, ilk, settings.cat, settings.flip, now)
        return Seizure(result.vault, result.auction, result.ink, result.art, result.due, 0)

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return what a bidder may hope for from the next lot of each vault, USD; a kick pays nothing."""
        hopes = np.zeros(len(rows))
        kinds = self._type_of[rows]
        for asset, settings in self.settings.items():
            mine = kinds == asset
            held = np.maximum(self.positions.collateral[rows[mine], asset], 1)
            share = np.minimum(settings.cat.lump / self._units[asset] / held, 1.0)
            sold = np.minimum(collateral_usd[mine], debt_usd[mine] * (settings.cat.chop / RAY))
            hopes[mine] = self.bonus[asset] * share * sold
        return hopes

    def sales(self, now_s: int) -> Sequence[Offer]:
        """Return all auctions; one that waits for its `deal` takes neither money nor fewer units."""
        now, offers = self.start_s + now_s, []
        for number, lot in self.lots.items():
            auction, known = lot.auction, self._offers.get(number)
            if known is None or known[0] is not auction or known[1] <= now:
                known = self._offers[number] = self._offer(number, lot, now)
            offers.append(known[2])
        return offers

    def _offer(self, number: int, lot: Lot[FlipAuction], now: int) -> tuple[FlipAuction, float, Offer]:
        """Return the offer of a lot, with the auction it shows and the time at which it closes."""
        auction, flip, unit = lot.auction, self.settings[lot.asset].flip, self._units[lot.asset]
        closes = min(auction.tic, auction.end) if auction.bidder is not None else math.inf
        closed = closes <= now
        rising = auction.bid < auction.tab and not closed
        falling = auction.bid == auction.tab and not closed
        offer = Offer(
            number=number,
            kind="bids",
            account=lot.row,
            collateral=lot.asset,
            debt=self.debt,
            units=auction.lot // unit,
            price=auction.bid / (auction.lot * RAY) if auction.lot else 0.0,
            most=self.books.ceil(auction.tab),
            least_bid=self.books.ceil(minimum_bid(auction, flip)) if rising else 0,
            most_units=maximum_lot(auction, flip) // unit if falling else 0,
            bidder=-1 if auction.bidder is None else auction.bidder,
            ends_s=min(auction.tic, auction.end) - self.start_s if auction.tic else float("inf"),
        )
        return auction, math.inf if closed else closes, offer

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return the lots whose highest bidder a ledger account is; see `LendingPool.held_for`."""
        return tuple(
            (lot.asset, lot.auction.lot // self._units[lot.asset])
            for lot in self.lots.values()
            if lot.auction.bidder == account
        )

    def bid(self, number: int, pay: int, units: int, bidder: int, now_s: int) -> None:
        """Bid for a lot; see `LendingPool.bid`.

        Below the debt, `units` is the whole lot and `pay` the bid; once the whole debt is bid, `pay` is
        that debt and `units` what the bidder is content with.
        """
        lot = self._lot(number, "Flipper/guy-not-set")
        now, auction, flip = self.start_s + now_s, lot.auction, self.settings[lot.asset].flip
        if auction.bidder is None and auction.end < now:
            auction = tick(auction, flip, now)
        whole = units == auction.lot // self._units[lot.asset]
        size = auction.lot if whole else units * self._units[lot.asset]
        amount = auction.tab if pay == self.books.ceil(auction.tab) else pay * self.books.unit
        rule = tend if auction.bid < auction.tab else dent
        result = rule(auction, flip, bidder, lot=size, bid=amount, now=now)
        same = bidder == auction.bidder
        if self.ledger.balance(bidder, self.debt) < (pay - lot.paid if same else pay):
            raise Revert("Vat/insufficient-balance")
        self._remember(lot.row)
        if auction.bidder is not None and not same:
            self.ledger.transfer(self.debt, bidder, auction.bidder, lot.paid, Reason.RELEASE)
        self._receive(bidder, pay - lot.paid)
        self.books.heal()
        self._release(lot.row, lot.asset, result.returned)
        self.lots[number] = replace(
            lot, auction=result.auction, paid=pay, returned=lot.returned + result.returned
        )

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return auctions to be handed to their winner (``deal``) and those nobody bid on (``tick``)."""
        now, chores = self.start_s + now_s, []
        for number, lot in self.lots.items():
            auction = lot.auction
            if auction.bidder is not None and (auction.tic < now or auction.end < now):
                value = auction.lot / WAD * self.prices[lot.asset] / 1e8
                chores.append(Chore(number, "deal", 0.0, auction.bidder, value))
            elif auction.bidder is None and auction.end < now:
                chores.append(Chore(number, "tick", 0.0))
        return chores

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Hand a finished auction to its winner (``deal``) or reopen one that nobody bid on (``tick``)."""
        now = self.start_s + now_s
        if kind == "tick":
            lot = self._lot(number, "Flipper/not-finished")
            self.lots[number] = replace(lot, auction=tick(lot.auction, self.settings[lot.asset].flip, now))
            return None
        if kind != "deal":
            return super().work(kind, number, worker, now_s)
        lot = self._lot(number, "Flipper/not-finished")
        result = deal(lot.auction, now)
        self._remember(lot.row)
        del self.lots[number]
        self.types[lot.asset].dirt -= lot.auction.tab
        self.books.close(lot.due, lot.paid * self.books.unit)
        return self._bought(lot, result.winner, lot.paid, result.lot, lot.returned)
