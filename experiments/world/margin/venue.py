"""A margin venue in motion: one call a block marks, margins, liquidates and pays funding.

The venue's order books are those of the trading floor. Its crowd trades through one ledger account, the
clearing account, which holds what `MarginAccounts` says plus a float of cash and contracts that the venue
lends itself for delivery; traders outside the crowd own their contracts fully paid. Who is liquidated is
decided here, how a position is closed in `closing`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.marks import (
    MarkInputs,
    MarkMemory,
    MarkPrice,
    MarkRule,
    UncertaintyHaircut,
    observe,
)
from ....protocols.margin.tiers import to_nano
from ...scenarios.margin import VenueConfig
from .closing import Closing
from .feed import Feed
from .records import Checked, MarginRecords
from .rules import build_tiers, stepped


@dataclass(slots=True)
class Clearing:
    """The ledger account through which a venue's crowd trades.

    Attributes
    ----------
    account : int
        Of the ledger.
    cash : int
        Float of the quote asset, base units.
    lots : list of int
        Float of each contract, lots.
    lot_units : list of int
        Base units of one lot of each contract.
    """

    account: int
    cash: int
    lots: list[int]
    lot_units: list[int]


class MarginVenue:
    """Accounts, marks and rules of one venue.

    Rows of `accounts` are the traders, then the insurance fund, then the backstop vault if there is one.

    Parameters
    ----------
    config : VenueConfig
    ledger, floor : Ledger and TradingFloor
    clearing : Clearing
    accounts : MarginAccounts
    feeds : list of Feed
        One for each contract.
    mark : MarkRule
    haircut : UncertaintyHaircut or None
    stops_usd : float64 ndarray, shape (n_traders,)
        Prices of stop orders in the first contract that a trader holds; nan for none.
    closing : Closing
    """

    def __init__(
        self,
        config: VenueConfig,
        ledger: Ledger,
        floor: TradingFloor,
        clearing: Clearing,
        accounts: MarginAccounts,
        feeds: list[Feed],
        mark: MarkRule,
        haircut: UncertaintyHaircut | None,
        stops_usd: NDArray[np.float64],
        closing: Closing,
        block_time_s: float,
    ) -> None:
        self.config, self.ledger, self.floor = config, ledger, floor
        self.clearing, self.accounts, self.feeds = clearing, accounts, feeds
        self.mark, self.haircut, self.closing = mark, haircut, closing
        self.records: MarginRecords = closing.records
        self.n_traders = len(stops_usd)
        self.fund = self.n_traders
        self._quote = floor.quote_asset
        self._unit = ledger.assets[self._quote].unit
        self._memory = [MarkMemory() for _ in feeds]
        self._ticks_usd = [floor.spec(feed.asset).tick_usd for feed in feeds]
        self._stops = stops_usd
        self._block_time_s = block_time_s
        self._next_funding_s = config.funding.interval_s
        self._add_on = 0.0
        self._late: set[int] = set()
        self._has_lots = np.abs(accounts.lots[: self.n_traders]).sum(axis=1) > 0

    def step(self, block: int, time_s: float) -> None:
        """Run one block, after the books have traded."""
        inputs, marks = self._mark(block, time_s)
        ticks = [max(round(m.price / tick), 1) for m, tick in zip(marks, self._ticks_usd, strict=True)]
        self._set_haircut(marks)
        if time_s >= self._next_funding_s:
            self._pay_funding(block, time_s, inputs)
        below = self.accounts.reprice(ticks)
        true = np.array(
            [max(round(f.truth / tick), 1) for f, tick in zip(self.feeds, self._ticks_usd, strict=True)]
        )
        self._note_late(block, time_s, true)
        stopped = self._stop(block, ticks)
        self._open_cases(below.tolist(), block, time_s, true)
        self.closing.work(block, time_s, ticks)
        self._record(block, time_s, inputs, marks, ticks, stopped)

    # conservation

    def residual(self) -> NDArray[np.int64]:
        """Disagreement between the clearing account and what the accounts say; zero, shape (n_assets,)."""
        off = np.zeros(len(self.ledger.assets), np.int64)
        clearing = self.clearing
        held = self.ledger.balance(clearing.account, self._quote)
        off[self._quote] = abs(held - clearing.cash - self.accounts.cash_total)
        net = self.accounts.lots.sum(axis=0).tolist()
        for feed, lots, unit, own in zip(self.feeds, clearing.lots, clearing.lot_units, net, strict=True):
            off[feed.asset] = abs(self.ledger.balance(clearing.account, feed.asset) - (lots + own) * unit)
        return off

    def residual_touched(self) -> NDArray[np.int64]:
        """Disagreement after a block; the whole check is quick enough."""
        return self.residual()

    @property
    def fund_units(self) -> int:
        """Insurance fund, base units."""
        return int(self.accounts.balances[self.fund])

    # one block, in parts

    def _mark(self, block: int, time_s: float) -> tuple[list[MarkInputs], list[MarkPrice]]:
        inputs, marks = [], []
        for k, feed in enumerate(self.feeds):
            seen, self._memory[k] = observe(self.mark, feed.look(block, time_s), self._memory[k], time_s)
            inputs.append(seen)
            marks.append(self.mark.mark(seen))
        return inputs, marks

    def _set_haircut(self, marks: list[MarkPrice]) -> None:
        """Raise the margin by what the haircut takes off a position's value."""
        if self.haircut is None:
            return
        cut = max(1.0 - float(self.haircut.price(mark, 1.0)) / float(mark.price) for mark in marks)
        add_on = stepped(cut)
        if add_on != self._add_on:
            self._add_on = add_on
            for contract in range(len(self.feeds)):
                self.accounts.set_margin(contract, build_tiers(self.config, self._unit, add_on))

    def _pay_funding(self, block: int, time_s: float, inputs: list[MarkInputs]) -> None:
        self._next_funding_s += self.config.funding.interval_s
        for contract, (feed, seen) in enumerate(zip(self.feeds, inputs, strict=True)):
            rate = feed.funding_rate()
            feed.new_interval()
            ticks = max(round(float(seen.index) / self._ticks_usd[contract]), 1)
            moved = self.accounts.settle_funding(contract, ticks, to_nano(rate), self.fund)
            self.records.funding.append(
                (
                    block, time_s, self.config.name, self._symbol(contract), rate, moved.paid / self._unit,
                    moved.received / self._unit,
                )
            )  # fmt: skip

    def _open_cases(self, rows: list[int], block: int, time_s: float, true: NDArray[np.int64]) -> None:
        accounts = self.accounts
        for row in rows:
            if row >= self.n_traders or row in self.closing.open or not accounts.lots[row].any():
                continue
            notional = sum(
                abs(contract.value(int(lots), int(ticks)))
                for contract, lots, ticks in zip(
                    accounts.contracts, accounts.lots[row], accounts.ticks, strict=True
                )
            )
            self.closing.begin(
                row,
                block,
                time_s,
                Checked(
                    int(accounts.balances[row]),
                    accounts.equity(row),
                    accounts.requirement(row),
                    notional,
                    accounts.equity(row, true),
                    accounts.requirement(row, true),
                ),
            )

    def _note_late(self, block: int, time_s: float, true: NDArray[np.int64]) -> None:
        """Write down who is bankrupt at the outside price and has not been found at the mark."""
        accounts, n = self.accounts, self.n_traders
        worth = (accounts.lots[:n] * (true * [c.multiplier for c in accounts.contracts])).sum(axis=1)
        equity = accounts.balances[:n] + worth - accounts.entry[:n].sum(axis=1)
        for row in np.flatnonzero(equity < 0).tolist():
            if row not in self._late and row not in self.closing.open and accounts.lots[row].any():
                self._late.add(row)
                self.records.late.append((block, time_s, self.config.name, row, equity[row] / self._unit))

    def _stop(self, block: int, ticks: list[int]) -> int:
        """Close positions whose stop orders the last trade has reached; base units closed."""
        waiting = ~np.isnan(self._stops)
        if not waiting.any():
            return 0
        accounts, stopped = self.accounts, 0
        for contract, feed in enumerate(self.feeds):
            last = self.floor.last_trade(feed.asset)
            lots = accounts.lots[: self.n_traders, contract]
            hit = waiting & (lots != 0) & (np.sign(lots) * (last - self._stops) <= 0.0)
            rows = [row for row in np.flatnonzero(hit).tolist() if row not in self.closing.open]
            for row in self.closing.shuffled(rows):
                stopped += self.closing.trade(row, contract, -int(accounts.lots[row, contract]), ticks).value
                if not accounts.lots[row, contract]:
                    self._stops[row] = math.nan
        return stopped

    def _record(
        self,
        block: int,
        time_s: float,
        inputs: list[MarkInputs],
        marks: list[MarkPrice],
        ticks: list[int],
        stopped: int,
    ) -> None:
        for k, feed in enumerate(self.feeds):
            long, _ = self.accounts.open_interest(k)
            self.records.marks.append(
                (
                    block, time_s, self.config.name, self._symbol(k), *inputs[k], *marks[k], ticks[k],
                    self._add_on, feed.truth,
                    self.accounts.contracts[k].value(long, ticks[k]) / self._unit,
                    self.fund_units / self._unit, stopped / self._unit,
                )
            )  # fmt: skip

    def _symbol(self, contract: int) -> str:
        return self.accounts.contracts[contract].symbol
