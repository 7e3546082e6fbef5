"""A small trading floor to try claims on: some books, no makers unless asked for, and a whale."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.market.order_book.view_kernels import orders_of
from liquidarium.market.order_flow import OrderFlow, PoissonArrivals
from liquidarium.market.streams import Streams
from liquidarium.market.trading import BookSpec, FlowSpec, TradingFloor
from liquidarium.market.trading_layout import FLOW_ACCOUNT

settings.register_profile("untimed", deadline=None)  # the first call of a kernel compiles it
settings.load_profile("untimed")

PRICE = 1_000.0
WHALE_TOKENS = 1_000_000


@dataclass
class FloorMaker:
    """Builds floors on which all assets start at `PRICE`; ledger column 0 is the quote."""

    seed: int = 1
    n_blocks: int = 300
    orders_per_block: float = 60.0
    block_time_s: float = 10.0
    tick_usd: float = 0.05
    lot: float = 0.001
    symbols: tuple[str, ...] = ("ETH",)
    makers: tuple[str, ...] = ()
    maker_usd: float = 1e7
    size_scale: float = 1.0
    halt: tuple[int, int] = (0, 0)
    hours: tuple[tuple[int, float], ...] = ()
    flow: dict[str, float] = field(default_factory=dict)

    def build(self) -> tuple[TradingFloor, int]:
        """Return the floor and the account of the whale, which holds every asset."""
        ledger = Ledger([Asset("USD", 6), *(Asset(symbol, 9) for symbol in self.symbols)])
        accounts = {name: ledger.open_account(name) for name in sorted(self.makers)}
        whale = ledger.open_account("whale")
        for column, asset in enumerate(ledger.assets):
            worth = 1.0 if column == 0 else PRICE
            for account in accounts.values():
                ledger.endow(column, account, asset.to_units(self.maker_usd / worth))
            ledger.endow(column, whale, asset.to_units(WHALE_TOKENS * PRICE / worth))
        streams = Streams(self.seed)
        look = {
            "market_share": 0.15,
            "cancel_share": 0.35,
            "resting_orders": 200.0,
            "mean_quantity_usd": 5_000.0,
            "mean_offset": 0.0015,
            "anchor_per_s": 0.0,
        } | self.flow
        arrivals = PoissonArrivals(self.orders_per_block)
        floor = TradingFloor(
            ledger,
            0,
            [
                BookSpec(1 + i, self.tick_usd, self.lot, PRICE, self.size_scale, self.halt, hours=self.hours)
                for i in range(len(self.symbols))
            ],
            FlowSpec(**look),
            OrderFlow(arrivals, self.symbols, self.n_blocks, self.block_time_s, streams),
            [accounts[name] for name in self.makers],
            self.block_time_s,
            streams,
        )
        start = [ledger.assets[1 + i].to_units(self.maker_usd / PRICE) for i in range(len(self.symbols))]
        for maker in range(len(self.makers)):
            lots = [units / round(self.lot * 10**9) for units in start]
            floor.aim(maker, lots)
        return floor, whale


@pytest.fixture
def floor_maker():
    """Return the class that builds floors."""
    return FloorMaker


@pytest.fixture
def trade_flat():
    """Return a function that trades some blocks at one outside price."""

    def trade(floor: TradingFloor, first: int, last: int, price: float = PRICE) -> None:
        prices = np.full(len(floor.specs), price)
        for block in range(first, last):
            floor.trade(block, prices)

    return trade


@pytest.fixture
def background_ticks():
    """Return a function that lists the prices of background orders of one side, in ticks."""

    def ticks(floor: TradingFloor, side: int, book: int = 0) -> np.ndarray:
        rows = orders_of(floor.books[book], np.int64(0), side)
        return rows[rows[:, 1] == int(floor.params[book, FLOW_ACCOUNT]), 3]

    return ticks
