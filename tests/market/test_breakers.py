"""Circuit breakers: bands, limit state, halts, and the auction that reopens a venue."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.breakers import (
    Breaker,
    BreakerError,
    Cause,
    EndlessHaltError,
    Phase,
    Seen,
    admits,
    band,
    call_auction,
    opened,
    reopen,
    step,
)
from liquidarium.market.breakers.call_auction import MARKET_ASK, MARKET_BID

LULD = Breaker(wide=((22_000.0, 23_400.0),))


def test_p15_band_doubled_band_limit_state_and_pause():
    state = opened(100.0)
    assert band(LULD, state, 0.0) == pytest.approx((95.0, 105.0))
    assert band(LULD, state, 22_000.0) == pytest.approx((90.0, 110.0))
    assert (LULD.limit_s, LULD.pause_s) == (15, 300)
    state = step(LULD, state, Seen(10.0, 94.0, 95.0))
    assert state.phase is Phase.LIMIT
    assert step(LULD, state, Seen(24.9, 94.0, 95.0)).phase is Phase.LIMIT
    halted = step(LULD, state, Seen(25.0, 94.0, 95.0))
    assert (halted.phase, halted.cause, halted.until_s) == (Phase.HALTED, Cause.LIMIT, 325.0)
    assert step(LULD, halted, Seen(324.9, 0.0, math.inf)).phase is Phase.HALTED
    assert step(LULD, halted, Seen(325.0, 0.0, math.inf)).phase is Phase.REOPENING


def test_a_limit_state_ends_when_quotes_leave_the_band():
    state = step(LULD, opened(100.0), Seen(10.0, 105.0, 106.0))
    assert state.phase is Phase.LIMIT
    back = step(LULD, state, Seen(20.0, 104.0, 106.0))
    assert back.phase is Phase.OPEN
    again = step(LULD, back, Seen(30.0, 105.0, 106.0))
    assert step(LULD, again, Seen(40.0, 105.0, 106.0)).phase is Phase.LIMIT  # its 15 seconds began anew


def test_orders_trade_within_the_band_and_never_in_a_halt():
    state = opened(100.0)
    assert admits(LULD, state, 0.0, 105.0)
    assert not admits(LULD, state, 0.0, 105.1)
    assert not admits(LULD, state._replace(phase=Phase.HALTED), 0.0, 100.0)


def test_the_reference_is_the_mean_of_the_window():
    state = opened(100.0)
    for second, price in ((100.0, 102.0), (200.0, 104.0)):
        state = step(LULD, state, Seen(second, price, price, price))
    assert state.reference == pytest.approx(102.0)
    state = step(LULD, state, Seen(450.0, 104.0, 104.0))
    assert state.reference == pytest.approx(104.0)
    assert step(LULD, state, Seen(9_999.0, 104.0, 104.0)).reference == pytest.approx(104.0)


def test_volatility_halts_although_the_price_comes_back():
    breaker = Breaker(width=math.inf, volatility=0.03)
    state = opened(100.0)
    for second, price in enumerate((102.0, 100.0), 1):
        state = step(breaker, state, Seen(float(second), price, price, price))
    assert state.phase is Phase.OPEN
    state = step(breaker, state, Seen(3.0, 102.0, 102.0, 102.0))
    assert (state.phase, state.cause) == (Phase.HALTED, Cause.VOLATILITY)


def test_each_level_of_a_fall_halts_once():
    breaker = Breaker(width=math.inf, falls=((0.07, 900.0), (0.13, 900.0)))
    state = step(breaker, opened(100.0), Seen(1.0, 93.0, 93.0, 93.0))
    assert (state.cause, state.until_s) == (Cause.FALL, 901.0)
    state = reopen(breaker, step(breaker, state, Seen(901.0, 0.0, math.inf)), 901.0, 92.0)
    state = step(breaker, state, Seen(902.0, 90.0, 90.0, 90.0))
    assert state.phase is Phase.OPEN
    assert step(breaker, state, Seen(903.0, 86.0, 86.0, 86.0)).halts == 2


def test_an_auction_outside_the_collar_prolongs_the_halt_and_widens_the_collar():
    breaker = Breaker(collar=0.05, extension_s=60.0)
    state = opened(100.0)._replace(phase=Phase.REOPENING)
    state = reopen(breaker, state, 300.0, 91.0)
    assert (state.phase, state.until_s, state.failed) == (Phase.HALTED, 360.0, 1)
    state = reopen(breaker, state._replace(phase=Phase.REOPENING), 360.0, 91.0)
    assert (state.phase, state.reference, state.failed) == (Phase.OPEN, 91.0, 0)


def test_a_halt_that_never_ends_is_an_error_by_name():
    breaker = Breaker(collar=0.01, pause_s=100.0, extension_s=100.0, longest_s=1_000.0)
    state = step(breaker, opened(100.0), Seen(0.0, 94.0, 95.0))
    state = step(breaker, state, Seen(15.0, 94.0, 95.0))
    for now in range(115, 1_001, 50):
        state = step(breaker, state, Seen(float(now), 0.0, math.inf))
        if state.phase is Phase.REOPENING:
            state = reopen(breaker, state, float(now), None)
    assert state.failed > 3
    with pytest.raises(EndlessHaltError, match=r"began at 15 s \(limit\) has not ended by 1016 s; longest_s"):
        step(breaker, state, Seen(1_016.0, 0.0, math.inf))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0.0}, "width must be positive"),
        ({"pause_s": math.inf}, "pause_s must be positive and finite, got inf"),
        ({"longest_s": 10.0}, "longest_s must be at least 300"),
        ({"falls": ((0.1, 9.0), (0.05, 9.0))}, "falls must grow"),
        ({"falls": ((0.2, math.inf),)}, "with finite pauses, got 0.2 for inf s"),
        ({"wide": ((5.0, 5.0),)}, "periods that end after they start"),
    ],
)
def test_settings_that_cannot_run_are_refused(settings, message):
    with pytest.raises(BreakerError, match=message):
        Breaker(**settings)


def test_calls_out_of_turn_are_refused():
    with pytest.raises(BreakerError, match="this one is OPEN"):
        reopen(LULD, opened(1.0), 0.0, 1.0)
    with pytest.raises(BreakerError, match="opening price must be positive"):
        opened(0.0)


orders = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 50)), max_size=12)


@given(orders, orders, st.integers(1, 30))
def test_an_auction_trades_as_much_as_any_price_could(bids, asks, reference):
    cleared = call_auction(
        [t for t, _ in bids], [q for _, q in bids], [t for t, _ in asks], [q for _, q in asks], reference
    )

    def volume(price):
        wanted = sum(q for t, q in bids if t >= price)
        offered = sum(q for t, q in asks if t <= price)
        return min(wanted, offered)

    assert cleared.lots == max(volume(price) for price in range(1, 31))
    assert cleared.bought.sum() == cleared.sold.sum() == cleared.lots
    if cleared.ticks is None:
        assert cleared.lots == 0
        return
    assert volume(cleared.ticks) == cleared.lots
    for (ticks, lots), filled in zip(bids, cleared.bought, strict=True):
        assert 0 <= filled <= lots * (ticks >= cleared.ticks)
        assert ticks <= cleared.ticks or filled == lots or cleared.imbalance > 0
    for (ticks, lots), filled in zip(asks, cleared.sold, strict=True):
        assert 0 <= filled <= lots * (ticks <= cleared.ticks)


def test_ties_go_to_the_least_imbalance_then_to_the_reference():
    assert call_auction([10, 8], [5, 5], [7, 9], [5, 5], 9).ticks == 9
    assert call_auction([10], [5], [6], [5], 8).ticks == 8
    assert call_auction([10], [5], [6], [5], 20).ticks == 10
    assert call_auction([10, 7], [5, 1], [6], [5], 6).ticks == 10  # at 6 or 7 one lot would find nobody


def test_orders_at_any_price_trade_first_and_set_no_price():
    cleared = call_auction([9, MARKET_BID], [5, 5], [MARKET_ASK, 9], [4, 3], 100)
    assert cleared.ticks == 9
    assert cleared.bought.tolist() == [2, 5]
    assert cleared.sold.tolist() == [4, 3]
    assert call_auction([MARKET_BID], [3], [MARKET_ASK], [2], 50)[:3] == (50, 2, 1)


def test_orders_that_are_no_orders_are_refused():
    with pytest.raises(ValueError, match="bid_ticks and bid_lots must be of one length"):
        call_auction([1], [], [], [], 1)
    with pytest.raises(ValueError, match="ask_lots must not be negative"):
        call_auction([], [], [1], np.array([-1]), 1)
