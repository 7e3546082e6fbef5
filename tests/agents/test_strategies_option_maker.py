"""An option maker's quotes and hedges, and what hedging costs (Leland 1985; MODEL 2.4)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.option_maker import OptionBookState, OptionMaker
from liquidarium.protocols.margin.models import black_scholes, leland_volatility

STRIKES = np.array([90.0, 100.0, 110.0])
GREEKS = black_scholes.greeks(100.0, STRIKES, 30 / 365, True, 0.7)


def state(held, hedge=0.0):
    return OptionBookState(GREEKS.price, GREEKS.delta, GREEKS.vega, np.asarray(held, np.float64), hedge)


def test_a_flat_maker_quotes_around_the_model_at_its_spread_of_volatility():
    quotes = OptionMaker(half_spread=0.02).decide(state([0, 0, 0]))
    sides = [black_scholes.price(100.0, STRIKES, 30 / 365, True, 0.7 + off) for off in (-0.02, 0.02)]
    assert quotes.bid == pytest.approx(sides[0], abs=2e-3)
    assert quotes.ask == pytest.approx(sides[1], abs=2e-3)
    assert quotes.hedge_trade == 0.0


@given(held=st.lists(st.floats(-500.0, 500.0), min_size=3, max_size=3))
def test_who_is_long_vega_quotes_lower_and_never_crosses_itself(held):
    maker = OptionMaker(vega_unit=1_000.0, vega_limit=1e9)
    quotes, flat = maker.decide(state(held)), maker.decide(state([0, 0, 0]))
    lean = np.sign(np.asarray(held) @ GREEKS.vega)
    both = ~np.isnan(quotes.bid) & ~np.isnan(quotes.ask)
    assert (quotes.bid[both] <= quotes.ask[both]).all()
    assert (lean * (quotes.ask[both] - flat.ask[both]) <= 1e-12).all()


def test_beyond_the_limit_only_the_side_that_lowers_vega_is_quoted():
    maker = OptionMaker(vega_unit=100.0, vega_limit=2.0, lean=0.0)
    assert np.isnan(maker.decide(state([0, 50, 0])).bid).all()
    assert not np.isnan(maker.decide(state([0, 50, 0])).ask).any()
    assert np.isnan(maker.decide(state([0, -50, 0])).ask).all()


@given(held=st.lists(st.floats(-50.0, 50.0), min_size=3, max_size=3), hedge=st.floats(-50.0, 50.0))
def test_a_hedge_leaves_the_delta_within_the_band(held, hedge):
    trade = OptionMaker(delta_band=1.5).decide(state(held, hedge)).hedge_trade
    before = float(np.asarray(held) @ GREEKS.delta) + hedge
    assert abs(before + trade) <= 1.5 + 1e-9
    assert abs(trade) <= abs(before)


def test_hedging_a_sold_option_costs_what_leland_says():
    """Mean cost of rehedging over paths against the premium at Leland's volatility over that of the model."""
    sigma, round_trip, years, steps, n_paths = 0.7, 0.004, 30 / 365, 60, 300
    rng, dt = np.random.default_rng(11), years / steps
    moves = rng.normal(-0.5 * sigma**2 * dt, sigma * math.sqrt(dt), (n_paths, steps - 1))
    spots = 100.0 * np.exp(np.column_stack([np.zeros(n_paths), np.cumsum(moves, axis=1)]))
    left = years - dt * np.arange(steps)
    with_costs = float(leland_volatility(sigma, round_trip, dt))
    deltas = black_scholes.greeks(spots, 100.0, left, True, with_costs).delta
    maker, costs = OptionMaker(), np.zeros(n_paths)
    for path in range(n_paths):
        hedge = deltas[path, 0]
        for at in range(1, steps):
            now = OptionBookState(np.ones(1), deltas[path, at : at + 1], np.ones(1), -np.ones(1), hedge)
            trade = maker.decide(now).hedge_trade
            costs[path] += 0.5 * round_trip * abs(trade) * spots[path, at]
            hedge += trade
    premium = float(black_scholes.price(100.0, 100.0, years, True, [with_costs, sigma]) @ [1.0, -1.0])
    assert costs.mean() == pytest.approx(premium, rel=0.06)


@pytest.mark.parametrize("name", ["half_spread", "lean", "vega_limit", "delta_band", "vega_unit"])
def test_a_negative_parameter_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        OptionMaker(**{name: -1.0})
