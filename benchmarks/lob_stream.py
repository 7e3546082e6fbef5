"""Seeded streams of order-book commands whose outcome is known.

The flow has no intelligence: a limit order lies a geometric distance behind the
other side's touch, a few cross it, a cancel names a resting order at random, a
market order sweeps. A plain-Python book runs along while the stream is drawn, so
that every cancel names an order that rests at that moment and the `StreamSummary`
says what any correct price-time book ends with. The generator makes streams; it
times nothing.

    python benchmarks/lob_stream.py --events 200000 --seed 7 --out stream.npz
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

ADD, CANCEL, MARKET = 0, 1, 2
BUY, SELL = 1, -1

EVENT_DTYPE = np.dtype(
    [
        ("kind", np.uint8),  # ADD, CANCEL or MARKET
        ("side", np.int8),  # BUY or SELL; 0 for a cancel
        ("order_id", np.int64),  # counted from 0 over ADD and MARKET
        ("price", np.int64),  # ticks; 0 for CANCEL and MARKET
        ("quantity", np.int64),  # lots; 0 for a cancel
    ]
)


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a stream leads to, the same for every correct price-time book."""

    trades: int
    volume: int
    notional: int
    best_bid: int | None
    best_ask: int | None
    resting_orders: int
    resting_quantity: int


class HalfBook:
    """One side of a plain book: first-in-first-out queues and a heap of their prices."""

    __slots__ = ("heap", "queues", "side")

    def __init__(self, side: int) -> None:
        self.side = side
        self.queues: dict[int, dict[int, int]] = {}  # price -> order id -> lots, oldest first
        self.heap: list[int] = []  # prices with the best on top, emptied ones among them

    def best(self) -> int | None:
        """Best price that has a queue."""
        while self.heap and -self.side * self.heap[0] not in self.queues:
            heapq.heappop(self.heap)
        return -self.side * self.heap[0] if self.heap else None

    def append(self, price: int, order_id: int, lots: int) -> None:
        """Put an order at the end of its queue."""
        if price not in self.queues:
            self.queues[price] = {}
            heapq.heappush(self.heap, -self.side * price)
        self.queues[price][order_id] = lots

    def remove(self, price: int, order_id: int) -> int:
        """Take an order out of its queue; return its lots."""
        queue = self.queues[price]
        lots = queue.pop(order_id)
        if not queue:
            del self.queues[price]
        return lots


class PlainBook:
    """Price-time-priority book in plain Python, simple enough to be trusted."""

    __slots__ = ("notional", "sides", "trades", "volume", "where")

    def __init__(self) -> None:
        self.sides = {BUY: HalfBook(BUY), SELL: HalfBook(SELL)}
        self.where: dict[int, tuple[int, int]] = {}  # order id -> side, price
        self.trades = self.volume = self.notional = 0

    def add(self, order_id: int, side: int, price: int, quantity: int) -> int:
        """Match a limit order and rest what is left; return the lots filled."""
        filled = self._match(side, quantity, price)
        if filled < quantity:
            self.sides[side].append(price, order_id, quantity - filled)
            self.where[order_id] = side, price
        return filled

    def market(self, order_id: int, side: int, quantity: int) -> int:
        """Match at any price and drop what is left; return the lots filled."""
        return self._match(side, quantity, None)

    def cancel(self, order_id: int) -> int:
        """Take a resting order out; return its lots, 0 if it is not there."""
        if order_id not in self.where:
            return 0
        side, price = self.where.pop(order_id)
        return self.sides[side].remove(price, order_id)

    def summary(self) -> StreamSummary:
        """State of the book in the form a stream promises it."""
        resting = [
            lots for half in self.sides.values() for queue in half.queues.values() for lots in queue.values()
        ]
        return StreamSummary(
            self.trades,
            self.volume,
            self.notional,
            self.sides[BUY].best(),
            self.sides[SELL].best(),
            len(resting),
            sum(resting),
        )

    def _match(self, side: int, quantity: int, limit: int | None) -> int:
        other, left = self.sides[-side], quantity
        while left:
            price = other.best()
            if price is None or (limit is not None and (price - limit) * side > 0):
                break
            queue = other.queues[price]
            maker = next(iter(queue))
            traded = min(left, queue[maker])
            left -= traded
            self.trades += 1
            self.volume += traded
            self.notional += traded * price
            if traded == queue[maker]:
                other.remove(price, maker)
                del self.where[maker]
            else:
                queue[maker] -= traded
        return quantity - left


def make_stream(
    events: int,
    *,
    seed: int = 7,
    p_add: float = 0.50,
    p_market: float = 0.08,
    p_cross: float = 0.05,
    start_price: int = 10_000,
    mean_offset: float = 10.0,
    max_quantity: int = 10,
    warmup_orders: int = 1_000,
    min_resting: int = 1_000,
    price_band: int = 4_000,
) -> tuple[NDArray[np.void], StreamSummary]:
    """Draw a stream and its outcome.

    Parameters
    ----------
    events : int
        Commands, the warm-up included.
    seed : int
        The same arguments give the same stream.
    p_add, p_market : float
        Chance of a limit and of a market order; the rest are cancels.
    p_cross : float
        Chance that a limit order is priced at or through the other touch.
    start_price : int
        Ticks around which the warm-up lies.
    mean_offset : float
        Mean distance of a passive order from the other touch, in ticks.
    max_quantity : int
        Limit orders have 1 to this many lots, market orders up to twice as many.
    warmup_orders : int
        Limit orders before the mix starts.
    min_resting : int
        With fewer resting orders every command is a limit order.
    price_band : int
        Most ticks from `start_price`.

    Returns
    -------
    tuple of ndarray and StreamSummary
        Commands of dtype `EVENT_DTYPE`, and what they lead to.

    Raises
    ------
    ValueError
        If `events` is negative or the chances are not a mix.
    """
    if events < 0:
        raise ValueError(f"events must not be negative, got {events}")
    if p_add < 0 or p_market < 0 or p_add + p_market > 1:
        raise ValueError(f"p_add={p_add} and p_market={p_market} are not a mix of chances")
    rng, book = random.Random(seed), PlainBook()
    commands = np.zeros(events, EVENT_DTYPE)
    candidates: list[int] = []  # orders that rested once
    decay = math.log1p(-1.0 / mean_offset) if mean_offset > 1 else -math.inf
    ids = 0
    for i in range(events):
        draw = rng.random()
        if i < warmup_orders or len(book.where) < min_resting:
            draw = 0.0
        if draw >= p_add + p_market:
            order_id = _pick_resting(rng, candidates, book)
            book.cancel(order_id)
            commands[i] = (CANCEL, 0, order_id, 0, 0)
            continue
        side = BUY if rng.random() < 0.5 else SELL
        if draw >= p_add:
            quantity = rng.randint(1, 2 * max_quantity)
            book.market(ids, side, quantity)
            commands[i] = (MARKET, side, ids, 0, quantity)
        else:
            offset = 1 if decay == -math.inf else 1 + int(math.log(1.0 - rng.random()) / decay)
            touch = book.sides[-side].best()
            if i >= warmup_orders and rng.random() < p_cross:
                offset = -rng.randint(0, 2)
            price = (start_price + side if touch is None else touch) - side * offset
            price = min(max(price, start_price - price_band), start_price + price_band)
            quantity = rng.randint(1, max_quantity)
            book.add(ids, side, price, quantity)
            if ids in book.where:
                candidates.append(ids)
            commands[i] = (ADD, side, ids, price, quantity)
        ids += 1
    return commands, book.summary()


def _pick_resting(rng: random.Random, candidates: list[int], book: PlainBook) -> int:
    """Draw a resting order; candidates that were filled meanwhile are dropped on the way."""
    while True:
        place = rng.randrange(len(candidates))
        order_id, candidates[place] = candidates[place], candidates[-1]
        candidates.pop()
        if order_id in book.where:
            return order_id


def replay(events: NDArray[np.void], book: PlainBook) -> StreamSummary:
    """Feed a stream to a book that has add, cancel, market and summary."""
    for kind, side, order_id, price, quantity in events.tolist():
        if kind == ADD:
            book.add(order_id, side, price, quantity)
        elif kind == CANCEL:
            book.cancel(order_id)
        else:
            book.market(order_id, side, quantity)
    return book.summary()


def main() -> None:
    """Write a stream and its outcome to a compressed NumPy file."""
    parser = argparse.ArgumentParser(description="Draw a seeded stream of order-book commands.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", default="stream.npz")
    args = parser.parse_args()
    events, summary = make_stream(args.events, seed=args.seed)
    outcome = {key: np.int64(-1 if value is None else value) for key, value in asdict(summary).items()}
    np.savez_compressed(args.out, events=events, **outcome)
    print(summary)


if __name__ == "__main__":
    main()
