"""`OrderBook`: one market for Python callers, one call per command or a whole batch.

Checks ranges, grows what fills up and gives names to what the kernels return. How
orders match, what is held in escrow and what the flags mean is told in
`book_kernels`; who trades and why is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numba import types
from numpy.typing import NDArray

from .batch_kernels import COMMAND_COLUMNS, COMMAND_ID, RESULT_COLUMNS, run_commands
from .book_kernels import cancel, cancel_owner, is_live, reduce, replace, submit
from .layout import (
    DUPLICATE_ID,
    FILLED,
    FILLED_VALUE,
    FREE,
    FRESH,
    NO_ROOM,
    OWNER,
    SLOT_BITS,
    SLOT_MASK,
    SLOTS_END,
    STATUS,
    STOP,
    TRADE_COLUMNS,
    SelfTrade,
    grow,
    max_orders_of,
    new_book,
    new_trades,
)
from .views import BookView

if TYPE_CHECKING:
    from ..ledger import Ledger

Array = NDArray[np.int64]


@cache
def _entries() -> tuple[Callable[..., int], Callable[..., int]]:
    """Compiled `submit` and `cancel` for the arrays of a book and whole numbers.

    Called directly they cost half of what the dispatchers do, which look at the type
    of every argument. What is not a whole number has to be refused before.
    """
    row, matrix = types.int64[::1], types.int64[:, ::1]
    order = (types.int64,) * 6
    return submit.compile((row, matrix, matrix, matrix, *order)), cancel.compile(
        (row, matrix, matrix, order[0])
    )


class _NoLedger:
    """Stands in for the ledger of a bare book; the kernels never write to it."""

    def __init__(self) -> None:
        self.balances: Array = np.zeros((1, 1), np.int64)
        self.volumes: Array = np.zeros((1, 1), np.int64)


class OrderBook(BookView):
    """Limit order book of one asset against another, price-time priority.

    A command that is refused returns 0 and changes nothing; `status` says why,
    `filled` and `filled_value` what the last command traded. Orders are named by
    the order id that the entering call returned, or by the `client_id` given
    with it, a number of the caller's choice below 2**28 that is free again once
    the order is gone.

    Parameters
    ----------
    ticks : int
        Prices are 1 to ``ticks - 1``; `extend_ladder` makes room for more.
    max_orders : int
        Order slots to start with.
    ledger : Ledger, optional
        Where trades settle; without it the book is bare and owners are any numbers.
    base, quote : str
        Symbols of the two assets in the ledger.
    base_per_lot : int
        Base units of the base asset in one lot.
    quote_per_lot_tick : int
        Base units of the quote asset that one lot costs at a price of one tick.
    self_trade : SelfTrade
        Rule for orders that meet one of their own owner, unless the owner
        (`set_self_trade`) or the command says otherwise.
    book_id : int
        Written on every trade.
    max_lots : int, optional
        Largest order; default and limit is what cannot overflow int64.
    trade_rows : int
        Rows of the trade log to start with; it grows.

    Raises
    ------
    ValueError
        If a number is out of range or only one of ledger, base and quote is given.
    KeyError
        If the ledger does not know an asset.

    Examples
    --------
    >>> from liquidarium.market.order_book import BUY, SELL, OrderBook
    >>> book = OrderBook(ticks=1_000)
    >>> for price, lots in [(101, 5), (101, 3), (102, 10)]:
    ...     order = book.limit(SELL, price, lots)
    >>> order = book.market(BUY, 12)
    >>> book.filled, book.filled_value / book.filled
    (12, 101.33333333333333)
    >>> book.depth(SELL).tolist()
    [[102, 6, 1]]
    """

    __slots__ = ("_cancel", "_client_orders", "_ledger", "_rule", "_rules", "_submit")

    def __init__(
        self,
        ticks: int,
        max_orders: int = 1_024,
        *,
        ledger: Ledger | None = None,
        base: str = "",
        quote: str = "",
        base_per_lot: int = 1,
        quote_per_lot_tick: int = 1,
        self_trade: SelfTrade = SelfTrade.NONE,
        book_id: int = 0,
        max_lots: int | None = None,
        trade_rows: int = 4_096,
    ) -> None:
        if (ledger is None) == bool(base or quote):
            raise ValueError("a settled book needs ledger, base and quote; a bare book none of them")
        self._ledger: Ledger | _NoLedger = _NoLedger() if ledger is None else ledger
        book = new_book(
            ticks,
            max_orders,
            book_id=book_id,
            base_asset=-1 if ledger is None else ledger.asset_index[base],
            quote_asset=-1 if ledger is None else ledger.asset_index[quote],
            base_per_lot=base_per_lot,
            quote_per_lot_tick=quote_per_lot_tick,
            escrow_account=0 if ledger is None else ledger.open_account(f"escrow {base}/{quote}"),
            max_lots=max_lots,
        )
        super().__init__(book, new_trades(trade_rows))
        self._client_orders: Array = np.zeros(0, np.int64)
        self._rule = int(self_trade)
        self._rules: dict[int, int] = {}
        self._submit, self._cancel = _entries()

    def limit(
        self,
        side: int,
        price: int,
        lots: int,
        owner: int = 0,
        flags: int = 0,
        *,
        peak: int = 0,
        client_id: int = -1,
        self_trade: int | None = None,
    ) -> int:
        """Enter a limit order.

        Parameters
        ----------
        side : int
            BUY or SELL.
        price : int
            Ticks.
        lots : int
        owner : int
            Ledger account.
        flags : int
            Sum of `IMMEDIATE_OR_CANCEL`, `FILL_OR_KILL` and `POST_ONLY`, or 0.
        peak : int
            Lots an iceberg shows at once; 0 shows all.
        client_id : int
            Name of the caller's choice; -1 for none.
        self_trade : SelfTrade, optional
            Rule for this command.

        Returns
        -------
        int
            Order id; 0 when refused.

        Raises
        ------
        ValueError
            If a number is negative, too large, or the price is 0.
        TypeError
            If a number is not whole.
        """
        if price == 0:
            raise ValueError("price of a limit order must be at least 1 tick, got 0")
        if (
            client_id >= 0
            or self_trade is not None
            or self._rules
            or (price | lots | owner | peak | side * side) >> 31
        ):
            return self._enter(side, price, lots, owner, flags, peak, client_id, self_trade)
        ledger, book = self._ledger, self._book  # the common case, without a second call
        order_id = self._submit(
            book,
            ledger.balances,
            ledger.volumes,
            self._trades,
            owner,
            side,
            price,
            lots,
            flags | self._rule,
            peak,
        )
        if order_id == 0 and book[STATUS] == NO_ROOM:
            return self._enter(side, price, lots, owner, flags, peak, client_id, self_trade)
        return order_id

    def market(
        self, side: int, lots: int, owner: int = 0, flags: int = 0, *, self_trade: int | None = None
    ) -> int:
        """Trade at any price what the book and, for a buy, the owner's funds allow; drop the rest.

        Returns the order id, 0 when refused; see `filled`. Arguments as in `limit`.
        """
        if self_trade is not None or self._rules or (lots | owner | side * side) >> 31:
            return self._enter(side, 0, lots, owner, flags, 0, -1, self_trade)
        ledger, book = self._ledger, self._book
        order_id = self._submit(
            book, ledger.balances, ledger.volumes, self._trades, owner, side, 0, lots, flags | self._rule, 0
        )
        if order_id == 0 and book[STATUS] == NO_ROOM:
            return self._enter(side, 0, lots, owner, flags, 0, -1, self_trade)
        return order_id

    def stop(
        self,
        side: int,
        trigger: int,
        lots: int,
        owner: int = 0,
        flags: int = 0,
        *,
        price: int = 0,
        client_id: int = -1,
        self_trade: int | None = None,
    ) -> int:
        """Lay down an order that enters when a trade reaches its trigger.

        A buy waits for a trade at `trigger` or above, a sell at or below; with a
        `price` it becomes a limit order, else a market order. It holds no funds
        while it waits. Returns the order id, 0 when refused.
        """
        return self._enter(side, price, lots, owner, flags | STOP, trigger, client_id, self_trade)

    def cancel(self, order: int) -> int:
        """Take an order or stop out; return its lots, 0 when there is none."""
        if not order >> SLOT_BITS:
            order = self._order_named(order)
        ledger = self._ledger
        return self._cancel(self._book, ledger.balances, ledger.volumes, order)

    def cancel_owner(self, owner: int) -> int:
        """Take out all orders and stops of an owner; return how many there were."""
        ledger = self._ledger
        return cancel_owner(self._book, ledger.balances, ledger.volumes, owner)  # type: ignore[no-any-return]

    def reduce(self, order: int, lots: int) -> int:
        """Take `lots` off an order, which keeps its place; return the lots taken, 0 when refused."""
        if lots >> 31:
            raise ValueError(f"lots must be 0 to {2**31 - 1}, got {lots}")
        ledger = self._ledger
        order_id = self._order_named(order)
        return reduce(self._book, ledger.balances, ledger.volumes, order_id, lots)  # type: ignore[no-any-return]

    def replace(
        self, order: int, price: int, lots: int, flags: int = 0, *, self_trade: int | None = None
    ) -> int:
        """Give a resting order a new price and size; return its id, 0 when refused.

        Only fewer lots at the same price keep the place in the queue. A price that
        crosses trades at once. A refused replacement leaves the order as it was.
        """
        if (price | lots) >> 31:
            raise ValueError(f"price and lots must be 0 to {2**31 - 1}, got {price} and {lots}")
        order_id = self._order_named(order)
        if self_trade is None:
            self_trade = self._rule
            if self._rules and is_live(self._book, order_id):
                owner = int(self._book[(order_id & SLOT_MASK) + OWNER])
                self_trade = self._rules.get(owner, self._rule)
        flags |= int(self_trade)
        ledger = self._ledger
        while True:
            outcome: int = replace(
                self._book, ledger.balances, ledger.volumes, self._trades, order_id, price, lots, flags
            )
            if outcome != 0 or self._book[STATUS] != NO_ROOM:
                return outcome
            self._make_room()

    def run(self, commands: Array) -> Array:
        """Run a batch of commands in compiled code.

        Parameters
        ----------
        commands : int64 ndarray, shape (n, 8)
            Columns as named in `batch_kernels`; flags carry the self-trade rule,
            the rules of the book and its owners are not added.

        Returns
        -------
        int64 ndarray, shape (n, 3)
            Order id (cancel and reduce: lots taken), lots filled, `Status`.

        Raises
        ------
        ValueError
            If the matrix has another shape or type, or a client id is too large.
        """
        if commands.ndim != 2 or commands.shape[1] != COMMAND_COLUMNS or commands.dtype != np.int64:
            raise ValueError(
                f"commands must be int64 of shape (n, {COMMAND_COLUMNS}), "
                f"got {commands.dtype} {commands.shape}"
            )
        commands = np.ascontiguousarray(commands)
        results = np.empty((len(commands), RESULT_COLUMNS), np.int64)
        ledger, row = self._ledger, 0
        while True:
            row = run_commands(
                commands,
                row,
                results,
                self._client_orders,
                self._book,
                ledger.balances,
                ledger.volumes,
                self._trades,
            )
            if row == len(commands):
                return results
            client_id = int(commands[row, COMMAND_ID])
            if client_id >= len(self._client_orders):
                named = commands[row:, COMMAND_ID]
                self._name(int(named[named <= SLOT_MASK].max(initial=client_id)), 0)
            else:
                self._make_room()

    def set_self_trade(self, owner: int, rule: SelfTrade) -> None:
        """Give one owner a self-trade rule of its own; `SelfTrade.NONE` for many traders in one account."""
        self._rules[owner] = int(rule)

    def extend_ladder(self, ticks: int) -> None:
        """Make room for prices up to ``ticks - 1``; orders and ids stay as they are."""
        self._book = grow(self._book, ticks=ticks)

    def is_live(self, order: int) -> bool:
        """Whether an order rests or waits for its trigger."""
        return bool(is_live(self._book, self._order_named(order)))

    def _enter(
        self,
        side: int,
        price: int,
        lots: int,
        owner: int,
        flags: int,
        extra: int,
        client_id: int,
        self_trade: int | None,
    ) -> int:
        if (price | lots | owner | extra) >> 31:
            raise ValueError(
                f"price, lots, owner and peak or trigger must be 0 to {2**31 - 1}, "
                f"got {price}, {lots}, {owner} and {extra}"
            )
        flags |= self._rules.get(owner, self._rule) if self_trade is None else int(self_trade)
        if client_id > SLOT_MASK:
            raise ValueError(f"client_id must be 0 to {SLOT_MASK}, or -1 for none, got {client_id}")
        if client_id >= 0 and self.is_live(client_id):
            self._book[STATUS], self._book[FILLED], self._book[FILLED_VALUE] = DUPLICATE_ID, 0, 0
            return 0
        ledger = self._ledger
        while True:
            order_id: int = submit(
                self._book,
                ledger.balances,
                ledger.volumes,
                self._trades,
                owner,
                side,
                price,
                lots,
                flags,
                extra,
            )
            if order_id != 0:
                if client_id >= 0:
                    self._name(client_id, order_id)
                return order_id
            if self._book[STATUS] != NO_ROOM:
                return 0
            self._make_room()

    def _order_named(self, order: int) -> int:
        """Order id behind a client id or an order id."""
        if not 0 <= order <= SLOT_MASK:
            return order
        return int(self._client_orders[order]) if order < len(self._client_orders) else 0

    def _name(self, client_id: int, order_id: int) -> None:
        """Let a client id name an order; makes room for it in the table."""
        if client_id >= len(self._client_orders):
            table = np.zeros(max(2 * len(self._client_orders), client_id + 1, 1_024), np.int64)
            table[: len(self._client_orders)] = self._client_orders
            self._client_orders = table
        self._client_orders[client_id] = order_id

    def _make_room(self) -> None:
        """Double the slots if none is free, else the trade log."""
        book = self._book
        if book[FREE] == 0 and book[FRESH] >= book[SLOTS_END]:
            self._book = grow(book, max_orders=2 * max_orders_of(book))
            return
        rows = int(self._trades[0, 0]) + 1
        trades = np.zeros((2 * len(self._trades), TRADE_COLUMNS), np.int64)
        trades[:rows] = self._trades[:rows]
        self._trades = trades
