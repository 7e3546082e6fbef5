"""Margin rules against the numeric cases of the reference, by id."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from liquidarium.protocols.margin import dydx, funding, perpetuals
from liquidarium.protocols.margin.hyperliquid import LeverageMargin, Stage
from liquidarium.protocols.margin.tiers import MarginTiers, TierError

BOUNDS = [50e3, 250e3, 1e6, 10e6, 20e6, 50e6, 100e6, 200e6, 300e6, 500e6]
RATES = [0.004, 0.005, 0.01, 0.025, 0.05, 0.10, 0.125, 0.15, 0.25, 0.50]
CUM = [0, 50, 1_300, 16_300, 266_300, 1_266_300, 2_516_300, 5_016_300, 25_016_300, 100_016_300]
TABLE = MarginTiers.table(BOUNDS, RATES, CUM)


def test_p01_maintenance_amounts_follow_from_continuity():
    assert list(MarginTiers.table(BOUNDS, RATES).cum) == CUM
    for bound, rate, cum in zip(TABLE.bounds, RATES, CUM, strict=True):
        assert TABLE.required(bound) == pytest.approx(bound * rate - cum, rel=1e-12)
    for bound, lower, upper in zip(TABLE.bounds, RATES, RATES[1:], strict=False):
        jump = TABLE.required(bound + 1) - TABLE.required(bound)
        assert 0 <= jump <= 1, (lower, upper)


def test_p01_a_table_that_jumps_is_refused_with_the_amount_it_should_have():
    wrong = [*RATES[:3], 0.02, *RATES[4:]]  # the second published list: 2 % for the 10 M tier
    with pytest.raises(TierError, match=r"not continuous at tier 4: its amount must be 11300, got 16300"):
        MarginTiers.table(BOUNDS, wrong, CUM)


@pytest.mark.parametrize(
    ("wallet", "quantity", "price"),
    [(1_500, 1, 28614.45783), (150_000, 100, 29063.58974), (150_000, -100, 30890.73171)],
)
def test_p02_linear_liquidation_price(wallet, quantity, price):
    assert perpetuals.linear_liquidation_price(wallet, quantity, 30_000, TABLE) == pytest.approx(
        price, rel=1e-9
    )


@pytest.mark.parametrize("wallet", [10.0, 1_500.0, 20_000.0])
@pytest.mark.parametrize("quantity", [0.5, 40.0, 3_000.0, -0.5, -40.0, -3_000.0])
def test_p02_at_the_liquidation_price_equity_is_the_requirement(wallet, quantity):
    fine = MarginTiers.table(BOUNDS, RATES, unit=10**6)
    wallet *= abs(quantity)
    price = perpetuals.linear_liquidation_price(wallet, quantity, 30_000, fine, 10**6)
    if 0.0 < price < math.inf:
        equity = wallet + perpetuals.linear_pnl(quantity, 30_000, price)
        notional = round(abs(quantity) * price * 10**6)
        assert equity == pytest.approx(fine.required(notional) / 10**6, rel=1e-9, abs=1e-5)


def test_p03_inverse_perpetual():
    assert perpetuals.inverse_bankruptcy_price(0.1, 10_000, 10_000) == pytest.approx(9090.909091)
    price = perpetuals.inverse_liquidation_price(0.1, 10_000, 10_000, 0.005)
    assert price == pytest.approx(9132.420091, rel=1e-9)
    assert perpetuals.inverse_pnl(10_000, 10_000, 9_000) == pytest.approx(-0.1111111111)
    short = perpetuals.inverse_liquidation_price(0.1, -10_000, 10_000, 0.005)
    assert 0.1 + perpetuals.inverse_pnl(-10_000, 10_000, short) == pytest.approx(0.005)


@pytest.mark.parametrize(("net", "adjustment", "price"), [(499, 1, 49_999), (499, 2, 49_998), (0, 1, 49_500)])
def test_p04_dydx_fillable_price(net, adjustment, price):
    assert dydx.fillable_price(0.1, 5_000, 500, net, 500, adjustment) == pytest.approx(price, rel=1e-12)


def test_p05_dydx_insurance_fund_fee():
    assert dydx.liquidation_fee(4_999.9, 4_501) == pytest.approx(24.9995)
    assert dydx.liquidation_fee(4_499.0, 4_501) == pytest.approx(-2.0)


def test_a_close_at_the_dydx_bankruptcy_price_uses_up_its_part_of_the_collateral():
    price = dydx.bankruptcy_price(-0.1, -5_000, -500, 499, 500)
    assert price == pytest.approx(45_010)  # 4501 owed for .1
    half = dydx.bankruptcy_price(-0.05, -2_500, -250, 499, 500)
    assert half == pytest.approx(45_010)


def test_p06_dydx_open_interest_margin():
    assert dydx.open_interest_margin(0.10, 35e6, 20e6, 50e6) == pytest.approx(0.55)
    assert dydx.open_interest_margin(0.10, 10e6, 20e6, 50e6) == pytest.approx(0.10)
    assert dydx.open_interest_margin(0.10, 90e6, 20e6, 50e6) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="upper_cap must be at least lower_cap"):
        dydx.open_interest_margin(0.10, 1, 2, 1)


@pytest.mark.parametrize(("premium", "rate"), [(0.12, 0.07), (0.03, 0.01), (-0.08, -0.03)])
def test_p07_funding_clamp(premium, rate):
    assert funding.clamped_funding(premium, 0.01, 0.05) == pytest.approx(rate)


def test_funding_of_dydx_is_capped_at_six_times_the_margin_between():
    assert funding.capped_funding(0.5, 0.05, 0.03) == pytest.approx(0.12)
    assert funding.capped_funding(-0.5, 0.05, 0.03) == pytest.approx(-0.12)


def test_p08_hyperliquid_maintenance_and_backstop():
    margin = LeverageMargin(40)
    assert margin.maintenance == pytest.approx(0.0125)
    assert margin.backstop == pytest.approx(0.008333333333)
    assert margin.liquidation_price(10_000, 1, 100_000) == pytest.approx(91139.24051)
    assert [margin.stage(e, 300) for e in (300, 299, 199, -1)] == [
        Stage.SAFE,
        Stage.BOOK,
        Stage.BACKSTOP,
        Stage.DELEVERAGE,
    ]


def test_p09_five_account_ledger():
    sides = np.array([1, 1, -1, 1, -1])
    sizes = np.array([1, 1, 4, 1, 1])
    collateral = np.array([float(Fraction(c)) for c in ("2", "2/3", "8/3", "2/19", "10/99")])
    long, short = sizes[sides > 0].sum(), sizes[sides < 0].sum()
    gamma1 = funding.imbalance_funding(long, short, 1.4, 1.5)
    gamma2 = funding.imbalance_funding(long, short, 1.3, 1.25)
    assert (gamma1, gamma2) == pytest.approx((-0.3333333333, -0.44))
    first = collateral + sides * sizes * (1.4 - 1 + gamma1 * 1.4)
    second = collateral + sides * sizes * (1.3 - 1 + gamma1 * 1.4 + gamma2 * 1.3)
    assert first == pytest.approx([1.933333333, 0.6, 2.933333333, 0.03859649123, 0.1676767677])
    assert second == pytest.approx([1.261333333, -0.072, 5.621333333, -0.6334035088, 0.8396767677])
    tiers = MarginTiers.flat(0.1)
    unsafe = [
        round(equity * 10**9) < tiers.required(int(size) * 14 * 10**8)
        for equity, size in zip(first, sizes, strict=True)
    ]
    assert unsafe == [False, False, False, True, False]


def test_p14_gmx_skew_funding():
    rates = funding.skew_funding(150_000, 50_000, 1 / 50_000)
    assert rates == pytest.approx((1e-5, -3e-5))
    assert funding.skew_funding(50_000, 150_000, 1 / 50_000) == pytest.approx((-3e-5, 1e-5))
    assert funding.skew_funding(1, 1, 1.0) == (0.0, 0.0)


def test_a_trade_that_narrows_the_skew_is_rewarded():
    assert funding.skew_impact(100.0, 50.0, 1e-3, 2.0) > 0 > funding.skew_impact(50.0, 100.0, 1e-3, 2.0)
