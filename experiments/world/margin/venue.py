"""A margin venue in motion: one call a block marks, margins, liquidates and pays funding.

The venue trades one contract on a book of the trading floor. Its crowd trades through one ledger account,
the clearing account, which holds what `MarginAccounts` says plus a float of cash and contracts for
delivery; traders outside the crowd own their contracts fully paid. Who is liquidated is decided here, how a
position is closed in `closing`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....agents.base import DecidingAgent, TakePosition
from ....agents.strategies.position_bidder import PositionOffer
from ....market.ledger import Ledger
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.haircuts import DynamicMargin
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
from .crowd import TradingCrowd
from .feed import Feed
from .halting import Halting
from .records import Checked
from .rules import build_tiers, stepped
from .vault import Vault


@dataclass(frozen=True, slots=True)
class Clearing:
    """The ledger account through which a venue's crowd trades.

    Attributes
    ----------
    account : int
        Of the ledger.
    cash : int
        Float of the quote asset, base units.
    lots : int
        Float of contracts.
    lot_units : int
        Base units of one lot.
    """

    account: int
    cash: int
    lots: int
    lot_units: int


class MarginVenue:
    """Accounts, marks and rules of one venue.

    Rows of `accounts` are the traders, then the insurance fund, then the backstop vault if there is one.

    Parameters
    ----------
    config : VenueConfig
    ledger, floor : Ledger and TradingFloor
    clearing : Clearing
    accounts : MarginAccounts
    feed : Feed
    mark : MarkRule
    haircut : UncertaintyHaircut or None
    dynamic : DynamicMargin or None
    stops_usd : float64 ndarray, shape (n_traders,)
        Prices of stop orders; nan for none.
    closing : Closing
    halting : Halting or None
        The circuit breaker.
    vault : Vault or None
        The backstop.
    crowd : TradingCrowd or None
        Traders that open and close positions during the run; None if they hold on to what they have.
    """

    def __init__(
        self,
        config: VenueConfig,
        ledger: Ledger,
        floor: TradingFloor,
        clearing: Clearing,
        accounts: MarginAccounts,
        feed: Feed,
        mark: MarkRule,
        haircut: UncertaintyHaircut | None,
        dynamic: DynamicMargin | None,
        stops_usd: NDArray[np.float64],
        closing: Closing,
        halting: Halting | None,
        vault: Vault | None = None,
        crowd: TradingCrowd | None = None,
    ) -> None:
        self.config, self.ledger, self.floor = config, ledger, floor
        self.clearing, self.accounts, self.feed = clearing, accounts, feed
        self.mark, self.haircut, self.dynamic = mark, haircut, dynamic
        self.closing, self.halting, self.vault, self.crowd = closing, halting, vault, crowd
        self.records, self.contract = closing.records, accounts.contracts[0]
        self.n_traders = self.fund = len(stops_usd)
        self._quote = floor.quote_asset
        self._unit = ledger.assets[self._quote].unit
        self._memory = MarkMemory()
        self._tick_usd = floor.spec(feed.asset).tick_usd
        self._stops = stops_usd
        self._any_stop = crowd is not None or bool((~np.isnan(stops_usd)).any())
        self._next_funding_s = config.funding.interval_s
        self._add_on, self._rate = 0.0, None if dynamic is None else dynamic.floor
        self._next_check_s = 0.0
        self._late: set[int] = set()
        self._held: tuple[int, ...] = ()
        self._active = False  # in this block
        self._nothing = np.zeros(len(ledger.assets), np.int64)

    def step(self, block: int, time_s: float) -> None:
        """Run one block, after the books have traded."""
        self.collect()
        seen, self._memory = observe(self.mark, self.feed.look(block, time_s), self._memory, time_s)
        mark = self.mark.mark(seen)
        ticks = self._in_ticks(float(mark.price))
        if self.haircut is not None or self.dynamic is not None:
            self._set_add_on(mark, float(seen.volatility), ticks)
        self._active = time_s >= self._next_funding_s
        if self._active:
            self._pay_funding(block, time_s, seen)
        if self.halting is not None:
            lots = self.accounts.lots
            resting = self.closing.resting
            waiting = [lots.item(row, 0) + resting.lots_of(row) for row in self.closing.open]
            self.halting.look(block, time_s, seen, waiting)
        trades = self.halting is None or not self.halting.halted
        below = self.accounts.reprice([ticks])
        true = self._in_ticks(self.feed.truth)
        self._note_late(block, time_s, true)
        stopped = self._stop(ticks) if self._any_stop and trades else 0
        if time_s >= self._next_check_s:
            self._next_check_s = time_s + self.config.check_every_s
            self._open_cases(below.tolist(), block, time_s, true)
        self._active = self._active or bool(self.closing.open) or stopped > 0
        if self.closing.open and trades:
            self.closing.work(block, time_s, ticks, self.feed.truth, self._in_ticks(float(seen.model)))
        if self.vault is not None:
            self.vault.work(block, time_s, ticks, trades)
        if self.crowd is not None:
            self.crowd.see(ticks * self._tick_usd)
            if trades and self.crowd.act(block, time_s, ticks, float(seen.funding_rate)):
                self._active = True
        self._record(block, time_s, seen, mark, ticks, stopped, trades)

    def collect(self) -> None:
        """Book what resting orders have traded since the last look."""
        for row, lots, _ in self.closing.collect():
            self._active = True
            if self.vault is not None and row == self.vault.row:
                self.vault.note(lots)

    def offers(self) -> list[PositionOffer]:
        """Return the positions that are auctioned now."""
        auctions = self.closing.auctions
        return [] if auctions is None else list(auctions.offers.values())

    def bid(self, agent: DecidingAgent, intent: TakePosition) -> None:
        """Take in a bid for a position."""
        if self.closing.auctions is not None:
            self.closing.auctions.bid(agent, intent)

    def finish(self) -> None:
        """Take all orders off the book, once the run is over."""
        self.collect()
        for row in (*self.closing.open, *(() if self.vault is None else (self.vault.row,))):
            self.closing.resting.withdraw(row)

    # conservation

    def residual(self) -> NDArray[np.int64]:
        """Disagreement between the clearing account and what the accounts say; zero, shape (n_assets,)."""
        self.collect()
        off = np.zeros(len(self.ledger.assets), np.int64)
        clearing, accounts = self.clearing, self.accounts
        lots_locked, cash_locked = self.closing.resting.locked()
        cash = clearing.cash + accounts.cash_total - cash_locked
        contracts = clearing.lots + int(accounts.lots.sum()) - lots_locked
        off[self._quote] = abs(self.ledger.balance(clearing.account, self._quote) - cash)
        held = self.ledger.balance(clearing.account, self.feed.asset)
        off[self.feed.asset] = abs(held - contracts * clearing.lot_units)
        return off

    def residual_touched(self) -> NDArray[np.int64]:
        """Disagreement after a block in which the crowd's money or contracts have moved."""
        held = tuple(self.ledger.balances[self.clearing.account].tolist())
        if held == self._held and not self._active:
            return self._nothing
        self._held = held
        return self.residual()

    # one block, in parts

    def _in_ticks(self, price_usd: float) -> int:
        return max(round(price_usd / self._tick_usd), 1)

    def _set_add_on(self, mark: MarkPrice, volatility: float, ticks: int) -> None:
        """Raise the margin by what the haircut takes off a position, and by what the market asks for."""
        add_on = 0.0
        if self.haircut is not None:
            add_on = stepped(1.0 - float(self.haircut.price(mark, 1.0)) / float(mark.price))
        if self.dynamic is not None:
            interest_usd = self.contract.value(self.accounts.open_interest(0)[0], ticks) / self._unit
            self._rate = self.dynamic.initial_rate(volatility, interest_usd, self._rate)
            least = min(tier.maintenance for tier in self.config.tiers)
            add_on += stepped(max(self.dynamic.maintenance * self._rate - least, 0.0))
        if add_on != self._add_on:
            self._add_on = add_on
            self.accounts.set_margin(0, build_tiers(self.config, self._unit, add_on))

    def _pay_funding(self, block: int, time_s: float, seen: MarkInputs) -> None:
        self._next_funding_s += self.config.funding.interval_s
        rate = self.feed.funding_rate()
        self.feed.new_interval()
        moved = self.accounts.settle_funding(
            0, self._in_ticks(float(seen.index_price)), to_nano(rate), self.fund
        )
        paid, received = moved.paid / self._unit, moved.received / self._unit
        self.records.funding.append(
            (block, time_s, self.config.name, self.contract.symbol, rate, paid, received)
        )

    def _open_cases(self, rows: list[int], block: int, time_s: float, true: int) -> None:
        accounts = self.accounts
        for row in rows:
            lots = accounts.lots.item(row, 0)
            if row >= self.n_traders or row in self.closing.open or not lots:
                continue
            checked = Checked(
                accounts.balances.item(row),
                accounts.equity(row),
                accounts.requirement(row),
                abs(self.contract.value(lots, accounts.ticks.item(0))),
                accounts.equity(row, [true]),
                accounts.requirement(row, [true]),
                abs(self.contract.value(lots, true)),
            )
            self.closing.begin(row, block, time_s, checked)

    def _note_late(self, block: int, time_s: float, true: int) -> None:
        """Write down who is bankrupt at the outside price and has not been found at the mark."""
        accounts, n = self.accounts, self.n_traders
        lots = accounts.lots[:n, 0]
        equity = accounts.balances[:n] + lots * (true * self.contract.multiplier) - accounts.entry[:n, 0]
        for row in np.flatnonzero((equity < 0) & (lots != 0)).tolist():
            if row not in self._late and row not in self.closing.open:
                self._late.add(row)
                self.records.late.append(
                    (block, time_s, self.config.name, row, equity.item(row) / self._unit)
                )

    def _stop(self, mark: int) -> int:
        """Close positions whose stop orders the last trade has reached; base units closed."""
        accounts, stopped = self.accounts, 0
        last = self.floor.last_trade(self.feed.asset)
        lots = accounts.lots[: self.n_traders, 0]
        hit = (lots != 0) & (np.sign(lots) * (last - self._stops) <= 0.0)  # nan compares as false
        rows = [row for row in np.flatnonzero(hit).tolist() if row not in self.closing.open]
        for row in self.closing.shuffled(rows):
            stopped += self.closing.trade(row, -accounts.lots.item(row, 0), mark).value
        return stopped

    def _record(
        self,
        block: int,
        time_s: float,
        seen: MarkInputs,
        mark: MarkPrice,
        ticks: int,
        stopped: int,
        trades: bool,
    ) -> None:
        long, _ = self.accounts.open_interest(0)
        self.records.marks.append(
            (
                block, time_s, self.config.name, self.contract.symbol, *seen, *mark, ticks, self._add_on,
                self.feed.truth, self.contract.value(long, ticks) / self._unit,
                self.accounts.balances.item(self.fund) / self._unit, stopped / self._unit, not trades,
            )
        )  # fmt: skip
