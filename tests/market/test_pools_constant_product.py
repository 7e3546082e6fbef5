"""The pair's arithmetic: what no swap, mint or burn may ever do, and how it refuses."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from liquidarium.market.pools import constant_product as pair
from liquidarium.market.pools.constant_product import Q112, PairState
from liquidarium.market.revert import Revert

amounts = st.integers(1, 2**100)
fees = st.sampled_from([0, 1, 5, 25, 30, 100])


@given(reserve0=amounts, reserve1=amounts, amount_in=amounts, zero_for_one=st.booleans(), fee=fees)
def test_a_swap_never_lowers_the_product_of_the_reserves(reserve0, reserve1, amount_in, zero_for_one, fee):
    before = PairState(reserve0, reserve1)
    assume(pair.get_amount_out(amount_in, *(reserve0, reserve1)[:: 1 if zero_for_one else -1], fee) > 0)
    after, paid = pair.swap_exact_in(before, zero_for_one, amount_in, 0, fee_bps=fee)
    assert after.reserve0 * after.reserve1 >= reserve0 * reserve1
    change = (after.reserve0 - reserve0, after.reserve1 - reserve1)
    assert change == ((amount_in, -paid) if zero_for_one else (-paid, amount_in))


@given(reserve0=amounts, reserve1=amounts, amount_in=amounts, fee=fees)
def test_the_output_is_the_largest_whole_one_the_pair_allows(reserve0, reserve1, amount_in, fee):
    before = PairState(reserve0, reserve1)
    paid = pair.get_amount_out(amount_in, reserve0, reserve1, fee)
    assume(paid > 0)
    pair.pair_swap(before, True, amount_in, paid, 0, fee_bps=fee)
    with pytest.raises(Revert) as refusal:
        pair.pair_swap(before, True, amount_in, paid + 1, 0, fee_bps=fee)
    assert refusal.value.reason in {"UniswapV2: K", "UniswapV2: INSUFFICIENT_LIQUIDITY"}


@given(reserve0=amounts, reserve1=amounts, data=st.data(), fee=fees)
def test_the_input_asked_for_an_output_buys_it(reserve0, reserve1, data, fee):
    assume(reserve1 > 1)
    wanted = data.draw(st.integers(1, reserve1 - 1))
    needed = pair.get_amount_in(wanted, reserve0, reserve1, fee)
    assert pair.get_amount_out(needed, reserve0, reserve1, fee) >= wanted


def test_ten_eth_into_a_thousand_buy_what_the_formula_says():
    """CASES X01, at 18 decimals."""
    wei = 10**18
    assert pair.get_amount_out(10 * wei, 1000 * wei, 2_000_000 * wei) / wei == pytest.approx(19743.16069)


@given(amount0=st.integers(1000, 2**100), amount1=st.integers(1000, 2**100), fee_on=st.booleans())
def test_a_deposit_taken_out_again_never_gains(amount0, amount1, fee_on):
    pool, minted = pair.mint(PairState(), 3 * amount0, 3 * amount1, 0, fee_on=fee_on)
    pool, own = pair.mint(pool, amount0, amount1, 10, fee_on=fee_on)
    assert own <= minted
    after, back0, back1 = pair.burn(pool, own, 20, fee_on=fee_on)
    assert back0 <= amount0
    assert back1 <= amount1
    assert after.total_supply == pool.total_supply - own


def test_the_protocol_takes_a_sixth_of_the_growth():
    pool, _ = pair.mint(PairState(), 10**24, 10**24, 0, fee_on=True)
    for step in range(200):
        pool, _ = pair.swap_exact_in(pool, step % 2 == 0, 10**22, step)
    growth = (pool.reserve0 * pool.reserve1) ** 0.5 / 10**24 - 1
    after, _ = pair.mint(pool, 10**20, 10**20, 300, fee_on=True)
    worth = after.fee_to_shares / (pool.total_supply + after.fee_to_shares) * (1 + growth)
    assert growth > 0.001
    assert worth == pytest.approx(growth / 6, rel=1e-9)


def test_cumulative_prices_sum_price_times_seconds_before_the_trade():
    pool, _ = pair.mint(PairState(), 4 * 10**18, 10**18, 100)
    pool, _ = pair.swap_exact_in(pool, True, 10**18, 160)
    assert pool.price0_cumulative_last == Q112 // 4 * 60
    assert pool.price1_cumulative_last == 4 * Q112 * 60
    later0, _ = pair.cumulative_prices(pool, 190)
    expected = Fraction(pool.reserve1 * Q112 // pool.reserve0) * 30
    assert later0 - pool.price0_cumulative_last == expected
    assert pair.cumulative_prices(pool, 160) == (pool.price0_cumulative_last, pool.price1_cumulative_last)


def test_the_clock_of_a_pair_wraps_in_the_year_2106():
    pool, _ = pair.mint(PairState(), 10**18, 10**18, 2**32 - 5)
    after, _ = pair.swap_exact_in(pool, True, 10**15, 2**32 + 5)
    assert after.block_timestamp_last == 5
    assert after.price0_cumulative_last == 10 * Q112


REFUSALS = {
    "UniswapV2Library: INSUFFICIENT_INPUT_AMOUNT": lambda p: pair.swap_exact_in(p, True, 0, 0),
    "UniswapV2Library: INSUFFICIENT_OUTPUT_AMOUNT": lambda p: pair.swap_exact_out(p, True, 0, 0),
    "UniswapV2Library: INSUFFICIENT_LIQUIDITY": lambda p: pair.swap_exact_in(PairState(), True, 1, 0),
    "UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT": lambda p: pair.swap_exact_in(
        p, True, 10**6, 0, min_out=10**6
    ),
    "UniswapV2Router: EXCESSIVE_INPUT_AMOUNT": lambda p: pair.swap_exact_out(p, True, 10**6, 0, max_in=10**6),
    "UniswapV2: INSUFFICIENT_INPUT_AMOUNT": lambda p: pair.pair_swap(p, True, 0, 1, 0),
    "UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT": lambda p: pair.pair_swap(p, True, 1, 0, 0),
    "UniswapV2: INSUFFICIENT_LIQUIDITY": lambda p: pair.pair_swap(p, True, 1, p.reserve1, 0),
    "UniswapV2: K": lambda p: pair.pair_swap(p, True, 1000, 997, 0),
    "UniswapV2: OVERFLOW": lambda p: pair.swap_exact_in(p, True, 2**112, 0),
    "UniswapV2: INSUFFICIENT_LIQUIDITY_MINTED": lambda p: pair.mint(p, 0, 10, 0),
    "UniswapV2: INSUFFICIENT_LIQUIDITY_BURNED": lambda p: pair.burn(p, 0, 0),
    "ds-math-sub-underflow": lambda p: pair.swap_exact_out(p, True, p.reserve1 + 1, 0),
    "ds-math-mul-overflow": lambda p: pair.swap_exact_in(p, True, 2**250, 0),
    "invalid opcode": lambda p: pair.swap_exact_out(p, True, p.reserve1, 0),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_has_the_reason_of_the_contract(reason):
    pool, _ = pair.mint(PairState(), 10**9, 10**9, 0)
    with pytest.raises(Revert) as refusal:
        REFUSALS[reason](pool)
    assert refusal.value.reason == reason


def test_a_first_deposit_must_be_worth_more_than_the_locked_shares():
    with pytest.raises(Revert, match="ds-math-sub-underflow"):
        pair.mint(PairState(), 999, 999, 0)
    with pytest.raises(Revert, match="INSUFFICIENT_LIQUIDITY_MINTED"):
        pair.mint(PairState(), 1000, 1000, 0)


@pytest.mark.parametrize("fee", [-1, 10_000, 2.5])
def test_an_impossible_fee_is_refused(fee):
    with pytest.raises(ValueError, match="fee_bps"):
        pair.fee_fraction(fee)
