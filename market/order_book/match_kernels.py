"""Matching of one order in a packed book, compiled: admission, fills, rest, escrow.

The commands that use these steps, and the rules they follow, are in `book_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..ledger import Reason
from ..ledger_kernels import move
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
    BOOK_ID,
    BUY,
    CANCEL_MAKER,
    CANCEL_TAKER,
    CANNOT_FILL,
    DEPTH,
    DORMANT,
    DORMANT_LOTS,
    ESCROW_ACCOUNT,
    FILL_OR_KILL,
    FILLED,
    FILLED_VALUE,
    FIRST_PRICE,
    FUNDS_EXHAUSTED,
    HEAD,
    HIDDEN,
    IMMEDIATE_OR_CANCEL,
    LAST_PRICE,
    LEFT,
    MAX_LOTS,
    NEXT,
    NO_ASK,
    NO_BID,
    NO_FUNDS,
    NO_ROOM,
    NOTIONAL,
    ORDER_ID,
    OWNER,
    PEAK,
    POST_ONLY,
    PRICE,
    QUOTE_ASSET,
    QUOTE_PER_LOT_TICK,
    RESTING,
    RESTING_LADDER,
    SELF_TRADE_BITS,
    SELL,
    SIDE,
    SLICES,
    STAMP,
    STATUS,
    TAKER_CANCELLED,
    TICKS,
    TRADE_BOOK,
    TRADE_LOTS,
    TRADE_MAKER,
    TRADE_MAKER_ORDER,
    TRADE_PRICE,
    TRADE_SIDE,
    TRADE_STAMP,
    TRADE_TAKER,
    TRADE_TAKER_ORDER,
    TRADES,
    TRIGGER,
    VOLUME,
    WOULD_CROSS,
)
from .queue_kernels import append, free_slot, level_of, next_above, next_below, unlink

ESCROW, RELEASE, TRADE = np.int64(Reason.ESCROW), np.int64(Reason.RELEASE), np.int64(Reason.TRADE)
PASSES = IMMEDIATE_OR_CANCEL | FILL_OR_KILL  # an order with one of these never rests


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def crosses(book, side, price):
    """Whether an order would meet the other side's touch; one at market always."""
    if price == 0:
        return True
    return price >= book[BEST_ASK] if side == BUY else price <= book[BEST_BID]


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def slices(lots, peak):
    """Most fills that an order of `lots` can give."""
    return 1 if peak <= 0 or peak >= lots else (lots + peak - 1) // peak


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def move_escrow(book, balances, volumes, slot, lots, reason):
    """Move the funds of `lots` of an order into escrow (`ESCROW`) or back (`RELEASE`)."""
    asset = book[BASE_ASSET]
    if asset < 0:
        return
    amount = lots * book[BASE_PER_LOT]
    if book[slot + SIDE] == BUY:
        asset = book[QUOTE_ASSET]
        amount = lots * book[slot + PRICE] * book[QUOTE_PER_LOT_TICK]
    source, target = book[slot + OWNER], book[ESCROW_ACCOUNT]
    if reason == RELEASE:
        source, target = target, source
    move(balances, volumes, asset, source, target, amount, reason)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def take_out(book, slot):
    """Unlink a resting order and move the touch if it was the last there."""
    tick = book[slot + PRICE]
    if unlink(book, RESTING_LADDER, tick, slot):
        if tick == book[BEST_BID]:
            book[BEST_BID] = next_below(book, RESTING_LADDER, tick)
        elif tick == book[BEST_ASK]:
            book[BEST_ASK] = next_above(book, RESTING_LADDER, tick)
    book[RESTING] -= 1
    book[SLICES] -= 1
    hidden = book[slot + HIDDEN]
    if hidden > 0:
        book[SLICES] -= slices(hidden, book[slot + PEAK])


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _fillable(book, side, price, lots, flags, owner):
    """Whether `lots` can be filled at once at `price` or better, given the self-trade rule."""
    rule = flags & SELF_TRADE_BITS
    tick = book[BEST_ASK] if side == BUY else book[BEST_BID]
    while NO_BID < tick < NO_ASK and (price == 0 or (tick - price) * side <= 0):
        shown, hidden, blocked = 0, 0, False
        slot = book[level_of(book, RESTING_LADDER, tick) + HEAD]
        while slot != 0:
            if rule != 0 and book[slot + OWNER] == owner:
                if rule & CANCEL_TAKER:
                    blocked = True
                    break
            else:
                shown += book[slot + LEFT]
                hidden += book[slot + HIDDEN]
            slot = book[slot + NEXT]
        lots -= shown
        if not blocked:
            lots -= hidden
        if lots <= 0:
            return True
        if blocked:  # refreshed slices queue behind the order that stops the taker
            return False
        if side == BUY:
            tick = next_above(book, RESTING_LADDER, tick)
        else:
            tick = next_below(book, RESTING_LADDER, tick)
    return False


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
def admit(book, balances, trades, owner, side, price, lots, flags, peak, held):
    """Status with which an order may enter; `held` is what it has in escrow already."""
    if side != BUY and side != SELL:
        return BAD_COMMAND
    if price < 0 or price >= book[TICKS] or (price == 0 and flags & FILL_OR_KILL):
        return BAD_PRICE
    if lots < 1 or lots > book[MAX_LOTS] or peak < 0:
        return BAD_QUANTITY
    fills = book[SLICES]  # a fill ends a slice or a taker, and takes at least one lot
    if book[DORMANT] > 0:
        fills += 2 * book[DORMANT] + 1 + slices(lots, peak)
    fills = min(fills, lots + book[DORMANT_LOTS])
    if trades[0, 0] + fills >= trades.shape[0]:
        return NO_ROOM
    if book[BASE_ASSET] >= 0:
        if owner < 0 or owner >= balances.shape[0]:
            return BAD_OWNER
        if side == SELL:
            if balances[owner, book[BASE_ASSET]] + held < lots * book[BASE_PER_LOT]:
                return NO_FUNDS
        elif balances[owner, book[QUOTE_ASSET]] + held < lots * price * book[QUOTE_PER_LOT_TICK]:
            return NO_FUNDS
    if flags & (POST_ONLY | FILL_OR_KILL):
        if flags & POST_ONLY and (
            price == 0 or (price >= book[BEST_ASK] if side == BUY else price <= book[BEST_BID])
        ):
            return WOULD_CROSS
        if flags & FILL_OR_KILL and not _fillable(book, side, price, lots, flags, owner):
            return CANNOT_FILL
    return ACCEPTED


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
def match(book, balances, volumes, trades, owner, side, price, lots, flags, order_id):
    """Trade with the other side at `price` or better; return the lots left.

    Sets `STATUS` if something other than the book or the price ended it, and
    adds to `FILLED` and `FILLED_VALUE`.
    """
    touch = BEST_ASK if side == BUY else BEST_BID
    base, quote = book[BASE_ASSET], book[QUOTE_ASSET]
    escrow = book[ESCROW_ACCOUNT]
    rule = flags & SELF_TRADE_BITS
    row, first_row = trades[0, 0], trades[0, 0]
    left, value, stopped = lots, 0, False
    while left > 0 and not stopped:
        tick = book[touch]
        if not NO_BID < tick < NO_ASK or (price != 0 and (tick - price) * side > 0):
            break
        level = level_of(book, RESTING_LADDER, tick)
        cost = tick * book[QUOTE_PER_LOT_TICK]
        while left > 0:
            slot = book[level + HEAD]
            if slot == 0:
                break
            maker = book[slot + OWNER]
            if maker == owner and rule != 0:
                if rule & CANCEL_MAKER:
                    move_escrow(
                        book, balances, volumes, slot, book[slot + LEFT] + book[slot + HIDDEN], RELEASE
                    )
                    take_out(book, slot)
                    free_slot(book, slot)
                if rule & CANCEL_TAKER:
                    book[STATUS] = TAKER_CANCELLED
                    stopped = True
                    break
                continue
            shown = book[slot + LEFT]
            traded = left if left < shown else shown
            if base >= 0:
                if side == BUY:
                    if balances[owner, quote] < traded * cost:
                        traded = balances[owner, quote] // cost
                        stopped = True
                        book[STATUS] = FUNDS_EXHAUSTED
                        if traded <= 0:
                            break
                    move(balances, volumes, base, escrow, owner, traded * book[BASE_PER_LOT], TRADE)
                    move(balances, volumes, quote, owner, maker, traded * cost, TRADE)
                else:
                    move(balances, volumes, base, owner, maker, traded * book[BASE_PER_LOT], TRADE)
                    move(balances, volumes, quote, escrow, owner, traded * cost, TRADE)
            row += 1
            trades[row, TRADE_STAMP] = book[STAMP]
            trades[row, TRADE_BOOK] = book[BOOK_ID]
            trades[row, TRADE_SIDE] = side
            trades[row, TRADE_PRICE] = tick
            trades[row, TRADE_LOTS] = traded
            trades[row, TRADE_MAKER] = maker
            trades[row, TRADE_TAKER] = owner
            trades[row, TRADE_MAKER_ORDER] = book[slot + ORDER_ID]
            trades[row, TRADE_TAKER_ORDER] = order_id
            if value == 0:
                book[FIRST_PRICE] = tick
            left -= traded
            value += traded * tick
            if traded < shown:
                book[slot + LEFT] = shown - traded
                book[level + DEPTH] -= traded
            elif book[slot + HIDDEN] > 0:
                _refresh(book, slot, tick)
            else:
                take_out(book, slot)
                free_slot(book, slot)
            if stopped:
                break
    if value > 0:
        trades[0, 0] = row
        book[LAST_PRICE] = trades[row, TRADE_PRICE]
        book[TRADES] += row - first_row
        book[VOLUME] += lots - left
        book[NOTIONAL] += value
        book[FILLED] += lots - left
        book[FILLED_VALUE] += value
    return left


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _refresh(book, slot, tick):
    """Show the next slice of an iceberg, at the end of the queue."""
    unlink(book, RESTING_LADDER, tick, slot)
    peak, hidden = book[slot + PEAK], book[slot + HIDDEN]
    shown = peak if peak < hidden else hidden
    book[slot + LEFT] = shown
    book[slot + HIDDEN] = hidden - shown
    book[SLICES] -= 1
    append(book, RESTING_LADDER, tick, slot)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
def rest(book, balances, volumes, owner, side, price, lots, peak, order_id, slot):
    """Put what is left of an order into its queue and its funds into escrow."""
    shown = lots
    hidden = 0
    book[RESTING] += 1
    book[SLICES] += 1
    if 0 < peak < lots:
        shown = peak
        hidden = lots - peak
        book[SLICES] += slices(hidden, peak)
    book[slot + ORDER_ID] = order_id
    book[slot + OWNER] = owner
    book[slot + LEFT] = shown
    book[slot + HIDDEN] = hidden
    book[slot + PRICE] = price
    book[slot + SIDE] = side
    book[slot + PEAK] = peak
    book[slot + TRIGGER] = 0
    if append(book, RESTING_LADDER, price, slot):
        if side == BUY and price > book[BEST_BID]:
            book[BEST_BID] = price
        elif side == SELL and price < book[BEST_ASK]:
            book[BEST_ASK] = price
    move_escrow(book, balances, volumes, slot, lots, ESCROW)
