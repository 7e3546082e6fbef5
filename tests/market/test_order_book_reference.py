"""The compiled book does, command by command, what a slow and obvious one does."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.market.order_book import BUY, POST_ONLY, SELL, OrderBook
from liquidarium.market.order_book.batch_kernels import ADD, CANCEL, REDUCE, REPLACE
from liquidarium.market.order_book.layout import STOP, Status, grow, new_book

_spec = importlib.util.spec_from_file_location(
    "reference_book", Path(__file__).with_name("reference_book.py")
)
reference_book = importlib.util.module_from_spec(_spec)
sys.modules["reference_book"] = reference_book
_spec.loader.exec_module(reference_book)

TICKS, OWNERS = 14, (1, 2, 3)
sides = st.sampled_from((BUY, SELL))
rules = st.sampled_from((0, 0, 1, 2, 3))
conditions = st.sampled_from((0, 0, 0, 4, 8, 16))
enter = st.tuples(
    st.just("enter"),
    st.sampled_from(OWNERS),
    sides,
    st.integers(0, TICKS),
    st.integers(0, 9),
    st.builds(int.__or__, rules, conditions),
    st.sampled_from((0, 0, 0, 1, 2, 3)),
)
stop = st.tuples(
    st.just("enter"),
    st.sampled_from(OWNERS),
    sides,
    st.sampled_from((0, 0, *range(1, TICKS))),
    st.integers(1, 9),
    st.builds(lambda rule, condition: rule | condition | STOP, rules, conditions),
    st.integers(0, TICKS),
)
target = st.integers(0, 40)
cancel = st.tuples(st.just("cancel"), target)
reduce = st.tuples(st.just("reduce"), target, st.integers(0, 6))
replace = st.tuples(st.just("replace"), target, st.integers(0, TICKS), st.integers(0, 9), rules | conditions)
commands = st.lists(st.one_of(enter, enter, enter, stop, cancel, reduce, replace), max_size=60)
wealth = st.tuples(st.sampled_from((60, 10**6)), st.sampled_from((120, 900, 10**6)))


def settled_pair(funds):
    """Make a book that settles in a ledger, and its reference with the same balances."""
    ledger = Ledger([Asset("ETH", 0), Asset("USD", 0)])
    for owner in OWNERS:
        ledger.open_account(f"trader-{owner}")
        ledger.endow(0, owner, funds[0])
        ledger.endow(1, owner, funds[1])
    book = OrderBook(TICKS, 2, ledger=ledger, base="ETH", quote="USD", base_per_lot=3, quote_per_lot_tick=2)
    reference = reference_book.ReferenceBook(TICKS, 3, 2, {owner: list(funds) for owner in OWNERS})
    return ledger, book, reference


def apply(book, reference, ids, command):
    """Give one command to both; return what each says it did."""
    kind, *rest = command
    if kind == "enter":
        owner, side, price, lots, flags, extra = rest
        order_id = book._enter(side, price, lots, owner, flags, extra, -1, None)
        name = order_id or -len(ids) - 1
        done = bool(order_id), reference.submit(name, owner, side, price, lots, flags, extra)
        if order_id:
            ids.append(order_id)
        return done
    order_id = ids[rest[0] % len(ids)] if ids else 2**40
    if kind == "cancel":
        return book.cancel(order_id), reference.cancel(order_id)
    if kind == "reduce":
        return book.reduce(order_id, rest[1]), reference.reduce(order_id, rest[1])
    done = book.replace(order_id, *rest[1:])
    return bool(done), reference.replace(order_id, *rest[1:])


def assert_same_state(book, reference):
    assert (book.best_bid, book.best_ask) == (reference.best(BUY), reference.best(SELL))
    for side in (BUY, SELL):
        expected = [[o.name, o.owner, side, o.price, o.lots, o.hidden, 0] for o in reference.queue(side)]
        assert book.orders(side).tolist() == expected
        expected = [[o.name, o.owner, side, o.price, o.lots, 0, o.trigger] for o in reference.waiting(side)]
        assert book.stops(side).tolist() == expected
        levels = {}
        for order in reference.queue(side):
            level = levels.setdefault(order.price, [order.price, 0, 0])
            level[1] += order.lots
            level[2] += 1
        assert book.depth(side, TICKS).tolist() == list(levels.values())
    assert book.resting_count == len(reference.orders)
    assert book.stop_count == len(reference.stops)
    assert book.dropped_stops == reference.dropped


def check(commands, funds):
    """Give commands to a settled book and its reference; compare all they show after each."""
    ledger, book, reference = settled_pair(funds)
    ids = []
    for command in commands:
        ours, theirs = apply(book, reference, ids, command)
        assert ours == theirs
        outcome = book.status.name, book.filled, book.filled_value
        assert outcome == (reference.status, reference.filled, reference.value)
        assert_same_state(book, reference)
        # Money: who owns what, escrow holds exactly what rests, nothing made or lost.
        for owner in OWNERS:
            assert ledger.balances[owner, :2].tolist() == reference.balances[owner]
        escrow = ledger.balances[len(OWNERS) + 1, :2].tolist()
        assert tuple(escrow) == book.locked_funds() == reference.locked()
    assert book.trades[:, 2:].tolist() == [list(trade) for trade in reference.trades]
    assert not ledger.imbalance().any()


@given(commands, wealth)
@settings(max_examples=150, deadline=None)
def test_every_command_has_the_outcome_of_the_obvious_book(commands, funds):
    check(commands, funds)


def draw_command(draw, count):
    """Draw a command as a busy market would see it: near the touch, about recent orders."""
    kind = draw.choices(("enter", "stop", "cancel", "reduce", "replace"), (55, 23, 6, 6, 10))[0]
    rule, condition = draw.choice((0, 0, 1, 2, 3)), draw.choice((0, 0, 0, 0, 4, 8, 16))
    price, lots, owner, side = (
        draw.randint(4, 10),
        draw.randint(1, 9),
        draw.choice(OWNERS),
        draw.choice((1, -1)),
    )
    if kind == "enter":
        price = draw.choice((price, price, price, price, 0))
        return kind, owner, side, price, lots, rule | condition, draw.choice((0, 0, 0, 1, 2, 3))
    if kind == "stop":
        limit = draw.choice((price, 0))
        return "enter", owner, side, limit, lots, rule | condition | STOP, draw.randint(3, 11)
    name = max(0, count - 1 - int(draw.expovariate(0.15)))
    if kind == "cancel":
        return kind, name
    return (kind, name, lots) if kind == "reduce" else (kind, name, price, lots, rule | condition & POST_ONLY)


@given(st.integers(0, 2**32 - 1), wealth)
@settings(max_examples=200, deadline=None)
def test_a_long_busy_session_equals_the_obvious_book(seed, funds):
    draw = random.Random(seed)
    check((draw_command(draw, round(0.6 * i)) for i in range(200)), funds)


@given(commands)
@settings(max_examples=150, deadline=None)
def test_a_batch_equals_one_call_per_command(commands):
    _, one_by_one, _ = settled_pair((10**6, 10**6))
    _, batched, _ = settled_pair((10**6, 10**6))
    rows, expected = [], []
    for client_id, (kind, *rest) in enumerate(commands):
        if kind == "enter":
            owner, side, price, lots, flags, extra = rest
            rows.append([ADD, side, price, lots, owner, flags, extra, client_id])
            outcome = one_by_one._enter(side, price, lots, owner, flags, extra, client_id, None)
        elif kind == "cancel":
            rows.append([CANCEL, 0, 0, 0, 0, 0, 0, rest[0]])
            outcome = one_by_one.cancel(rest[0])
        elif kind == "reduce":
            rows.append([REDUCE, 0, 0, rest[1], 0, 0, 0, rest[0]])
            outcome = one_by_one.reduce(rest[0], rest[1])
        else:
            rows.append([REPLACE, 0, rest[1], rest[2], 0, rest[3], 0, rest[0]])
            outcome = one_by_one.replace(*rest)
        expected.append([outcome, one_by_one.filled, one_by_one.status])
    results = batched.run(np.array(rows, np.int64).reshape(-1, 8))
    assert results.tolist() == expected
    assert batched.trades.tolist() == one_by_one.trades.tolist()
    for side in (BUY, SELL):
        assert batched.orders(side).tolist() == one_by_one.orders(side).tolist()
        assert batched.stops(side).tolist() == one_by_one.stops(side).tolist()


@given(commands, st.integers(TICKS, 200))
@settings(max_examples=50, deadline=None)
def test_growing_the_ladder_changes_nothing_that_rests(commands, ticks):
    _, book, reference = settled_pair((10**6, 10**6))
    ids = []
    for command in commands:
        apply(book, reference, ids, command)
    before = [book.orders(side).tolist() + book.stops(side).tolist() for side in (BUY, SELL)]
    touch = book.best_bid, book.best_ask
    book.extend_ladder(ticks)
    assert [book.orders(side).tolist() + book.stops(side).tolist() for side in (BUY, SELL)] == before
    assert (book.best_bid, book.best_ask) == touch
    reference.ticks = ticks
    for order_id in ids:
        assert book.cancel(order_id) == reference.cancel(order_id)
    assert book.locked_funds() == (0, 0)


def test_a_book_does_not_shrink():
    book = new_book(100, 10)
    for smaller in ({"ticks": 99}, {"max_orders": 9}):
        with pytest.raises(ValueError, match="does not shrink"):
            grow(book, **smaller)


def test_every_status_of_the_kernels_has_a_name():
    assert {int(status) for status in Status} == {0, 1, 2, *range(8, 19)}
