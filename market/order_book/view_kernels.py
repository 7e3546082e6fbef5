"""What a packed book shows, recounted from the orders themselves, compiled.

Read only. The counters of the header are not used, so that these functions can
check them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .layout import (
    BASE_PER_LOT,
    BEST_ASK,
    BEST_BID,
    BUY,
    BUY_STOP_LADDER,
    DEPTH,
    FRESH,
    HEAD,
    HEADER,
    HIDDEN,
    LEFT,
    NEXT,
    NEXT_BUY_STOP,
    NEXT_SELL_STOP,
    NO_ASK,
    NO_BID,
    ORDER_ID,
    OWNER,
    PRICE,
    QUOTE_PER_LOT_TICK,
    RESTING_LADDER,
    SELL_STOP_LADDER,
    SIDE,
    SLOT,
    TRIGGER,
)
from .queue_kernels import level_of, next_above, next_below

ORDER_COLUMNS = 7


@njit(cache=True)
def locked_funds(book):
    """Add up the base and quote units that the resting orders must have in escrow.

    Returns
    -------
    tuple of int
        Base units of all sells, quote units of all buys, hidden lots included.
    """
    base, quote = 0, 0
    for slot in range(HEADER, book[FRESH], SLOT):
        rests = (book[slot + ORDER_ID] != 0) & (book[slot + TRIGGER] == 0)  # no branch: it would be guessed
        lots = (book[slot + LEFT] + book[slot + HIDDEN]) * rests
        buys = book[slot + SIDE] == BUY
        quote += lots * book[slot + PRICE] * buys
        base += lots * (not buys)
    return base * book[BASE_PER_LOT], quote * book[QUOTE_PER_LOT_TICK]


@njit(cache=True)
def depth(book, side, levels):
    """List the best price levels of one side.

    Returns
    -------
    int64 ndarray, shape (at most levels, 3)
        Price in ticks, lots shown, orders; the best first.
    """
    out = np.empty((levels, 3), np.int64)
    count = 0
    tick = book[BEST_BID] if side == BUY else book[BEST_ASK]
    while count < levels and NO_BID < tick < NO_ASK:
        level = level_of(book, RESTING_LADDER, tick)
        orders = 0
        slot = book[level + HEAD]
        while slot != 0:
            orders += 1
            slot = book[slot + NEXT]
        out[count, 0] = tick
        out[count, 1] = book[level + DEPTH]
        out[count, 2] = orders
        count += 1
        if side == BUY:
            tick = next_below(book, RESTING_LADDER, tick)
        else:
            tick = next_above(book, RESTING_LADDER, tick)
    return out[:count]


@njit(cache=True)
def orders_of(book, ladder, side):
    """List the orders of one ladder and side in the order they will be served.

    Returns
    -------
    int64 ndarray, shape (n, ORDER_COLUMNS)
        Order id, owner, side, price, lots shown, lots hidden, trigger.
    """
    out = np.empty(((book[FRESH] - HEADER) // SLOT, ORDER_COLUMNS), np.int64)
    count = 0
    downwards = ladder == SELL_STOP_LADDER
    if ladder == BUY_STOP_LADDER:
        tick = book[NEXT_BUY_STOP]
    elif ladder == SELL_STOP_LADDER:
        tick = book[NEXT_SELL_STOP]
    else:
        downwards = side == BUY
        tick = book[BEST_BID] if downwards else book[BEST_ASK]
    while NO_BID < tick < NO_ASK:
        slot = book[level_of(book, ladder, tick) + HEAD]
        while slot != 0:
            out[count, 0] = book[slot + ORDER_ID]
            out[count, 1] = book[slot + OWNER]
            out[count, 2] = book[slot + SIDE]
            out[count, 3] = book[slot + PRICE]
            out[count, 4] = book[slot + LEFT]
            out[count, 5] = book[slot + HIDDEN]
            out[count, 6] = book[slot + TRIGGER]
            count += 1
            slot = book[slot + NEXT]
        tick = next_below(book, ladder, tick) if downwards else next_above(book, ladder, tick)
    return out[:count]
