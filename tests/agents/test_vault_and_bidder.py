"""How a backstop vault unloads, and how a bidder for positions bids."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.position_bidder import BookState, PositionBidder
from liquidarium.agents.strategies.vault import SkewedUnload, VaultState, VolumeUnload


def state(lots=100, entry=100.0, mark=100.0, leverage=1.0, traded=500):
    return VaultState(lots, entry, mark, mark - 0.5, mark + 0.5, leverage, traded)


@given(st.integers(-1_000, 1_000).filter(bool), st.integers(0, 10**6), st.floats(0.01, 1.0))
def test_a_share_of_the_volume_and_never_more_than_is_held(lots, traded, share):
    order = VolumeUnload(participation=share).order(state(lots=lots, traded=traded))
    assert 0 <= order.lots <= min(abs(lots), math.ceil(share * traded))
    assert not order.rests


def test_a_stated_gain_binds_where_the_mark_is_worse():
    policy = VolumeUnload(least_gain=0.02, max_slippage=0.01)
    assert policy.order(state(entry=100.0, mark=90.0)).price_usd == pytest.approx(102.0)
    assert policy.order(state(entry=100.0, mark=110.0)).price_usd == pytest.approx(108.9)
    assert policy.order(state(lots=-100, entry=100.0, mark=110.0)).price_usd == pytest.approx(98.0)
    assert VolumeUnload(max_slippage=0.01).order(state(mark=90.0)).price_usd == pytest.approx(89.1)


@given(st.integers(-1_000, 1_000).filter(bool), st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_the_more_a_vault_holds_the_nearer_it_quotes_and_never_through_the_other_side(lots, one, other):
    policy, (small, large) = SkewedUnload(0.003, 0.002), sorted((one, other))
    near, far = (policy.order(state(lots=lots, leverage=x)) for x in (large, small))
    assert near.rests
    assert near.lots == abs(lots)
    if lots > 0:
        assert 99.5 <= near.price_usd <= far.price_usd
    else:
        assert far.price_usd <= near.price_usd <= 100.5


def test_a_vault_without_equity_takes_the_best_price_there_is():
    assert SkewedUnload().order(state(leverage=math.inf)).price_usd == pytest.approx(99.5)


def test_a_vault_waits_where_nobody_bids_within_its_slippage():
    swept = state(leverage=math.inf)._replace(bid_usd=0.0)
    assert SkewedUnload(max_slippage=0.02).order(swept).price_usd == pytest.approx(98.0)


BOOK = BookState(mid_usd=100.0, depth_usd=1e6, depth_band=0.01, volatility=0.0)


def test_a_bidder_takes_the_size_that_pays_most():
    bidder = PositionBidder(margin=0.001, risk=0.0)
    price = 99.0
    best = bidder.size_usd(1, price, BOOK)

    def gain(usd):  # an even book of a million within 1 % falls by half a per cent for a million
        return (0.009) * usd - BOOK.depth_band / (2.0 * BOOK.depth_usd) * usd**2

    assert best == pytest.approx(0.009 * 1e6 / 0.01)
    assert gain(best) > max(gain(0.9 * best), gain(1.1 * best))


@given(st.sampled_from((1, -1)), st.floats(90.0, 110.0), st.floats(0.0, 0.01), st.floats(0.0, 2.0))
def test_nothing_is_taken_at_a_price_that_does_not_pay(side, price, volatility, risk):
    book = BOOK._replace(volatility=volatility)
    bidder = PositionBidder(risk=risk)
    assert (bidder.size_usd(side, price, book) > 0.0) == (side * (bidder.worst_usd(side, book) - price) > 0.0)


def test_what_was_taken_is_sold_evenly():
    bidder = PositionBidder(unwind_s=60.0)
    assert bidder.unwind_usd(600.0, 6.0) == pytest.approx(60.0)
    assert bidder.unwind_usd(-600.0, 120.0) == -600.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: VolumeUnload(participation=0.0), "participation must be above 0"),
        (lambda: VolumeUnload(least_gain=-2.0), "least_gain must be -1 or more, got -2"),
        (lambda: VolumeUnload(max_slippage=-1.0), "max_slippage must be from 0 to 1"),
        (lambda: SkewedUnload(skew=-0.1), "skew must be from 0 to 1, got -0.1"),
        (lambda: PositionBidder(margin=-0.1), "margin must not be negative"),
        (lambda: PositionBidder(unwind_s=0.0), "unwind_s must be above 0"),
        (lambda: PositionBidder(max_slippage=2.0), "max_slippage must be from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
