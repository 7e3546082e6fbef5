"""A margin venue in motion: one call a block marks, margins, liquidates and pays funding.

The venue trades its contracts on books of the trading floor. Its crowd trades through one ledger account,
the clearing account, which holds what `MarginAccounts` says plus a float of cash and contracts for
delivery; traders outside the crowd own their contracts fully paid. Who is liquidated is decided here; what
an account needs in `maintenance`, how it is closed in `closing`, what a contract is worth in `listing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ....agents.base import DecidingAgent, TakePosition
from ....agents.strategies.position_bidder import PositionOffer
from ....market.ledger import Ledger
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.haircuts import DynamicMargin
from ....protocols.margin.marks import UncertaintyHaircut
from ....protocols.margin.tiers import to_nano
from ...scenarios.margin import VenueConfig
from .closing import Closing
from .crowd import TradingCrowd
from .listing import Listing
from .maintenance import Maintenance
from .records import Checked
from .underlyings import Underlyings
from .vault import Vault


class MarginVenue:
    """Accounts, contracts and rules of one venue.

    Rows of `accounts` are the traders' margin accounts, then the insurance fund, then the backstop vault if
    there is one.

    Parameters
    ----------
    config : VenueConfig
    ledger : Ledger
    clearing : int
        Ledger account through which the crowd trades.
    cash : int
        Float of the settlement asset in it, base units.
    settlement : int
        Ledger column of that asset.
    listings : sequence of Listing
        By column of the accounts.
    accounts : MarginAccounts
    maintenance : Maintenance
    haircut : UncertaintyHaircut or None
    dynamic : DynamicMargin or None
    closing : Closing
    vault : Vault or None
        The backstop.
    crowd : TradingCrowd or None
        Traders that open and close positions during the run; None if they hold on to what they have.
    underlyings : Underlyings or None
        Where options, or scenarios, need to know them.
    """

    def __init__(
        self,
        config: VenueConfig,
        ledger: Ledger,
        clearing: int,
        cash: int,
        settlement: int,
        listings: Sequence[Listing],
        accounts: MarginAccounts,
        maintenance: Maintenance,
        haircut: UncertaintyHaircut | None,
        dynamic: DynamicMargin | None,
        closing: Closing,
        vault: Vault | None = None,
        crowd: TradingCrowd | None = None,
        underlyings: Underlyings | None = None,
    ) -> None:
        self.config, self.ledger = config, ledger
        self.clearing, self.cash, self.settlement = clearing, cash, settlement
        self.listings, self.accounts, self.maintenance = tuple(listings), accounts, maintenance
        self.haircut, self.dynamic, self.closing = haircut, dynamic, closing
        self.vault, self.crowd = vault, crowd
        self.underlyings = underlyings
        columns = set() if underlyings is None else set(underlyings.contracts.options.tolist())
        self._options = tuple(listing for listing in self.listings if listing.column in columns)
        self._linear = tuple(listing for listing in self.listings if listing.column not in columns)
        self.records = closing.records
        self.n_traders = self.fund = closing.n_traders
        self._least = min(tier.maintenance for tier in config.tiers)
        self._next_check_s = 0.0
        self._late: set[int] = set()
        self._held: tuple[int, ...] = ()
        self._active = False  # in this block
        self._nothing = np.zeros(len(ledger.assets), np.int64)

    def step(self, block: int, time_s: float) -> None:
        """Run one block, after the books have traded."""
        self._active = False
        self.collect()
        for listing in self._looking(block, time_s):
            listing.look(block, time_s)
            self.records.unit = listing.units_in_usd(self.records.unit)
            if self.haircut is not None or self.dynamic is not None:
                self._set_add_on(listing)
            if listing.funding_due(time_s):
                self._pay_funding(listing, block, time_s)
            if listing.variation_due(time_s):
                self._pay_variation(listing, listing.ticks, block, time_s, "variation")
            if listing.halting is not None:
                resting = self.closing.resting[listing.column]
                held = self.accounts.lots[:, listing.column]
                waiting = [
                    listing.book_lots(held.item(row) + resting.lots_of(row)) for row in self.closing.open
                ]
                listing.halting.look(block, time_s, listing.seen, waiting)
        below = self.maintenance.unsafe([listing.ticks for listing in self.listings])
        true = [listing.true_ticks for listing in self.listings]
        self._note_late(block, time_s, true)
        stopped = [self._stop(listing) for listing in self.listings]
        if time_s >= self._next_check_s:
            self._next_check_s = time_s + self.config.check_every_s
            self._open_cases(below.tolist(), block, time_s, true)
        self._active = self._active or bool(self.closing.open) or any(stopped)
        if self.closing.open and any(listing.trades for listing in self.listings):
            self.closing.work(block, time_s)
        if self.vault is not None:
            self.vault.work(block, time_s)
        if self.crowd is not None and self.crowd.act(block, time_s):
            self._active = True
        for listing, closed in zip(self.listings, stopped, strict=True):
            if not listing.expired:
                self._record(listing, block, time_s, closed)
        if self.underlyings is not None:
            self.records.underlyings += self.underlyings.rows(block, self.config.name)

    def expire(self, asset: int, ticks: int, block: int, time_s: float) -> None:
        """Settle the positions in a contract at its final price; the ledger pays for what clearing holds.

        The insurance fund pays what accounts owe that have nothing else, as far as it reaches.
        """
        for listing in self.listings:
            if listing.asset != asset:
                continue
            self._active = True
            lots = self.accounts.lots[:, listing.column].copy()
            if self.vault is not None:
                self.vault.note(listing.column, -lots.item(self.vault.row))
            if listing.dated:
                self._pay_variation(listing, ticks, block, time_s, "final")
            self.accounts.expire(listing.column, ticks, self.fund)
            self.accounts.deposit(self.fund, listing.contract.value(int(lots.sum()), ticks))
            self.cash += listing.expire(ticks)
            self.closing.settle_expired(np.flatnonzero(lots[: self.n_traders]).tolist(), block, time_s)

    # who stands on the other side

    def collect(self) -> None:
        """Book what resting orders have traded since the last look."""
        for traded in self.closing.collect():
            self._active = True
            if self.vault is not None and traded.row == self.vault.row:
                self.vault.note(traded.column, traded.lots)

    def offers(self) -> list[PositionOffer]:
        """Return the positions that are auctioned now."""
        auctions = self.closing.auctions
        return [] if auctions is None else list(auctions.offers.values())

    def bid(self, agent: DecidingAgent, intent: TakePosition) -> None:
        """Take in a bid for a position."""
        if self.closing.auctions is not None:
            self.closing.auctions.bid(agent, intent)

    def withdraw(self, asset: int) -> None:
        """Take all orders and offers of an asset back, before its book closes for good."""
        self.collect()
        for listing, resting in zip(self.listings, self.closing.resting, strict=True):
            if listing.asset == asset:
                resting.clear()
                if self.closing.auctions is not None:
                    self.closing.auctions.close(listing)

    def finish(self) -> None:
        """Take all orders off the books, once the run is over."""
        self.collect()
        for row in (*self.closing.open, *(() if self.vault is None else (self.vault.row,))):
            self.closing.withdraw(row)

    # conservation

    def residual(self) -> NDArray[np.int64]:
        """Disagreement between the clearing account and what the accounts say; zero, shape (n_assets,)."""
        self.collect()
        off = np.zeros(len(self.ledger.assets), np.int64)
        locked = [resting.locked() for resting in self.closing.resting]
        cash = self.cash + self.accounts.cash_total - sum(units for _, units in locked)
        off[self.settlement] = abs(self.ledger.balance(self.clearing, self.settlement) - cash)
        for listing in self.listings:
            lots = int(self.accounts.lots[:, listing.column].sum()) - locked[listing.column][0]
            off[listing.lots_asset] = listing.residual(lots)
        return off

    def residual_touched(self) -> NDArray[np.int64]:
        """Disagreement after a block in which the crowd's money or contracts have moved."""
        held = tuple(self.ledger.balances[self.clearing].tolist())
        if held == self._held and not self._active:
            return self._nothing
        self._held = held
        return self.residual()

    # one block, in parts

    def _looking(self, block: int, time_s: float) -> Iterator[Listing]:
        """Yield what is traded: options last, once it is known what is believed of their underlyings."""
        yield from (listing for listing in self._linear if not listing.expired)
        if self.underlyings is not None:
            self.underlyings.look(block, time_s)
            for listing in self._options:
                listing.reach = float(self.underlyings.reach[listing.column])
                if not listing.expired:
                    yield listing

    def _set_add_on(self, listing: Listing) -> None:
        """Raise the margin by what the haircut takes off a position, and by what the market asks for."""
        long, _ = self.accounts.open_interest(listing.column)
        interest_usd = abs(listing.contract.value(long, listing.ticks)) / self.records.unit
        add_on = listing.margin_asked(self.haircut, self.dynamic, interest_usd, self._least)
        if add_on != listing.add_on:
            listing.add_on = add_on
            self.maintenance.add(listing.column, add_on)

    def _pay_funding(self, listing: Listing, block: int, time_s: float) -> None:
        self._active = True
        rate = listing.feed.funding_rate()
        listing.feed.new_interval()
        ticks = listing.in_ticks(float(listing.seen.index_price))
        moved = self.accounts.settle_funding(listing.column, ticks, to_nano(rate), self.fund)
        paid, received = moved.paid / self.records.unit, moved.received / self.records.unit
        self.records.funding.append(
            (block, time_s, self.config.name, listing.contract.symbol, rate, paid, received)
        )

    def _pay_variation(self, listing: Listing, ticks: int, block: int, time_s: float, kind: str) -> None:
        """Pay out what positions in a contract have gained, and enter them anew at a price."""
        self._active = True
        moved, unit = self.accounts.settle_variation(listing.column, ticks), self.records.unit
        paid, received = -int(moved[moved < 0].sum()), int(moved[moved > 0].sum())
        self.records.settlements.append(
            (
                block, time_s, self.config.name, listing.contract.symbol, kind, ticks * listing.tick_usd,
                paid / unit, received / unit,
            )
        )  # fmt: skip

    def _open_cases(self, rows: list[int], block: int, time_s: float, true: Sequence[int]) -> None:
        """Begin to close those who are below maintenance, once stop orders have traded."""
        accounts, maintenance = self.accounts, self.maintenance
        marks = [listing.ticks for listing in self.listings]
        for row in rows:
            if row >= self.n_traders or row in self.closing.open or not self.closing.held(row):
                continue
            checked = Checked(
                accounts.balances.item(row),
                accounts.equity(row),
                maintenance.required(row),
                self._notional(row, marks),
                accounts.equity(row, true),
                maintenance.required(row, true),
                self._notional(row, true),
            )
            if checked.equity < checked.requirement:  # a stop order may have made it sound
                self.closing.begin(row, block, time_s, checked)

    def _notional(self, row: int, ticks: Sequence[int]) -> int:
        """Value of all positions of a row, long and short alike; base units."""
        lots = self.accounts.lots
        return sum(
            abs(self.listings[column].contract.value(lots.item(row, column), ticks[column]))
            for column in self.closing.held(row)
        )

    def _note_late(self, block: int, time_s: float, true: Sequence[int]) -> None:
        """Write down who is bankrupt at the outside price and has not been found at the mark."""
        accounts, n = self.accounts, self.n_traders
        equity = accounts.balances[:n]
        for listing, ticks in zip(self.listings, true, strict=True):
            equity = equity + accounts.gains(listing.column, ticks)[:n]
        for row in np.flatnonzero((equity < 0) & accounts.lots[:n].any(axis=1)).tolist():
            if row not in self._late and row not in self.closing.open:
                self._late.add(row)
                self.records.late.append(
                    (block, time_s, self.config.name, row, equity.item(row) / self.records.unit)
                )

    def _stop(self, listing: Listing) -> int:
        """Close positions whose stop orders the last trade has reached; base units closed."""
        if not listing.any_stop or not listing.trades:
            return 0
        accounts, stopped = self.accounts, 0
        last = listing.floor.last_trade(listing.asset)
        lots = accounts.lots[: self.n_traders, listing.column]
        hit = (lots != 0) & (np.sign(lots) * (last - listing.stops_usd) <= 0.0)  # nan compares as false
        rows = [row for row in np.flatnonzero(hit).tolist() if row not in self.closing.open]
        for row in self.closing.shuffled(rows):
            stopped += self.closing.trade(row, listing, -lots.item(row)).value
        return stopped

    def _record(self, listing: Listing, block: int, time_s: float, stopped: int) -> None:
        unit = self.records.unit
        long, _ = self.accounts.open_interest(listing.column)
        self.records.marks.append(
            (
                block, time_s, self.config.name, listing.contract.symbol, *listing.seen, *listing.price,
                listing.ticks, listing.add_on, listing.feed.truth,
                abs(listing.contract.value(long, listing.ticks)) / unit,
                self.accounts.balances.item(self.fund) / unit, stopped / unit, not listing.trades,
            )
        )  # fmt: skip
