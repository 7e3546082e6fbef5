"""An Aave pool that runs version 3.6: whole-position close factor, no dust, bad debt written off."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import WAD
from liquidarium.protocols.health import HealthScreen
from liquidarium.protocols.lending.aave import aave_v2_main_may_2021
from liquidarium.protocols.lending.aave.liquidation_v3_6 import liquidation_call
from liquidarium.protocols.lending.aave.parameters import Market, ReserveParameters
from liquidarium.protocols.lending.aave.pool import AavePool
from liquidarium.protocols.lending.aave.presets import V3_6_MECHANISM
from liquidarium.protocols.lending.aave.versions import V3_6
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = {"WETH": 9, "WBTC": 8, "USDC": 6, "DAI": 9}
UNIT = [10**d for d in DECIMALS.values()]
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, TWO_DEBTS, SMALL, INSOLVENT, LARGE = range(5)


def market() -> Market:
    """Reserves of May 2021 with a tenth of the bonus for the treasury."""
    deployed = aave_v2_main_may_2021(tuple(DECIMALS), DECIMALS, V3_6_MECHANISM)
    names = [n for n in ReserveParameters.__dataclass_fields__ if n != "unit"]
    reserves = tuple(
        ReserveParameters(**{n: getattr(r, n) for n in names} | {"liquidation_protocol_fee": 1_000})
        for r in deployed.reserves
    )
    return Market("aave-v3.6", reserves, V3_6_MECHANISM)


def make_pool() -> AavePool:
    """Five borrowers, of whom four may be liquidated, and lenders."""
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    pool = AavePool(ledger, market(), 5, START, version=V3_6)
    collateral, debt = np.zeros((5, 4), np.int64), np.zeros((5, 4), np.int64)
    collateral[HEALTHY, ETH], debt[HEALTHY, USDC] = 10 * UNIT[ETH], 9_000 * UNIT[USDC]
    collateral[TWO_DEBTS, ETH] = 12 * UNIT[ETH]
    debt[TWO_DEBTS, USDC], debt[TWO_DEBTS, DAI] = 12_000 * UNIT[USDC], 8_000 * UNIT[DAI]
    collateral[SMALL, ETH], debt[SMALL, DAI] = UNIT[ETH], 1_700 * UNIT[DAI]
    collateral[INSOLVENT, ETH] = 2 * UNIT[ETH]
    debt[INSOLVENT, USDC], debt[INSOLVENT, DAI] = 4_000 * UNIT[USDC], 500 * UNIT[DAI]
    collateral[LARGE, ETH], debt[LARGE, USDC] = 10 * UNIT[ETH], 17_000 * UNIT[USDC]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: AavePool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.tolist(),
        deepcopy(pool.reserves),
        pool.ledger.balances.tolist(),
        pool.ledger.volumes.tolist(),
    )


@pytest.mark.parametrize(("row", "debt"), [(TWO_DEBTS, USDC), (TWO_DEBTS, DAI), (LARGE, USDC), (SMALL, DAI)])
def test_liquidation_through_the_pool_is_the_rule_called_directly(customer, row, debt):
    pool, now_s, cover = make_pool(), 5_000, 20_000 * UNIT[debt]
    bot = customer(pool)
    reserves, account = deepcopy(pool.reserves), pool._take(row)
    expected = liquidation_call(
        reserves,
        pool.market,
        PRICES,
        START + now_s,
        account,
        collateral=ETH,
        debt=debt,
        debt_to_cover=cover,
    )
    before = pool.ledger.balances.copy()
    result = pool.liquidate(row, ETH, debt, cover, bot, now_s)
    assert result.debt_repaid == expected.debt_repaid
    assert result.collateral_to_liquidator == expected.collateral_to_liquidator
    assert result.health_factor == expected.health_factor
    assert pool.reserves == reserves
    assert pool.positions.amounts[row].tolist() == account.supplied + account.borrowed
    moved = pool.ledger.balances - before
    wanted = np.zeros_like(moved)
    wanted[bot, debt], wanted[bot, ETH] = -expected.debt_repaid, expected.collateral_to_liquidator
    wanted[pool.account] = -wanted[bot]
    assert np.array_equal(moved, wanted)
    assert expected.protocol_fee > 0
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_one_debt_may_be_repaid_whole_if_it_is_half_of_all(customer):
    """CASES L06: the close factor is a share of the whole position's debt."""
    pool = make_pool()
    bot = customer(pool)
    owed = pool.debt_units(TWO_DEBTS, DAI, 0)
    assert 0.95 * WAD < pool.health_factor(TWO_DEBTS, 0) < WAD
    assert pool.liquidate(TWO_DEBTS, ETH, DAI, owed, bot, 0).debt_repaid == owed
    assert pool.debt_units(TWO_DEBTS, DAI, 0) == 0


def test_call_that_would_leave_dust_repays_the_most_that_leaves_none(customer):
    """CASES L07, MODEL 1.2: what is left of debt and collateral must be worth 1000 USD each."""
    pool = make_pool()
    bot = customer(pool)
    account = pool._take(SMALL)
    cover = 1_690 * UNIT[DAI]
    with pytest.raises(Revert, match="MustNotLeaveDust"):
        liquidation_call(
            deepcopy(pool.reserves),
            pool.market,
            PRICES,
            START,
            account,
            collateral=ETH,
            debt=DAI,
            debt_to_cover=cover,
        )
    done = pool.liquidate(SMALL, ETH, DAI, cover, bot, 0)
    assert done.debt_repaid == 700 * UNIT[DAI]
    assert pool.debt_units(SMALL, DAI, 0) == 1_000 * UNIT[DAI]
    pool.set_prices([1_500 * 10**8, *PRICES[1:]])
    with pytest.raises(Revert, match="MustNotLeaveDust"):
        pool.liquidate(SMALL, ETH, DAI, 500 * UNIT[DAI], bot, 0)
    pool.liquidate(SMALL, ETH, DAI, 1_000 * UNIT[DAI], bot, 0)
    assert not pool.positions.amounts[SMALL].any(), "all of the rest may be taken"
    assert not pool.residual().any()


def test_bad_debt_in_all_assets_is_written_off_when_the_last_collateral_is_seized(customer):
    """CASES L05: what remains in every reserve becomes its deficit."""
    pool = make_pool()
    bot = customer(pool)
    pool.set_prices([1_500 * 10**8, *PRICES[1:]])
    owed = [pool.debt_units(INSOLVENT, asset, 0) for asset in (USDC, DAI)]
    done = pool.liquidate(INSOLVENT, ETH, USDC, 4_000 * UNIT[USDC], bot, 0)
    assert pool.collateral_units(INSOLVENT, ETH, 0) == 0
    assert pool.positions.debt[INSOLVENT].tolist() == [0, 0, 0, 0]
    assert pool.deficit().tolist() == [0, 0, owed[0] - done.debt_repaid, owed[1]]
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_undo_restores_reserves_whose_bad_debt_was_written_off(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.set_prices([1_500 * 10**8, *PRICES[1:]])
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(INSOLVENT, (ETH, USDC))
    pool.liquidate(INSOLVENT, ETH, USDC, 4_000 * UNIT[USDC], bot, 7_000)
    assert pool.deficit()[DAI] > 0
    restore()
    pool.ledger.rollback()
    assert before == state_of(pool)
    assert not pool.deficit().any()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_deficit_that_positions_do_not_show_is_seen(customer):
    pool = make_pool()
    pool.set_prices([1_500 * 10**8, *PRICES[1:]])
    pool.liquidate(INSOLVENT, ETH, USDC, 4_000 * UNIT[USDC], customer(pool), 0)
    pool.positions.debt[INSOLVENT, DAI] += 3
    assert pool.residual_touched()[DAI] == 3
    assert pool.residual()[DAI] == 3


def offers(pool: AavePool, now_s: int):
    """Return what screening would offer for every account: collateral, debt, USD to repay."""
    screen = HealthScreen(pool.positions, np.full(6, 1.0))
    collateral, debt, value = pool.weights(now_s)
    screen.reprice(collateral, debt)
    return screen.opportunities(
        np.arange(5),
        value,
        pool.bonus,
        pool.close_factor,
        pool.full_below,
        small_usd=pool.small_usd,
        whole_position=pool.whole_position,
    )


def test_screening_offers_what_the_rule_lets_one_call_repay():
    """MODEL 1.2: half of all that is owed, the whole of a small debt, the whole far under water."""
    pool = make_pool()
    best = offers(pool, 0)
    assert best.debt_asset[TWO_DEBTS] == USDC
    assert best.repay_usd[TWO_DEBTS] == pytest.approx(10_000)
    assert best.repay_usd[SMALL] == pytest.approx(1_700)
    assert best.repay_usd[LARGE] == pytest.approx(8_500)
    pool.set_prices([1_900 * 10**8, *PRICES[1:]])
    best = offers(pool, 0)
    assert best.health_factor[LARGE] < 0.95
    assert best.repay_usd[LARGE] == pytest.approx(17_000)


@settings(max_examples=80, deadline=None)
@given(st.integers(12 * 10**10, 21 * 10**10), st.floats(0.05, 1.0), st.integers(0, 10**6))
def test_whatever_part_of_an_offer_a_bot_takes_the_pool_finds_a_call_that_succeeds(
    customer, eth_price, part, now_s
):
    """A bot short of cash or depth takes part of an offer; dust then must not make the call fail."""
    pool = make_pool()
    bot = customer(pool)
    pool.set_prices([eth_price, *PRICES[1:]])
    best = offers(pool, now_s)
    for row in (TWO_DEBTS, INSOLVENT, LARGE):
        if pool.health_factor(row, now_s) >= WAD:
            continue
        debt = int(best.debt_asset[row])
        owed = pool.debt_units(row, debt, now_s)
        cover = min(int(part * best.repay_usd[row] * UNIT[debt]), owed)
        done = pool.liquidate(row, int(best.collateral_asset[row]), debt, cover, bot, now_s)
        assert 0 < done.debt_repaid <= cover
        assert done.collateral_to_liquidator > 0
    assert not pool.residual().any()


@settings(max_examples=60, deadline=None)
@given(st.integers(10**10, 4 * 10**11), st.integers(10**10, 4 * 10**11), st.integers(0, 10**7))
def test_a_falling_price_never_makes_an_account_healthy_and_screening_never_misses_one(first, second, now_s):
    pool = make_pool()
    health = []
    for price in sorted((first, second)):
        pool.set_prices([price, *PRICES[1:]])
        collateral, debt, _ = pool.weights(now_s)
        assert pool.caution == 0.0, "this version does not round the average threshold"
        health.append(pool.health_factor(TWO_DEBTS, now_s))
        backed = pool.positions.collateral[TWO_DEBTS] @ collateral
        screened = backed / (pool.positions.debt[TWO_DEBTS] @ debt)
        assert screened == pytest.approx(health[-1] / WAD, rel=1e-8)
    assert health[0] <= health[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(5 * 10**10, 21 * 10**10), st.integers(1, 10**11), st.integers(0, 10**6))
def test_debt_is_repaid_or_written_off_and_collateral_is_shared_out(customer, eth_price, cover, now_s):
    pool = make_pool()
    bot = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    owed, held = pool.debt_units(INSOLVENT, USDC, now_s), pool.collateral_units(INSOLVENT, ETH, now_s)
    treasury = pool.reserves[ETH].treasury_scaled
    try:
        done = pool.liquidate(INSOLVENT, ETH, USDC, cover, bot, now_s)
    except Revert:
        assume(False)
        return
    left = pool.debt_units(INSOLVENT, USDC, now_s)
    assert done.debt_repaid + int(pool.deficit()[USDC]) + left == pytest.approx(owed, abs=2)
    fee = pool.reserves[ETH].treasury_scaled - treasury
    kept = pool.collateral_units(INSOLVENT, ETH, now_s)
    assert done.collateral_to_liquidator + fee + kept == pytest.approx(held, abs=3)


CALLS = st.tuples(
    st.sampled_from(["liquidate", "liquidate", "repay", "supply", "withdraw"]),
    st.sampled_from(range(5)),
    st.sampled_from([ETH, BTC, USDC]),
    st.sampled_from([USDC, DAI]),
    st.integers(1, 10**13) | st.integers(1, 10**10),
    st.integers(0, 200_000),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(CALLS, max_size=12), st.integers(10**10, 4 * 10**11))
def test_no_sequence_of_calls_makes_or_loses_a_unit(customer, play, agrees, calls, eth_price):
    pool = make_pool()
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    play(pool, me, calls)
    assert agrees(pool)


def test_underlying_that_the_ledger_lacks_is_seen(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(LARGE, USDC, UNIT[USDC], bot, 10)
    pool.ledger.transfer(USDC, pool.account, bot, 2, Reason.TRANSFER)
    assert pool.residual_touched().tolist() == [0, 0, 2, 0]
    assert pool.residual().tolist() == [0, 0, 2, 0]
