"""An Aave pool moves the ledger by what its rules say, to the last unit, or not at all."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.assets import Asset
from liquidarium.market.ledger import Ledger, Reason
from liquidarium.protocols.fixed_point import MAX_UINT256, WAD
from liquidarium.protocols.lending.aave import Account, aave_v2_main_may_2021
from liquidarium.protocols.lending.aave.liquidation_v3_0_2 import liquidation_call
from liquidarium.protocols.lending.aave.pool import AavePool
from liquidarium.protocols.revert import Revert

ETH, BTC, USDC, DAI = range(4)
DECIMALS = {"WETH": 9, "WBTC": 8, "USDC": 6, "DAI": 9}
PRICES = [2000 * 10**8, 40_000 * 10**8, 10**8, 10**8]
START = 1_621_382_400
HEALTHY, UNHEALTHY, DUST, DEBTLESS = range(4)
UNIT = [10**d for d in DECIMALS.values()]


def make_pool() -> AavePool:
    """Four borrowers, of whom two may be liquidated, and lenders."""
    ledger = Ledger([Asset(symbol, decimals) for symbol, decimals in DECIMALS.items()])
    pool = AavePool(ledger, aave_v2_main_may_2021(tuple(DECIMALS), DECIMALS), 4, START)
    collateral = np.zeros((4, 4), np.int64)
    debt = np.zeros((4, 4), np.int64)
    collateral[HEALTHY, ETH], debt[HEALTHY, USDC] = 10 * UNIT[ETH], 9_000 * UNIT[USDC]
    collateral[UNHEALTHY, ETH], collateral[UNHEALTHY, BTC] = 5 * UNIT[ETH], UNIT[BTC] // 4
    debt[UNHEALTHY, USDC], debt[UNHEALTHY, DAI] = 12_000 * UNIT[USDC], 5_000 * UNIT[DAI]
    collateral[DUST, BTC], debt[DUST, DAI] = 10, 10**7
    collateral[DEBTLESS, ETH] = UNIT[ETH]
    pool.endow(collateral, debt)
    pool.set_prices(PRICES)
    return pool


def state_of(pool: AavePool):
    """Everything that a call may change."""
    return (
        pool.positions.amounts.copy(),
        deepcopy(pool.reserves),
        pool.ledger.balances.copy(),
        pool.ledger.volumes.copy(),
    )


def same(one, other) -> bool:
    arrays = all(np.array_equal(one[i], other[i]) for i in (0, 2, 3))
    return arrays and one[1] == other[1]


def test_endowed_pool_agrees_with_the_ledger_exactly():
    pool = make_pool()
    assert not pool.residual().any()
    assert not pool.residual_touched().any()
    assert not pool.ledger.imbalance().any()
    for asset, state in enumerate(pool.reserves):
        assert pool.ledger.balance(pool.account, asset) == state.available
    lent = pool.positions.collateral[pool.lenders].tolist()
    owed = pool.positions.debt.sum(axis=0).tolist()
    assert lent == [int(debt / 0.7) for debt in owed]


def test_market_must_have_one_reserve_for_each_asset():
    ledger = Ledger([Asset("ETH", 9)])
    with pytest.raises(ValueError, match="4 reserves for 1 assets"):
        AavePool(ledger, aave_v2_main_may_2021(tuple(DECIMALS), DECIMALS), 1, START)


@pytest.mark.parametrize(("collateral", "debt"), [(ETH, USDC), (BTC, USDC), (ETH, DAI), (BTC, DAI)])
def test_liquidation_through_the_pool_is_the_rule_called_directly(customer, collateral, debt):
    pool, now_s = make_pool(), 5_000
    bot = customer(pool)
    reserves, account = deepcopy(pool.reserves), pool._take(UNHEALTHY)
    cover = 1_000 * UNIT[debt]
    expected = liquidation_call(
        reserves,
        pool.market,
        PRICES,
        START + now_s,
        account,
        collateral=collateral,
        debt=debt,
        debt_to_cover=cover,
    )
    before = pool.ledger.balances.copy()
    result = pool.liquidate(UNHEALTHY, collateral, debt, cover, bot, now_s)
    moved = pool.ledger.balances - before
    assert result[:3] == (expected.debt_repaid, expected.collateral_to_liquidator, expected.health_factor)
    assert pool.reserves == reserves
    assert pool.positions.amounts[UNHEALTHY].tolist() == account.supplied + account.borrowed
    wanted = np.zeros_like(moved)
    wanted[bot, debt] -= result.debt_repaid
    wanted[bot, collateral] += result.collateral_to_liquidator
    wanted[pool.account] = -wanted[bot]
    assert np.array_equal(moved, wanted)
    assert pool.ledger.volumes[Reason.SEIZE, collateral] == result.collateral_to_liquidator
    assert UNHEALTHY in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_repay_and_withdraw_move_the_ledger_by_what_they_return(customer):
    pool, now_s = make_pool(), 90_000
    payer = customer(pool)
    owed = pool.debt_units(HEALTHY, USDC, now_s)
    assert owed > 9_000 * UNIT[USDC], "interest has accrued"
    before = pool.ledger.balances.copy()
    assert pool.repay(HEALTHY, USDC, 4_000 * UNIT[USDC], payer, now_s) == 4_000 * UNIT[USDC]
    assert pool.debt_units(HEALTHY, USDC, now_s) == pytest.approx(owed - 4_000 * UNIT[USDC], abs=1)
    assert pool.withdraw(HEALTHY, ETH, UNIT[ETH], payer, now_s) == UNIT[ETH]
    moved = pool.ledger.balances - before
    assert moved[payer].tolist() == [UNIT[ETH], 0, -4_000 * UNIT[USDC], 0]
    assert moved[pool.account].tolist() == (-moved[payer]).tolist()
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_supplied_collateral_moves_the_ledger_and_heals():
    pool, now_s = make_pool(), 90_000
    owner = pool.ledger.open_account("owner")
    pool.ledger.endow(ETH, owner, 3 * UNIT[ETH])
    unhealthy = pool.health_factor(UNHEALTHY, now_s)
    assert unhealthy < WAD
    pool.supply(UNHEALTHY, ETH, 2 * UNIT[ETH], owner, now_s)
    assert pool.ledger.balance(owner, ETH) == UNIT[ETH]
    assert pool.collateral_units(UNHEALTHY, ETH, now_s) == 7 * UNIT[ETH]
    assert pool.health_factor(UNHEALTHY, now_s) > unhealthy
    assert UNHEALTHY in pool.positions.touched
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


def test_repaying_more_than_is_owed_takes_what_is_owed(customer):
    pool = make_pool()
    payer = customer(pool)
    owed = pool.debt_units(HEALTHY, USDC, 1_000)
    assert pool.repay(HEALTHY, USDC, 40_000 * UNIT[USDC], payer, 1_000) == owed
    assert pool.positions.debt[HEALTHY].tolist() == [0, 0, 0, 0]
    assert pool.health_factor(HEALTHY, 1_000) == MAX_UINT256
    assert pool.withdraw(HEALTHY, ETH, pool.collateral_units(HEALTHY, ETH, 1_000), payer, 1_000)
    assert not pool.residual().any()


@pytest.mark.parametrize(
    "call",
    [
        lambda pool, me: pool.liquidate(HEALTHY, ETH, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.liquidate(UNHEALTHY, USDC, DAI, UNIT[DAI], me, 10),
        lambda pool, me: pool.liquidate(UNHEALTHY, ETH, USDC, 60_000 * UNIT[USDC], me, 10),
        lambda pool, me: pool.repay(DEBTLESS, USDC, UNIT[USDC], me, 10),
        lambda pool, me: pool.supply(HEALTHY, ETH, 1, me, 10),
        lambda pool, me: pool.supply(HEALTHY, USDC, 0, me, 10),
        lambda pool, me: pool.repay(UNHEALTHY, USDC, MAX_UINT256, pool.ledger.open_account("poor"), 10),
        lambda pool, me: pool.withdraw(HEALTHY, ETH, 9 * UNIT[ETH], me, 10),
        lambda pool, me: pool.withdraw(UNHEALTHY, ETH, 1, me, 10),
        lambda pool, me: pool.withdraw(DEBTLESS, ETH, 2 * UNIT[ETH], me, 10),
    ],
    ids=[
        "liquidate the healthy",
        "seize what is not there",
        "pay more than one has",
        "repay nothing",
        "supply what one lacks",
        "supply nothing",
        "repay without money",
        "withdraw into ill health",
        "withdraw while unhealthy",
        "withdraw more than there is",
    ],
)
def test_refused_call_changes_nothing(customer, call):
    pool = make_pool()
    me = customer(pool)
    before = state_of(pool)
    with pytest.raises(Revert):
        call(pool, me)
    assert same(before, state_of(pool))
    assert not pool.residual_touched().any()


def test_checkpoint_and_rollback_restore_everything(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 50)
    before = state_of(pool)
    pool.ledger.begin()
    restore = pool.checkpoint(UNHEALTHY, (ETH, USDC))
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 7_000)
    assert not same(before, state_of(pool))
    pool.positions.touched.clear()
    restore()
    pool.ledger.rollback()
    assert same(before, state_of(pool))
    assert UNHEALTHY in pool.positions.touched, "whoever screens health must look again"
    assert not pool.residual_touched().any()
    assert not pool.residual().any()


@pytest.mark.parametrize("column", [ETH, 4 + USDC])
def test_corrupted_row_of_a_liquidated_account_is_seen_at_once(customer, column):
    pool = make_pool()
    bot = customer(pool)
    pool.liquidate(UNHEALTHY, ETH, USDC, 100 * UNIT[USDC], bot, 10)
    pool.positions.amounts[UNHEALTHY, column] += 3
    assert pool.residual_touched()[column % 4] == 3
    assert pool.residual()[column % 4] == 3
    assert not pool.residual_touched().any(), "what was reported is not reported again"


def test_corrupted_row_of_anybody_is_seen_by_the_full_check():
    pool = make_pool()
    pool.positions.amounts[HEALTHY, ETH] -= 1
    pool.positions.amounts[pool.lenders, 4 + DAI] += 5
    assert pool.residual().tolist() == [1, 0, 0, 5]


def test_underlying_that_the_ledger_lacks_is_seen(customer):
    pool = make_pool()
    bot = customer(pool)
    pool.repay(UNHEALTHY, USDC, UNIT[USDC], bot, 10)
    pool.ledger.transfer(USDC, pool.account, bot, 2, Reason.TRANSFER)
    assert pool.residual_touched().tolist() == [0, 0, 2, 0]
    assert pool.residual().tolist() == [0, 0, 2, 0]


def test_screening_weights_value_a_position_as_the_exact_rule_does():
    """Screening is float64 and the rule rounds the average threshold to a basis point (MODEL 1.1)."""
    pool = make_pool()
    for row in (HEALTHY, UNHEALTHY):
        cw, dw, _ = pool.weights(40_000)
        screened = pool.positions.collateral[row] @ cw / (pool.positions.debt[row] @ dw)
        assert screened == pytest.approx(pool.health_factor(row, 40_000) / WAD, rel=1.5e-4)


CALLS = st.tuples(
    st.sampled_from(["liquidate", "repay", "supply", "withdraw"]),
    st.sampled_from([HEALTHY, UNHEALTHY, DUST, DEBTLESS]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 10**13),
    st.integers(0, 20_000),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CALLS, max_size=12), st.integers(10**10, 5 * 10**11))
def test_no_sequence_of_calls_makes_or_loses_a_unit(customer, play, agrees, calls, eth_price):
    pool = make_pool()
    me = customer(pool, 10**6)
    pool.set_prices([eth_price, *PRICES[1:]])
    play(pool, me, calls)
    assert agrees(pool)


def test_account_rows_are_read_and_written_whole():
    pool = make_pool()
    account = pool._take(UNHEALTHY)
    assert isinstance(account, Account)
    assert (account.collateral_mask, account.borrowing_mask) == (0b0011, 0b1100)
