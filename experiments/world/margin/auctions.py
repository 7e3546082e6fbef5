"""Auctions of positions: a venue's liquidations sold to bidders at a share of what the account is worth.

A case is for sale from its value, at the mark or by the venue's model, down to its bankruptcy price, and
once it is worth nothing the fund pays whoever takes it (`protocols.margin.model_auction`). Bidders are
agents: they see the price of a block and bid; in the next block bids that its price meets are served in
random order, as far as their money and stock reach. Money moves on the ledger, between them and the venue.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from ....agents.base import DecidingAgent, TakePosition
from ....agents.strategies.position_bidder import PositionOffer
from ....market.ledger import Ledger, Reason
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import Contract
from ....protocols.margin.model_auction import AccountAuction
from .records import Case, MarginRecords


class Sale(NamedTuple):
    """What bidders took: lots that the row bought (negative if sold) and what it paid, base units."""

    lots: int
    value: int


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
        Base units, not negative: paid by the taker of a long position, to the taker of a short one.
    """
    value, part = abs(contract.value(lots, ticks)), concession * abs(lots) // held
    return max(value - part, 0) if lots > 0 else value + part


class _Bid(NamedTuple):
    agent: DecidingAgent
    lots: int
    worst_usd: float


class PositionAuctions:
    """All auctions of one contract of a venue.

    Parameters
    ----------
    rule : AccountAuction
    by_model : bool
        Whether accounts are valued by the venue's model, not at the mark.
    ledger : Ledger
    venue : int
        Number of the venue in the world.
    clearing, asset, quote : int
        Ledger account of the venue, columns of the contract and of the quote asset.
    accounts : MarginAccounts
    contract : int
        Its column there.
    lot : float
        Tokens in a lot.
    lot_units : int
        Base units of one.
    records : MarginRecords
    rng : Generator
    """

    def __init__(
        self,
        rule: AccountAuction,
        by_model: bool,
        ledger: Ledger,
        venue: int,
        clearing: int,
        asset: int,
        quote: int,
        accounts: MarginAccounts,
        contract: int,
        lot: float,
        lot_units: int,
        records: MarginRecords,
        rng: np.random.Generator,
    ) -> None:
        self.rule, self.by_model = rule, by_model
        self.ledger, self.venue = ledger, venue
        self.clearing, self.asset, self.quote = clearing, asset, quote
        self.accounts, self.contract = accounts, contract
        self.lot, self.lot_units = lot, lot_units
        self.records, self._rng = records, rng
        self._unit = ledger.assets[quote].unit
        self._kind = accounts.contracts[contract]
        self._phases: dict[int, tuple[bool, float]] = {}
        self._bids: dict[int, list[_Bid]] = defaultdict(list)
        self.offers: dict[int, PositionOffer] = {}

    def bid(self, agent: DecidingAgent, intent: TakePosition) -> None:
        """Take a bid in, for the next block; one for what is no longer offered is dropped."""
        if intent.offer.case in self.offers and intent.lots:
            self._bids[intent.offer.case].append(_Bid(agent, intent.lots, intent.worst_usd))

    def work(
        self, case: Case, lots: int, block: int, time_s: float, value_ticks: int, bears: int | None
    ) -> Sale:
        """Serve the bids for a case at its price now, and offer what is left.

        Parameters
        ----------
        case : Case
        lots : int
            For sale, with the sign of the position.
        block : int
        time_s : float
        value_ticks : int
            Mark or model price.
        bears : int or None
            Most that account and fund can give away, base units; None if there is no limit.
        """
        accounts, row = self.accounts, case.row
        ticks = accounts.ticks.copy()
        ticks[self.contract] = value_ticks
        equity = accounts.equity(row, ticks)
        solvent, since_s = self._phases.get(case.number, (equity >= 0, time_s))
        if solvent != (equity >= 0):
            solvent, since_s = equity >= 0, time_s
        self._phases[case.number] = solvent, since_s
        requirement, elapsed_s = accounts.requirement(row, ticks), int(time_s - since_s)
        bears = NO_LIMIT if bears is None else max(bears, 0)
        concession = min(self.rule.concession(equity, requirement, elapsed_s), bears)
        held = abs(accounts.lots.item(row, self.contract))
        side, sold, paid = (1 if lots > 0 else -1), 0, 0
        per_usd = self.lot * self._unit  # base units of a lot at one USD a token
        bids = self._bids.pop(case.number, [])
        for k in self._rng.permutation(len(bids)).tolist() if bids else ():
            left = abs(lots) - sold
            count, units = self._serve(bids[k], lots, left, value_ticks, concession, held)
            if not count:
                continue
            sold, paid = sold + count, paid + units
            self.records.auctions.append(
                (
                    case.number, self.records.venue, self._kind.symbol, block, time_s, bids[k].agent.name,
                    side * count, units / (count * per_usd), units, value_ticks, side * held, equity,
                    requirement, bears, elapsed_s, concession * count / held / self._unit,
                )
            )  # fmt: skip
        left = side * (abs(lots) - sold)
        if left:
            price = position_price(self._kind, left, value_ticks, concession, held) / abs(left)
            self.offers[case.number] = PositionOffer(
                self.venue, case.number, self.asset, left, price / per_usd, self.lot
            )
        else:
            self.end(case)
        return Sale(-side * sold, -side * paid)

    def end(self, case: Case) -> None:
        """Take a case off sale."""
        self.offers.pop(case.number, None)
        self._bids.pop(case.number, None)
        self._phases.pop(case.number, None)

    def _serve(
        self, bid: _Bid, lots: int, left: int, ticks: int, concession: int, held: int
    ) -> tuple[int, int]:
        """Move what a bidder takes; lots and what they cost, base units."""
        ledger, buyer = self.ledger, bid.agent.account
        count = min(abs(bid.lots), left) if bid.lots * lots > 0 else 0
        if not count:
            return 0, 0
        side = 1 if lots > 0 else -1
        price = position_price(self._kind, side * count, ticks, concession, held) / count
        price_usd = price / (self.lot * self._unit)
        if price_usd > bid.worst_usd if lots > 0 else price_usd < bid.worst_usd:
            return 0, 0
        payer, giver = (buyer, self.clearing) if lots > 0 else (self.clearing, buyer)
        count = min(count, ledger.balance(giver, self.asset) // self.lot_units)
        count = min(count, int(ledger.balance(payer, self.quote) / price) if price else count)
        units = position_price(self._kind, side * count, ticks, concession, held)
        if count < 1 or units > ledger.balance(payer, self.quote):
            return 0, 0
        ledger.transfer(self.quote, payer, giver, units, Reason.TRADE)
        ledger.transfer(self.asset, giver, payer, count * self.lot_units, Reason.TRADE)
        return count, units
