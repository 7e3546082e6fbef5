"""An Euler v1 pool moves the ledger by what its rule says, to the last unit, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.lending.euler import KinkedRate, V1Account, V1Parameters, check_liquidation_v1
from liquidarium.protocols.lending.euler.parameters import UTILISATION_SCALE
from liquidarium.protocols.lending.euler.pool_v1 import EulerV1Pool
from liquidarium.protocols.lending.euler.v1 import FACTOR_SCALE
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = (9, 8, 6, 9)
UNIT = [10**d for d in DECIMALS]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, INSOLVENT, BOTH, DAI_DEBT, DEBTLESS = range(6)
OWED = {HEALTHY: 9_000, UNHEALTHY: 8_400, INSOLVENT: 2_200, BOTH: 30_000, DAI_DEBT: 1_700}
# 4 % a year at 90 % lent, 100 % at all.
CURVE = KinkedRate(0, 328_147_112, 70_878_000_000, int(0.9 * UTILISATION_SCALE))
FACTORS = V1Parameters(88 * FACTOR_SCALE // 100, 94 * FACTOR_SCALE // 100)


def make_pool(factors: V1Parameters = FACTORS, funding: float = 0.0) -> EulerV1Pool:
    """Six borrowers of two markets, of whom three may be liquidated at once, and lenders."""
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    terms = [factors, factors, None, None]
    pool = EulerV1Pool(ledger, "euler", terms, CURVE, 1_000, 6, START, liquidator_funding=funding)
    collateral, debt = np.zeros((6, 4), np.int64), np.zeros((6, 4), np.int64)
    for row, tokens in (
        (HEALTHY, 10),
        (UNHEALTHY, 5),
        (INSOLVENT, 1),
        (BOTH, 1),
        (DAI_DEBT, 1),
        (DEBTLESS, 1),
    ):
        collateral[row, ETH] = tokens * UNIT[ETH]
    collateral[BOTH, BTC] = UNIT[BTC]
    for row, tokens in OWED.items():
        asset = DAI if row == DAI_DEBT else USDC
        debt[row, asset] = tokens * UNIT[asset]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: EulerV1Pool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        dict(pool._exact),
        dict(pool.books),
        list(pool.held),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def unhealthy() -> V1Account:
    """Return the account of `UNHEALTHY` at the start, as the rule sees it."""
    owed, factors = 8_400 * WAD, (88, 94)
    return V1Account(
        10_000 * WAD * factors[0] // 100,
        owed * FACTOR_SCALE // FACTORS.borrow_factor,
        5 * WAD,
        owed,
        2_000 * WAD,
        WAD,
    )


def test_liquidation_through_the_pool_is_the_rule_called_directly(customer):
    """All that is allowed: a discount of 2 % and the shortfall, and 2 % of the debt for the reserves."""
    pool, account = make_pool(), unhealthy()
    bot, most = customer(pool), check_liquidation_v1(FACTORS, unhealthy())
    assert pool.health_factor(UNHEALTHY, 0) == account.collateral_value * WAD // account.liability_value
    before = pool.ledger.balances.copy()
    called = pool.liquidate(UNHEALTHY, ETH, USDC, 9_000 * UNIT[USDC], bot, 0)
    assert called.debt_repaid == most.repay_before_fee // 10**12
    assert called.collateral_to_liquidator == most.yield_assets // 10**9
    assert called.debt_repaid + called.debt_fee == -(-most.repay // 10**12)
    assert called.debt_fee / called.debt_repaid == pytest.approx(0.02, rel=1e-6)
    moved = pool.ledger.balances - before
    assert moved[bot].tolist() == [
        called.collateral_to_liquidator,
        0,
        -called.debt_repaid - called.debt_fee,
        0,
    ]
    assert moved[pool.account].tolist() == (-moved[bot]).tolist()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_an_offer_as_quoted_restores_the_target_health(customer):
    pool = make_pool()
    terms = pool.quote(np.array([UNHEALTHY]), np.array([ETH]), np.array([USDC]), 0)
    pool.liquidate(UNHEALTHY, ETH, USDC, int(terms.repay_usd[0] * UNIT[USDC]), customer(pool), 0)
    assert pool.health_factor(UNHEALTHY, 0) / WAD == pytest.approx(1.25, rel=1e-6)


def test_the_fee_is_owned_by_the_reserves_and_not_by_the_lenders(customer):
    pool = make_pool()
    lent = pool.collateral_units(pool.lenders, USDC, 0)
    called = pool.liquidate(UNHEALTHY, ETH, USDC, 9_000 * UNIT[USDC], customer(pool), 0)
    vault = pool.books[USDC].vault
    assert vault.accumulated_fees == pytest.approx(called.debt_fee, abs=2)
    assert pool.collateral_units(pool.lenders, USDC, 0) == pytest.approx(lent, abs=2)


def test_a_funded_liquidator_gets_a_larger_discount():
    """MODEL 1.6: twice the base, at most 2.5 points more (CASES L21 has the numbers)."""
    asked = np.array([UNHEALTHY]), np.array([ETH]), np.array([USDC]), 0
    plain, funded = (make_pool(funding=share).quote(*asked).bonus[0] for share in (0.0, 1.0))
    shortfall = 0.02 + 1 - 8_800 * 0.94 / 8_400
    for bonus, discount in ((plain, shortfall), (funded, shortfall + 0.025)):
        assert (1 + bonus) * 1.02 == pytest.approx(1 / (1 - discount), rel=1e-6)


def test_a_call_may_cost_more_than_the_debt_but_no_more_than_the_payoff(customer):
    """With a target that only a repaid debt reaches, nearly all of it goes, and the fee comes on top."""
    pool = make_pool(replace(FACTORS, target_health=100 * WAD))
    most = pool.payoff(UNHEALTHY, USDC, 0)
    assert most == 8_568 * UNIT[USDC]
    called = pool.liquidate(UNHEALTHY, ETH, USDC, most, customer(pool), 0)
    assert 8_400 * UNIT[USDC] < called.debt_repaid + called.debt_fee < most


def test_bad_debt_stays_on_the_account(customer):
    pool = make_pool()
    called = pool.liquidate(INSOLVENT, ETH, USDC, 3_000 * UNIT[USDC], customer(pool), 0)
    assert pool.collateral_units(INSOLVENT, ETH, 0) == 0
    assert called.collateral_to_liquidator == UNIT[ETH]
    assert called.debt_repaid == pytest.approx(1_600 * UNIT[USDC], abs=1)
    assert pool.debt_units(INSOLVENT, USDC, 0) == 2_200 * UNIT[USDC] - called.debt_repaid
    assert not pool.deficit().any()
    assert not pool.residual().any()


def test_exact_cover_is_healthy():
    pool = make_pool()
    pool.positions.debt[HEALTHY, USDC] = 8_272 * UNIT[USDC]
    pool.set_prices([1_000 * 10**8, *PRICES[1:]])
    assert pool.health_factor(HEALTHY, 0) == WAD
    pool.set_prices([1_000 * 10**8 - 1, *PRICES[1:]])
    assert pool.health_factor(HEALTHY, 0) < WAD


REFUSED = {
    "liquidate the healthy": lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10),
    "repay what is not owed": lambda pool, me: pool.liquidate(INSOLVENT, ETH, DAI, UNIT[DAI], me, 10),
    "seize what is no collateral": lambda pool, me: pool.liquidate(INSOLVENT, DAI, USDC, 1, me, 10),
    "seize what it has not": lambda pool, me: pool.liquidate(INSOLVENT, BTC, USDC, 9, me, 10),
    "pay nothing": lambda pool, me: pool.liquidate(INSOLVENT, ETH, USDC, 0, me, 10),
    "liquidate without money": lambda pool, me: pool.liquidate(
        INSOLVENT, ETH, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "supply what is lent": lambda pool, me: pool.supply(HEALTHY, USDC, UNIT[USDC], me, 10),
    "withdraw into ill health": lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:4] == after[:4]
    assert before[5] == after[5]
    assert not pool.residual_touched().any()


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(INSOLVENT, (ETH, USDC))
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.residual_touched().any()


@settings(max_examples=60, deadline=None)
@given(
    eth=st.integers(10**10, 4 * 10**11),
    btc=st.integers(10**11, 8 * 10**12),
    now=st.integers(0, 10**8),
    paid=st.integers(1, 29_000),
)
def test_screening_never_misses_an_account_that_the_rule_would_liquidate(
    customer, missed, eth, btc, now, paid
):
    pool = make_pool()
    pool.set_prices([eth, btc, 10**8, 10**8])
    pool.repay(BOTH, USDC, paid * UNIT[USDC], customer(pool), now // 2)
    assert not missed(pool, now)


@settings(max_examples=60, deadline=None)
@given(eth=st.integers(5 * 10**10, 3 * 10**11), data=st.data())
def test_no_sequence_of_calls_makes_or_loses_money(customer, calls_on, play, agrees, eth, data):
    pool = make_pool()
    me = customer(pool)
    pool.ledger.endow(ETH, me, 10**10)
    pool.set_prices([eth, *PRICES[1:]])
    play(pool, me, data.draw(calls_on(pool)))
    assert agrees(pool)


@settings(max_examples=100, deadline=None)
@given(
    eth=st.integers(10**10, 4 * 10**11),
    btc=st.integers(10**11, 8 * 10**12),
    now=st.integers(0, 10**8),
    paid=st.integers(10**4, 10**9),
    funding=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_estimates_are_the_terms_of_the_rule(customer, estimated, eth, btc, now, paid, funding):
    pool = make_pool(funding=funding)
    pool.liquidate(INSOLVENT, ETH, USDC, paid, customer(pool), now // 2)
    pool.set_prices([eth, btc, 10**8, 10**8])
    estimated(pool, np.arange(6), np.array([ETH, ETH, ETH, BTC, ETH, ETH]), np.full(6, USDC), now)
