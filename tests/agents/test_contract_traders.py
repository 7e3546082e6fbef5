"""Those who trade contracts: the law of a leveraged crowd, the basis trade, the push of a thin book."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.perp_crowd import LeverageLaw
from liquidarium.agents.strategies.basis_trade import BasisTrade, PushAndReverse
from liquidarium.market.prices.reference import YEAR_S
from liquidarium.market.streams import Streams


@given(
    count=st.integers(2, 200),
    long_accounts=st.floats(0.01, 0.99),
    spread=st.floats(0.0, 3.0),
    seed=st.integers(0, 1000),
)
def test_every_long_has_its_short(count, long_accounts, spread, seed):
    law = LeverageLaw(long_accounts=long_accounts, size_sd_log=spread)
    crowd = law.draw(Streams(seed)("crowd"), count, 1e6, 2.5, 2_500.0)
    assert crowd.lots.sum() == 0
    assert crowd.lots[crowd.lots > 0].sum() == 400_000
    assert (crowd.lots != 0).all()
    assert (crowd.leverage <= law.most_leverage).all()


def test_stops_lie_on_the_losing_side_at_round_prices():
    law = LeverageLaw(stop_share=1.0, stop_distance=0.05, round_usd=50.0)
    crowd = law.draw(Streams(1)("crowd"), 400, 1e7, 2.5, 2_500.0)
    placed = ~np.isnan(crowd.stop_usd)
    assert placed.sum() > 200
    assert (np.sign(crowd.lots[placed]) * (2_500.0 - crowd.stop_usd[placed]) > 0).all()
    assert (crowd.stop_usd[placed] % 50.0 == 0).all()


def test_crowd_of_one_is_refused():
    with pytest.raises(ValueError, match="two traders or more"):
        LeverageLaw().draw(Streams(1)("crowd"), 1, 1e6, 2.5, 2_500.0)


@pytest.mark.parametrize(
    ("name", "value"), [("median_leverage", 0), ("size_sd_log", -1), ("long_accounts", 1), ("stop_share", 2)]
)
def test_law_names_the_parameter_that_is_wrong(name, value):
    with pytest.raises(ValueError, match=name):
        LeverageLaw(**{name: value})


def test_basis_is_traded_towards_zero_and_not_within_the_threshold():
    trade = BasisTrade("P", "S", threshold=0.01)
    assert [trade.side(basis, 0.0) for basis in (-0.02, -0.005, 0.005, 0.02)] == [1, 0, 0, -1]


def test_push_sells_its_amount_waits_and_buys_back_all_in_time():
    push = PushAndReverse("P", start_s=10.0, push_usd=60.0, push_s=6.0, hold_s=4.0, back_s=10.0)
    sold = bought = 0.0
    for t in np.arange(0.0, 40.0, 2.0):
        amount = push.amount_usd(t, 2.0, sold - bought)
        sold, bought = sold - min(amount, 0.0), bought + max(amount, 0.0)
        if t < 10.0 or 16.0 <= t < 20.0:
            assert amount == 0.0
    assert sold == pytest.approx(60.0)
    assert bought == pytest.approx(60.0)


def test_push_that_moves_nothing_is_refused():
    with pytest.raises(ValueError, match="push_usd"):
        PushAndReverse("P", start_s=0.0, push_usd=0.0)


def test_a_dated_contract_is_compared_with_what_carrying_to_its_expiry_costs():
    trade = BasisTrade("F", "P", threshold=0.01, carry_per_year=0.5, expiry_s=YEAR_S / 5)
    fair = math.expm1(0.1)
    assert [trade.side(fair + away, 0.0) for away in (-0.02, 0.0, 0.02)] == [1, 0, -1]
    assert trade.side(fair, YEAR_S / 5 - 1.0) == -1  # by then nothing should be left of it
    assert trade.side(fair, YEAR_S / 5) == 0
    patient = BasisTrade("F", "P", threshold=0.01, expiry_s=900.0, average_s=600.0)
    assert [patient.side(-0.1, time_s) for time_s in (299.0, 300.0, 899.0)] == [1, 0, 0]
    with pytest.raises(ValueError, match="carry_per_year does nothing without expiry_s"):
        BasisTrade("F", "P", carry_per_year=0.1)
