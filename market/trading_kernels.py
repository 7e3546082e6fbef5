"""One block of trading in all books, compiled.

For each book: the fair price follows the outside world plus what is left of the
book's own deviation; makers' standing quotes and stale background orders are
withdrawn; makers quote anew; background orders arrive; statistics are taken.
Everything matches in `order_book.book_kernels`. What the columns mean is in
`trading_layout`; who calls this once per block is `trading.TradingFloor`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .order_book.book_kernels import cancel, find, is_live, submit
from .order_book.layout import (
    BASE_ASSET,
    BASE_PER_LOT,
    BEST_ASK,
    BEST_BID,
    BUY,
    CANCEL_MAKER,
    DEPTH,
    ESCROW_ACCOUNT,
    FRESH,
    HEAD,
    HIDDEN,
    LAST_PRICE,
    LEFT,
    MAX_LOTS,
    NEXT,
    NO_ASK,
    NO_BID,
    ORDER_ID,
    OWNER,
    PRICE,
    QUOTE_ASSET,
    QUOTE_PER_LOT_TICK,
    RESTING,
    RESTING_LADDER,
    SELL,
    SIDE,
    SLICES,
    SLOT,
    SLOTS_END,
    STAMP,
    TICKS,
    TRADE_WITH_SELF,
)
from .order_book.queue_kernels import level_of, next_above, next_below
from .order_book.view_kernels import locked_funds
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
    NEXT_REFERENCE,
    QUOTE_ABOVE,
    QUOTE_BELOW,
    QUOTE_LEVEL_STEP,
    QUOTE_LEVELS,
    QUOTE_LIMIT_USD,
    QUOTE_SIZE_USD,
    QUOTE_SKEW,
    QUOTE_TARGET,
    REACH,
    REFERENCE,
    RESTING_TARGET,
    SWEPT_FAIR,
    TICK_USD,
    VARIANCE,
    VARIANCE_WEIGHT,
)


@njit(cache=True, _nrt=False)
def _fair_price(book, row, param, reference):
    """Carry the deviation from the outside price over to the new outside price, faded.

    A side that was taken out whole since the last block stands at its last trade;
    where a side was empty already, the book says nothing new of the price.
    """
    bid, ask = book[BEST_BID], book[BEST_ASK]
    if bid == NO_BID and not math.isnan(row[BID]):
        bid = book[LAST_PRICE]
    if ask == NO_ASK and not math.isnan(row[ASK]):
        ask = book[LAST_PRICE]
    mid = 0.5 * (bid + ask) * param[TICK_USD] if bid != NO_BID and ask != NO_ASK else row[FAIR]
    deviation = math.log(mid / row[REFERENCE])
    row[REFERENCE] = reference
    row[FAIR] = reference * math.exp(deviation * param[DEVIATION_KEPT])


@njit(cache=True, _nrt=False)
def _withdraw_stale(book, balances, volumes, param, fair):
    """Cancel background orders on the wrong side of the fair price (in ticks), best first."""
    flow = int(param[FLOW_ACCOUNT])
    while book[BEST_BID] != NO_BID and book[BEST_BID] > fair:
        slot = book[level_of(book, RESTING_LADDER, book[BEST_BID]) + HEAD]
        if book[slot + OWNER] != flow:
            break
        cancel(book, balances, volumes, book[slot + ORDER_ID])
    while book[BEST_ASK] != NO_ASK and book[BEST_ASK] < fair:
        slot = book[level_of(book, RESTING_LADDER, book[BEST_ASK]) + HEAD]
        if book[slot + OWNER] != flow:
            break
        cancel(book, balances, volumes, book[slot + ORDER_ID])


@njit(cache=True, _nrt=False)
def _withdraw_left_behind(book, balances, volumes, param, fair):
    """Cancel background orders that the fair price (in ticks) has moved far away from.

    Were they still there when the few new orders near the fair price are gone, the
    middle between the new price and the old would pass for the book's opinion.
    """
    flow = int(param[FLOW_ACCOUNT])
    reach = REACH * param[MEAN_OFFSET]
    for side in (BUY, SELL):
        tick = book[BEST_BID] if side == BUY else book[BEST_ASK]
        while NO_BID < tick < NO_ASK:
            if side * (fair - tick) > reach * fair:
                slot = book[level_of(book, RESTING_LADDER, tick) + HEAD]
                while slot != 0:
                    after = book[slot + NEXT]
                    if book[slot + OWNER] == flow:
                        cancel(book, balances, volumes, book[slot + ORDER_ID])
                    slot = after
            if side == BUY:
                tick = next_below(book, RESTING_LADDER, tick)
            else:
                tick = next_above(book, RESTING_LADDER, tick)


@njit(cache=True, _nrt=False)
def _quote(book, balances, volumes, trades, row, param, quote, orders, maker):
    """Place one maker's orders from its standing quote and present inventory."""
    levels = int(quote[QUOTE_LEVELS])
    if levels == 0:
        return
    fair, tick, lot = row[FAIR], param[TICK_USD], param[LOT]
    held = balances[maker, book[BASE_ASSET]] / book[BASE_PER_LOT] - quote[QUOTE_TARGET]
    inventory_usd = held * lot * fair
    centre = 1.0 - quote[QUOTE_SKEW] * inventory_usd
    lots = min(int(quote[QUOTE_SIZE_USD] / (fair * lot)), book[MAX_LOTS])
    if lots < 1:
        return
    top = book[TICKS] - 1
    rule, whole = np.int64(CANCEL_MAKER), np.int64(0)  # typed, so that `submit` is compiled once
    for level in range(levels):
        for k in range(2):
            side = BUY if k == 0 else SELL
            away = quote[QUOTE_BELOW if k == 0 else QUOTE_ABOVE] + level * quote[QUOTE_LEVEL_STEP]
            if side * inventory_usd >= quote[QUOTE_LIMIT_USD] or away == math.inf:
                continue
            if side == BUY:
                price = math.floor(fair * (centre - away) / tick)
            else:
                price = math.ceil(fair * (centre + away) / tick)
            if 1 <= price <= top:
                orders[2 * level + k] = submit(
                    book, balances, volumes, trades, maker, side, price, lots, rule, whole
                )


@njit(cache=True, _nrt=False)
def _cancel_one(book, balances, volumes, live, draw):
    """Cancel a random background order; return how many were there to cancel, 0 or 1.

    Dead entries met on the way are forgotten.
    """
    while live[0] > 0:
        pick = 1 + int(draw * live[0])
        order = live[pick]
        live[pick] = live[live[0]]
        live[0] -= 1
        if is_live(book, order):
            cancel(book, balances, volumes, order)
            return 1
    return 0


@njit(cache=True, _nrt=False)
def _flow(book, balances, volumes, trades, row, param, live, resting, draws):
    """Let background orders arrive, one for each row of draws: market, cancel or limit.

    `resting` background orders rest at the start; `live` may list dead ones too.
    """
    tick = param[TICK_USD]
    fair = row[FAIR]
    account = int(param[FLOW_ACCOUNT])
    mean_lots = param[MEAN_QUANTITY_USD] / (fair * param[LOT])
    top = book[TICKS] - 1
    largest = book[MAX_LOTS]
    room = len(live) - 1
    rule, whole = np.int64(TRADE_WITH_SELF), np.int64(0)
    for i in range(len(draws)):
        kind = draws[i, 0]
        side = BUY if draws[i, 1] < 0.5 else SELL
        price = 0
        if kind >= param[MARKET_SHARE]:
            cancels = param[CANCEL_SHARE] * resting / param[RESTING_TARGET]
            if kind < param[MARKET_SHARE] + cancels or live[0] >= room:
                resting -= _cancel_one(book, balances, volumes, live, draws[i, 4])
                continue
            away = -param[MEAN_OFFSET] * math.log(1.0 - draws[i, 2])
            if side == BUY:
                price = math.floor(fair * (1.0 - away) / tick)
            else:
                price = math.ceil(fair * (1.0 + away) / tick)
            if price < 1 or price > top:
                continue
        lots = min(1 + int(-mean_lots * math.log(1.0 - draws[i, 3])), largest)
        order = submit(book, balances, volumes, trades, account, side, price, lots, rule, whole)
        if price > 0 and is_live(book, order):
            resting += 1
            live[0] += 1
            live[live[0]] = order


@njit(cache=True, _nrt=False)
def _bids_usd(book, lowest):
    """Value of the bids down to a tick, lots x ticks."""
    total = 0
    tick = book[BEST_BID]
    while tick != NO_BID and tick >= lowest:
        total += book[level_of(book, RESTING_LADDER, tick) + DEPTH] * tick
        tick = next_below(book, RESTING_LADDER, tick)
    return total


@njit(cache=True, _nrt=False)
def _asks_usd(book, highest):
    """Value of the asks up to a tick, lots x ticks."""
    total = 0
    tick = book[BEST_ASK]
    while tick != NO_ASK and tick <= highest:
        total += book[level_of(book, RESTING_LADDER, tick) + DEPTH] * tick
        tick = next_above(book, RESTING_LADDER, tick)
    return total


@njit(cache=True, _nrt=False)
def _statistics(book, row, param):
    """Touch, mid, depth within the band and the moving variance of log mids per second."""
    tick = param[TICK_USD]
    bid, ask = book[BEST_BID], book[BEST_ASK]
    row[BID] = bid * tick if bid != NO_BID else math.nan
    row[ASK] = ask * tick if ask != NO_ASK else math.nan
    before = row[MID]
    if bid != NO_BID and ask != NO_ASK:
        row[MID] = 0.5 * (bid + ask) * tick
    change = math.log(row[MID] / before)
    weight = param[VARIANCE_WEIGHT]
    row[VARIANCE] += weight * (change * change / param[BLOCK_TIME_S] - row[VARIANCE])
    scale = param[LOT] * tick
    mid, band = row[MID] / tick, param[DEPTH_BAND]
    lowest, highest = math.ceil(mid * (1.0 - band)), math.floor(mid * (1.0 + band))
    row[BID_DEPTH_USD] = _bids_usd(book, lowest) * scale
    row[ASK_DEPTH_USD] = _asks_usd(book, highest) * scale


@njit(cache=True, _nrt=False)
def _has_room(books, trades, counts, n_makers):
    """Whether slots and trade log suffice for the coming block, whatever happens in it."""
    need = 0
    for b in range(len(books)):
        book = books[b]
        new = counts[b] + 2 * MAX_LEVELS * n_makers
        if (book[SLOTS_END] - book[FRESH]) // SLOT < new:
            return False
        need += book[SLICES] + 2 * new
    return len(trades) - 1 - trades[0, 0] >= need


@njit(cache=True, _nrt=False)
def trade_block(
    books,
    balances,
    volumes,
    trades,
    state,
    params,
    live,
    quotes,
    orders,
    makers,
    turns,
    draws,
    cursors,
    counts,
    stamp,
):
    """Run one block in every book.

    Parameters
    ----------
    books : int64 ndarray, shape (n_books, words)
    balances, volumes, trades : the ledger's arrays and the trade log
    state, params : float64 ndarray, shape (n_books, ...)
        Columns of `trading_layout`; the caller has put the new outside price
        into column NEXT_REFERENCE of `params`.
    live : int64 ndarray, shape (n_books, 1 + capacity)
        Ids of resting background orders, some dead by now; the first place holds their number.
    quotes : float64 ndarray, shape (n_makers, n_books, ...)
    orders : int64 ndarray, shape (n_makers, n_books, 2 * MAX_LEVELS)
        Ids of makers' resting orders, 0 for none.
    makers : int64 ndarray, shape (n_makers,)
        Ledger accounts.
    turns : int64 ndarray, shape (n_makers,)
        Order in which makers quote in this block.
    draws, cursors, counts : the flow's uniforms, positions and arrivals
    stamp : int
        Written on trades.

    Returns
    -------
    bool
        False, and nothing done, when a book or the log must be given room first.
    """
    if not _has_room(books, trades, counts, len(makers)):
        return False
    for b in range(len(books)):
        book, row, param = books[b], state[b], params[b]
        book[STAMP] = stamp
        if param[HALTED] > 0.0:
            row[BID_DEPTH_USD] = row[ASK_DEPTH_USD] = 0.0
            cursors[b] += counts[b]
            continue
        _fair_price(book, row, param, param[NEXT_REFERENCE])
        for m in range(len(makers)):
            for k in range(orders.shape[2]):
                order = orders[m, b, k]
                if order > 0:
                    if is_live(book, order):
                        cancel(book, balances, volumes, order)
                    orders[m, b, k] = 0
        _withdraw_stale(book, balances, volumes, param, row[FAIR] / param[TICK_USD])
        if abs(math.log(row[FAIR] / row[SWEPT_FAIR])) > 0.5 * REACH * param[MEAN_OFFSET]:
            _withdraw_left_behind(book, balances, volumes, param, row[FAIR] / param[TICK_USD])
            row[SWEPT_FAIR] = row[FAIR]
        resting = book[RESTING]  # makers have not quoted yet
        for turn in range(len(turns)):
            m = turns[turn]
            _quote(book, balances, volumes, trades, row, param, quotes[m, b], orders[m, b], makers[m])
        start, end = cursors[b], cursors[b] + counts[b]
        _flow(book, balances, volumes, trades, row, param, live[b], resting, draws[b, start:end])
        cursors[b] = end
        _statistics(book, row, param)
    return True


@njit(cache=True, _nrt=False)
def locked_by(books, orders, base, quote):
    """Add up what some orders lock: base units per book, quote units in `quote[0]`.

    `orders` is int64, shape (n_books, n), 0 for none; dead ones lock nothing.
    """
    quote[0] = 0
    for b in range(len(books)):
        book = books[b]
        base[b] = 0
        for k in range(orders.shape[1]):
            slot = find(book, orders[b, k])
            if slot == 0:
                continue
            lots = book[slot + LEFT] + book[slot + HIDDEN]
            if book[slot + SIDE] == SELL:
                base[b] += lots * book[BASE_PER_LOT]
            else:
                quote[0] += lots * book[slot + PRICE] * book[QUOTE_PER_LOT_TICK]


@njit(cache=True, _nrt=False)
def escrow_residual(books, balances, residual):
    """Put down, per asset, what escrow accounts hold less what resting orders lock.

    Walks every resting order; `residual` is int64, shape (n_assets,), and is
    zero unless money was lost or made.

    Returns
    -------
    bool
        Whether it is zero.
    """
    for i in range(len(residual)):
        residual[i] = 0
    for b in range(len(books)):
        book = books[b]
        base, quote = locked_funds(book)
        escrow = book[ESCROW_ACCOUNT]
        residual[book[BASE_ASSET]] += balances[escrow, book[BASE_ASSET]] - base
        residual[book[QUOTE_ASSET]] += balances[escrow, book[QUOTE_ASSET]] - quote
    agrees = True
    for i in range(len(residual)):
        agrees = agrees and residual[i] == 0
    return agrees
