"""Claims about one order book: priority, cancels, ids, icebergs, stops, own orders, escrow."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.market.order_book import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    POST_ONLY,
    SELL,
    OrderBook,
    SelfTrade,
    Status,
)
from liquidarium.market.order_book.batch_kernels import ADD, CANCEL, run_commands
from liquidarium.market.order_book.book_kernels import submit
from liquidarium.market.order_book.layout import (
    MAX_LOTS,
    STATUS,
    TRADE_LOTS,
    TRADE_MAKER_ORDER,
    TRADE_PRICE,
    TRADE_STAMP,
    TRADE_TAKER_ORDER,
    new_book,
    new_trades,
)

NOBODY = np.zeros((1, 1), np.int64)


@pytest.fixture
def book():
    return OrderBook(ticks=1_000)


def fills(book):
    return book.trades[:, [TRADE_LOTS, TRADE_PRICE]].tolist()


def makers(book):
    return book.trades[:, TRADE_MAKER_ORDER].tolist()


@pytest.fixture
def funded():
    """Make a settled book and two traders with 1,000 base and 100,000 quote units each."""
    ledger = Ledger([Asset("ETH", 0), Asset("USD", 0)])
    for name in ("ann", "bob"):
        account = ledger.open_account(name)
        ledger.endow(0, account, 1_000)
        ledger.endow(1, account, 100_000)
    book = OrderBook(
        ticks=1_000, ledger=ledger, base="ETH", quote="USD", base_per_lot=10, quote_per_lot_tick=2
    )
    return ledger, book


# Priority


def test_a_market_buy_takes_price_first_and_time_second(book):
    """CASES B01: asks 5@101, 3@101 later, 10@102; a market buy of 12."""
    first, second, third = (book.limit(SELL, price, lots) for price, lots in ((101, 5), (101, 3), (102, 10)))
    assert book.market(BUY, 12)
    assert fills(book) == [[5, 101], [3, 101], [4, 102]]
    assert makers(book) == [first, second, third]
    assert book.filled_value / book.filled == pytest.approx(101.3333333)
    assert book.depth(SELL).tolist() == [[102, 6, 1]]


def test_slippage_of_a_walk_through_the_book(book):
    """CASES X09: 100 units at a mid of 600 cost 1,800 more than at the mid, 3 % of what they are worth."""
    book.limit(BUY, 594, 50)
    for price, lots in ((606, 50), (630, 50)):
        book.limit(SELL, price, lots)
    mid = (book.best_bid + book.best_ask) / 2
    book.market(BUY, 100)
    assert (mid, book.filled) == (600, 100)
    assert book.filled_value / (book.filled * mid) - 1 == pytest.approx(0.03, rel=1e-12)


def test_two_aggressors_meet_the_queue_in_one_order(book):
    first, second = book.limit(BUY, 50, 4), book.limit(BUY, 50, 4)
    book.limit(SELL, 50, 3)
    book.limit(SELL, 50, 3)
    assert makers(book) == [first, first, second]
    assert fills(book) == [[3, 50], [1, 50], [2, 50]]


def test_a_sweep_stops_at_its_limit_and_its_rest_becomes_the_touch(book):
    for price in (103, 101, 102):
        book.limit(SELL, price, 2)
    rest = book.limit(BUY, 102, 7)
    assert fills(book) == [[2, 101], [2, 102]]
    assert (book.best_bid, book.best_ask) == (102, 103)
    assert book.orders(BUY)[0].tolist() == [rest, 0, BUY, 102, 3, 0, 0]


def test_the_maker_sets_the_price(book):
    book.limit(BUY, 60, 1)
    book.limit(SELL, 10, 1)
    assert fills(book) == [[1, 60]]


def test_five_thousand_makers_are_swept_in_one_command(book):
    orders = [book.limit(SELL, 100 + i % 500, 1) for i in range(5_000)]
    assert book.market(BUY, 5_000)
    assert book.filled == book.trade_count == len(book.trades) == 5_000
    assert makers(book) == [order for _, order in sorted(enumerate(orders), key=lambda o: (o[0] % 500, o[0]))]
    assert book.best_ask is None
    assert book.resting_count == 0


def test_equal_stamps_never_lose_an_order(book):
    book.stamp = 7
    orders = [book.limit(SELL, 100, 1) for _ in range(100)]
    assert len(set(orders)) == 100
    book.market(BUY, 100)
    assert makers(book) == orders
    assert set(book.trades[:, TRADE_STAMP].tolist()) == {7}


WIDE = 300_000
gaps = st.lists(st.integers(1, 9).flatmap(lambda k: st.integers(1, min(4**k, WIDE - 1))), max_size=30)


@given(gaps, gaps, st.sampled_from((BUY, SELL)))
@settings(max_examples=150, deadline=None)
def test_the_next_price_is_found_over_any_gap(kept, cancelled, side):
    book = OrderBook(WIDE)
    for price in kept:
        book.limit(side, price, 1)
    for order in [book.limit(side, price, 1) for price in cancelled]:
        book.cancel(order)
    prices = sorted(kept, reverse=side == BUY)
    assert book.depth(side, WIDE)[:, 0].tolist() == list(dict.fromkeys(prices))
    book.extend_ladder(2 * WIDE)
    book.market(-side, len(kept) + 1)
    assert book.trades[:, TRADE_PRICE].tolist() == prices
    assert book.best_bid is book.best_ask is None


@given(gaps)
@settings(max_examples=50, deadline=None)
def test_stops_are_reached_over_any_gap(triggers):
    book = OrderBook(WIDE)
    for trigger in triggers:
        book.stop(BUY, trigger, 1)
    assert book.stops(BUY)[:, -1].tolist() == sorted(triggers)
    book.limit(SELL, WIDE - 1, len(triggers) + 1)
    book.market(BUY, 1)
    assert (book.stop_count, book.trade_count) == (0, len(triggers) + 1)


# Cancel, reduce, replace


@pytest.mark.parametrize("gone", [0, 1, 2], ids=["head", "middle", "tail"])
def test_a_cancel_keeps_those_behind_in_their_order(book, gone):
    orders = [book.limit(SELL, 100, 2) for _ in range(3)]
    assert book.cancel(orders.pop(gone)) == 2
    book.market(BUY, 9)
    assert makers(book) == orders


def test_a_cancel_leaves_no_phantom_level(book):
    order = book.limit(SELL, 100, 2)
    book.limit(SELL, 105, 1)
    book.cancel(order)
    assert book.best_ask == 105
    assert book.depth(SELL).tolist() == [[105, 1, 1]]
    book.limit(BUY, 104, 1)
    assert book.trade_count == 0


def test_a_partly_filled_order_can_still_be_cancelled(book):
    order = book.limit(SELL, 100, 5)
    book.market(BUY, 2)
    assert book.cancel(order) == 3
    assert book.best_ask is None


def test_a_filled_or_unknown_order_cannot_be_cancelled_reduced_or_replaced(book):
    filled = book.limit(SELL, 100, 5)
    book.market(BUY, 5)
    other = book.limit(SELL, 100, 5)  # lies where the filled one lay
    for order in (filled, filled + 1, 2**62, -1, 0, 12_345):
        assert not book.is_live(order)
        assert book.cancel(order) == 0
        assert book.status is Status.UNKNOWN_ORDER
        assert book.reduce(order, 1) == 0
        assert book.replace(order, 101, 1) == 0
        assert book.status is Status.UNKNOWN_ORDER
    assert book.is_live(other)
    assert book.depth(SELL).tolist() == [[100, 5, 1]]


def test_fewer_lots_keep_the_place_and_anything_else_loses_it(book):
    first, second, third = (book.limit(SELL, 100, 5) for _ in range(3))
    assert book.reduce(first, 2) == 2
    assert book.replace(second, 100, 4) == second
    assert book.orders(SELL)[:, 0].tolist() == [first, second, third]
    assert book.replace(first, 100, 6) == first
    assert book.orders(SELL)[:, 0].tolist() == [second, third, first]
    assert book.replace(second, 101, 1) == second
    assert book.replace(second, 100, 1) == second
    assert book.orders(SELL)[:, 0].tolist() == [third, first, second]


def test_a_new_price_that_crosses_trades_at_once(book):
    maker = book.limit(BUY, 99, 2)
    order = book.limit(SELL, 101, 5)
    assert book.replace(order, 99, 5) == order
    assert fills(book) == [[2, 99]]
    assert book.trades[0, [TRADE_MAKER_ORDER, TRADE_TAKER_ORDER]].tolist() == [maker, order]
    assert book.orders(SELL)[0, :5].tolist() == [order, 0, SELL, 99, 3]


def test_a_refused_replacement_leaves_the_order_alone(book):
    book.limit(BUY, 99, 2)
    order = book.limit(SELL, 101, 5)
    assert book.replace(order, 99, 5, POST_ONLY) == 0
    assert book.status is Status.WOULD_CROSS
    assert book.orders(SELL)[0, :5].tolist() == [order, 0, SELL, 101, 5]


# Names


def test_a_client_id_is_free_again_once_its_order_is_gone(book):
    assert book.limit(SELL, 100, 1, client_id=5)
    assert book.limit(SELL, 101, 1, client_id=5) == 0
    assert book.status is Status.DUPLICATE_ID
    book.market(BUY, 1)
    assert book.cancel(5) == 0
    assert book.limit(SELL, 102, 3, client_id=5)
    assert book.cancel(5) == 3
    assert book.limit(SELL, 103, 1, client_id=5)
    assert book.best_ask == 103


def test_an_order_id_is_never_given_twice(book):
    seen = set()
    for _ in range(50):
        order = book.limit(BUY, 10, 1)
        book.cancel(order)
        assert order not in seen
        seen.add(order)


# Conditions


def test_what_an_immediate_order_cannot_take_is_dropped(book):
    book.limit(SELL, 100, 2)
    assert book.limit(BUY, 100, 5, flags=IMMEDIATE_OR_CANCEL)
    assert (book.filled, book.best_bid) == (2, None)


def test_fill_or_kill_trades_whole_or_not_at_all(book):
    book.limit(SELL, 100, 2)
    book.limit(SELL, 101, 9, peak=1)
    assert book.limit(BUY, 100, 3, flags=FILL_OR_KILL) == 0
    assert book.status is Status.CANNOT_FILL
    assert book.trade_count == 0
    assert book.limit(BUY, 101, 11, flags=FILL_OR_KILL)
    assert book.filled == 11


def test_a_post_only_order_never_takes(book):
    book.limit(SELL, 100, 2)
    assert book.limit(BUY, 100, 1, flags=POST_ONLY) == 0
    assert book.status is Status.WOULD_CROSS
    assert book.limit(BUY, 99, 1, flags=POST_ONLY)


# Icebergs and stops


def test_the_refresh_of_an_iceberg_goes_behind_the_queue(book):
    iceberg = book.limit(SELL, 100, 6, peak=2)
    plain = book.limit(SELL, 100, 2)
    assert book.depth(SELL).tolist() == [[100, 4, 2]]
    book.market(BUY, 7)
    assert makers(book) == [iceberg, plain, iceberg, iceberg]
    assert fills(book) == [[2, 100], [2, 100], [2, 100], [1, 100]]
    assert book.cancel(iceberg) == 1


def test_an_iceberg_of_1000_showing_100_is_refreshed_ten_times(book):
    """CASES X11, the first display counted."""
    book.limit(SELL, 100, 1_000, peak=100)
    book.market(BUY, 1_000)
    assert fills(book) == [[100, 100]] * 10


def test_stops_turn_a_fall_into_a_cascade(book):
    for price in (100, 95, 90, 85):
        book.limit(BUY, price, 1)
    book.stop(SELL, 96, 1)  # sells into 90 ...
    book.stop(SELL, 91, 1)  # ... which reaches this one
    book.stop(SELL, 80, 1)
    book.market(SELL, 2)
    assert fills(book) == [[1, 100], [1, 95], [1, 90], [1, 85]]
    assert book.filled == 2
    assert book.stop_count == 1


def test_a_stop_limit_rests_where_it_cannot_trade(book):
    order = book.stop(BUY, 100, 3, price=101)
    book.limit(SELL, 100, 2)
    assert book.is_live(order)
    assert book.trade_count == 0
    book.market(BUY, 1)
    assert fills(book) == [[1, 100], [1, 100]]
    assert book.orders(BUY)[0, [0, 3, 4]].tolist() == [order, 101, 2]


def test_a_waiting_stop_can_be_cancelled_but_not_replaced(book):
    order = book.stop(BUY, 100, 3)
    assert book.replace(order, 100, 1) == 0
    assert book.status is Status.NOT_REPLACEABLE
    assert book.reduce(order, 1) == 1
    assert book.cancel(order) == 2
    assert book.stop_count == 0


# Own orders


@pytest.mark.parametrize(
    ("rule", "traded", "own_left", "taker_rests"),
    [
        (SelfTrade.NONE, 5, 0, False),
        (SelfTrade.CANCEL_TAKER, 0, 2, False),
        (SelfTrade.CANCEL_MAKER, 3, 0, True),
        (SelfTrade.CANCEL_BOTH, 0, 0, False),
    ],
)
def test_self_trade_rules(book, rule, traded, own_left, taker_rests):
    own = book.limit(SELL, 100, 2, owner=1)
    book.limit(SELL, 100, 3, owner=2)
    book.limit(BUY, 100, 5, owner=1, self_trade=rule)
    assert book.filled == traded
    assert book.cancel(own) == own_left
    assert (book.best_bid == 100) is taker_rests


def test_an_account_of_many_traders_may_trade_with_itself():
    book = OrderBook(1_000, self_trade=SelfTrade.CANCEL_TAKER)
    book.set_self_trade(7, SelfTrade.NONE)
    for owner in (3, 7):
        order = book.limit(SELL, 100, 1, owner)
        book.market(BUY, 1, owner)
        book.cancel(order)
    assert book.trade_count == 1


# Money


def test_resting_orders_hold_their_funds_and_give_them_back(funded):
    ledger, book = funded
    sell, buy = book.limit(SELL, 200, 5, 1, peak=1), book.limit(BUY, 100, 7, 2)
    assert ledger.balances[1:4].tolist() == [[950, 100_000], [1_000, 98_600], [50, 1_400]]
    assert book.locked_funds() == (50, 1_400)
    book.cancel(sell)
    book.cancel(buy)
    assert ledger.balances[1:4].tolist() == [[1_000, 100_000], [1_000, 100_000], [0, 0]]


def test_a_buyer_pays_the_maker_price_not_its_limit(funded):
    ledger, book = funded
    book.limit(SELL, 100, 5, 1)
    book.limit(BUY, 300, 5, 2)
    assert ledger.balances[1:4].tolist() == [[950, 101_000], [1_050, 99_000], [0, 0]]


def test_an_order_that_cannot_be_paid_is_refused(funded):
    ledger, book = funded
    before = ledger.balances.copy()
    assert book.limit(SELL, 100, 101, 1) == 0
    assert book.limit(BUY, 500, 101, 1) == 0
    assert book.market(SELL, 101, 1) == 0
    assert book.status is Status.NO_FUNDS
    assert book.limit(BUY, 1, 1, 10**6) == 0
    assert book.status is Status.BAD_OWNER
    assert (ledger.balances == before).all()
    assert book.limit(SELL, 100, 100, 1)


def test_a_market_buy_stops_where_its_owner_cannot_pay(funded):
    ledger, book = funded
    ledger.transfer(1, 2, 1, 99_000, Reason.TRANSFER)  # bob keeps 1,000: five lots at 100 ticks
    book.limit(SELL, 100, 3, 1)
    book.limit(SELL, 150, 3, 1)
    assert book.market(BUY, 6, 2)
    assert book.status is Status.FUNDS_EXHAUSTED
    assert fills(book) == [[3, 100], [1, 150]]
    assert ledger.balances[2].tolist() == [1_040, 100]


def test_a_stop_that_cannot_be_paid_when_it_triggers_is_dropped(funded):
    ledger, book = funded
    book.stop(SELL, 100, 100, 1)
    ledger.transfer(0, 1, 2, 1_000, Reason.TRANSFER)
    book.limit(BUY, 90, 1, 2)
    book.market(SELL, 1, 2)
    assert (book.dropped_stops, book.stop_count, book.trade_count) == (1, 0, 1)


def test_the_largest_order_cannot_overflow():
    with pytest.raises(ValueError, match="max_lots"):
        OrderBook(2**16, quote_per_lot_tick=10**12, max_lots=2**31 - 1)
    dear = OrderBook(2**16, quote_per_lot_tick=10**12)
    limit = int(dear.array[MAX_LOTS])
    assert limit * (2**16 - 1) * 10**12 < 2**63
    assert dear.limit(BUY, 1, limit + 1) == 0
    assert dear.status is Status.BAD_QUANTITY


def test_a_number_that_is_not_one_is_the_callers_error(book):
    for bad in (-1, 2**31, 2**70):
        with pytest.raises(ValueError, match="must be 0 to"):
            book.limit(BUY, bad, 1)
        with pytest.raises(ValueError, match="must be 0 to"):
            book.limit(BUY, 1, bad)
    for entered in (lambda: book.limit(BUY, 10.5, 1), lambda: book.limit(1.5, 10, 1)):
        with pytest.raises(TypeError):
            entered()
    for entered in (lambda: book.market(BUY, 1.5), lambda: book.market(1.5, 1), lambda: book.cancel(1e9)):
        with pytest.raises(TypeError):
            entered()
    with pytest.raises(ValueError, match="at least 1 tick"):
        book.limit(BUY, 0, 1)
    assert book.limit(BUY, 1_000, 1) == 0
    assert book.status is Status.BAD_PRICE
    for side in (0, 2, -2, 2**40):
        assert book.limit(side, 10, 1) == book.market(side, 1) == 0
        assert book.status is Status.BAD_COMMAND


# Room


def test_a_kernel_that_runs_out_of_log_stops_before_the_command():
    packed, trades, lots = new_book(100, 10), new_trades(2), np.int64(1)
    for _ in range(3):
        assert submit(packed, NOBODY, NOBODY, trades, 0, SELL, 50, lots, 0, 0)
    before = packed.copy()
    assert submit(packed, NOBODY, NOBODY, trades, 0, BUY, 50, 3, 0, 0) == 0
    assert Status(packed[STATUS]) is Status.NO_ROOM
    before[STATUS] = Status.NO_ROOM
    assert (packed == before).all()
    assert submit(packed, NOBODY, NOBODY, trades, 0, BUY, 50, 2, 0, 0)


def test_a_batch_says_where_it_ran_out_of_slots_and_goes_on_from_there():
    rows = [[ADD, BUY, 10 + i, 1, 0, 0, 0, i] for i in range(4)] + [
        [CANCEL, 0, 0, 0, 0, 0, 0, i] for i in range(4)
    ]
    commands, results = np.array(rows, np.int64), np.zeros((8, 3), np.int64)
    packed, names = new_book(100, 2), np.zeros(4, np.int64)
    assert run_commands(commands, 0, results, names, packed, NOBODY, NOBODY, new_trades(9)) == 2
    book = OrderBook(100, max_orders=1)
    assert book.run(commands)[:, 2].tolist() == [Status.ACCEPTED] * 8
    assert book.resting_count == 0


# The stream of the benchmarks


def test_a_random_stream_ends_as_its_reference_promises():
    """A seeded slice, alone and settled, drawn beside a plain-Python book."""
    path = Path(__file__).parents[2] / "benchmarks" / "lob_stream.py"
    spec = importlib.util.spec_from_file_location("lob_stream", path)
    stream = importlib.util.module_from_spec(spec)
    sys.modules["lob_stream"] = stream
    spec.loader.exec_module(stream)
    events, promised = stream.make_stream(8_000, seed=11)
    commands = np.zeros((len(events), 8), np.int64)
    commands[:, 0] = np.where(events["kind"] == stream.CANCEL, CANCEL, ADD)
    for column, name in ((1, "side"), (2, "price"), (3, "quantity"), (7, "order_id")):
        commands[:, column] = events[name]
    commands[:, 4] = 1
    ledger = Ledger([Asset("ETH", 9), Asset("USD", 9)])
    owner = ledger.open_account("everyone")
    ledger.endow(0, owner, 10**15)
    ledger.endow(1, owner, 10**15)
    bare = OrderBook(20_000)
    settled = OrderBook(20_000, ledger=ledger, base="ETH", quote="USD", base_per_lot=7, quote_per_lot_tick=3)
    for book in (bare, settled):
        book.run(commands)
        resting = np.concatenate([book.orders(BUY), book.orders(SELL)])
        assert promised == stream.StreamSummary(
            book.trade_count,
            book.volume,
            book.notional,
            book.best_bid,
            book.best_ask,
            book.resting_count,
            int(resting[:, 4].sum()),
        )
    assert tuple(ledger.balances[2].tolist()) == settled.locked_funds()
    assert not ledger.imbalance().any()
