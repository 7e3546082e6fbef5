"""Concentrated liquidity: what no swap, deposit or withdrawal may ever do, and how it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.pools.concentrated_liquidity import (
    ConcentratedParameters,
    amounts_for,
    change_position,
    fees_earned,
    opened,
    swap,
)
from liquidarium.market.pools.concentrated_steps import price_after_input
from liquidarium.market.pools.concentrated_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    Q96,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
    word_end,
)
from liquidarium.market.revert import Revert

PARAMETERS = ConcentratedParameters()
amounts = st.integers(1, 10**24).map(int) | st.integers(-(10**24), -1)
bounds = st.tuples(st.integers(-300, 299), st.integers(1, 300)).map(
    lambda pair: (pair[0] * 60, min(pair[0] + pair[1], 300) * 60)
)
positions = st.lists(st.tuples(bounds, st.integers(1, 10**22)), min_size=1, max_size=6)
swaps = st.lists(st.tuples(st.booleans(), amounts), max_size=8)


def filled(placed, price_tick=7, parameters=PARAMETERS):
    """Pool at a tick with liquidity in ranges; return it and what the pool holds."""
    pool = opened(sqrt_price_at_tick(price_tick))
    held = [0, 0]
    for (lower, upper), liquidity in placed:
        change = change_position(pool, parameters, lower, upper, liquidity)
        pool = change.state
        held = [held[0] + change.amount0, held[1] + change.amount1]
    return pool, held


@pytest.mark.parametrize(
    ("tick", "sqrt_price"), [(0, Q96), (MIN_TICK, MIN_SQRT_PRICE), (MAX_TICK, MAX_SQRT_PRICE)]
)
def test_prices_at_the_ends_and_the_middle_are_the_contracts(tick, sqrt_price):
    assert sqrt_price_at_tick(tick) == sqrt_price


@given(st.integers(MIN_TICK, MAX_TICK - 1))
def test_a_tick_reaches_from_its_price_to_the_next(tick):
    assert tick_at_sqrt_price(sqrt_price_at_tick(tick)) == tick
    assert tick_at_sqrt_price(sqrt_price_at_tick(tick + 1) - 1) == tick
    assert (sqrt_price_at_tick(tick) / Q96) ** 2 == pytest.approx(1.0001**tick, rel=1e-9)


def test_ticks_and_prices_outside_are_refused():
    with pytest.raises(Revert, match="T"):
        sqrt_price_at_tick(MAX_TICK + 1)
    for price in (MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE):
        with pytest.raises(Revert, match="R"):
            opened(price)


@given(st.integers(MIN_TICK, MAX_TICK), st.sampled_from([1, 10, 60, 200]))
def test_a_step_sees_at_most_one_word(tick, spacing):
    assert tick - 256 * spacing < word_end(tick, spacing, downwards=True) <= tick
    assert tick < word_end(tick, spacing, downwards=False) <= tick + 256 * spacing


@settings(max_examples=50)
@given(placed=positions, traded=swaps, share=st.sampled_from([0, 4, 10]))
def test_the_pool_can_always_pay_everybody(placed, traded, share):
    """Deposits plus swaps cover withdrawals, fees and the protocol; all liquidity leaves clean."""
    parameters = ConcentratedParameters(fee_protocol0=share, fee_protocol1=share)
    pool = opened(sqrt_price_at_tick(7))
    held, owners = [0, 0], []
    for (lower, upper), liquidity in placed:
        change = change_position(pool, parameters, lower, upper, liquidity)
        pool = change.state
        held = [held[0] + change.amount0, held[1] + change.amount1]
        inside = change.fee_growth_inside0, change.fee_growth_inside1
        owners.append((lower, upper, liquidity, inside))
    for zero_for_one, amount in traded:
        if pool.sqrt_price in (MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1):
            break
        done = swap(pool, parameters, zero_for_one, amount)
        pool = done.state
        held = [held[0] + done.amount0, held[1] + done.amount1]
        assert min(held) >= 0
    for lower, upper, liquidity, inside in owners:
        change = change_position(pool, parameters, lower, upper, -liquidity)
        pool = change.state
        now = change.fee_growth_inside0, change.fee_growth_inside1
        fees = [fees_earned(liquidity, before, after) for before, after in zip(inside, now, strict=True)]
        held = [held[0] + change.amount0 - fees[0], held[1] + change.amount1 - fees[1]]
    assert held[0] >= pool.protocol_fees0
    assert held[1] >= pool.protocol_fees1
    assert (pool.ticks, pool.liquidity) == ((), 0)


@given(placed=positions, amount=st.integers(1, 10**20), zero_for_one=st.booleans())
def test_a_round_trip_never_gains(placed, amount, zero_for_one):
    pool, _ = filled(placed)
    there = swap(pool, PARAMETERS, zero_for_one, amount)
    received = -(there.amount1 if zero_for_one else there.amount0)
    if received == 0:
        return
    try:
        back = swap(there.state, PARAMETERS, not zero_for_one, received)
    except Revert:
        return
    assert there.amount0 + back.amount0 >= 0
    assert there.amount1 + back.amount1 >= 0


@given(placed=positions, amount=amounts, zero_for_one=st.booleans(), stop=st.integers(-299, 299))
def test_a_swap_stops_at_its_limit(placed, amount, zero_for_one, stop):
    pool, _ = filled(placed)
    limit = sqrt_price_at_tick(stop)
    if (limit < pool.sqrt_price) != zero_for_one or limit == pool.sqrt_price:
        with pytest.raises(Revert, match="SPL"):
            swap(pool, PARAMETERS, zero_for_one, amount, limit)
        return
    done = swap(pool, PARAMETERS, zero_for_one, amount, limit)
    low, high = sorted((limit, pool.sqrt_price))
    assert low <= done.state.sqrt_price <= high
    specified = done.amount0 if zero_for_one == (amount > 0) else done.amount1
    assert abs(specified) <= abs(amount)
    if done.state.sqrt_price != limit:
        assert specified == amount


@given(placed=positions, amount=st.integers(1, 10**20), zero_for_one=st.booleans())
def test_liquidity_is_that_of_the_ranges_around_the_price(placed, amount, zero_for_one):
    pool, _ = filled(placed)
    after = swap(pool, PARAMETERS, zero_for_one, amount).state
    assert after.liquidity == sum(size for (lower, upper), size in placed if lower <= after.tick < upper)


def test_a_full_range_pool_trades_like_a_constant_product():
    """CASES X01 at 18 decimals: 10 of 1000 against 2000000, fee .3 %."""
    wei = 10**18
    price = int((2000**0.5) * 2**96)
    liquidity = int((1000 * 2_000_000) ** 0.5 * wei)
    pool = change_position(opened(price), PARAMETERS, -887_220, 887_220, liquidity).state
    assert -swap(pool, PARAMETERS, True, 10 * wei).amount1 / wei == pytest.approx(19743.16069, rel=1e-6)


def test_an_input_too_large_for_256_bits_is_divided_the_other_way():
    price, liquidity, amount = 2**150, 10**18, 2**120
    scaled = liquidity << 96
    assert price_after_input(price, liquidity, amount, True) == -(-scaled // (scaled // price + amount))
    assert price_after_input(price, liquidity, 7, True) == -(-scaled * price // (scaled + 7 * price))


def test_out_of_range_liquidity_is_one_token_only():
    pool = opened(Q96)
    assert amounts_for(pool, 60, 120, 10**18)[1] == 0
    assert amounts_for(pool, -120, -60, 10**18)[0] == 0
    paid = amounts_for(pool, -60, 60, 10**18)
    returned = amounts_for(pool, -60, 60, -(10**18))
    assert [a + b for a, b in zip(paid, returned, strict=True)] == [1, 1]


@pytest.mark.parametrize(
    ("lower", "upper", "liquidity", "reason"),
    [
        (60, 60, 1, "TLU"),
        (-887_280, 60, 1, "TLM"),
        (0, 887_280, 1, "TUM"),
        (1, 60, 1, "empty revert data"),
        (0, 60, -1, "LS"),
        (0, 60, PARAMETERS.max_liquidity_per_tick + 1, "LO"),
    ],
)
def test_a_position_that_cannot_be_is_refused(lower, upper, liquidity, reason):
    with pytest.raises(Revert) as refusal:
        change_position(opened(Q96), PARAMETERS, lower, upper, liquidity)
    assert refusal.value.reason == reason


def test_settings_the_contract_refuses_are_named():
    with pytest.raises(ValueError, match="fee must be from 0 to 999999 millionths, got 1000000"):
        ConcentratedParameters(fee=10**6)
    with pytest.raises(ValueError, match="tick_spacing must be from 1 to 16383, got 0"):
        ConcentratedParameters(tick_spacing=0)
    with pytest.raises(ValueError, match="fee_protocol1 must be 0 or from 4 to 10, got 3"):
        ConcentratedParameters(fee_protocol1=3)
