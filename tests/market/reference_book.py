"""A slow, obvious order book: what the compiled one must equal, command by command.

Orders are objects in one list, the best is found by sorting, money is a dict of
balances. Nothing is shared with the package but the numbers of flags and statuses.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field

BUY, SELL = 1, -1
CANCEL_TAKER, CANCEL_MAKER = 1, 2
IMMEDIATE_OR_CANCEL, FILL_OR_KILL, POST_ONLY, STOP = 4, 8, 16, 32
BASE, QUOTE = 0, 1


@dataclass
class Order:
    name: int
    owner: int
    side: int
    price: int  # 0: at market
    lots: int  # shown
    hidden: int
    peak: int
    flags: int
    rank: int  # place in time
    trigger: int = 0


@dataclass
class ReferenceBook:
    ticks: int
    base_per_lot: int
    quote_per_lot_tick: int
    balances: dict[int, list[int]] | None = None  # owner -> [base, quote]; None: a bare book
    orders: list[Order] = field(default_factory=list)
    stops: list[Order] = field(default_factory=list)
    trades: list[tuple[int, ...]] = field(default_factory=list)  # side, price, lots, owners, names
    status: str = "ACCEPTED"
    filled: int = 0
    value: int = 0
    last: int = 0
    clock: int = 0
    dropped: int = 0

    def queue(self, side: int) -> list[Order]:
        """Orders of a side in the order they will be served."""
        return sorted((o for o in self.orders if o.side == side), key=lambda o: (-o.price * side, o.rank))

    def waiting(self, side: int) -> list[Order]:
        return sorted((o for o in self.stops if o.side == side), key=lambda o: (o.trigger * side, o.rank))

    def best(self, side: int) -> int | None:
        queue = self.queue(side)
        return queue[0].price if queue else None

    def find(self, name: int) -> Order | None:
        return next((o for o in self.orders + self.stops if o.name == name), None)

    def locked(self) -> tuple[int, int]:
        held = defaultdict(int)
        for order in self.orders:
            asset, amount = self.funds(order.side, order.price, order.lots + order.hidden)
            held[asset] += amount
        return held[BASE], held[QUOTE]

    def funds(self, side: int, price: int, lots: int) -> tuple[int, int]:
        """Asset and amount that an order must be able to pay."""
        if side == SELL:
            return BASE, lots * self.base_per_lot
        return QUOTE, lots * price * self.quote_per_lot_tick

    def pay(self, owner: int, asset: int, amount: int) -> None:
        if self.balances is not None:
            self.balances[owner][asset] += amount

    # Commands

    def submit(self, name: int, owner: int, side: int, price: int, lots: int, flags: int, extra: int) -> bool:
        self.filled = self.value = 0
        self.status = "ACCEPTED"
        if flags & STOP:
            flags -= STOP
            trigger, extra = extra, 0
            if not 1 <= trigger < self.ticks:
                return self.refuse("BAD_PRICE")
            if self.last == 0 or (self.last - trigger) * side < 0:
                return self.wait(Order(name, owner, side, price, lots, 0, 0, flags, self.tick(), trigger))
        order = Order(name, owner, side, price, lots, 0, extra, flags, 0)
        status = self.admission(order, held=0)
        if status != "ACCEPTED":
            return self.refuse(status)
        self.run(order)
        return True

    def cancel(self, name: int) -> int:
        return self.reduce(name, None)

    def reduce(self, name: int, lots: int | None) -> int:
        self.filled = self.value = 0
        self.status = "ACCEPTED"
        order = self.find(name)
        if order is None:
            return self.refuse("UNKNOWN_ORDER")
        if lots is not None and lots < 1:
            return self.refuse("BAD_QUANTITY")
        total = order.lots + order.hidden
        lots = total if lots is None else min(lots, total)
        if order in self.orders:
            self.pay(order.owner, *self.funds(order.side, order.price, lots))
        unseen = min(lots, order.hidden)
        order.hidden -= unseen
        order.lots -= lots - unseen
        if order.lots == 0:
            (self.orders if order in self.orders else self.stops).remove(order)
        return lots

    def replace(self, name: int, price: int, lots: int, flags: int) -> bool:
        self.filled = self.value = 0
        self.status = "ACCEPTED"
        order = self.find(name)
        if order is None:
            return self.refuse("UNKNOWN_ORDER")
        if order in self.stops:
            return self.refuse("NOT_REPLACEABLE")
        if price == 0:
            return self.refuse("BAD_PRICE")
        total = order.lots + order.hidden
        if price == order.price and 0 < lots <= total:
            if lots < total:
                self.reduce(name, total - lots)
            return True
        _, held = self.funds(order.side, order.price, total)
        new = Order(name, order.owner, order.side, price, lots, 0, order.peak, flags, 0)
        status = self.admission(new, held)
        if status != "ACCEPTED":
            return self.refuse(status)
        self.reduce(name, None)
        self.run(new)
        return True

    # Steps

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def refuse(self, status: str) -> bool:
        self.status = status
        return False

    def wait(self, order: Order) -> bool:
        if order.price >= self.ticks or (order.price == 0 and order.flags & FILL_OR_KILL):
            return self.refuse("BAD_PRICE")
        if order.lots < 1:
            return self.refuse("BAD_QUANTITY")
        self.stops.append(order)
        return True

    def admission(self, order: Order, held: int) -> str:
        if order.price >= self.ticks or (order.price == 0 and order.flags & FILL_OR_KILL):
            return "BAD_PRICE"
        if order.lots < 1:
            return "BAD_QUANTITY"
        if self.balances is not None:
            asset, amount = self.funds(order.side, order.price, order.lots)
            if self.balances[order.owner][asset] + held < amount:
                return "NO_FUNDS"
        if order.flags & POST_ONLY and (order.price == 0 or self.meets(order)):
            return "WOULD_CROSS"
        if order.flags & FILL_OR_KILL:
            trial = copy.deepcopy(self)
            trial.balances, trial.status = None, "ACCEPTED"
            if trial.match(copy.copy(order)) < order.lots:
                return "CANNOT_FILL"
        return "ACCEPTED"

    def meets(self, order: Order) -> bool:
        best = self.best(-order.side)
        return best is not None and (order.price == 0 or (order.price - best) * order.side >= 0)

    def run(self, order: Order) -> None:
        """Execute an order, then the stops reached, then those that these reach."""
        turn = [order]
        outcome = None
        while turn:
            order = turn.pop(0)
            if outcome is not None and self.admission(order, 0) != "ACCEPTED":
                self.dropped += 1
                continue
            first = len(self.trades)
            self.status = "ACCEPTED"
            wanted = order.lots
            filled = self.match(order)
            left = wanted - filled
            rests = order.price > 0 and not order.flags & (IMMEDIATE_OR_CANCEL | FILL_OR_KILL)
            if left and rests and self.status == "ACCEPTED":
                asset, amount = self.funds(order.side, order.price, left)
                self.pay(order.owner, asset, -amount)
                shown = min(left, order.peak) if order.peak else left
                order.lots, order.hidden, order.rank, order.trigger = shown, left - shown, self.tick(), 0
                self.orders.append(order)
            if outcome is None:
                value = sum(trade[1] * trade[2] for trade in self.trades[first:])
                outcome = self.status, filled, value
            prices = [trade[1] for trade in self.trades[first:]]
            reached = [s for s in self.waiting(BUY) if prices and s.trigger <= max(prices)]
            reached += [s for s in self.waiting(SELL) if prices and s.trigger >= min(prices)]
            for stop in reached:
                self.stops.remove(stop)
            turn += reached
        self.status, self.filled, self.value = outcome

    def match(self, taker: Order) -> int:
        """Trade with the other side; return the lots filled."""
        filled = 0
        while filled < taker.lots and self.meets(taker):
            maker = self.queue(-taker.side)[0]
            if maker.owner == taker.owner and taker.flags & 3:
                if taker.flags & CANCEL_MAKER:
                    self.pay(maker.owner, *self.funds(maker.side, maker.price, maker.lots + maker.hidden))
                    self.orders.remove(maker)
                if taker.flags & CANCEL_TAKER:
                    self.status = "TAKER_CANCELLED"
                    break
                continue
            lots = min(taker.lots - filled, maker.lots)
            cost = maker.price * self.quote_per_lot_tick
            if self.balances is not None and taker.side == BUY:
                affordable = self.balances[taker.owner][QUOTE] // cost
                if affordable < lots:
                    self.status = "FUNDS_EXHAUSTED"
                    lots = affordable
                    if lots == 0:
                        break
            self.pay(taker.owner, BASE, taker.side * lots * self.base_per_lot)
            self.pay(taker.owner, QUOTE, -taker.side * lots * cost)
            if taker.side == BUY:  # what the maker gives is in escrow already
                self.pay(maker.owner, QUOTE, lots * cost)
            else:
                self.pay(maker.owner, BASE, lots * self.base_per_lot)
            self.trades.append(
                (taker.side, maker.price, lots, maker.owner, taker.owner, maker.name, taker.name)
            )
            self.last = maker.price
            filled += lots
            maker.lots -= lots
            if maker.lots == 0 and maker.hidden == 0:
                self.orders.remove(maker)
            elif maker.lots == 0:
                maker.lots = min(maker.peak, maker.hidden)
                maker.hidden -= maker.lots
                maker.rank = self.tick()
            if self.status == "FUNDS_EXHAUSTED":
                break
        return filled
