"""`BookView`: what a packed book shows, by name.

Works on any packed book, also on one row of a world that trades many books in
one kernel call. It changes nothing but the stamp and the cursor of the log.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .layout import (
    BEST_ASK,
    BEST_BID,
    BUY,
    BUY_STOP_LADDER,
    DORMANT,
    DROPPED_STOPS,
    FILLED,
    FILLED_VALUE,
    LAST_PRICE,
    NO_ASK,
    NO_BID,
    NOTIONAL,
    RESTING,
    RESTING_LADDER,
    SELL_STOP_LADDER,
    STAMP,
    STATUS,
    TICKS,
    TRADES,
    VOLUME,
    Status,
)
from .view_kernels import depth, locked_funds, orders_of

Array = NDArray[np.int64]


class BookView:
    """Touch, depth, orders, trades and counters of a packed book.

    Parameters
    ----------
    book : int64 ndarray, shape (words,)
        From `layout.new_book`.
    trades : int64 ndarray, shape (rows + 1, TRADE_COLUMNS)
        From `layout.new_trades`.
    """

    __slots__ = ("_book", "_trades")

    def __init__(self, book: Array, trades: Array) -> None:
        self._book = book
        self._trades = trades

    @property
    def array(self) -> Array:
        """The packed book, for kernels; an `OrderBook` replaces it when it grows."""
        return self._book

    @property
    def status(self) -> Status:
        """Outcome of the last command."""
        return Status(int(self._book[STATUS]))

    @property
    def filled(self) -> int:
        """Lots that the last command traded."""
        return int(self._book[FILLED])

    @property
    def filled_value(self) -> int:
        """Lots x ticks that the last command traded."""
        return int(self._book[FILLED_VALUE])

    @property
    def best_bid(self) -> int | None:
        """Highest bid in ticks."""
        tick = int(self._book[BEST_BID])
        return None if tick == NO_BID else tick

    @property
    def best_ask(self) -> int | None:
        """Lowest ask in ticks."""
        tick = int(self._book[BEST_ASK])
        return None if tick == NO_ASK else tick

    @property
    def last_price(self) -> int | None:
        """Price of the last trade in ticks."""
        return int(self._book[LAST_PRICE]) or None

    @property
    def ticks(self) -> int:
        """Size of the ladder; the highest price is one less."""
        return int(self._book[TICKS])

    @property
    def trade_count(self) -> int:
        """Trades so far."""
        return int(self._book[TRADES])

    @property
    def volume(self) -> int:
        """Lots traded so far."""
        return int(self._book[VOLUME])

    @property
    def notional(self) -> int:
        """Lots x ticks traded so far."""
        return int(self._book[NOTIONAL])

    @property
    def resting_count(self) -> int:
        """Orders that rest."""
        return int(self._book[RESTING])

    @property
    def stop_count(self) -> int:
        """Stops that wait for their trigger."""
        return int(self._book[DORMANT])

    @property
    def dropped_stops(self) -> int:
        """Stops refused when they triggered, for want of funds or by their flags."""
        return int(self._book[DROPPED_STOPS])

    @property
    def stamp(self) -> int:
        """Block or time that is written on trades."""
        return int(self._book[STAMP])

    @stamp.setter
    def stamp(self, value: int) -> None:
        self._book[STAMP] = value

    @property
    def trades(self) -> Array:
        """Trades since `clear_trades`, one a row, columns as named in `layout`; a view."""
        return self._trades[1 : 1 + int(self._trades[0, 0])]

    def clear_trades(self) -> None:
        """Forget the logged trades; the counters stay."""
        self._trades[0, 0] = 0

    def depth(self, side: int, levels: int = 10) -> Array:
        """Return price, lots shown and orders of the best levels of a side, shape (levels, 3)."""
        rows: Array = depth(self._book, side, levels)
        return rows

    def orders(self, side: int) -> Array:
        """Return the resting orders of a side as they will be served.

        Columns: order id, owner, side, price, lots shown, lots hidden, trigger (0).
        """
        rows: Array = orders_of(self._book, RESTING_LADDER, side)
        return rows

    def stops(self, side: int) -> Array:
        """Return the waiting stops of a side as they will trigger, columns as in `orders`."""
        rows: Array = orders_of(self._book, BUY_STOP_LADDER if side == BUY else SELL_STOP_LADDER, side)
        return rows

    def locked_funds(self) -> tuple[int, int]:
        """Return base and quote units that resting orders hold in escrow, counted order by order."""
        base, quote = locked_funds(self._book)
        return int(base), int(quote)
