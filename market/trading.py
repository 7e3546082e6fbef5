"""The trading floor: all order books of a world, traded one block at a time.

Holds the arrays that `trading_kernels` works on and gives agents their few
direct calls: set a standing quote, sell or buy at once. It decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import lt

import numpy as np
from numpy.typing import NDArray

from .ledger import LARGEST_ENDOWMENT, Ledger
from .order_book.book_kernels import cancel, find, submit
from .order_book.layout import (
    BEST_ASK,
    BEST_BID,
    BUY,
    COMMANDS,
    FILLED,
    FILLED_VALUE,
    FRESH,
    FUNDS_EXHAUSTED,
    HEADER,
    HIDDEN,
    IMMEDIATE_OR_CANCEL,
    LAST_PRICE,
    LEFT,
    MAX_LOTS,
    NO_ASK,
    NO_BID,
    NO_ROOM,
    ORDER_ID,
    QUOTE_PER_LOT_TICK,
    RESTING,
    SELL,
    SLICES,
    SLOT,
    SLOTS_END,
    STATUS,
    TICKS,
    TRADE_COLUMNS,
    TRADE_WITH_SELF,
    TRADES,
    VOLUME,
    book_size,
    grow,
    max_orders_of,
    new_book,
    new_trades,
)
from .order_book.views import BookView
from .order_flow import GeneratorByName, OrderFlow
from .trading_kernels import escrow_residual, locked_by, trade_block
from .trading_layout import (
    ASK,
    ASK_DEPTH_USD,
    BID,
    BID_DEPTH_USD,
    BLOCK_TIME_S,
    CANCEL_SHARE,
    DEPTH_BAND,
    DEVIATION_KEPT,
    FAIR,
    FLOW_ACCOUNT,
    HALTED,
    LOT,
    MARKET_SHARE,
    MAX_LEVELS,
    MEAN_OFFSET,
    MEAN_QUANTITY_USD,
    MID,
    N_PARAMS,
    N_QUOTE,
    N_STATE,
    NEXT_REFERENCE,
    QUOTE_ABOVE,
    QUOTE_LIMIT_USD,
    QUOTE_TARGET,
    REFERENCE,
    RESTING_TARGET,
    SWEPT_FAIR,
    TICK_USD,
    VARIANCE,
    VARIANCE_WEIGHT,
)

TRANCHES = 10_000
"""Most parts in which an iceberg is shown."""

TRADER_ENDOWMENT_USD = 2e10
"""What the background traders of one book own of each side at the start, USD."""

LADDER_ROOM = 1.5
"""A ladder is raised before the outside price has come this near to its top, as a factor."""

NEVER = 2**62
"""End of a halt that does not end."""

MAX_TICKS = 2**24
"""Prices on the longest ladder; a book of so many takes more than a gigabyte."""


@dataclass(frozen=True, slots=True)
class BookSpec:
    """One book of the floor.

    Parameters
    ----------
    asset : int
        Ledger column of what is traded.
    tick_usd : float
        Price step, quote per token.
    lot : float
        Quantity step, tokens.
    price_usd : float
        Price at the start.
    size_scale : float
        Multiplies the sizes of background orders and of makers' quotes.
    halt : tuple of int
        First block without trade, and first block with trade again. Orders rest meanwhile; the book has no
        depth, takes no orders, and opens again at the outside price of that block.
    notional_usd : float
        For an option, the price of its underlying at the start, by which traders are stocked; else 0.
    hours : tuple of (int, float)
        Blocks, rising, from which on `size_scale` counts so many times.
    """

    asset: int
    tick_usd: float
    lot: float
    price_usd: float
    size_scale: float = 1.0
    halt: tuple[int, int] = (0, 0)
    notional_usd: float = 0.0
    hours: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """What background orders look like, the same for each book.

    Parameters
    ----------
    market_share, cancel_share : float
        Shares of commands; the cancel share holds when `resting_orders` rest and
        scales with their number.
    resting_orders : float
        Background orders around which the book settles.
    mean_quantity_usd : float
        Mean size of an order, exponentially distributed.
    mean_offset : float
        Mean distance of a limit order from the fair price, as a fraction.
    anchor_per_s : float
        Speed at which a deviation log(mid / reference) decays; where no maker
        quotes, the mid lags behind by the time the book needs to turn over.
    """

    market_share: float
    cancel_share: float
    resting_orders: float
    mean_quantity_usd: float
    mean_offset: float
    anchor_per_s: float


class TradingFloor:
    """Books, background flow and standing quotes of a world.

    Parameters
    ----------
    ledger : Ledger
    quote_asset : int
        Ledger column in which all books quote.
    specs : sequence of BookSpec
    flow, orders : FlowSpec and OrderFlow
        What background orders look like, and when they arrive.
    makers : sequence of int
        Ledger accounts of the makers, in the order of their quotes.
    block_time_s : float
    depth_band : float
        Fraction of the mid within which depth is counted.
    volatility_half_life_s : float
        Memory of the volatility estimate.
    streams : callable
        Maps a name to a generator.

    Attributes
    ----------
    scales : float64 ndarray, shape (n_books,)
        What multiplies sizes of background orders and of makers' new quotes now: `size_scale` at this hour.
    """

    def __init__(
        self,
        ledger: Ledger,
        quote_asset: int,
        specs: Sequence[BookSpec],
        flow: FlowSpec,
        orders: OrderFlow,
        makers: Sequence[int],
        block_time_s: float,
        streams: GeneratorByName,
        depth_band: float = 0.01,
        volatility_half_life_s: float = 600.0,
    ) -> None:
        self.ledger = ledger
        self.quote_asset = quote_asset
        self.specs = tuple(specs)
        self.orders = orders
        self.depth_band = depth_band
        self._flow = flow
        self._halts = [(b, spec.halt) for b, spec in enumerate(self.specs) if spec.halt[0] < spec.halt[1]]
        self._hours: dict[int, list[tuple[int, float]]] = {}
        for b, spec in enumerate(self.specs):
            for first, factor in spec.hours:
                self._hours.setdefault(first, []).append((b, factor))
        self.scales: NDArray[np.float64] = np.array([spec.size_scale for spec in self.specs], np.float64)
        self._flow_factors = np.ones(len(self.specs))
        self.book_of_asset = {spec.asset: b for b, spec in enumerate(self.specs)}
        n = len(self.specs)
        quote_unit = ledger.assets[quote_asset].unit
        ticks = [_ladder_ticks(spec) for spec in self.specs]
        max_orders = int(8 * flow.resting_orders) + 16 * len(makers) + 4096
        self.books: NDArray[np.int64] = np.zeros(
            (n, max((book_size(t, max_orders) for t in ticks), default=book_size(2, 1))), np.int64
        )
        self.params: NDArray[np.float64] = np.zeros((n, N_PARAMS))
        self.state: NDArray[np.float64] = np.zeros((n, N_STATE))
        for b, spec in enumerate(self.specs):
            asset = ledger.assets[spec.asset]
            traders = ledger.open_account(f"traders/{asset.symbol}")
            price = spec.price_usd
            for column, amount in (
                (spec.asset, TRADER_ENDOWMENT_USD / (spec.notional_usd or price) * asset.unit),
                (quote_asset, TRADER_ENDOWMENT_USD * quote_unit),
            ):
                ledger.endow(column, traders, min(int(amount), LARGEST_ENDOWMENT))
            new_book(
                ticks[b],
                max_orders,
                book_id=b,
                base_asset=spec.asset,
                quote_asset=quote_asset,
                base_per_lot=_whole(f"lot of {asset.symbol}", spec.lot * asset.unit),
                quote_per_lot_tick=_whole(
                    f"lot x tick of {asset.symbol}", spec.lot * spec.tick_usd * quote_unit
                ),
                escrow_account=ledger.open_account(f"escrow/{asset.symbol}"),
                out=self.books[b],
            )
            row = self.params[b]
            row[TICK_USD], row[LOT] = spec.tick_usd, spec.lot
            row[FLOW_ACCOUNT] = traders
            row[MARKET_SHARE], row[CANCEL_SHARE] = flow.market_share, flow.cancel_share
            row[RESTING_TARGET] = flow.resting_orders
            self._size_flow(b)
            row[MEAN_OFFSET] = flow.mean_offset
            row[DEVIATION_KEPT] = math.exp(-flow.anchor_per_s * block_time_s)
            row[VARIANCE_WEIGHT] = 1.0 - 0.5 ** (block_time_s / volatility_half_life_s)
            row[BLOCK_TIME_S], row[DEPTH_BAND] = block_time_s, depth_band
            self.state[b, [REFERENCE, FAIR, MID, SWEPT_FAIR]] = price
            self.state[b, BID] = self.state[b, ASK] = math.nan
        self.makers = np.array(makers, np.int64)
        self.quotes: NDArray[np.float64] = np.zeros((len(makers), n, N_QUOTE))
        self._maker_orders = np.zeros((len(makers), n, 2 * MAX_LEVELS), np.int64)
        self._live = np.zeros((n, 1 + int(6 * flow.resting_orders) + 1024), np.int64)
        self._trades = new_trades(1 << 15)
        self._turns_stream = streams("floor/turns")
        self._turns: NDArray[np.int64] = np.empty((0, len(makers)), np.int64)
        self._turn = 0
        self._residual = np.zeros(len(ledger.assets), np.int64)
        self._locked_base = np.zeros(n, np.int64)
        self._locked_quote = np.zeros(1, np.int64)
        self._highest_usd = self._ladder_limits()
        self._compile()

    def aim(self, maker: int, target_lots: Sequence[float]) -> None:
        """Set the inventory that a maker wants to hold in every book."""
        self.quotes[maker, :, QUOTE_TARGET] = target_lots

    def set_quote(
        self,
        maker: int,
        book: int,
        half_spread: float,
        skew_per_usd: float,
        size_usd: float,
        levels: int,
        level_step: float,
        limit_usd: float,
    ) -> None:
        """Replace a maker's standing quote in one book, in force from the next block.

        Parameters
        ----------
        maker, book : int
            Rows of `makers` and of `specs`.
        half_spread : float
            Distance of the first level from the fair price, as a fraction of it.
        skew_per_usd : float
            Shift of the whole quote, as a fraction of the price per USD of inventory.
        size_usd : float
            Size of each order; multiplied by the book's scale, see `scales`.
        levels : int
            Orders a side, 0 to `MAX_LEVELS`; 0 withdraws.
        level_step : float
            Distance between levels, as a fraction of the price.
        limit_usd : float
            Inventory beyond which one side is not quoted; multiplied likewise.

        Raises
        ------
        ValueError
            If `levels` is out of range.
        """
        if not 0 <= levels <= MAX_LEVELS:
            raise ValueError(f"levels of a quote must be 0 to {MAX_LEVELS}, got {levels}")
        scale = self.scales.item(book)
        row = (half_spread, skew_per_usd, size_usd * scale, levels, level_step, limit_usd * scale)
        self.quotes[maker, book, : QUOTE_LIMIT_USD + 1] = row
        self.quotes[maker, book, QUOTE_ABOVE] = half_spread

    def set_sides(self, maker: int, book: int, below: float, above: float, size_usd: float) -> None:
        """Replace a maker's standing quote by one bid and one ask, in force from the next block.

        Parameters
        ----------
        maker, book : int
            Rows of `makers` and of `specs`.
        below, above : float
            Distance of the bid and of the ask from the fair price, as fractions of it; negative beyond
            it, infinite for none.
        size_usd : float
            Value of each order.
        """
        self.quotes[maker, book, : QUOTE_LIMIT_USD + 1] = (below, 0.0, size_usd, 1, 0.0, math.inf)
        self.quotes[maker, book, QUOTE_ABOVE] = above

    def trade(self, block: int, references: NDArray[np.float64]) -> None:
        """Run one block in every book.

        Parameters
        ----------
        block : int
        references : float64 ndarray, shape (n_books,)
            Price of the outside world now, USD per token.
        """
        if self._turn >= len(self._turns):
            order = np.tile(np.arange(len(self.makers)), (256, 1))
            self._turns = self._turns_stream.permuted(order, axis=1)
            self._turn = 0
        self.params[:, NEXT_REFERENCE] = references
        for b, factor in self._hours.get(block, ()):
            self.scales[b] = self.specs[b].size_scale * factor
            self._size_flow(b)
        for b, (first, end) in self._halts:
            self.params[b, HALTED] = float(first <= block < end)
        self._fit_ladders(references)
        orders = self.orders
        orders.advance(block)
        while not trade_block(
            self.books,
            self.ledger.balances,
            self.ledger.volumes,
            self._trades,
            self.state,
            self.params,
            self._live,
            self.quotes,
            self._maker_orders,
            self.makers,
            self._turns[self._turn],
            orders.draws,
            orders.cursors,
            orders.counts[block],
            block,
        ):
            self._make_room(int(orders.counts[block].max()))
        self._turn += 1

    def sell(self, asset: int, account: int, lots: int, worst_usd: float) -> tuple[int, int]:
        """Sell lots at once, none below a price.

        Returns
        -------
        tuple of int
            Lots sold and quote units received: what there was at that price, at
            most the largest order of the book; nothing if the account holds less
            than `lots`.
        """
        worst = worst_usd / self.spec(asset).tick_usd
        return self._take(asset, account, SELL, lots, max(1, math.ceil(worst - 1e-9)))

    def buy(self, asset: int, account: int, lots: int, worst_usd: float) -> tuple[int, int]:
        """Buy lots at once, none above a price.

        Returns
        -------
        tuple of int
            Lots bought and quote units paid: what there was at that price, at most
            the largest order of the book; nothing if the account could not pay for
            `lots` at the worst price.
        """
        top = int(self.books[self.book_of_asset[asset], TICKS]) - 1
        worst = min(worst_usd / self.spec(asset).tick_usd, top)
        return self._take(asset, account, BUY, lots, math.floor(worst + 1e-9))

    def halt(self, asset: int, first: int, end: int) -> None:
        """Let the book of an asset rest from block `first` until before `end`, instead of any other halt."""
        book = self.book_of_asset[asset]
        self._halts = [(b, span) for b, span in self._halts if b != book] + [(book, (first, end))]

    def close(self, asset: int, block: int, price_usd: float) -> None:
        """End trading in an asset at a final price: all orders are withdrawn and the book takes no more."""
        b, ledger = self.book_of_asset[asset], self.ledger
        book = self.books[b]
        for slot in range(HEADER, int(book[FRESH]), SLOT):
            if book[slot + ORDER_ID]:
                cancel(book, ledger.balances, ledger.volumes, int(book[slot + ORDER_ID]))
        self.halt(asset, block, NEVER)
        row = self.state[b]
        row[BID] = row[ASK] = math.nan
        row[MID] = price_usd

    def scale_flow(self, asset: int, factor: float) -> None:
        """Multiply the sizes of background orders in the book of an asset, compared with the start."""
        book = self.book_of_asset[asset]
        self._flow_factors[book] = factor
        self._size_flow(book)

    def _size_flow(self, book: int) -> None:
        self.params[book, MEAN_QUANTITY_USD] = (
            self._flow.mean_quantity_usd * self.scales[book] * self._flow_factors[book]
        )

    def shape_flow(
        self, books: NDArray[np.int64], sizes: NDArray[np.float64], reach: NDArray[np.float64]
    ) -> None:
        """Fit background orders of some books to what is traded there now, compared with the scenario's.

        Parameters
        ----------
        books : int64 ndarray, shape (n,)
            Rows of `specs`.
        sizes : float64 ndarray, shape (n,)
            Factor of their value.
        reach : float64 ndarray, shape (n,)
            Factor of their distance from the fair price, and of the band in which depth is counted.
        """
        self.params[books, MEAN_QUANTITY_USD] = self._flow.mean_quantity_usd * sizes
        self.params[books, MEAN_OFFSET] = self._flow.mean_offset * reach
        self.params[books, DEPTH_BAND] = np.minimum(self.depth_band * reach, 0.5)

    def levels(self, asset: int, side: int) -> NDArray[np.int64]:
        """All price levels of one side, best first: columns ticks and lots shown, shape (n, 2)."""
        book = self.books[self.book_of_asset[asset]]
        return BookView(book, self._trades).depth(side, int(book[RESTING]))[:, :2]

    def last_trade(self, asset: int) -> float:
        """Price of the last trade on the book of an asset, USD per token; nan before the first."""
        book = self.book_of_asset[asset]
        ticks = self.books.item(book, LAST_PRICE)
        return ticks * self.specs[book].tick_usd if ticks else math.nan

    def halted(self, asset: int) -> bool:
        """Whether the book of an asset takes no orders now."""
        return bool(self.params.item(self.book_of_asset[asset], HALTED))

    def rest(
        self, asset: int, account: int, lots: int, shown: int, price_usd: float, side: int = SELL
    ) -> tuple[int, int, int]:
        """Let lots rest on one side, the asks if not said, as an iceberg that shows `shown` lots at a time.

        What the other side already takes at that price or better is traded at once. The lots come in
        `TRANCHES` parts at most, however little is to be shown.

        Returns
        -------
        tuple of int
            Order id (0 if refused), lots traded at once, and quote units received or paid for them.
        """
        b = self.book_of_asset[asset]
        ticks = price_usd / self.specs[b].tick_usd
        tick = max(1, math.ceil(ticks - 1e-9) if side == SELL else math.floor(ticks + 1e-9))
        if self._halts and self.halted(asset):
            return 0, 0, 0
        lots = min(lots, int(self.books[b, MAX_LOTS]))
        shown = min(max(shown, -(-lots // TRANCHES)), lots)
        order = self._submit(b, account, side, tick, lots, TRADE_WITH_SELF, shown)
        book = self.books[b]
        if not order:
            return 0, 0, 0
        return order, int(book[FILLED]), int(book[FILLED_VALUE]) * int(book[QUOTE_PER_LOT_TICK])

    def lots_left(self, asset: int, order: int) -> int:
        """Return the lots of a resting order that have not been sold, hidden ones included."""
        book = self.books[self.book_of_asset[asset]]
        slot = find(book, order)
        return int(book[slot + LEFT] + book[slot + HIDDEN]) if slot else 0

    def withdraw(self, asset: int, order: int) -> int:
        """Take a resting order out; return the lots given back."""
        ledger = self.ledger
        return int(cancel(self.books[self.book_of_asset[asset]], ledger.balances, ledger.volumes, order))

    def worth(self, asset: int, lots: int, price_usd: float) -> int:
        """Return the quote units that lots cost at a price of the book, rounded to its tick."""
        book = self.book_of_asset[asset]
        ticks = round(price_usd / self.specs[book].tick_usd)
        return lots * ticks * int(self.books[book, QUOTE_PER_LOT_TICK])

    def lots_traded(self, asset: int) -> int:
        """Return the lots that the book of an asset has traded since the start."""
        return int(self.books[self.book_of_asset[asset], VOLUME])

    def spec(self, asset: int) -> BookSpec:
        """Return the specification of the book of an asset."""
        return self.specs[self.book_of_asset[asset]]

    def scale(self, asset: int) -> float:
        """Scale of sizes on the book of an asset now."""
        return self.scales.item(self.book_of_asset[asset])

    def mid(self, asset: int) -> float:
        """Middle of the touch now, or the last one there was; USD per token.

        A side that was taken out whole since the block was traded stands at its last trade.
        """
        b = self.book_of_asset[asset]
        book, row = self.books[b], self.state[b]
        bid, ask = book.item(BEST_BID), book.item(BEST_ASK)
        if bid == NO_BID and not math.isnan(row[BID]):
            bid = int(book[LAST_PRICE])
        if ask == NO_ASK and not math.isnan(row[ASK]):
            ask = int(book[LAST_PRICE])
        if bid != NO_BID and ask != NO_ASK:
            return float(0.5 * (bid + ask) * self.specs[b].tick_usd)
        return float(row[MID])

    def touch(self, asset: int) -> tuple[float, float]:
        """Best bid and ask now, USD per token; 0 and infinity where there is none."""
        b = self.book_of_asset[asset]
        tick = self.specs[b].tick_usd
        bid, ask = self.books.item(b, BEST_BID), self.books.item(b, BEST_ASK)
        return bid * tick, math.inf if ask == NO_ASK else ask * tick

    def mids(self) -> list[float]:
        """Mids of all books at the end of trading, USD per token."""
        values: list[float] = self.state[:, MID].tolist()
        return values

    def volatilities(self) -> list[float]:
        """Volatility of each book per square root of a second."""
        return [math.sqrt(variance) for variance in self.state[:, VARIANCE].tolist()]

    def bid_depths_usd(self) -> list[float]:
        """Return what bids within the band would buy in each book, USD."""
        values: list[float] = self.state[:, BID_DEPTH_USD].tolist()
        return values

    def ask_depths_usd(self) -> list[float]:
        """Return what asks within the band would sell in each book, USD."""
        values: list[float] = self.state[:, ASK_DEPTH_USD].tolist()
        return values

    def locked(self, maker: int) -> list[tuple[int, int]]:
        """Return what a maker's resting orders hold in escrow: (asset, base units) pairs."""
        locked_by(self.books, self._maker_orders[maker], self._locked_base, self._locked_quote)
        held = [(spec.asset, int(units)) for spec, units in zip(self.specs, self._locked_base, strict=True)]
        return [*held, (self.quote_asset, int(self._locked_quote[0]))]

    def residual(self) -> NDArray[np.int64]:
        """Escrow held less funds locked by resting orders, per asset; walks every order.

        Returns
        -------
        int64 ndarray, shape (n_assets,)
            All zero unless money was lost; the array is used again.
        """
        escrow_residual(self.books, self.ledger.balances, self._residual)
        return self._residual

    def escrow_agrees(self) -> bool:
        """Whether `residual` is all zero."""
        return bool(escrow_residual(self.books, self.ledger.balances, self._residual))

    @property
    def n_commands(self) -> int:
        """Book commands so far, accepted and rejected."""
        return int(self.books[:, COMMANDS].sum())

    @property
    def n_trades(self) -> int:
        """Trades so far."""
        return int(self.books[:, TRADES].sum())

    def pending_trades(self) -> int:
        """Rows in the trade log."""
        return int(self._trades[0, 0])

    def take_trades(self) -> NDArray[np.int64]:
        """Empty the trade log.

        Returns
        -------
        int64 ndarray, shape (n, TRADE_COLUMNS)
            A copy, columns of `order_book.layout`.
        """
        count = self.pending_trades()
        rows = self._trades[1 : count + 1].copy()
        self._trades[0, 0] = 0
        return rows

    def _take(self, asset: int, account: int, side: int, lots: int, price: int) -> tuple[int, int]:
        b = self.book_of_asset[asset]
        lots = min(lots, int(self.books[b, MAX_LOTS]))
        if lots < 1 or price < 1 or (self._halts and self.halted(asset)):
            return 0, 0
        self._submit(b, account, side, price, lots, IMMEDIATE_OR_CANCEL | TRADE_WITH_SELF, 0)
        book = self.books[b]
        if book[STATUS] > FUNDS_EXHAUSTED:
            return 0, 0
        return int(book[FILLED]), int(book[FILLED_VALUE]) * int(book[QUOTE_PER_LOT_TICK])

    def _submit(self, b: int, account: int, side: int, price: int, lots: int, flags: int, shown: int) -> int:
        """Enter an order in a book, making room for it; return its id, 0 if refused."""
        ledger = self.ledger
        while True:
            book = self.books[b]
            order = submit(
                book, ledger.balances, ledger.volumes, self._trades, account, side, price, lots, flags, shown
            )
            if book[STATUS] != NO_ROOM:
                return int(order)
            self._make_room(1)

    def _compile(self) -> None:
        """Have the kernels compiled, or loaded, before the first block: calls that do nothing."""
        none = self.books[:0]
        ledger, log = self.ledger, new_trades(1)
        trade_block(
            none, ledger.balances, ledger.volumes, log, self.state, self.params, self._live, self.quotes,
            self._maker_orders, self.makers, np.arange(0), self.orders.draws, self.orders.cursors,
            np.zeros(0, np.int64), 0,
        )  # fmt: skip
        escrow_residual(none, ledger.balances, self._residual)
        locked_by(
            none, self._maker_orders[:0].reshape(-1, 2 * MAX_LEVELS), self._locked_base, self._locked_quote
        )
        submit(new_book(2, 1), ledger.balances, ledger.volumes, log, 0, BUY, 0, 0, 0, 0)

    def _make_room(self, orders: int) -> None:
        """Give the log and the books room for a block of `orders` a book."""
        new = orders + 2 * MAX_LEVELS * len(self.makers)
        need = int(self.books[:, SLICES].sum()) + 2 * new * len(self.books)
        free = len(self._trades) - 1 - self.pending_trades()
        if free < need:
            larger = new_trades(self.pending_trades() + 2 * need)
            larger[: self.pending_trades() + 1] = self._trades[: self.pending_trades() + 1]
            self._trades = larger
        if any((int(book[SLOTS_END]) - int(book[FRESH])) // SLOT < new for book in self.books):
            ticks = [int(book[TICKS]) for book in self.books]
            self._regrow(ticks, 2 * max(map(max_orders_of, self.books)) + new)

    def _fit_ladders(self, references: NDArray[np.float64]) -> None:
        """Raise ladders that the outside price is about to leave."""
        if all(map(lt, references.tolist(), self._highest_usd)):
            return
        wanted = references / self.params[:, TICK_USD]
        if (LADDER_ROOM * wanted > MAX_TICKS).any():
            raise ValueError(f"a price of {wanted.max():.6g} ticks is beyond a ladder of {MAX_TICKS}")
        ticks = [
            max(int(t), min(2 * int(w), MAX_TICKS)) for t, w in zip(self.books[:, TICKS], wanted, strict=True)
        ]
        self._regrow(ticks, max(map(max_orders_of, self.books)))
        self._highest_usd = self._ladder_limits()

    def _ladder_limits(self) -> list[float]:
        """Outside prices up to which the ladders are high enough, USD."""
        limits: list[float] = (self.books[:, TICKS] * self.params[:, TICK_USD] / LADDER_ROOM).tolist()
        return limits

    def _regrow(self, ticks: Sequence[int], max_orders: int) -> None:
        larger = np.zeros((len(self.books), max(book_size(t, max_orders) for t in ticks)), np.int64)
        for b, book in enumerate(self.books):
            grow(book, ticks=ticks[b], max_orders=max(max_orders, max_orders_of(book)), out=larger[b])
        self.books = larger


def _whole(what: str, units: float) -> int:
    """Return a number of base units that must be whole, or prices would be off by the rounding."""
    count = round(units)
    if count < 1 or abs(units - count) > 1e-6 * count:
        raise ValueError(f"{what} must be a whole number of base units, got {units:g}")
    return count


def _ladder_ticks(spec: BookSpec) -> int:
    """Ticks up to four times the price at the start, if they can be had."""
    top = math.ceil(math.log2(4.0 * spec.price_usd / spec.tick_usd))
    return 1 << min(max(10, top), MAX_TICKS.bit_length() - 1)


__all__ = ["TRADE_COLUMNS", "BookSpec", "FlowSpec", "TradingFloor"]
