"""Matching in compiled code: what a command does to a packed book.

Price-time priority, trades at the maker's price. All functions take the packed
`book` of `layout.new_book`, the ledger's `balances` and `volumes` (any two small
int64 matrices for a bare book) and a `trades` log from `layout.new_trades`:

==================================================================================== ===========
``submit(book, balances, volumes, trades, owner, side, price, lots, flags, extra)``  order id
``cancel(book, balances, volumes, order_id)``                                        lots taken
``cancel_owner(book, balances, volumes, owner)``                                     orders taken
``reduce(book, balances, volumes, order_id, lots)``                                  lots taken
``replace(book, balances, volumes, trades, order_id, price, lots, flags)``           order id
``is_live(book, order_id)``                                                          bool
``best_bid(book)``, ``best_ask(book)``                                               ticks
==================================================================================== ===========

All return 0 for none. ``price`` 0 is a market order. ``flags`` adds a self-trade rule (`CANCEL_TAKER`,
`CANCEL_MAKER`, `CANCEL_BOTH`; 0 trades with itself) and `IMMEDIATE_OR_CANCEL`,
`FILL_OR_KILL` (limit orders only), `POST_ONLY` or `STOP`; ``extra`` is the trigger
of a stop, else the lots an iceberg shows, 0 for a plain order. An order id
grows with every order, is never used again and says where the order lies; it is
0 when the command was refused, and dead (`is_live`) once the order is gone. The
header words `STATUS`, `FILLED` (lots) and `FILLED_VALUE` (lots x ticks) hold the
outcome. A refused command changes nothing; `NO_ROOM` asks the caller to grow the
book or to empty the log and to send the command again.

Money: a resting order holds its funds in the escrow account (sell: lots x
`BASE_PER_LOT`; buy: lots x price x `QUOTE_PER_LOT_TICK`, hidden lots included), a
taker pays the maker's price, a market buy stops where its owner cannot pay. A
dormant stop holds nothing and is dropped if it cannot be paid for when it
triggers. A stop triggers on the price of a trade: buys at or above, sells at or
below it. Stops reached by one command wait their turn in the order reached (buys
by rising trigger, then sells by falling trigger, then age) and run after it.

Callers in compiled code: hand over variables or NumPy integers, not Python literals,
or each literal compiles `submit` anew.

The self-trade rule is the taker's. A new price or more lots cost an order its
place in the queue, and so does the refresh of an iceberg.
"""

from __future__ import annotations

from numba import njit

from .layout import (
    ACCEPTED,
    BAD_COMMAND,
    BAD_OWNER,
    BAD_PRICE,
    BAD_QUANTITY,
    BASE_ASSET,
    BASE_PER_LOT,
    BEST_ASK,
    BEST_BID,
    BUY,
    COMMANDS,
    DEPTH,
    DORMANT,
    DORMANT_LOTS,
    FILL_OR_KILL,
    FILLED,
    FILLED_VALUE,
    FRESH,
    HEADER,
    HIDDEN,
    LAST_PRICE,
    LEFT,
    MAX_LOTS,
    NO_ASK,
    NO_ROOM,
    NOT_REPLACEABLE,
    ORDER_ID,
    OWNER,
    PEAK,
    PRICE,
    QUOTE_PER_LOT_TICK,
    RESTING_LADDER,
    SELL,
    SEQUENCE,
    SIDE,
    SLICES,
    SLOT,
    SLOT_BITS,
    SLOT_MASK,
    STATUS,
    STOP,
    TICKS,
    TRIGGER,
    UNKNOWN_ORDER,
)
from .match_kernels import PASSES, RELEASE, admit, move_escrow, slices, take_out
from .queue_kernels import free_slot, level_of, take_slot
from .stop_kernels import NONE, ladder_of, place_stop, remove_stop, run


@njit(cache=True, _nrt=False)
def best_bid(book):
    """Highest bid in ticks; 0 when there is none."""
    return book[BEST_BID]


@njit(cache=True, _nrt=False)
def best_ask(book):
    """Lowest ask in ticks; 0 when there is none."""
    ask = book[BEST_ASK]
    return 0 if ask == NO_ASK else ask


@njit(cache=True, _nrt=False)
def find(book, order_id):
    """Slot of a live order; 0 when the id is dead or was never given."""
    slot = order_id & SLOT_MASK
    if order_id <= SLOT_MASK or slot < HEADER or slot >= book[FRESH] or book[slot + ORDER_ID] != order_id:
        return 0
    return slot


@njit(cache=True, _nrt=False)
def is_live(book, order_id):
    """Whether an order rests in the book or lies dormant as a stop."""
    return find(book, order_id) != 0


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def refuse(book, status):
    """Write the outcome of a command that changes nothing; return 0."""
    book[STATUS] = status
    book[FILLED] = 0
    book[FILLED_VALUE] = 0
    if status != NO_ROOM:
        book[COMMANDS] += 1
    return 0


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _accept(book):
    book[STATUS] = ACCEPTED
    book[FILLED] = 0
    book[FILLED_VALUE] = 0
    book[COMMANDS] += 1


@njit(cache=True, _nrt=False)
def submit(book, balances, volumes, trades, owner, side, price, lots, flags, extra):
    """Enter an order; return its id, 0 if refused.

    Parameters
    ----------
    book, balances, volumes, trades : ndarray
        See the head of this module.
    owner : int
        Ledger account; any number in a bare book.
    side : int
        BUY or SELL.
    price : int
        Limit in ticks; 0 for a market order.
    lots : int
    flags : int
        Self-trade rule, conditions, and `STOP` for an order that waits.
    extra : int
        Peak of an iceberg (0: shows all); trigger in ticks if `flags` has `STOP`.
    """
    if flags & STOP:
        flags &= ~STOP
        trigger, extra = extra, 0
        if trigger < 1 or trigger >= book[TICKS]:
            return refuse(book, BAD_PRICE)
        if book[LAST_PRICE] == 0 or (book[LAST_PRICE] - trigger) * side < 0:
            return _wait(book, balances, owner, side, trigger, price, lots, flags)
    status = admit(book, balances, trades, owner, side, price, lots, flags, extra, NONE)
    if status != ACCEPTED:
        return refuse(book, status)
    slot = 0
    if price != 0 and flags & PASSES == 0:
        slot = take_slot(book)
        if slot == 0:
            return refuse(book, NO_ROOM)
    _accept(book)
    book[SEQUENCE] += 1
    order_id = book[SEQUENCE] << SLOT_BITS | slot
    run(book, balances, volumes, trades, owner, side, price, lots, flags, extra, order_id, slot)
    return order_id


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _wait(book, balances, owner, side, trigger, price, lots, flags):
    """Lay a stop down; return its id, 0 if refused."""
    status = ACCEPTED
    if side != BUY and side != SELL:
        status = BAD_COMMAND
    elif price < 0 or price >= book[TICKS] or (price == 0 and flags & FILL_OR_KILL):
        status = BAD_PRICE
    elif lots < 1 or lots > book[MAX_LOTS]:
        status = BAD_QUANTITY
    elif book[BASE_ASSET] >= 0 and (owner < 0 or owner >= balances.shape[0]):
        status = BAD_OWNER
    if status != ACCEPTED:
        return refuse(book, status)
    slot = take_slot(book)
    if slot == 0:
        return refuse(book, NO_ROOM)
    _accept(book)
    book[SEQUENCE] += 1
    order_id = book[SEQUENCE] << SLOT_BITS | slot
    place_stop(book, owner, side, trigger, price, lots, flags, order_id, slot)
    return order_id


@njit(cache=True, _nrt=False)
def cancel(book, balances, volumes, order_id):
    """Take an order out and give its funds back; return its lots, 0 if there is none."""
    slot = find(book, order_id)
    if slot == 0:
        return refuse(book, UNKNOWN_ORDER)
    _accept(book)
    lots = book[slot + LEFT] + book[slot + HIDDEN]
    if book[slot + TRIGGER] != 0:
        remove_stop(book, slot)
        book[DORMANT] -= 1
        book[DORMANT_LOTS] -= lots
    else:
        move_escrow(book, balances, volumes, slot, lots, RELEASE)
        take_out(book, slot)
    free_slot(book, slot)
    return lots


@njit(cache=True, _nrt=False)
def cancel_owner(book, balances, volumes, owner):
    """Cancel every order and stop of an owner; return how many there were."""
    count = 0
    for slot in range(HEADER, book[FRESH], SLOT):
        if book[slot + ORDER_ID] != 0 and book[slot + OWNER] == owner:
            cancel(book, balances, volumes, book[slot + ORDER_ID])
            count += 1
    return count


@njit(cache=True, _nrt=False)
def reduce(book, balances, volumes, order_id, lots):
    """Take `lots` off an order, hidden ones first; it keeps its place.

    Returns the lots taken, 0 if refused. An order with no more than `lots` is
    cancelled.
    """
    slot = find(book, order_id)
    if slot == 0:
        return refuse(book, UNKNOWN_ORDER)
    if lots < 1:
        return refuse(book, BAD_QUANTITY)
    hidden = book[slot + HIDDEN]
    if lots >= book[slot + LEFT] + hidden:
        return cancel(book, balances, volumes, order_id)
    _accept(book)
    if book[slot + TRIGGER] != 0:
        book[slot + LEFT] -= lots
        book[DORMANT_LOTS] -= lots
        book[level_of(book, ladder_of(book[slot + SIDE]), book[slot + TRIGGER]) + DEPTH] -= lots
        return lots
    move_escrow(book, balances, volumes, slot, lots, RELEASE)
    unseen = lots if lots < hidden else hidden
    if unseen > 0:
        peak = book[slot + PEAK]
        book[slot + HIDDEN] = hidden - unseen
        book[SLICES] -= slices(hidden, peak)
        if hidden > unseen:
            book[SLICES] += slices(hidden - unseen, peak)
    book[slot + LEFT] -= lots - unseen
    book[level_of(book, RESTING_LADDER, book[slot + PRICE]) + DEPTH] -= lots - unseen
    return lots


@njit(cache=True, _nrt=False)
def replace(book, balances, volumes, trades, order_id, price, lots, flags):
    """Give a resting order a new price and size; return its id, 0 if refused.

    The id stays. Fewer lots at the same price keep the place in the queue; else
    the order enters anew, trades if it crosses, and an iceberg keeps its peak. A
    refused replacement leaves the order as it was.
    """
    slot = find(book, order_id)
    if slot == 0:
        return refuse(book, UNKNOWN_ORDER)
    if book[slot + TRIGGER] != 0:
        return refuse(book, NOT_REPLACEABLE)
    if price == 0:
        return refuse(book, BAD_PRICE)
    old_lots = book[slot + LEFT] + book[slot + HIDDEN]
    if price == book[slot + PRICE] and 0 < lots <= old_lots:
        if lots < old_lots:
            reduce(book, balances, volumes, order_id, old_lots - lots)
        else:
            _accept(book)
        return order_id
    owner, side, peak = book[slot + OWNER], book[slot + SIDE], book[slot + PEAK]
    if side == SELL:
        held = old_lots * book[BASE_PER_LOT]
    else:
        held = old_lots * book[slot + PRICE] * book[QUOTE_PER_LOT_TICK]
    status = admit(book, balances, trades, owner, side, price, lots, flags, peak, held)
    if status != ACCEPTED:
        return refuse(book, status)
    _accept(book)
    move_escrow(book, balances, volumes, slot, old_lots, RELEASE)
    take_out(book, slot)
    run(book, balances, volumes, trades, owner, side, price, lots, flags, peak, order_id, slot)
    return order_id
