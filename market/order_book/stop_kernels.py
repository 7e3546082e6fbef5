"""Stops of a packed book, compiled: waiting, election by the price of a trade, execution.

The rules are in `book_kernels`; a stop that triggers is matched by `match_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .layout import (
    ACCEPTED,
    BUY,
    BUY_STOP_LADDER,
    DORMANT,
    DORMANT_LOTS,
    DROPPED_STOPS,
    ELECTED_HEAD,
    ELECTED_TAIL,
    FILLED,
    FILLED_VALUE,
    FIRST_PRICE,
    HEAD,
    HIDDEN,
    LAST_PRICE,
    LEFT,
    NEXT,
    NEXT_BUY_STOP,
    NEXT_SELL_STOP,
    ORDER_ID,
    OWNER,
    PRICE,
    SELL,
    SELL_STOP_LADDER,
    SIDE,
    STATUS,
    STOP_FLAGS,
    TRIGGER,
)
from .match_kernels import PASSES, admit, crosses, match, rest
from .queue_kernels import append, free_slot, level_of, next_above, next_below, unlink

NONE = np.int64(0)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def ladder_of(side):
    """Ladder in which the stops of a side wait."""
    return BUY_STOP_LADDER if side == BUY else SELL_STOP_LADDER


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def place_stop(book, owner, side, trigger, price, lots, flags, order_id, slot):
    """Lay a stop down to wait for its trigger."""
    book[slot + ORDER_ID] = order_id
    book[slot + OWNER] = owner
    book[slot + LEFT] = lots
    book[slot + HIDDEN] = 0
    book[slot + PRICE] = price
    book[slot + SIDE] = side
    book[slot + STOP_FLAGS] = flags
    book[slot + TRIGGER] = trigger
    book[DORMANT] += 1
    book[DORMANT_LOTS] += lots
    append(book, ladder_of(side), trigger, slot)
    if side == BUY and trigger < book[NEXT_BUY_STOP]:
        book[NEXT_BUY_STOP] = trigger
    elif side == SELL and trigger > book[NEXT_SELL_STOP]:
        book[NEXT_SELL_STOP] = trigger


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def remove_stop(book, slot):
    """Unlink a dormant stop; its slot and the count of dormant stops stay."""
    trigger, ladder = book[slot + TRIGGER], ladder_of(book[slot + SIDE])
    if unlink(book, ladder, trigger, slot):
        if ladder == BUY_STOP_LADDER and trigger == book[NEXT_BUY_STOP]:
            book[NEXT_BUY_STOP] = next_above(book, ladder, trigger)
        elif ladder == SELL_STOP_LADDER and trigger == book[NEXT_SELL_STOP]:
            book[NEXT_SELL_STOP] = next_below(book, ladder, trigger)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _elect(book, slot):
    """Move a stop from its ladder to the end of those waiting for their turn."""
    remove_stop(book, slot)
    book[slot + NEXT] = 0
    if book[ELECTED_HEAD] == 0:
        book[ELECTED_HEAD] = slot
    else:
        book[book[ELECTED_TAIL] + NEXT] = slot
    book[ELECTED_TAIL] = slot


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _elect_reached(book):
    """Elect the stops that the last command's trades reached.

    One command trades at prices that move one way, so its first and its last
    price are the extremes.
    """
    low, high = book[FIRST_PRICE], book[LAST_PRICE]
    if low > high:
        low, high = high, low
    while book[NEXT_BUY_STOP] <= high:
        _elect(book, book[level_of(book, BUY_STOP_LADDER, book[NEXT_BUY_STOP]) + HEAD])
    while book[NEXT_SELL_STOP] >= low:
        _elect(book, book[level_of(book, SELL_STOP_LADDER, book[NEXT_SELL_STOP]) + HEAD])


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
def run(book, balances, volumes, trades, owner, side, price, lots, flags, peak, order_id, slot):
    """Execute an admitted order and then, one by one, the stops it reaches.

    `slot` is where the order may rest, 0 if it may not. The outcome words keep
    what the order itself did.
    """
    status, filled, value = -1, 0, 0
    while True:
        left = lots
        if crosses(book, side, price):
            left = match(book, balances, volumes, trades, owner, side, price, lots, flags, order_id)
        if left > 0 and price > 0 and flags & PASSES == 0 and book[STATUS] == ACCEPTED:
            rest(book, balances, volumes, owner, side, price, left, peak, order_id, slot)
        elif slot != 0:
            free_slot(book, slot)
        if book[DORMANT] == 0:
            break
        if status < 0:
            status, filled, value = book[STATUS], book[FILLED], book[FILLED_VALUE]
        if left < lots:
            _elect_reached(book)
        slot = _next_elected(book, balances, trades)
        if slot == 0:
            break
        owner, side, price, peak = book[slot + OWNER], book[slot + SIDE], book[slot + PRICE], 0
        lots, flags, order_id = book[slot + LEFT], book[slot + STOP_FLAGS], book[slot + ORDER_ID]
        book[STATUS] = ACCEPTED
    if status >= 0:
        book[STATUS], book[FILLED], book[FILLED_VALUE] = status, filled, value


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _next_elected(book, balances, trades):
    """Take the next elected stop that may enter; 0 when there is none."""
    while book[ELECTED_HEAD] != 0:
        slot = book[ELECTED_HEAD]
        book[ELECTED_HEAD] = book[slot + NEXT]
        book[DORMANT] -= 1
        owner, side, price = book[slot + OWNER], book[slot + SIDE], book[slot + PRICE]
        lots, flags = book[slot + LEFT], book[slot + STOP_FLAGS]
        book[DORMANT_LOTS] -= lots
        if admit(book, balances, trades, owner, side, price, lots, flags, NONE, NONE) == ACCEPTED:
            return slot
        free_slot(book, slot)
        book[DROPPED_STOPS] += 1
    return 0
