"""Commands per second of our order book and of others, on one seeded stream.

Each row replays the same stream and says whether it ended as the stream
promises. A peer is imported only when it is asked for; install it first. Ours:

* ``batch``: the whole stream in one compiled call, no settlement;
* ``batch-settled``: with 64 owners, a self-trade rule, escrow and the ledger (the
  rule cancels some orders, so its outcome is checked against money, not the stream);
* ``calls``: one Python call per command; ``calls-settled``: the same with a ledger.

    python benchmarks/bench_books.py python batch batch-settled calls calls-settled
    python benchmarks/bench_books.py --events 5000 batch order-matching pams

Ratios are to the first row.
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version

import numpy as np
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.market.order_book import SELL, OrderBook, SelfTrade, batch_kernels
from lob_stream import ADD, BUY, CANCEL, PlainBook, StreamSummary, make_stream, replay
from numpy.typing import NDArray

Events = NDArray[np.void]
Outcome = dict[str, int | None]
Adapter = Callable[[Events], tuple[float, Outcome]]
LADDER_TICKS = 20_000
OWNERS = 64
WEALTH = 10**15


def python_book(events: Events) -> tuple[float, Outcome]:
    """Time the plain-Python book that draws the stream."""
    book = PlainBook()
    start = time.perf_counter()
    summary = replay(events, book)
    return time.perf_counter() - start, {"trades": summary.trades, "volume": summary.volume}


def our_batch(events: Events) -> tuple[float, Outcome]:
    """Time our book, bare, the stream as one batch; translating the stream counts."""
    OrderBook(LADDER_TICKS).run(as_commands(events[:10]))  # compile
    book = OrderBook(LADDER_TICKS, 8_192, trade_rows=len(events))
    start = time.perf_counter()
    book.run(as_commands(events))
    return time.perf_counter() - start, outcome_of(book)


def our_settled_batch(events: Events) -> tuple[float, Outcome]:
    """Time our book with owners, self-trade rule, escrow and ledger, the stream as one batch."""
    settled_book(SelfTrade.CANCEL_MAKER)[1].run(as_commands(events[:10]))
    ledger, book = settled_book(SelfTrade.CANCEL_MAKER)
    owners = np.random.default_rng(1).integers(1, 1 + OWNERS, len(events))
    start = time.perf_counter()
    commands = as_commands(events)
    commands[:, batch_kernels.COMMAND_OWNER] = owners
    commands[:, batch_kernels.COMMAND_FLAGS] = SelfTrade.CANCEL_MAKER
    book.run(commands)
    seconds = time.perf_counter() - start
    check_money(ledger, book)
    return seconds, {}


def our_calls(events: Events) -> tuple[float, Outcome]:
    """Time our book, bare, one Python call per command."""
    call_by_call(OrderBook(LADDER_TICKS), events[:2_000])
    book = OrderBook(LADDER_TICKS, 8_192, trade_rows=len(events))
    return call_by_call(book, events), outcome_of(book)


def our_settled_calls(events: Events) -> tuple[float, Outcome]:
    """Time our book with a ledger, one Python call per command."""
    call_by_call(settled_book(SelfTrade.NONE)[1], events[:2_000])
    ledger, book = settled_book(SelfTrade.NONE)
    seconds = call_by_call(book, events)
    check_money(ledger, book)
    return seconds, outcome_of(book)


def settled_book(rule: SelfTrade) -> tuple[Ledger, OrderBook]:
    """Make a settled book and rich owners, accounts 1 to `OWNERS`."""
    ledger = Ledger([Asset("ETH", 9), Asset("USD", 6)], capacity=OWNERS + 2)
    first = ledger.open_accounts("trader", OWNERS)
    for owner in range(first, first + OWNERS):
        ledger.endow(0, owner, WEALTH)
        ledger.endow(1, owner, WEALTH)
    book = OrderBook(
        LADDER_TICKS,
        8_192,
        trade_rows=200_000,
        ledger=ledger,
        base="ETH",
        quote="USD",
        base_per_lot=10**6,
        quote_per_lot_tick=10,
        self_trade=rule,
    )
    return ledger, book


def call_by_call(book: OrderBook, events: Events) -> float:
    """Replay a stream with one call per command; return the seconds it took."""
    ids: dict[int, int] = {}
    start = time.perf_counter()
    for kind, side, order_id, price, quantity in events.tolist():
        if kind == ADD:
            ids[order_id] = book.limit(side, price, quantity, 1 + order_id % OWNERS)
        elif kind == CANCEL:
            book.cancel(ids[order_id])
        else:
            book.market(side, quantity, 1 + order_id % OWNERS)
    return time.perf_counter() - start


def as_commands(events: Events) -> NDArray[np.int64]:
    """Translate a stream into the command matrix of our batch."""
    commands = np.zeros((len(events), batch_kernels.COMMAND_COLUMNS), np.int64)
    commands[:, batch_kernels.KIND] = np.where(
        events["kind"] == CANCEL, batch_kernels.CANCEL, batch_kernels.ADD
    )
    commands[:, batch_kernels.COMMAND_SIDE] = events["side"]
    commands[:, batch_kernels.COMMAND_PRICE] = events["price"]
    commands[:, batch_kernels.COMMAND_LOTS] = events["quantity"]
    commands[:, batch_kernels.COMMAND_ID] = events["order_id"]
    return commands


def outcome_of(book: OrderBook) -> Outcome:
    """Everything the stream promises, as our book has it."""
    return {
        "trades": book.trade_count,
        "volume": book.volume,
        "notional": book.notional,
        "best_bid": book.best_bid,
        "best_ask": book.best_ask,
        "resting_orders": book.resting_count,
        "resting_quantity": int(book.orders(BUY)[:, 4].sum() + book.orders(SELL)[:, 4].sum()),
    }


def check_money(ledger: Ledger, book: OrderBook) -> None:
    """Refuse a run whose escrow is not what rests."""
    escrow = tuple(ledger.balances[ledger.n_accounts - 1].tolist())
    if escrow != book.locked_funds() or ledger.imbalance().any():
        raise AssertionError(f"escrow holds {escrow}, resting orders need {book.locked_funds()}")


def light_matching_engine(events: Events) -> tuple[float, Outcome]:
    """Time lightmatchingengine; a market order is a far limit whose rest is cancelled."""
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine

    engine, ids, trades, volume = LightMatchingEngine(), {}, 0, 0
    start = time.perf_counter()
    for kind, side, order_id, price, quantity in events.tolist():
        if kind == CANCEL:
            engine.cancel_order(ids[order_id], "X")
            continue
        their_side = 1 if side == BUY else 2
        limit = price if kind == ADD else (10**9 if side == BUY else 1)
        order, fills = engine.add_order("X", limit, quantity, their_side)
        if kind == ADD:
            ids[order_id] = order.order_id
        elif order.leaves_qty:
            engine.cancel_order(order.order_id, "X")
        for fill in fills:
            if fill.trade_side != their_side:
                trades += 1
                volume += fill.trade_qty
    return time.perf_counter() - start, {"trades": trades, "volume": volume}


def limit_order_book(events: Events) -> tuple[float, Outcome]:
    """Time limit_order_book (C++ behind ctypes), which reports no trades."""
    from limit_order_book import LimitOrderBook

    book = LimitOrderBook()
    start = time.perf_counter()
    for kind, side, order_id, price, quantity in events.tolist():
        if kind == ADD:
            (book.limit_buy if side == BUY else book.limit_sell)(order_id + 1, quantity, price)
        elif kind == CANCEL:
            book.cancel(order_id + 1)
        else:
            (book.market_buy if side == BUY else book.market_sell)(order_id + 1, quantity)
    seconds = time.perf_counter() - start
    return seconds, {
        "best_bid": book.best_buy(),
        "best_ask": book.best_sell(),
        "resting_orders": book.count(),
    }


def bourse(events: Events) -> tuple[float, Outcome]:
    """Time bourse; its clock is moved for every order, equal times would lose trades."""
    from bourse.core import OrderBook as BourseBook

    book, ids = BourseBook(0, 1, True), {}
    start = time.perf_counter()
    for now, (kind, side, order_id, price, quantity) in enumerate(events.tolist(), 1):
        book.set_time(now)
        if kind == ADD:
            ids[order_id] = book.place_order(side == BUY, quantity, 0, price=price)
        elif kind == CANCEL:
            book.cancel_order(ids[order_id])
        else:
            book.place_order(side == BUY, quantity, 0)
    seconds = time.perf_counter() - start
    trades = book.get_trades()
    return seconds, {"trades": len(trades), "volume": sum(trade[3] for trade in trades)}


def order_matching(events: Events) -> tuple[float, Outcome]:
    """Time order-matching, matching after every order; it needs its polars extra."""
    from loguru import logger
    from order_matching.enums import Side
    from order_matching.matching_engine import MatchingEngine
    from order_matching.order import LimitOrder, MarketOrder
    from order_matching.orders import Orders

    logger.remove()
    engine, epoch, trades, volume = MatchingEngine(seed=1), datetime(2024, 1, 1), 0, 0.0
    start = time.perf_counter()
    for tick, (kind, side, order_id, price, quantity) in enumerate(events.tolist()):
        if kind == CANCEL:
            engine.cancel_order(str(order_id))
            continue
        now = epoch + timedelta(microseconds=tick)
        common = {
            "side": Side.BUY if side == BUY else Side.SELL,
            "size": float(quantity),
            "timestamp": now,
            "order_id": str(order_id),
            "trader_id": "x",
        }
        order = LimitOrder(price=float(price), **common) if kind == ADD else MarketOrder(**common)
        engine.place(orders=Orders([order]))
        fills = engine.match(timestamp=now)
        trades += len(fills.trades)
        volume += sum(fill.size for fill in fills.trades)
    return time.perf_counter() - start, {"trades": trades, "volume": int(volume)}


def pams(events: Events) -> tuple[float, Outcome]:
    """Time a PAMS market through its private order entry; it has no public one outside a runner."""
    from pams import LIMIT_ORDER, MARKET_ORDER, Cancel, Market, Order, Simulator

    warnings.simplefilter("ignore")
    simulator = Simulator(prng=random.Random(1))
    market = Market(market_id=0, prng=random.Random(1), simulator=simulator, name="m")
    market.setup(settings={"tickSize": 1, "marketPrice": 10_000.0})
    market._update_time(next_fundamental_price=10_000.0)
    market._is_running = True
    orders, trades, volume = {}, 0, 0
    start = time.perf_counter()
    for kind, side, order_id, price, quantity in events.tolist():
        if kind == CANCEL:
            market._cancel_order(Cancel(order=orders[order_id]))
            continue
        common = {"agent_id": 0, "market_id": 0, "is_buy": side == BUY, "volume": quantity}
        if kind == ADD:
            order = Order(kind=LIMIT_ORDER, price=float(price), **common)
        else:
            order = Order(kind=MARKET_ORDER, **common)
        orders[order_id] = order
        market._add_order(order)
        for fill in market._execution():
            trades += 1
            volume += fill.volume
    return time.perf_counter() - start, {"trades": trades, "volume": volume}


ADAPTERS: dict[str, tuple[str | None, Adapter]] = {
    "python": (None, python_book),
    "batch": ("liquidarium", our_batch),
    "batch-settled": ("liquidarium", our_settled_batch),
    "calls": ("liquidarium", our_calls),
    "calls-settled": ("liquidarium", our_settled_calls),
    "lightmatchingengine": ("lightmatchingengine", light_matching_engine),
    "limit_order_book": ("limit_order_book", limit_order_book),
    "bourse": ("bourse", bourse),
    "order-matching": ("order-matching", order_matching),
    "pams": ("pams", pams),
}


def agrees(outcome: Outcome, promised: StreamSummary) -> bool:
    """Whether everything a book reports is what the stream promises."""
    return all(getattr(promised, name) == value for name, value in outcome.items())


def main() -> None:
    """Print one row per book."""
    parser = argparse.ArgumentParser(description="Commands per second of several order books.")
    parser.add_argument("books", nargs="+", choices=list(ADAPTERS), metavar="book", help=", ".join(ADAPTERS))
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    events, promised = make_stream(args.events, seed=args.seed)
    first = None
    for name in args.books:
        package, adapter = ADAPTERS[name]
        try:
            runs = [adapter(events) for _ in range(args.repeats)]
        except ImportError as error:
            print(f"{name:34s} not installed: {error}", flush=True)
            continue
        rate = args.events / min(run[0] for run in runs)
        first = rate if first is None else first
        outcome = runs[-1][1]
        if not outcome:
            verdict = "money checked"
        else:
            verdict = "agrees" if agrees(outcome, promised) else f"DIFFERS {outcome}"
        label = f"{name} {version(package)}" if package else name
        print(f"{label:34s} {rate / 1e3:10.1f} k commands/s {rate / first:9.2f} x  {verdict}", flush=True)


if __name__ == "__main__":
    main()
