"""A Silo pool moves the ledger by what its rules say, to the last unit, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import RAY, WAD
from liquidarium.protocols.interest import KinkedCurve
from liquidarium.protocols.lending.silo import (
    PositionValue,
    Silo,
    SiloParameters,
    accrue,
    debt_assets,
    liquidation_preview,
    repay,
)
from liquidarium.protocols.lending.silo.pool import SiloPool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = (9, 8, 6, 9)
UNIT = [10**d for d in DECIMALS]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, INSOLVENT, BITCOIN, DAI_DEBT, DEBTLESS = range(6)
OWED = {HEALTHY: 8_000, UNHEALTHY: 8_700, INSOLVENT: 2_200, BITCOIN: 30_000, DAI_DEBT: 1_750}
PAIR = SiloParameters(
    85 * WAD // 100,
    765 * WAD // 1000,
    5 * WAD // 100,
    15 * WAD // 100,
    KinkedCurve(8 * RAY // 10, 0, 4 * RAY // 100, RAY),
)


def make_pool() -> SiloPool:
    """Six borrowers of three pairs, of whom three may be liquidated at once, and lenders."""
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = SiloPool(ledger, "silo", [PAIR, PAIR, None, None], 6, START)
    collateral, debt = np.zeros((6, 4), np.int64), np.zeros((6, 4), np.int64)
    for row, tokens in ((HEALTHY, 10), (UNHEALTHY, 5), (INSOLVENT, 1), (DAI_DEBT, 1), (DEBTLESS, 1)):
        collateral[row, ETH] = tokens * UNIT[ETH]
    collateral[BITCOIN, BTC] = UNIT[BTC]
    for row, tokens in OWED.items():
        asset = DAI if row == DAI_DEBT else USDC
        debt[row, asset] = tokens * UNIT[asset]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: SiloPool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        dict(pool.silos),
        list(pool.held),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


def test_silos_open_at_the_wanted_utilisation():
    pool = make_pool()
    assert set(pool.silos) == {(ETH, USDC), (BTC, USDC), (ETH, DAI)}
    for silo in pool.silos.values():
        assert silo.debt_assets / silo.deposits == pytest.approx(0.8)
    assert pool.ledger.balances[pool.account, ETH] == 18 * UNIT[ETH]
    assert not pool.residual().any()
    assert not pool.residual_touched().any()


@pytest.mark.parametrize(
    ("collateral", "debt", "complaint"),
    [
        ({ETH: 1}, {USDC: 1, DAI: 1}, "owes more than one asset"),
        ({ETH: 1, BTC: 1}, {USDC: 1}, "has more than one collateral"),
        ({}, {USDC: 1}, "owes without collateral"),
        ({DAI: 1}, {USDC: 1}, "no silo takes"),
    ],
)
def test_positions_that_no_account_can_hold_are_refused(collateral, debt, complaint):
    ledger = Ledger([Asset(s, d) for s, d in zip(("ETH", "BTC", "USDC", "DAI"), DECIMALS, strict=True)])
    pool = SiloPool(ledger, "silo", [PAIR, PAIR, None, None], 1, START)
    amounts = np.zeros((2, 1, 4), np.int64)
    for side, given_ in enumerate((collateral, debt)):
        for asset, units in given_.items():
            amounts[side, 0, asset] = units
    with pytest.raises(ValueError, match=f"account 0 .*{complaint}"):
        pool.endow(*amounts)


def test_liquidation_through_the_pool_is_the_rule_called_directly(customer):
    pool, now_s = make_pool(), 50_000
    bot, cover = customer(pool), 1_000 * UNIT[USDC]
    owed = sum(OWED[row] for row in (HEALTHY, UNHEALTHY, INSOLVENT)) * UNIT[USDC]
    silo = accrue(Silo(owed * 10 // 8, owed, owed, 0, START), PAIR, START + now_s)
    shares = OWED[UNHEALTHY] * UNIT[USDC]
    debt = debt_assets(silo, shares)
    held = 5 * UNIT[ETH]
    done = liquidation_preview(PAIR, PositionValue(held, 10_000 * WAD, debt, debt * 10**12), cover)
    after = repay(silo, done.repaid, shares)
    before = pool.ledger.balances.copy()
    called = pool.liquidate(UNHEALTHY, ETH, USDC, cover, bot, now_s)
    assert called[:2] == (done.repaid, done.seized) == (cover, 525 * 10**6)
    assert called.health_factor < WAD
    assert pool.silos[ETH, USDC] == after.silo
    assert pool.positions.debt[UNHEALTHY, USDC] == shares - after.shares
    moved = pool.ledger.balances - before
    assert moved[bot].tolist() == [done.seized, 0, -cover, 0]
    assert moved[pool.account].tolist() == (-moved[bot]).tolist()
    assert pool.ledger.volumes[Reason.SEIZE, ETH] == done.seized
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_an_offer_as_quoted_restores_the_target_and_no_more(customer):
    pool = make_pool()
    terms = pool.quote(np.array([UNHEALTHY]), np.array([ETH]), np.array([USDC]), 0)
    assert terms.bonus[0] == pytest.approx(0.05, abs=1e-6)
    assert terms.least_usd[0] == 0.0
    pool.liquidate(UNHEALTHY, ETH, USDC, int(terms.repay_usd[0] * UNIT[USDC]), customer(pool), 0)
    held, owed = pool.positions.collateral[UNHEALTHY, ETH] / UNIT[ETH], pool.debt_units(UNHEALTHY, USDC, 0)
    assert owed / UNIT[USDC] / (2000 * held) == pytest.approx(0.765, abs=1e-6)


def test_where_the_whole_debt_must_be_repaid_the_quote_says_so_and_suffices(customer):
    pool = make_pool()
    pool.set_prices([1_800 * 10**8, *PRICES[1:]])
    terms = pool.quote(np.array([UNHEALTHY]), np.array([ETH]), np.array([USDC]), 0)
    assert terms.least_usd[0] == pytest.approx(8_700)
    bot = customer(pool)
    with pytest.raises(Revert, match="FullLiquidationRequired"):
        pool.liquidate(UNHEALTHY, ETH, USDC, 8_699 * UNIT[USDC], bot, 0)
    called = pool.liquidate(UNHEALTHY, ETH, USDC, int(terms.repay_usd[0] * UNIT[USDC]), bot, 0)
    assert called.debt_repaid == 8_700 * UNIT[USDC]
    assert pool.debt_units(UNHEALTHY, USDC, 0) == 0
    assert not pool.residual().any()


def test_bad_debt_stays_on_the_account(customer):
    pool = make_pool()
    called = pool.liquidate(INSOLVENT, ETH, USDC, 2_100 * UNIT[USDC], customer(pool), 0)
    assert called.collateral_to_liquidator == UNIT[ETH]
    assert pool.debt_units(INSOLVENT, USDC, 0) == 100 * UNIT[USDC]
    assert pool.health_factor(INSOLVENT, 0) == 0
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


REFUSED = {
    "liquidate the healthy": lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10),
    "repay what is not owed": lambda pool, me: pool.liquidate(INSOLVENT, ETH, DAI, UNIT[DAI], me, 10),
    "seize what it has not": lambda pool, me: pool.liquidate(INSOLVENT, BTC, USDC, UNIT[USDC], me, 10),
    "pay nothing": lambda pool, me: pool.liquidate(INSOLVENT, ETH, USDC, 0, me, 10),
    "liquidate without money": lambda pool, me: pool.liquidate(
        INSOLVENT, ETH, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "repay without debt": lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
    "repay without money": lambda pool, me: pool.repay(
        HEALTHY, USDC, UNIT[USDC], pool.ledger.open_account("poor"), 10
    ),
    "supply what one lacks": lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
    "supply to another pair": lambda pool, me: pool.supply(HEALTHY, BTC, 0, me, 10),
    "supply what is lent": lambda pool, me: pool.supply(HEALTHY, USDC, UNIT[USDC], me, 10),
    "withdraw into insolvency": lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
    "withdraw more than there is": lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10),
    "withdraw what lenders supply": lambda pool, me: pool.withdraw(pool.lenders, USDC, 1, me, 10),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_call_changes_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    after = state_of(pool)
    assert before[:3] == after[:3]
    assert before[4] == after[4]
    assert not pool.residual_touched().any()


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(INSOLVENT, (ETH, USDC))
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.liquidate(INSOLVENT, ETH, USDC, 9_000 * UNIT[USDC], bot, 7_000)
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 4 + USDC, 4 + DAI])
def test_a_corrupted_row_is_seen(customer, column):
    pool = make_pool()
    pool.liquidate(INSOLVENT, ETH, USDC, 100 * UNIT[USDC], customer(pool), 10)
    pool.positions.amounts[INSOLVENT, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] == 3


@pytest.mark.parametrize("field", ["deposits", "debt_assets", "debt_shares", "revenue"])
def test_a_silo_that_loses_a_leg_is_seen(customer, field):
    pool = make_pool()
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], customer(pool), 10)
    silo = pool.silos[ETH, USDC]
    pool.silos[ETH, USDC] = replace(silo, **{field: getattr(silo, field) + 7})
    assert pool.residual()[USDC] == 7
    assert pool.residual_touched()[USDC] == 7


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
    pool.repay(BITCOIN, USDC, paid * UNIT[USDC], customer(pool), now // 2)
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
