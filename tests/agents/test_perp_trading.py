"""The law by which a leveraged crowd opens, reduces and opens again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.perp_crowd import LeverageLaw
from liquidarium.agents.perp_trading import TradingLaw

reals = st.floats(-1.0, 1.0)


def test_as_many_decide_as_the_rate_says():
    law, rng = TradingLaw(decisions_per_hour=2.0), np.random.default_rng(1)
    rows = [law.actors(rng, 1_000, 9.0) for _ in range(400)]
    counts = np.array([len(r) for r in rows])
    assert counts.mean() == pytest.approx(5.0, abs=4 * math.sqrt(5.0 / 400))
    assert all(len(set(r.tolist())) == len(r) and (r < 1_000).all() for r in rows)
    assert np.bincount(np.concatenate(rows), minlength=1_000).std() < 3.0  # nobody is preferred


def test_nobody_decides_at_rate_nought():
    assert not len(TradingLaw(decisions_per_hour=0.0).actors(np.random.default_rng(1), 100, 60.0))


@given(reals, reals, st.floats(0.0, 100.0), st.floats(0.0, 1_000.0))
def test_rises_make_longs_likelier_and_funding_paid_by_longs_rarer(log_return, rate, momentum, funding):
    law = TradingLaw(momentum=momentum, funding=funding)
    share = law.long_share(log_return, rate)
    assert 0.0 <= share <= 1.0
    assert law.long_share(log_return + 0.01, rate) >= share
    assert law.long_share(log_return, rate + 0.001) <= share


def test_a_crowd_without_feeling_is_split_in_half():
    assert TradingLaw(momentum=0.0, funding=0.0).long_share(-0.3, 0.01) == 0.5


@given(
    st.lists(
        st.tuples(
            st.sampled_from((-1, 1)), st.integers(-500, 500), st.floats(-1e4, 1e4), st.floats(1.0, 40.0)
        ),
        min_size=1,
        max_size=20,
    ),
    st.floats(0.01, 1.0),
)
def test_the_flat_open_within_their_leverage_and_others_only_reduce(accounts, share):
    wanted, held = (np.array([a[k] for a in accounts], np.int64) for k in (0, 1))
    equity, leverage = (np.array([a[k] for a in accounts]) for k in (2, 3))
    lots = TradingLaw(reduce_share=share).trades(wanted, held, equity, leverage, 7.0)
    flat = held == 0
    assert (np.abs(lots[flat]) * 7.0 <= np.maximum(equity[flat], 0.0) * leverage[flat] + 1e-6).all()
    assert (lots[flat] * wanted[flat] >= 0).all()
    holders = lots[~flat]
    assert (np.abs(held[~flat] + holders) <= np.abs(held[~flat])).all()
    assert (holders[(held * wanted > 0)[~flat]] == 0).all()
    assert (holders[(held * wanted < 0)[~flat]] != 0).all()


def test_newcomers_put_up_the_margins_of_the_crowd():
    law = LeverageLaw(median_leverage=5.0, leverage_sd_log=0.0, size_sd_log=0.5)
    margins = law.margins(np.random.default_rng(2), 20_000, 10_000.0)
    assert margins.mean() == pytest.approx(2_000.0, rel=0.02)


def test_new_stops_lie_beyond_the_price_on_the_losing_side():
    law = LeverageLaw(stop_share=1.0, round_usd=10.0)
    side = np.array([1, -1] * 500)
    stops = law.stops(np.random.default_rng(3), side, 2_345.0)
    known = ~np.isnan(stops)
    assert known.mean() > 0.9
    assert (side[known] * (2_345.0 - stops[known]) > 0).all()
    assert (stops[known] % 10.0 == 0.0).all()


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"decisions_per_hour": -1}, "decisions_per_hour must be from 0 to 3,600, got -1"),
        ({"momentum": math.inf}, "momentum must be a finite number, got inf"),
        ({"lookback_s": 0}, "lookback_s must be above 0, got 0"),
        ({"reduce_share": 0}, "reduce_share must be above 0 and at most 1, got 0"),
        ({"newcomers": -1}, "newcomers must be from 0 to 1,000,000, got -1"),
        ({"max_slippage": 2}, "max_slippage must be from 0 to 1, got 2"),
    ],
)
def test_a_law_out_of_range_is_refused(given_, says):
    with pytest.raises(ValueError, match=says):
        TradingLaw(**given_)
