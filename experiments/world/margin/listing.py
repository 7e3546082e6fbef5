"""One contract on a margin venue: its book, its feed and mark, its funding and its circuit breaker.

The crowd of the venue trades it through the clearing account, which holds what the positions add up to
plus a float for delivery. Nothing here knows an account of the crowd.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ....agents.strategies.exits import SaleStart
from ....market.ledger import Ledger
from ....market.order_book.layout import BUY, SELL
from ....market.trading import TradingFloor
from ....protocols.margin.contracts import Contract
from ....protocols.margin.haircuts import DynamicMargin
from ....protocols.margin.marks import (
    MarkInputs,
    MarkMemory,
    MarkPrice,
    MarkRule,
    UncertaintyHaircut,
    observe,
)
from .feed import Feed
from .halting import Halting
from .rules import stepped


class Listing:
    """A contract whose positions are lots of its book, settled in the quote asset.

    Parameters
    ----------
    column : int
        Of the contract in the venue's accounts.
    contract : Contract
    floor : TradingFloor
    ledger : Ledger
    clearing : int
        Ledger account through which the crowd trades.
    float_lots : int
        What that account held of the contract before anybody had a position.
    feed : Feed
    rule : MarkRule
    stops_usd : float64 ndarray, shape (n_traders,)
        Prices of stop orders; nan for none.
    halting : Halting or None
        The circuit breaker of its book.
    funding_s : float
        Time between funding payments; infinite for none.
    variation_s : float
        Time between payments of variation margin; infinite for none.

    Attributes
    ----------
    seen, price : MarkInputs and MarkPrice
        Inputs and mark of this block.
    ticks, true_ticks : int
        The mark and the outside price, rounded to the book.
    add_on : float
        What is added to margin rates.
    reach : float
        Factor of the slippage allowed: an option's elasticity in its underlying, else 1.
    expired : bool
    """

    seen: MarkInputs
    price: MarkPrice

    def __init__(
        self,
        column: int,
        contract: Contract,
        floor: TradingFloor,
        ledger: Ledger,
        clearing: int,
        float_lots: int,
        feed: Feed,
        rule: MarkRule,
        stops_usd: NDArray[np.float64],
        halting: Halting | None,
        funding_s: float,
        variation_s: float = math.inf,
    ) -> None:
        self.column, self.contract, self.asset = column, contract, feed.asset
        self.floor, self.feed, self.rule, self.halting = floor, feed, rule, halting
        self.spec = floor.spec(feed.asset)
        self.tick_usd = self.spec.tick_usd
        self.stops_usd = stops_usd
        self.any_stop = bool((~np.isnan(stops_usd)).any())
        self.ticks = self.true_ticks = 0
        self.add_on = 0.0
        self.reach = 1.0
        self.expired = False
        self._ledger, self._clearing = ledger, clearing
        self._float_lots = float_lots
        self.lot_units = round(self.spec.lot * ledger.assets[feed.asset].unit)
        self._book = floor.book_of_asset[feed.asset]
        self._block_time_s = feed.block_time_s
        self._memory = MarkMemory()
        self._funding_s = self._next_funding_s = funding_s
        self._variation_s = self._next_variation_s = variation_s
        self._rate: float | None = None
        self._traded = 0

    # once a block

    def look(self, block: int, time_s: float) -> None:
        """Look at the market and mark the contract."""
        self.seen, self._memory = observe(self.rule, self.feed.look(block, time_s), self._memory, time_s)
        self.price = self.rule.mark(self.seen)
        self.ticks, self.true_ticks = self.in_ticks(float(self.price.price)), self.in_ticks(self.feed.truth)

    def margin_asked(
        self,
        haircut: UncertaintyHaircut | None,
        dynamic: DynamicMargin | None,
        interest_usd: float,
        least: float,
    ) -> float:
        """Return what a haircut on the mark and the market ask for beyond the least maintenance rate."""
        asked = 0.0
        if haircut is not None:
            asked = stepped(1.0 - float(haircut.price(self.price, 1.0)) / float(self.price.price))
        if dynamic is not None:
            before = dynamic.floor if self._rate is None else self._rate
            self._rate = dynamic.initial_rate(float(self.seen.volatility), interest_usd, before)
            asked += stepped(max(dynamic.maintenance * self._rate - least, 0.0))
        return asked

    def funding_due(self, time_s: float) -> bool:
        """Whether longs and shorts pay one another now; the next payment is set."""
        if time_s < self._next_funding_s:
            return False
        self._next_funding_s += self._funding_s
        return True

    @property
    def dated(self) -> bool:
        """Whether it pays variation margin: a future with an end."""
        return self._variation_s < math.inf

    def variation_due(self, time_s: float) -> bool:
        """Whether variation margin is paid now; the next payment is set."""
        if time_s < self._next_variation_s:
            return False
        self._next_variation_s += self._variation_s
        return True

    @property
    def trades(self) -> bool:
        """Whether the venue lets it trade."""
        return not self.expired and (self.halting is None or not self.halting.halted)

    # the book

    def in_ticks(self, price_usd: float) -> int:
        """Return a price in ticks of the book, one at least."""
        return max(round(price_usd / self.tick_usd), 1)

    def take(self, lots: int, worst_usd: float) -> tuple[int, int]:
        """Buy lots (sell if negative) on the book for the crowd, at once.

        Returns
        -------
        tuple of int
            Lots bought and their value at the prices paid, base units; lots are negative if sold.
        """
        if lots < 0:
            sold, got = self.floor.sell(self.asset, self._clearing, -lots, worst_usd)
            return -sold, -got
        return self.floor.buy(self.asset, self._clearing, lots, worst_usd)

    def rest(self, lots: int, shown: int, price_usd: float) -> tuple[int, int, int]:
        """Let an order to buy lots (sell if negative) rest on the book, `shown` at a time.

        Returns
        -------
        tuple of int
            Its number (0 if refused), and what it bought at once and paid for; negative if sold.
        """
        side = BUY if lots > 0 else SELL
        number, done, value = self.floor.rest(self.asset, self._clearing, abs(lots), shown, price_usd, side)
        return number, side * done, side * value

    def touch(self) -> tuple[float, float]:
        """Best bid and ask now, USD; 0 and infinity where there is none."""
        return self.floor.touch(self.asset)

    def limit_usd(self, lots: int, loss: int) -> float:
        """Return the price at which buying lots (selling if negative) costs so much against the mark."""
        side = 1 if lots > 0 else -1
        return (self.ticks + side * (loss // (abs(lots) * self.contract.multiplier))) * self.tick_usd

    def units_in_usd(self, unit: float) -> float:
        """Return the base units of what the contract settles in that one USD is worth now."""
        return unit

    @property
    def least(self) -> int:
        """Lots that the book can trade at least."""
        return 1

    @property
    def lot_tokens(self) -> float:
        """Tokens of the underlying in a lot."""
        return self.spec.lot

    @property
    def lots_asset(self) -> int:
        """Ledger column in which positions are delivered."""
        return self.asset

    def book_lots(self, lots: int) -> int:
        """Return a position in lots of the book."""
        return lots

    def forgone_usd(self, lots: int, price_usd: float) -> float:
        """Return what closing lots of an account at a price costs others against the outside price."""
        side = 1 if lots > 0 else -1
        return abs(lots) * ((price_usd - self.feed.truth) * side * self.spec.lot)

    def depth_usd(self, lots: int) -> float:
        """Return the depth that closing a position meets."""
        side = self.floor.bid_depths_usd() if lots > 0 else self.floor.ask_depths_usd()
        return side[self._book]

    def sale_start(self, lots: int) -> SaleStart:
        """Return what is known of the market when a position begins to be closed."""
        volatility = self.floor.volatilities()[self._book]
        return SaleStart(volatility, self.depth_usd(lots), self.floor.depth_band, self._block_time_s)

    def lots_since(self) -> int:
        """Return the lots of its book that have been traded since `mark_volume`."""
        return self.floor.lots_traded(self.asset) - self._traded

    def mark_volume(self) -> None:
        """Count traded lots from here on."""
        self._traded = self.floor.lots_traded(self.asset)

    def expire(self, ticks: int) -> int:
        """End trading at a final price; return what the float is paid, base units."""
        self.expired = True
        self.ticks = self.true_ticks = max(ticks, 1)
        paid = self.contract.value(self._float_lots, ticks)
        self._float_lots = 0
        return paid

    # conservation

    def residual(self, lots: int) -> int:
        """Return how far the clearing account's contracts are from lots that it should hold; base units."""
        held = self._ledger.balance(self._clearing, self.asset)
        return abs(held - (self._float_lots + lots) * self.lot_units)
