"""Comet: conservation, signs, monotonicity, whole or not at all."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.comet import (
    INDEX_SCALE,
    AssetParams,
    CometAccount,
    CometParams,
    CometState,
    Prices,
    RateCurve,
    absorb,
    accrue,
    balance_of,
    buy_collateral,
    collateral_reserves,
    is_liquidatable,
    reserves,
    supply_base,
    withdraw_base,
)


class World(NamedTuple):
    params: CometParams
    state: CometState
    account: CometAccount
    prices: Prices
    now: int


def factor(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high).map(lambda bps: bps * 10**14)


CURVES = st.builds(RateCurve, factor(5000, 9500), factor(0, 1000), factor(0, 40_000), factor(0, 300))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a market with one to three assets and a borrower of any health."""
    assets, prices, held, others = [], [], [], []
    for k in range(draw(st.integers(1, 3))):
        decimals = draw(st.sampled_from((6, 8, 18)))
        liquidate = draw(st.integers(100, 9900))
        assets.append(
            AssetParams(
                f"asset{k}",
                decimals,
                draw(factor(0, liquidate - 1)),
                liquidate * 10**14,
                draw(factor(liquidate, 10_000)),
            )
        )
        prices.append(draw(st.integers(10**4, 10**13)))
        held.append(draw(st.integers(0, 100 * 10**decimals)))
        others.append(draw(st.integers(0, 100 * 10**decimals)))
    decimals = draw(st.sampled_from((6, 8, 18)))
    params = CometParams(
        "base", decimals, draw(CURVES), draw(CURVES), draw(factor(0, 10_000)), 10**decimals * 1000, 0,
        tuple(assets),
    )  # fmt: skip
    base_price = draw(st.integers(10**7, 10**12))
    weighted = sum(
        q * p * asset.liquidate_collateral_factor // (asset.scale * 10**18)
        for q, p, asset in zip(held, prices, assets, strict=True)
    )
    # Debts from 70 % to 150 % of what the collateral counts for: either side of liquidation and insolvency.
    debt = max(1, weighted * params.base_scale // base_price * draw(st.integers(70, 150)) // 100)
    borrowed = debt + draw(st.integers(0, 10**6 * 10**decimals))
    supplied = draw(st.integers(0, 3 * 10**6 * 10**decimals))
    state = CometState(
        draw(st.integers(INDEX_SCALE, 2 * INDEX_SCALE)),
        draw(st.integers(INDEX_SCALE, 2 * INDEX_SCALE)),
        supplied,
        borrowed,
        0,
        draw(st.integers(0, 10**6 * 10**decimals)),
        tuple(a + b for a, b in zip(held, others, strict=True)),
        tuple(a + 2 * b for a, b in zip(held, others, strict=True)),
    )
    return World(
        params,
        state,
        CometAccount(-debt, tuple(held)),
        Prices(base_price, tuple(prices)),
        draw(st.integers(0, 10**7)),
    )


def rounding(state: CometState) -> int:
    """Return the base units that flooring a principal and three balances can cost."""
    return max(state.base_supply_index, state.base_borrow_index) // INDEX_SCALE + 4


@given(worlds())
def test_an_absorption_moves_all_collateral_and_reserves_pay_for_it(world: World) -> None:
    params, state, account, prices, now = world
    copy = deepcopy(world)
    try:
        result = absorb(*world)
    except Revert:
        assert not is_liquidatable(params, accrue(params, state, now), account, prices)
        assert world == copy
        return
    assert world == copy
    after = result.state
    assert result.account.collateral == (0,) * len(params.assets)
    assert result.account.principal >= 0
    assert after.asset_balance == state.asset_balance
    for k, held in enumerate(account.collateral):
        assert collateral_reserves(after, k) - collateral_reserves(state, k) == held
    assert min(after.total_supply_base, after.total_borrow_base, *after.total_supply_asset) >= 0
    assert after.base_balance == state.base_balance
    lost = reserves(params, state, now) - reserves(params, after, now)
    assert abs(lost - result.base_paid_out) <= rounding(after)
    assert result.base_paid_out >= -balance_of(accrue(params, state, now), account)


@given(worlds(), st.integers(0, 10**6), st.integers(0, 2))
def test_a_falling_collateral_price_never_makes_a_liquidatable_account_healthy(
    world: World, fall: int, which: int
) -> None:
    params, state, account, prices, _ = world
    assume(is_liquidatable(params, state, account, prices))
    k = which % len(params.assets)
    fallen = list(prices.assets)
    fallen[k] = max(1, fallen[k] * (10**6 - fall) // 10**6)
    assert is_liquidatable(params, state, account, Prices(prices.base, tuple(fallen)))


@given(worlds(), st.integers(0, 10**24), st.integers(0, 2))
def test_a_purchase_adds_what_is_paid_and_never_sells_accounts_collateral(
    world: World, paid: int, which: int
) -> None:
    params, state, _, prices, now = world
    copy = deepcopy(world)
    k = which % len(params.assets)
    before = reserves(params, state, now)
    try:
        sale = buy_collateral(params, state, prices, now, asset=k, base_amount=paid)
    except Revert:
        assert world == copy
        return
    assert world == copy
    assert before < params.target_reserves
    assert sale.reserves == reserves(params, sale.state, now) == before + paid
    assert collateral_reserves(state, k) - collateral_reserves(sale.state, k) == sale.collateral
    assert collateral_reserves(sale.state, k) >= 0
    assert sale.state.total_supply_asset == state.total_supply_asset


@given(worlds(), st.integers(0, 10**24))
def test_supplying_and_withdrawing_at_once_never_gains_and_never_costs_the_reserves(
    world: World, amount: int
) -> None:
    params, state, _, prices, now = world
    newcomer = CometAccount(0, (0,) * len(params.assets))
    before = reserves(params, state, now)
    paid_in = supply_base(params, state, newcomer, now, amount=amount)
    out = withdraw_base(params, paid_in.state, paid_in.account, prices, now, amount=None)
    assert out.amount <= amount
    assert reserves(params, out.state, now) >= before
    assert out.state.base_balance == state.base_balance + amount - out.amount


@given(worlds(), st.integers(0, 10**24))
def test_a_repayment_lowers_the_debt_by_what_is_paid(world: World, amount: int) -> None:
    params, state, account, _, now = world
    owed = -balance_of(accrue(params, state, now), account)
    result = supply_base(params, state, account, now, amount=amount)
    balance = balance_of(result.state, result.account)
    assert abs(balance - (amount - owed)) <= rounding(result.state)
    assert result.state.base_balance == state.base_balance + amount
    assert result.state.total_borrow_base >= max(0, -result.account.principal)


@given(worlds())
def test_accrual_never_lowers_an_index_and_is_done_once_per_second(world: World) -> None:
    after = accrue(world.params, world.state, world.now)
    assert after.base_supply_index >= world.state.base_supply_index
    assert after.base_borrow_index >= world.state.base_borrow_index
    assert accrue(world.params, after, world.now) is after
    assert replace(after, last_accrual_time=0, base_supply_index=1, base_borrow_index=1) == replace(
        world.state, last_accrual_time=0, base_supply_index=1, base_borrow_index=1
    )
