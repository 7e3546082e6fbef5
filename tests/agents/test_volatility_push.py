"""Who swings a price holds more for one half of each period, and sells options above their value only."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.option_maker import OptionDealer
from liquidarium.agents.strategies.volatility_push import VolatilityPush

PUSH = VolatilityPush("ETH", "P2400", start_s=100.0, for_s=60.0, swing_usd=1e6, period_s=20.0)


def test_it_buys_for_half_of_each_period_and_is_flat_before_and_after():
    held = [PUSH.target_usd(t) for t in (99.0, 100.0, 109.0, 110.0, 119.0, 120.0, 159.0, 160.0, 165.0)]
    assert held == [0.0, 1e6, 1e6, 0.0, 0.0, 1e6, 0.0, 0.0, 0.0]


@given(st.floats(0.0, 1e4), st.floats(0.01, 1e4))
def test_no_option_is_sold_below_its_value_and_none_before_the_attack(time_s, value):
    least = PUSH.least_usd(time_s, value)
    assert least >= value
    assert math.isinf(least) == (time_s < PUSH.start_s)


@pytest.mark.parametrize("name", ["swing_usd", "period_s", "for_s", "max_slippage", "premium", "sale_usd"])
def test_a_parameter_out_of_range_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        VolatilityPush(**{"underlying": "ETH", "option": "P", "start_s": 0.0, name: -1.0})


@pytest.mark.parametrize("name", ["volatility", "hedge_cost", "size", "max_slippage", "refresh_blocks"])
def test_a_dealer_refuses_what_makes_no_sense_by_name(name):
    with pytest.raises(ValueError, match=name):
        OptionDealer(**{"underlying": "ETH", name: -1})
