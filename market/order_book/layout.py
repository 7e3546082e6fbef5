"""Where everything lies in a packed book, and how such a book is made and grown.

One book is one flat int64 array, so that several books are the rows of one
matrix and compiled code takes ``books[b]``. Its regions, in order:

* header: the words named below;
* order slots: `SLOT` words each, found by the place of their first word;
* ladders: `LEVEL` words for every tick, one ladder for resting orders and one
  each for dormant buy and sell stops;
* bitmaps: one bit for every tick of a ladder that has a queue;
* summaries: one bit for every word of a bitmap that is not zero.

Zero means "none" everywhere, so an untouched book costs no memory pages. This
module holds names and the making of books; the matching is in `book_kernels`.

What kernels hand to each other as an argument is a NumPy integer here: a Python
literal would make the compiler build the callee once for every value. They
allocate nothing and are compiled without Numba's run time (``_nrt=False``), or
they would count references, one atomic addition for every array handed over,
which took a third of the time of a command.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BUY, SELL = 1, -1

# Header words: the shape of the book.
VERSION = 0  # small, so that no order id is ever found here
TICKS = 1  # prices are 1 .. TICKS - 1
MAX_LOTS = 2  # largest order
LADDER = 3  # first word of the ladders
BITS = 4  # first word of the bitmaps
WORDS = 5  # words in one bitmap
SLOTS_END = 6  # first word after the slots
FRESH = 7  # next slot never used
FREE = 8  # last slot given back
SEQUENCE = 9  # orders numbered so far
# Header words: the market.
BEST_BID = 10  # NO_BID when none
BEST_ASK = 11  # NO_ASK when none
LAST_PRICE = 12  # 0 before the first trade
NEXT_BUY_STOP = 13  # lowest trigger, NO_ASK when none
NEXT_SELL_STOP = 14  # highest trigger, NO_BID when none
# Header words: what the caller names.
BOOK_ID = 15
STAMP = 16  # block or time written on trades; the caller sets it
BASE_ASSET = 17  # -1: a bare book, nothing is settled
QUOTE_ASSET = 18
BASE_PER_LOT = 19  # base units of the base asset in one lot
QUOTE_PER_LOT_TICK = 20  # base units of the quote asset for one lot at one tick
ESCROW_ACCOUNT = 21
# Header words: counters.
COMMANDS = 22  # accepted and rejected
TRADES = 23
VOLUME = 24  # lots
NOTIONAL = 25  # lots x ticks
RESTING = 26  # orders in the queues
SLICES = 27  # most fills the resting orders can give
DORMANT = 28  # stops not executed yet
DROPPED_STOPS = 29  # stops that were refused when they triggered
DORMANT_LOTS = 36
# Header words: outcome of the last command.
STATUS = 30  # a `Status`
FILLED = 31  # lots
FILLED_VALUE = 32  # lots x ticks
FIRST_PRICE = 33  # of the last command that traded
ELECTED_HEAD = 34  # stops waiting for their turn within one command
ELECTED_TAIL = 35
# Header words: the search for the next price.
SUMMARY = 37  # first word of the summaries
SUMMARY_WORDS = 38  # words in one summary
HEADER = 40

# Words of an order slot.
ORDER_ID = 0  # 0: free
OWNER = 1
LEFT = 2  # lots shown
NEXT = 3
HIDDEN = 4  # lots an iceberg does not show
PRICE = 5  # 0: at market (dormant stops only)
SIDE = 6
PREVIOUS = 7
PEAK = 8  # lots an iceberg shows at once
TRIGGER = 9  # 0: in the market; else a dormant stop
SLOT = 10
STOP_FLAGS = PEAK  # a dormant stop keeps its flags where an iceberg keeps its peak

# Words of a price level.
HEAD, TAIL, DEPTH = range(3)
LEVEL = 3

# Ladders.
RESTING_LADDER, BUY_STOP_LADDER, SELL_STOP_LADDER = np.arange(3)
LADDERS = 3

# Columns of the trade log; row 0 column 0 counts the trades, rows 1 .. hold them.
TRADE_STAMP = 0
TRADE_BOOK = 1
TRADE_SIDE = 2  # of the aggressor
TRADE_PRICE = 3  # ticks, the maker's price
TRADE_LOTS = 4
TRADE_MAKER = 5  # owner
TRADE_TAKER = 6  # owner
TRADE_MAKER_ORDER = 7
TRADE_TAKER_ORDER = 8
TRADE_COLUMNS = 9

SLOT_BITS = 28
SLOT_MASK = (1 << SLOT_BITS) - 1
NO_BID = 0
NO_ASK = 1 << 31
MAX_QUANTITY = (1 << 31) - 1
MAX_AMOUNT = 1 << 61
"""Largest escrow of one order, in base units; far enough from overflow."""

# Flags of an order: two bits of self-trade rule, then conditions.
TRADE_WITH_SELF, CANCEL_TAKER, CANCEL_MAKER, CANCEL_BOTH = range(4)
SELF_TRADE_BITS = 3
IMMEDIATE_OR_CANCEL = 4
FILL_OR_KILL = 8
POST_ONLY = 16
STOP = 32

# Outcomes, see `Status`.
ACCEPTED, TAKER_CANCELLED, FUNDS_EXHAUSTED = np.arange(3)
BAD_PRICE, BAD_QUANTITY, BAD_OWNER, NO_FUNDS, WOULD_CROSS, CANNOT_FILL, UNKNOWN_ORDER = np.arange(8, 15)
DUPLICATE_ID, NOT_REPLACEABLE, BAD_COMMAND, NO_ROOM = np.arange(15, 19)


class SelfTrade(IntEnum):
    """What happens when an order meets one of the same owner; the taker's rule decides."""

    NONE = TRADE_WITH_SELF
    CANCEL_TAKER = CANCEL_TAKER
    CANCEL_MAKER = CANCEL_MAKER
    CANCEL_BOTH = CANCEL_BOTH


class Status(IntEnum):
    """Outcome of the last command; from `BAD_PRICE` on it changed nothing."""

    ACCEPTED = ACCEPTED
    TAKER_CANCELLED = TAKER_CANCELLED
    """The self-trade rule took what was left of the order."""
    FUNDS_EXHAUSTED = FUNDS_EXHAUSTED
    """A market buy stopped at the fill its owner could not pay."""
    BAD_PRICE = BAD_PRICE
    BAD_QUANTITY = BAD_QUANTITY
    BAD_OWNER = BAD_OWNER
    NO_FUNDS = NO_FUNDS
    WOULD_CROSS = WOULD_CROSS
    """A post-only order would have traded."""
    CANNOT_FILL = CANNOT_FILL
    """A fill-or-kill order could not be filled whole."""
    UNKNOWN_ORDER = UNKNOWN_ORDER
    """The order was never there, or is filled or cancelled."""
    DUPLICATE_ID = DUPLICATE_ID
    """The client id names an order that is still live."""
    NOT_REPLACEABLE = NOT_REPLACEABLE
    """A dormant stop can be cancelled or reduced, not replaced."""
    BAD_COMMAND = BAD_COMMAND
    """A batch row has a kind or a side that does not exist."""
    NO_ROOM = NO_ROOM
    """The log, the slots or the id table may not suffice: grow, then ask again."""


def book_size(ticks: int, max_orders: int) -> int:
    """Words in a book of `ticks` prices and `max_orders` order slots.

    Raises
    ------
    ValueError
        If either number is out of range.
    """
    if not 2 <= ticks < NO_ASK:
        raise ValueError(f"ticks must be 2 to {NO_ASK - 1}, got {ticks}")
    slots_end = HEADER + max_orders * SLOT
    if max_orders < 1 or slots_end > SLOT_MASK:
        raise ValueError(f"max_orders must be 1 to {(SLOT_MASK - HEADER) // SLOT}, got {max_orders}")
    words = _bitmap_words(ticks)
    return slots_end + LADDERS * (LEVEL * ticks + words + _bitmap_words(words))


def new_book(
    ticks: int,
    max_orders: int,
    *,
    book_id: int = 0,
    base_asset: int = -1,
    quote_asset: int = -1,
    base_per_lot: int = 1,
    quote_per_lot_tick: int = 1,
    escrow_account: int = 0,
    max_lots: int | None = None,
    out: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Make an empty book.

    Parameters
    ----------
    ticks : int
        Prices are 1 to ``ticks - 1``, in ticks.
    max_orders : int
        Orders that can rest or lie dormant at once.
    book_id : int
        Written on every trade.
    base_asset, quote_asset : int
        Columns of the ledger; base -1 makes a bare book that settles nothing.
    base_per_lot : int
        Base units of the base asset in one lot.
    quote_per_lot_tick : int
        Base units of the quote asset that one lot costs at a price of one tick.
    escrow_account : int
        Ledger account that holds the funds of resting orders.
    max_lots : int, optional
        Largest order; default and upper limit is what cannot overflow int64.
    out : int64 ndarray, optional
        Zeroed array of at least `book_size` words to use, a row of several books.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    size = book_size(ticks, max_orders)
    if base_per_lot < 1 or quote_per_lot_tick < 1:
        raise ValueError(
            f"base_per_lot and quote_per_lot_tick must be at least 1, got {base_per_lot} "
            f"and {quote_per_lot_tick}"
        )
    largest = min(MAX_QUANTITY, MAX_AMOUNT // base_per_lot, MAX_AMOUNT // (quote_per_lot_tick * (ticks - 1)))
    max_lots = largest if max_lots is None else max_lots
    if not 1 <= max_lots <= largest:
        raise ValueError(f"max_lots must be 1 to {largest} so that amounts fit in int64, got {max_lots}")
    if base_asset >= 0 and (quote_asset < 0 or quote_asset == base_asset or escrow_account < 1):
        raise ValueError(
            f"a settled book needs a quote asset other than its base and an escrow account, got "
            f"base {base_asset}, quote {quote_asset}, escrow {escrow_account}"
        )
    if out is not None and len(out) < size:
        raise ValueError(f"out has {len(out)} words, {size} needed")
    book = np.zeros(size, np.int64) if out is None else out
    _place_regions(book, ticks, max_orders)
    book[VERSION] = 1
    book[MAX_LOTS] = max_lots
    book[FRESH] = HEADER
    book[BEST_ASK] = book[NEXT_BUY_STOP] = NO_ASK
    book[BOOK_ID] = book_id
    book[BASE_ASSET], book[QUOTE_ASSET] = base_asset, quote_asset
    book[BASE_PER_LOT], book[QUOTE_PER_LOT_TICK] = base_per_lot, quote_per_lot_tick
    book[ESCROW_ACCOUNT] = escrow_account
    return book


def grow(
    book: NDArray[np.int64],
    *,
    ticks: int | None = None,
    max_orders: int | None = None,
    out: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Copy a book into one with more ticks or more order slots.

    Order ids, queues and funds stay as they are. A higher ladder may lower
    `MAX_LOTS`, so that the dearest order still fits in int64.

    Raises
    ------
    ValueError
        If the book would shrink, or one lot at the new top would not fit in int64.
    """
    old_ticks, old_orders = int(book[TICKS]), max_orders_of(book)
    ticks = old_ticks if ticks is None else ticks
    max_orders = old_orders if max_orders is None else max_orders
    if ticks < old_ticks or max_orders < old_orders:
        raise ValueError(
            f"a book does not shrink: it has {old_ticks} ticks and {old_orders} slots, "
            f"asked for {ticks} and {max_orders}"
        )
    size = book_size(ticks, max_orders)
    if out is not None and len(out) < size:
        raise ValueError(f"out has {len(out)} words, {size} needed")
    grown = np.zeros(size, np.int64) if out is None else out
    used = int(book[FRESH])
    grown[:used] = book[:used]
    _place_regions(grown, ticks, max_orders)
    dearest = MAX_AMOUNT // (int(book[QUOTE_PER_LOT_TICK]) * (ticks - 1))
    grown[MAX_LOTS] = min(int(book[MAX_LOTS]), dearest)
    if grown[MAX_LOTS] < 1:
        raise ValueError(f"{ticks} ticks are too many: one lot at the top would not fit in int64")
    for first, length in (
        (LADDER, (LEVEL * old_ticks, LEVEL * ticks)),
        (BITS, (int(book[WORDS]), int(grown[WORDS]))),
        (SUMMARY, (int(book[SUMMARY_WORDS]), int(grown[SUMMARY_WORDS]))),
    ):
        for ladder in range(LADDERS):
            source = int(book[first]) + ladder * length[0]
            target = int(grown[first]) + ladder * length[1]
            grown[target : target + length[0]] = book[source : source + length[0]]
    return grown


def new_trades(rows: int) -> NDArray[np.int64]:
    """Make an empty log for `rows` trades.

    Returns
    -------
    int64 ndarray, shape (rows + 1, TRADE_COLUMNS)
        ``[0, 0]`` counts the trades written; set it to 0 to use the log again.
    """
    if rows < 1:
        raise ValueError(f"rows of a trade log must be at least 1, got {rows}")
    return np.zeros((rows + 1, TRADE_COLUMNS), np.int64)


def max_orders_of(book: NDArray[np.int64]) -> int:
    """Order slots that a book has."""
    return (int(book[SLOTS_END]) - HEADER) // SLOT


def _bitmap_words(bits: int) -> int:
    return (bits + 63) // 64


def _place_regions(book: NDArray[np.int64], ticks: int, max_orders: int) -> None:
    book[TICKS] = ticks
    book[SLOTS_END] = HEADER + max_orders * SLOT
    book[LADDER] = book[SLOTS_END]
    book[BITS] = int(book[LADDER]) + LADDERS * LEVEL * ticks
    book[WORDS] = _bitmap_words(ticks)
    book[SUMMARY] = int(book[BITS]) + LADDERS * int(book[WORDS])
    book[SUMMARY_WORDS] = _bitmap_words(int(book[WORDS]))
