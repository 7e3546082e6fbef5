"""When a provider of concentrated liquidity opens, moves and leaves a range."""

from __future__ import annotations

import math

import pytest
from liquidarium.agents.base import SetRange
from liquidarium.agents.strategies.range_provider import OwnRange, RangeProvider

NEW = OwnRange(0, 0.0, 0.0, 0.0, 0.0, 1e6, -math.inf)
OPEN = OwnRange(0, 1_900.0, 2_100.0, 1e6, 1e6, 1e5, 0.0)
STRATEGY = RangeProvider(half_width=0.05, share=0.9)


def test_it_opens_a_range_around_the_price_of_the_pool(make_view):
    (placed,) = STRATEGY.decide(make_view(pool_price=[1_950.0, 0.0]), [NEW])
    assert math.sqrt(placed.lower_usd * placed.upper_usd) == pytest.approx(1_950.0)
    assert placed.upper_usd / 1_950.0 == pytest.approx(1.05)
    assert placed.deposit_usd == pytest.approx(0.9e6)
    assert placed.keep_usd > 0.0, "gas of later moves stays in cash"


@pytest.mark.parametrize(("price", "moves"), [(1_899.0, 1), (1_901.0, 0), (2_099.0, 0), (2_101.0, 1)])
def test_it_moves_when_the_price_has_left_its_range_and_not_before(make_view, price, moves):
    assert len(STRATEGY.decide(make_view(pool_price=[price, 0.0]), [OPEN])) == moves


def test_an_old_range_is_moved_although_the_price_is_still_in_it(make_view):
    patient = RangeProvider(rebalance_after_s=600.0)
    assert not patient.decide(make_view(time_s=599.0), [OPEN])
    assert patient.decide(make_view(time_s=600.0), [OPEN])


def test_money_that_lies_idle_is_put_in_again(make_view):
    assert STRATEGY.decide(make_view(), [OPEN._replace(worth_usd=1e5, kept_usd=1e5, spare_usd=1e6)])


def test_nothing_is_done_that_is_not_worth_the_gas(make_view):
    """A move costs three swaps of 150,000 gas at 100 gwei, 2e-6 USD each: 90 USD."""
    view = make_view(pool_price=[1_500.0, 0.0])
    worth = 90.0 / 0.01 / 0.9
    assert not STRATEGY.decide(view, [OPEN._replace(worth_usd=0.99 * worth, spare_usd=0.0)])
    assert STRATEGY.decide(view, [OPEN._replace(worth_usd=1.01 * worth, spare_usd=0.0)])


def test_it_leaves_in_volatile_times_and_comes_back_after_a_while(make_view):
    careful = RangeProvider(leave_volatility=0.05, return_after_s=100.0)
    wild = make_view(volatility=[0.051 / 60.0, 0.0])
    (left,) = careful.decide(wild, [OPEN])
    assert left == SetRange(0, 0.0, 0.0, 0.0, 0.0, 0.0, wild.gas_urgent_gwei)
    assert not careful.decide(wild, [NEW]), "it does not come while that lasts"
    assert not careful.decide(make_view(), [NEW._replace(since_s=50.0)])
    assert careful.decide(make_view(), [NEW._replace(since_s=20.0)])


def test_it_leaves_on_a_loss_against_holding(make_view):
    careful = RangeProvider(leave_loss=0.02)
    assert not careful.decide(make_view(), [OPEN._replace(worth_usd=0.981e6)])
    assert careful.decide(make_view(), [OPEN._replace(worth_usd=0.979e6)])[0].deposit_usd == 0.0


@pytest.mark.parametrize(
    ("key", "value"),
    [("half_width", 0.0), ("share", 1.0), ("max_slippage", 0.0), ("leave_loss", -0.1), ("look_blocks", 0)],
)
def test_a_parameter_out_of_range_is_named(key, value):
    with pytest.raises(ValueError, match=f"{key} must .*, got {value}"):
        RangeProvider(**{key: value})
