"""Aave v4's liquidation: the bonus rises as health falls, the target health is met, no dust is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.aave import aave_v2_main_may_2021
from liquidarium.protocols.lending.aave.liquidation_v4 import TargetLiquidation
from liquidarium.protocols.lending.aave.pool_v4 import AaveV4Pool
from liquidarium.protocols.liquidation import LiquidationContext
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = {"WETH": 9, "WBTC": 8, "USDC": 6, "DAI": 9}
UNIT = [10**d for d in DECIMALS.values()]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
RULE = TargetLiquidation()
NO_DUST = TargetLiquidation(dust_base=0)
CENT = 10**6


def account(
    collateral: int, debt: int, threshold: int = 8_500, bonus: int = 10_500, fee: int = 0
) -> LiquidationContext:
    """Describe an account of one collateral and one debt, both with 8 decimals and worth 1; base units."""
    return LiquidationContext(
        collateral * threshold * WAD // (10_000 * debt),
        collateral,
        debt,
        threshold,
        threshold,
        debt,
        collateral,
        10**8,
        10**8,
        10**8,
        10**8,
        bonus,
        fee,
        0,
    )


def test_l09_repayment_to_the_target():
    """CASES L09: a flat bonus of 5 %, from a health factor of .935 to 1.05."""
    flat = TargetLiquidation(bonus_factor=10_000, dust_base=0)
    done = flat.amounts(account(110 * 10**8, 100 * 10**8), 100 * 10**8)
    assert done.repaid / 10**8 == pytest.approx(73.01587302, rel=1e-9)
    left = (110 * 10**8 - done.seized) * 0.85 / (100 * 10**8 - done.repaid)
    assert left == pytest.approx(1.05, rel=1e-8)


def test_the_bonus_runs_in_a_straight_line_between_its_ends():
    """MODEL 1.2, and the contract's own test of the smallest bonus (.8, 50 %, 110 %: 105 %)."""
    rule = TargetLiquidation(full_bonus_at=8 * WAD // 10)
    assert rule.bonus(WAD - 1, 11_000) == 10_500
    assert rule.bonus(9 * WAD // 10, 11_000) == 10_750
    assert rule.bonus(8 * WAD // 10, 11_000) == rule.bonus(0, 11_000) == 11_000


@given(health=st.integers(0, WAD - 1), lower=st.integers(0, WAD - 1), most=st.integers(10_000, 13_000))
def test_a_lower_health_never_has_a_lower_bonus(health, lower, most):
    low, high = sorted((health, lower))
    assert 10_000 <= RULE.bonus(high, most) <= RULE.bonus(low, most) <= most


def test_debt_that_would_be_dust_is_repaid_with_the_rest():
    """2,000 owed, of which 1,460 would restore the target: 540 may not be left."""
    whole = account(2_200 * 10**8, 2_000 * 10**8)
    assert RULE.amounts(whole, 2_000 * 10**8).repaid == 2_000 * 10**8
    with pytest.raises(Revert, match="MustNotLeaveDust"):
        RULE.amounts(whole, 1_900 * 10**8)
    assert RULE.amounts(whole, 900 * 10**8).repaid == 900 * 10**8


def test_collateral_that_would_be_dust_is_seized_with_the_rest():
    """At a health of .81 to the target costs all but 850 of the collateral; all of it is taken."""
    low = account(9_500 * 10**8, 10_000 * 10**8)
    done = RULE.amounts(low, 10_000 * 10**8)
    assert done.seized == 9_500 * 10**8
    assert done.repaid == pytest.approx(9_500 * 10**8 / 1.05, abs=1)


@settings(max_examples=300)
@given(
    debt=st.integers(10 * CENT, 10**14),
    health=st.floats(0.2, 0.9999),
    cover=st.floats(0.001, 1.5),
    fee=st.integers(0, 10_000),
)
def test_value_is_conserved_and_no_dust_is_left(debt, health, cover, fee):
    before = account(int(debt * health / 0.85), debt, fee=fee)
    offer = int(debt * cover) + 1
    try:
        done = RULE.amounts(before, offer)
    except Revert:
        return
    assert 0 <= done.repaid <= min(offer, debt)
    assert 0 <= done.fee <= done.seized <= before.collateral
    assert done.seized <= done.repaid * 105 // 100 + 1
    left_debt, left = debt - done.repaid, before.collateral - done.seized
    if left_debt and left:
        assert min(left_debt, left) >= 1_000 * 10**8 - 1
        after = left * 8_500 * WAD // (10_000 * left_debt)
        assert after <= RULE.target + WAD * 10 // left_debt + 10**12


@given(debt=st.integers(10 * CENT, 10**14), health=st.floats(0.2, 0.9999))
def test_what_may_be_repaid_at_most_is_accepted_as_an_offer(debt, health):
    context = account(int(debt * health / 0.85), debt)
    assert RULE.amounts(context, RULE.max_repay(context)) == RULE.amounts(context, debt)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"target": WAD - 1}, "target must be at least"),
        ({"full_bonus_at": WAD}, "full_bonus_at must be"),
        ({"bonus_factor": 10_001}, "bonus_factor must be"),
        ({"dust_base": -1}, "dust_base must not be"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(setting, message):
    with pytest.raises(ValueError, match=f"Aave v4: {message}"):
        TargetLiquidation(**setting)


def make_pool() -> AaveV4Pool:
    """Four borrowers: one healthy, one for the target, one small and one insolvent."""
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    pool = AaveV4Pool(ledger, aave_v2_main_may_2021(tuple(DECIMALS), DECIMALS), RULE, 4, START)
    collateral, debt = np.zeros((4, 4), np.int64), np.zeros((4, 4), np.int64)
    for row, tokens, owed in ((0, 10, 9_000), (1, 10, 17_000), (2, 1, 1_700), (3, 2, 4_500)):
        collateral[row, ETH], debt[row, USDC] = tokens * UNIT[ETH], owed * UNIT[USDC]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def test_an_offer_as_quoted_restores_the_target(customer):
    pool = make_pool()
    terms = pool.quote(np.array([1]), np.array([ETH]), np.array([USDC]), 0)
    health = pool.health_factor(1, 0) / WAD
    assert terms.bonus[0] == pytest.approx(0.025 + 0.025 * (1 - health) / 0.1, abs=1e-4)
    called = pool.liquidate(1, ETH, USDC, int(terms.repay_usd[0] * UNIT[USDC]), customer(pool), 0)
    assert called.debt_repaid < 10_000 * UNIT[USDC]
    assert pool.health_factor(1, 0) / WAD == pytest.approx(1.05, abs=1e-3)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_bad_debt_is_written_off_when_no_collateral_is_left(customer):
    pool = make_pool()
    called = pool.liquidate(3, ETH, USDC, 4_500 * UNIT[USDC], customer(pool), 0)
    assert called.collateral_to_liquidator == 2 * UNIT[ETH]
    assert pool.deficit()[USDC] == 4_500 * UNIT[USDC] - called.debt_repaid
    assert pool.debt_units(3, USDC, 0) == 0
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@settings(max_examples=50, deadline=None)
@given(eth=st.integers(5 * 10**10, 3 * 10**11), data=st.data())
def test_no_sequence_of_calls_makes_or_loses_money(customer, calls_on, play, agrees, eth, data):
    pool = make_pool()
    me = customer(pool)
    pool.ledger.endow(ETH, me, 10**10)
    pool.set_prices([eth, *PRICES[1:]])
    play(pool, me, data.draw(calls_on(pool)))
    assert agrees(pool)


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    before = pool.positions.amounts.copy(), pool.ledger.balances.copy(), pool.deficit()
    pool.ledger.begin()
    restore = pool.checkpoint(3, (ETH, USDC))
    pool.liquidate(3, ETH, USDC, 4_500 * UNIT[USDC], bot, 7_000)
    restore()
    pool.ledger.rollback()
    for then, now in zip(before, (pool.positions.amounts, pool.ledger.balances, pool.deficit()), strict=True):
        assert (then == now).all()
    assert not pool.residual_touched().any()
