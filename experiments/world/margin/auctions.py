"""Auctions of positions: a venue's liquidations sold to bidders at a share of what the account is worth.

A case is for sale from its value, at the mark or by the venue's model, down to its bankruptcy price, and
once it is worth nothing the fund pays whoever takes it (`protocols.margin.model_auction`). Bidders are
agents: they see the price of a block and bid; in the next block bids that its price meets are served in
random order, as far as their money and stock reach. Money moves on the ledger, between them and the venue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....agents.base import DecidingAgent, TakePosition
from ....agents.strategies.position_bidder import PositionOffer
from ....market.ledger import Ledger, Reason
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import Contract
from ....protocols.margin.model_auction import AccountAuction
from .listing import Listing
from .maintenance import Maintenance
from .records import Case, MarginRecords


class Sale(NamedTuple):
    """What bidders took of a case.

    Attributes
    ----------
    lots, value : int
        Bought by the row (negative if sold), and what it paid, base units.
    left : int
        Equity that belongs to what is still for sale; base units.
    """

    lots: int
    value: int
    left: int


NO_LIMIT = 2**62
"""What may be given away where nobody looks."""


def position_price(contract: Contract, lots: int, ticks: int, concession: int, held: int) -> int:
    """Price of some lots of an auctioned position: their value less their part of the concession.

    Parameters
    ----------
    contract : Contract
    lots : int
        Taken by the bidder; negative for a short position, whose taker is paid the part on top.
    ticks : int
        Price at which the position is valued.
    concession : int
        What the taker of the whole position gains; base units.
    held : int
        Lots of the whole position, without sign.

    Returns
    -------
    int
        Base units, one a lot at least: paid by the taker of a long position, to the taker of a short one.
    """
    value, part = abs(contract.value(lots, ticks)), concession * abs(lots) // held
    return max(value - part, lots) if lots > 0 else value + part


class _Bid(NamedTuple):
    agent: DecidingAgent
    lots: int
    worst_usd: float


class _Terms(NamedTuple):
    """At what a position is sold in one block: its side and valuation, what is conceded on how many lots."""

    listing: Listing
    side: int
    ticks: int
    concession: int
    held: int

    def units(self, count: int) -> int:
        """Price of some lots, base units."""
        return position_price(
            self.listing.contract, self.side * count, self.ticks, self.concession, self.held
        )


class PositionAuctions:
    """All auctions of a venue.

    What is auctioned of an account is its positions with the equity that belongs to them: several positions
    share it by their value, and what an account has kept of earlier sales is set aside for it, as long as the
    rest is worth something.

    Parameters
    ----------
    rule : AccountAuction
    by_model : bool
        Whether accounts are valued by the venue's model, not at the mark.
    ledger : Ledger
    venue : int
        Number of the venue in the world.
    clearing, settlement : int
        Ledger account of the venue, and column of the asset that it settles in.
    listings : sequence of Listing
        By column of the accounts.
    accounts : MarginAccounts
    maintenance : Maintenance
    records : MarginRecords
    rng : Generator

    Attributes
    ----------
    offers : dict of (int, int) to PositionOffer
        What is for sale now, by case and asset.
    """

    def __init__(
        self,
        rule: AccountAuction,
        by_model: bool,
        ledger: Ledger,
        venue: int,
        clearing: int,
        settlement: int,
        listings: Sequence[Listing],
        accounts: MarginAccounts,
        maintenance: Maintenance,
        records: MarginRecords,
        rng: np.random.Generator,
    ) -> None:
        self.rule, self.by_model = rule, by_model
        self.ledger, self.venue = ledger, venue
        self.clearing, self.settlement = clearing, settlement
        self.listings, self.accounts, self.maintenance = tuple(listings), accounts, maintenance
        self.records, self._rng = records, rng
        self._since_s: dict[tuple[int, bool], float] = {}  # by case and whether it is worth something
        self._set_aside: dict[int, int] = {}
        self._bids: dict[tuple[int, int], list[_Bid]] = defaultdict(list)
        self.offers: dict[tuple[int, int], PositionOffer] = {}

    def bid(self, agent: DecidingAgent, intent: TakePosition) -> None:
        """Take a bid in, for the next block; one for what is no longer offered is dropped."""
        key = intent.offer.case, intent.offer.asset
        if key in self.offers and intent.lots:
            self._bids[key].append(_Bid(agent, intent.lots, intent.worst_usd))

    def work(
        self, case: Case, listing: Listing, lots: int, block: int, time_s: float, bears: int | None
    ) -> Sale:
        """Serve the bids for a position at its price now, and offer what is left.

        Parameters
        ----------
        case : Case
        listing : Listing
        lots : int
            For sale, with the sign of the position.
        block : int
        time_s : float
        bears : int or None
            Most that account and fund can give away, base units; None if there is no limit.
        """
        accounts, row, records = self.accounts, case.row, self.records
        ticks = [self._value_ticks(each) for each in self.listings]
        equity = accounts.equity(row, ticks) - self._set_aside.get(case.number, 0)
        requirement = self.maintenance.required(row, ticks)
        since_s = self._since_s.setdefault((case.number, equity >= 0), time_s)
        elapsed_s, bears = int(time_s - since_s), NO_LIMIT if bears is None else max(bears, 0)
        worth, total = self._worth(row, listing.column, ticks)
        concession = min(self.rule.concession(equity, requirement, elapsed_s), bears) * worth // total
        side, held = (1 if lots > 0 else -1), abs(accounts.lots.item(row, listing.column))
        terms = _Terms(listing, side, ticks[listing.column], concession, held)
        sold, paid = 0, 0
        bids = self._bids.pop((case.number, listing.asset), [])
        for k in self._rng.permutation(len(bids)).tolist() if bids else ():
            count, units = self._serve(bids[k], terms, abs(lots) - sold)
            if not count:
                continue
            sold, paid = sold + count, paid + units
            records.auctions.append(
                (
                    case.number, records.venue, listing.contract.symbol, block, time_s, bids[k].agent.name,
                    side * count, units / count / self._per_usd(listing), units, terms.ticks, side * held,
                    total, equity, requirement, bears, elapsed_s,
                    concession * count / held / records.unit,
                )
            )  # fmt: skip
        left = side * (abs(lots) - sold)
        key = case.number, listing.asset
        self.offers.pop(key, None)
        if left:
            price_usd = terms.units(abs(left)) / abs(left) / self._per_usd(listing)
            self.offers[key] = PositionOffer(
                self.venue, case.number, listing.asset, left, price_usd, listing.spec.lot
            )
        return Sale(-side * sold, -side * paid, equity - equity * worth * sold // (total * held))

    def set_aside(self, case: Case, left: int) -> None:
        """Keep what an account has beyond `left`, the equity of what is for sale, out of its auction."""
        ticks = [self._value_ticks(each) for each in self.listings]
        self._set_aside[case.number] = max(self.accounts.equity(case.row, ticks) - max(left, 0), 0)

    def end(self, case: Case) -> None:
        """Take a case off sale."""
        for solvent in (True, False):
            self._since_s.pop((case.number, solvent), None)
        self._set_aside.pop(case.number, None)
        for listing in self.listings:
            self.offers.pop((case.number, listing.asset), None)
            self._bids.pop((case.number, listing.asset), None)

    def close(self, listing: Listing) -> None:
        """End the auctions of a contract that expires."""
        for key in [key for key in {**self.offers, **self._bids} if key[1] == listing.asset]:
            self.offers.pop(key, None)
            self._bids.pop(key, None)

    def _value_ticks(self, listing: Listing) -> int:
        return listing.in_ticks(float(listing.seen.model)) if self.by_model else listing.ticks

    def _worth(self, row: int, column: int, ticks: Sequence[int]) -> tuple[int, int]:
        """Value of one position of a row, and of all, without signs; base units."""
        worths = [
            abs(listing.contract.value(lots, price))
            for listing, lots, price in zip(
                self.listings, self.accounts.lots[row].tolist(), ticks, strict=True
            )
        ]
        return worths[column], max(sum(worths), 1)

    def _per_usd(self, listing: Listing) -> float:
        """Return the base units of a lot at one USD a token."""
        return listing.spec.lot * self.records.unit

    def _serve(self, bid: _Bid, terms: _Terms, left: int) -> tuple[int, int]:
        """Move what a bidder takes; lots and what they cost, base units."""
        ledger, listing, side = self.ledger, terms.listing, terms.side
        count = min(abs(bid.lots), left) if bid.lots * side > 0 else 0
        if not count:
            return 0, 0
        price = terms.units(count) / count
        if side * (price / self._per_usd(listing) - bid.worst_usd) > 0.0:
            return 0, 0
        payer, giver = bid.agent.account, self.clearing
        if side < 0:
            payer, giver = giver, payer
        count = min(count, ledger.balance(giver, listing.asset) // listing.lot_units)
        count = min(count, int(ledger.balance(payer, self.settlement) / price) if price else count)
        units = terms.units(count) if count else 0
        if count < 1 or units > ledger.balance(payer, self.settlement):
            return 0, 0
        ledger.transfer(self.settlement, payer, giver, units, Reason.TRADE)
        ledger.transfer(listing.asset, giver, payer, count * listing.lot_units, Reason.TRADE)
        return count, units
