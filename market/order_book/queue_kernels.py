"""Queues of a packed book, compiled: slots, price levels and the search for the next one.

Nothing here knows of trades or money. The layout is in `layout`.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .layout import (
    BITS,
    DEPTH,
    FREE,
    FRESH,
    HEAD,
    LADDER,
    LEFT,
    LEVEL,
    NEXT,
    NO_ASK,
    NO_BID,
    ORDER_ID,
    PREVIOUS,
    SLOT,
    SLOTS_END,
    SUMMARY,
    SUMMARY_WORDS,
    TAIL,
    TICKS,
    WORDS,
)


@intrinsic
def trailing_zeros(typing_context, word):
    """Zero bits below the lowest set bit of a non-zero int64."""

    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


@intrinsic
def leading_zeros(typing_context, word):
    """Zero bits above the highest set bit of a non-zero int64."""

    def build(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def take_slot(book):
    """Take a slot for one order; 0 when there is none."""
    slot = book[FREE]
    if slot != 0:
        book[FREE] = book[slot + NEXT]
        return slot
    slot = book[FRESH]
    if slot >= book[SLOTS_END]:
        return 0
    book[FRESH] = slot + SLOT
    return slot


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def free_slot(book, slot):
    """Give a slot back; its order id is dead from now on."""
    book[slot + ORDER_ID] = 0
    book[slot + NEXT] = book[FREE]
    book[FREE] = slot


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def level_of(book, ladder, tick):
    """First word of a price level."""
    return book[LADDER] + (ladder * book[TICKS] + tick) * LEVEL


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def append(book, ladder, tick, slot):
    """Put an order at the end of a queue; return whether the queue was empty."""
    level = level_of(book, ladder, tick)
    tail = book[level + TAIL]
    book[slot + NEXT] = 0
    book[slot + PREVIOUS] = tail
    book[level + TAIL] = slot
    book[level + DEPTH] += book[slot + LEFT]
    if tail != 0:
        book[tail + NEXT] = slot
        return False
    book[level + HEAD] = slot
    word = tick >> 6
    place = book[BITS] + ladder * book[WORDS] + word
    if book[place] == 0:
        book[book[SUMMARY] + ladder * book[SUMMARY_WORDS] + (word >> 6)] |= 1 << (word & 63)
    book[place] |= 1 << (tick & 63)
    return True


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
def unlink(book, ladder, tick, slot):
    """Take an order out of its queue; return whether the queue is empty now."""
    level = level_of(book, ladder, tick)
    before, after = book[slot + PREVIOUS], book[slot + NEXT]
    book[level + DEPTH] -= book[slot + LEFT]
    if before != 0:
        book[before + NEXT] = after
    else:
        book[level + HEAD] = after
    if after != 0:
        book[after + PREVIOUS] = before
    else:
        book[level + TAIL] = before
    if before != 0 or after != 0:
        return False
    word = tick >> 6
    place = book[BITS] + ladder * book[WORDS] + word
    book[place] &= ~(1 << (tick & 63))
    if book[place] == 0:
        book[book[SUMMARY] + ladder * book[SUMMARY_WORDS] + (word >> 6)] &= ~(1 << (word & 63))
    return True


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _first_from(book, base, words, index):
    """Lowest set bit at or above `index` of the bitmap at `base`; -1 when none."""
    word = index >> 6
    if word >= words:
        return -1
    bits = book[base + word] & (-1 << (index & 63))
    while bits == 0:
        word += 1
        if word >= words:
            return -1
        bits = book[base + word]
    return (word << 6) + trailing_zeros(bits)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _last_to(book, base, index):
    """Highest set bit at or below `index` of the bitmap at `base`; -1 when none."""
    word = index >> 6
    if word < 0:
        return -1
    bits = book[base + word] & ~((-1 << (index & 63)) << 1)
    while bits == 0:
        word -= 1
        if word < 0:
            return -1
        bits = book[base + word]
    return (word << 6) + 63 - leading_zeros(bits)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def next_above(book, ladder, tick):
    """Lowest tick above `tick` that has a queue; NO_ASK when none."""
    base = book[BITS] + ladder * book[WORDS]
    word = (tick + 1) >> 6
    if word >= book[WORDS]:
        return NO_ASK
    bits = book[base + word] & (-1 << ((tick + 1) & 63))
    if bits == 0:
        words = book[SUMMARY_WORDS]
        word = _first_from(book, book[SUMMARY] + ladder * words, words, word + 1)
        if word < 0:
            return NO_ASK
        bits = book[base + word]
    return (word << 6) + trailing_zeros(bits)


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def next_below(book, ladder, tick):
    """Highest tick below `tick` that has a queue; NO_BID when none."""
    base = book[BITS] + ladder * book[WORDS]
    word = (tick - 1) >> 6
    bits = book[base + word] & ~((-1 << ((tick - 1) & 63)) << 1)
    if bits == 0:
        word = _last_to(book, book[SUMMARY] + ladder * book[SUMMARY_WORDS], word - 1)
        if word < 0:
            return NO_BID
        bits = book[base + word]
    return (word << 6) + 63 - leading_zeros(bits)
