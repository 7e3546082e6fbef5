"""Compound v2 and Venus liquidations: conservation, signs, monotonicity, whole or not at all."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market.revert import Revert
from liquidarium.protocols.lending.compound_v2 import (
    WAD,
    Fork,
    Holding,
    JumpRateModel,
    MarketParams,
    MarketState,
    PoolParams,
    account_liquidity,
    accrue_interest,
    best_repay,
    borrow_balance,
    exchange_rate,
    liquidate_borrow,
    mint,
    redeem,
)

COLLATERAL, BORROWED = 0, 1


class World(NamedTuple):
    params: PoolParams
    markets: tuple[MarketState, ...]
    holdings: tuple[Holding, ...]
    prices: tuple[int, ...]
    block: int


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Two markets and an account with collateral in one and a debt in the other, of any health."""
    fork = draw(st.sampled_from(Fork))
    incentive = draw(st.integers(100, 130)) * 10**16
    share = draw(st.integers(0, 100)) * 10**15 if fork is Fork.COMPOUND_V2 else 0
    params, markets, prices = [], [], []
    for symbol in ("collateral", "borrowed"):
        decimals = draw(st.sampled_from((6, 8, 18)))
        factor = draw(st.integers(0, 90)) * 10**16
        model = JumpRateModel(draw(st.integers(0, 10**10)), 10**11, 10**12, 8 * 10**17)
        params.append(
            MarketParams(
                symbol, decimals, model, factor, factor, incentive, draw(st.integers(0, 50)) * 10**16, share
            )
        )
        cash, borrows = (draw(st.integers(10**decimals, 10**6 * 10**decimals)) for _ in range(2))
        supply = (cash + borrows) * WAD // draw(st.integers(2, 5)) // 10 ** (decimals + 8)
        markets.append(
            MarketState(
                cash, borrows, draw(st.integers(0, cash // 10)), max(supply, 1), WAD, draw(st.integers(0, 9))
            )
        )
        prices.append(draw(st.integers(1, 10**5)) * 10 ** (36 - decimals))
    holdings = (
        Holding(tokens=draw(st.integers(0, markets[0].total_supply)), entered=True),
        Holding(principal=draw(st.integers(1, markets[1].total_borrows)), interest_index=WAD, entered=True),
    )
    pool = PoolParams(fork, draw(st.integers(5, 90)) * 10**16, tuple(params))
    return World(pool, tuple(markets), holdings, tuple(prices), draw(st.integers(10, 10**6)))


def accrued(world: World) -> tuple[MarketState, ...]:
    return tuple(
        accrue_interest(p, m, world.block) for p, m in zip(world.params.markets, world.markets, strict=True)
    )


def owned(market: MarketState) -> int:
    return market.cash + market.total_borrows - market.total_reserves


@given(worlds(), st.data())
def test_a_liquidation_conserves_underlying_debt_and_tokens(world: World, data: st.DataObject) -> None:
    fresh = accrued(world)
    repay = data.draw(st.integers(1, borrow_balance(world.holdings[1], fresh[1])))
    try:
        result = liquidate_borrow(*world, borrowed=BORROWED, collateral=COLLATERAL, repay_amount=repay)
    except Revert:
        return
    if result.error is not None:
        assert result.markets == fresh
        return
    before, after = fresh[BORROWED], result.markets[BORROWED]
    assert after.cash - before.cash == result.repaid == before.total_borrows - after.total_borrows
    assert after.total_supply == before.total_supply
    owed = borrow_balance(world.holdings[BORROWED], before)
    assert borrow_balance(result.holdings[BORROWED], after) == owed - repay
    lost = world.holdings[COLLATERAL].tokens - result.holdings[COLLATERAL].tokens
    assert lost == result.seize_tokens == result.liquidator_tokens + result.protocol_seize_tokens
    before, after = fresh[COLLATERAL], result.markets[COLLATERAL]
    assert before.total_supply - after.total_supply == result.protocol_seize_tokens
    assert (after.cash, after.total_borrows) == (before.cash, before.total_borrows)
    rate = exchange_rate(world.params.markets[COLLATERAL], before)
    assert after.total_reserves - before.total_reserves == rate * result.protocol_seize_tokens // WAD


@given(worlds(), st.data())
def test_no_balance_becomes_negative_and_inputs_stay_as_they_were(world: World, data: st.DataObject) -> None:
    copy = deepcopy(world)
    repay = data.draw(st.integers(0, 2 * world.holdings[1].principal))
    try:
        result = liquidate_borrow(*world, borrowed=BORROWED, collateral=COLLATERAL, repay_amount=repay)
    except Revert:
        assert world == copy
        return
    assert world == copy
    for market in result.markets:
        assert min(market.cash, market.total_borrows, market.total_reserves, market.total_supply) >= 0
    for holding in result.holdings:
        assert min(holding.tokens, holding.principal) >= 0


@given(worlds(), st.integers(0, 10**6))
def test_a_falling_collateral_price_never_cures_a_shortfall(world: World, fall: int) -> None:
    fallen = max(1, world.prices[COLLATERAL] * (10**6 - fall) // 10**6)
    before = account_liquidity(world.params, world.markets, world.holdings, world.prices)
    after = account_liquidity(world.params, world.markets, world.holdings, (fallen, world.prices[BORROWED]))
    assert after.shortfall >= before.shortfall
    assert after.liquidity <= before.liquidity


@given(worlds())
def test_the_best_repayment_is_accepted_and_one_unit_more_is_refused(world: World) -> None:
    fresh = accrued(world)
    assume(account_liquidity(world.params, fresh, world.holdings, world.prices).shortfall)
    best = best_repay(
        world.params, fresh, world.holdings, world.prices, borrowed=BORROWED, collateral=COLLATERAL
    )
    assume(best > 0)
    accepted = liquidate_borrow(*world, borrowed=BORROWED, collateral=COLLATERAL, repay_amount=best)
    assert accepted.error is None
    try:
        beyond = liquidate_borrow(*world, borrowed=BORROWED, collateral=COLLATERAL, repay_amount=best + 1)
    except Revert:
        return
    assert beyond.error is not None


@given(worlds(), st.integers(1, 10**24), st.integers(0, 10**6))
def test_supplying_and_redeeming_at_once_never_gains(world: World, amount: int, later: int) -> None:
    block = world.block
    supplied = mint(world.params, world.markets[0], Holding(), block, index=0, amount=amount)
    rate = exchange_rate(world.params.markets[0], supplied.market)
    assert rate >= exchange_rate(
        world.params.markets[0], accrue_interest(world.params.markets[0], world.markets[0], block)
    )
    back = redeem(
        world.params,
        (supplied.market, world.markets[1]),
        (supplied.holding, Holding()),
        world.prices,
        block,
        index=0,
        tokens=supplied.tokens,
    )
    assert back.underlying <= amount
    assert owned(back.market) >= owned(accrue_interest(world.params.markets[0], world.markets[0], block))


@given(worlds())
def test_accrual_books_what_borrowers_owe_and_never_lowers_an_index(world: World) -> None:
    for p, market in zip(world.params.markets, world.markets, strict=True):
        after = accrue_interest(p, market, world.block)
        assert after.borrow_index >= market.borrow_index
        interest = after.total_borrows - market.total_borrows
        assert after.total_reserves - market.total_reserves == p.reserve_factor * interest // WAD
        assert accrue_interest(p, after, world.block) is after


def test_a_block_in_the_past_is_a_mistake_of_the_caller() -> None:
    model = JumpRateModel(0, 0, 0, WAD)
    with pytest.raises(ValueError, match="before the last accrual"):
        accrue_interest(MarketParams("A", 18, model, 0, 0, WAD), MarketState(accrual_block=5), 4)
