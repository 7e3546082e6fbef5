"""The constant-product pair as deployed: Uniswap v2 core and the checks of its router.

Pure functions over a `PairState` of Python integers with any number of decimals;
each returns the new state and what moved, or raises `Revert` with the contract's
own reason. Nothing here moves money, knows accounts or knows the time by itself.

Source: Uniswap/v2-core `UniswapV2Pair.sol`, Uniswap/v2-periphery
`UniswapV2Library.sol` and `UniswapV2Router02.sol`.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from ..revert import Revert

MINIMUM_LIQUIDITY = 1000
"""Shares of the first deposit that nobody owns."""

DEFAULT_FEE_BPS = 30
Q112 = 2**112
_UINT112 = 2**112 - 1
_UINT256 = 2**256 - 1
_UINT32 = 2**32 - 1

DIVISION_BY_ZERO = "invalid opcode"
MUL_OVERFLOW = "ds-math-mul-overflow"
SUB_UNDERFLOW = "ds-math-sub-underflow"


class PairState(NamedTuple):
    """What a pair stores, in raw token units.

    Attributes
    ----------
    reserve0, reserve1 : int
        Tokens the pair counts as its own, below ``2**112``.
    block_timestamp_last : int
        Seconds of the last update, modulo ``2**32``.
    total_supply : int
        Liquidity shares, the locked `MINIMUM_LIQUIDITY` included.
    k_last : int
        ``reserve0 * reserve1`` after the last mint or burn while the protocol fee was on, else 0.
    price0_cumulative_last, price1_cumulative_last : int
        Sum of price (UQ112.112, of one token in the other) times seconds, modulo ``2**256``.
    fee_to_shares : int
        Shares minted to the receiver of the protocol fee.
    """

    reserve0: int = 0
    reserve1: int = 0
    block_timestamp_last: int = 0
    total_supply: int = 0
    k_last: int = 0
    price0_cumulative_last: int = 0
    price1_cumulative_last: int = 0
    fee_to_shares: int = 0


def fee_fraction(fee_bps: int) -> tuple[int, int]:
    """Share of the input that trades, as (numerator, denominator); 30 bps is the contract's 997/1000.

    Raises
    ------
    ValueError
        If `fee_bps` is not an integer from 0 to 9999.
    """
    if not 0 <= fee_bps < 10_000 or fee_bps != int(fee_bps):
        raise ValueError(f"fee_bps must be an integer from 0 to 9999, got {fee_bps}")
    if fee_bps % 10 == 0:
        return 1000 - fee_bps // 10, 1000
    return 10_000 - fee_bps, 10_000


def get_amount_out(amount_in: int, reserve_in: int, reserve_out: int, fee_bps: int = DEFAULT_FEE_BPS) -> int:
    """Most tokens a pair pays out for `amount_in`, rounded down (UniswapV2Library.getAmountOut).

    Raises
    ------
    Revert
        If the input is zero or the pair is empty.
    """
    if amount_in == 0:
        raise Revert("UniswapV2Library: INSUFFICIENT_INPUT_AMOUNT")
    if reserve_in == 0 or reserve_out == 0:
        raise Revert("UniswapV2Library: INSUFFICIENT_LIQUIDITY")
    kept, whole = fee_fraction(fee_bps)
    amount_in_with_fee = _mul(amount_in, kept)
    return _mul(amount_in_with_fee, reserve_out) // (reserve_in * whole + amount_in_with_fee)


def get_amount_in(amount_out: int, reserve_in: int, reserve_out: int, fee_bps: int = DEFAULT_FEE_BPS) -> int:
    """Fewest tokens a pair takes for `amount_out`, rounded up (UniswapV2Library.getAmountIn).

    Raises
    ------
    Revert
        If the output is zero, or not below the reserve, or the pair is empty.
    """
    if amount_out == 0:
        raise Revert("UniswapV2Library: INSUFFICIENT_OUTPUT_AMOUNT")
    if reserve_in == 0 or reserve_out == 0:
        raise Revert("UniswapV2Library: INSUFFICIENT_LIQUIDITY")
    kept, whole = fee_fraction(fee_bps)
    numerator = _mul(_mul(reserve_in, amount_out), whole)
    if amount_out > reserve_out:
        raise Revert(SUB_UNDERFLOW)
    denominator = (reserve_out - amount_out) * kept
    if denominator == 0:
        raise Revert(DIVISION_BY_ZERO)
    return numerator // denominator + 1


def swap_exact_in(
    state: PairState,
    zero_for_one: bool,
    amount_in: int,
    timestamp: int,
    *,
    min_out: int = 0,
    fee_bps: int = DEFAULT_FEE_BPS,
) -> tuple[PairState, int]:
    """Sell exactly `amount_in`; return the new state and the tokens paid out.

    Parameters
    ----------
    zero_for_one : bool
        True to sell token 0 for token 1.
    timestamp : int
        Unix seconds of the block.
    min_out : int
        The swap is refused if it pays less.

    Raises
    ------
    Revert
        With the reason of the router, its library or the pair.
    """
    reserve_in, reserve_out = _ordered(state, zero_for_one)
    amount_out = get_amount_out(amount_in, reserve_in, reserve_out, fee_bps)
    if amount_out < min_out:
        raise Revert("UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT")
    return pair_swap(state, zero_for_one, amount_in, amount_out, timestamp, fee_bps=fee_bps), amount_out


def swap_exact_out(
    state: PairState,
    zero_for_one: bool,
    amount_out: int,
    timestamp: int,
    *,
    max_in: int | None = None,
    fee_bps: int = DEFAULT_FEE_BPS,
) -> tuple[PairState, int]:
    """Buy exactly `amount_out`; return the new state and the tokens taken.

    Raises
    ------
    Revert
        With the reason of the router, its library or the pair.
    """
    reserve_in, reserve_out = _ordered(state, zero_for_one)
    amount_in = get_amount_in(amount_out, reserve_in, reserve_out, fee_bps)
    if max_in is not None and amount_in > max_in:
        raise Revert("UniswapV2Router: EXCESSIVE_INPUT_AMOUNT")
    return pair_swap(state, zero_for_one, amount_in, amount_out, timestamp, fee_bps=fee_bps), amount_in


def pair_swap(
    state: PairState,
    zero_for_one: bool,
    amount_in: int,
    amount_out: int,
    timestamp: int,
    *,
    fee_bps: int = DEFAULT_FEE_BPS,
) -> PairState:
    """State after `amount_in` was sent and `amount_out` asked for, by the pair's own checks only.

    Raises
    ------
    Revert
        If nothing is asked for or sent, the reserve is too small, or the product
        of the reserves after the fee would fall.
    """
    if amount_out == 0:
        raise Revert("UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT")
    reserve_in, reserve_out = _ordered(state, zero_for_one)
    if amount_out >= reserve_out:
        raise Revert("UniswapV2: INSUFFICIENT_LIQUIDITY")
    if amount_in == 0:
        raise Revert("UniswapV2: INSUFFICIENT_INPUT_AMOUNT")
    balance_in, balance_out = reserve_in + amount_in, reserve_out - amount_out
    kept, whole = fee_fraction(fee_bps)
    adjusted_in = _mul(balance_in, whole) - _mul(amount_in, whole - kept)
    if _mul(adjusted_in, balance_out * whole) < reserve_in * reserve_out * whole * whole:
        raise Revert("UniswapV2: K")
    if zero_for_one:
        return _update(state, balance_in, balance_out, timestamp)
    return _update(state, balance_out, balance_in, timestamp)


def mint(
    state: PairState, amount0: int, amount1: int, timestamp: int, *, fee_on: bool = False
) -> tuple[PairState, int]:
    """Deposit both tokens; return the new state and the shares minted to the depositor.

    Parameters
    ----------
    fee_on : bool
        Whether the protocol takes a sixth of the fees, in shares, at each mint and burn.

    Raises
    ------
    Revert
        If the deposit is worth no share.
    """
    accrued = _take_protocol_fee(state, fee_on)
    supply = accrued.total_supply
    if supply == 0:
        root = isqrt(_mul(amount0, amount1))
        if root < MINIMUM_LIQUIDITY:
            raise Revert(SUB_UNDERFLOW)
        liquidity = root - MINIMUM_LIQUIDITY
        supply = MINIMUM_LIQUIDITY
    else:
        if state.reserve0 == 0 or state.reserve1 == 0:
            raise Revert(DIVISION_BY_ZERO)
        liquidity = min(
            _mul(amount0, supply) // state.reserve0,
            _mul(amount1, supply) // state.reserve1,
        )
    if liquidity == 0:
        raise Revert("UniswapV2: INSUFFICIENT_LIQUIDITY_MINTED")
    after = _update(accrued, state.reserve0 + amount0, state.reserve1 + amount1, timestamp)
    after = after._replace(total_supply=supply + liquidity)
    return _remember_product(after, fee_on), liquidity


def burn(
    state: PairState, liquidity: int, timestamp: int, *, fee_on: bool = False
) -> tuple[PairState, int, int]:
    """Give shares back; return the new state and both amounts paid out.

    Raises
    ------
    Revert
        If either amount would be zero, or there are not that many shares.
    """
    accrued = _take_protocol_fee(state, fee_on)
    supply = accrued.total_supply
    if supply == 0:
        raise Revert(DIVISION_BY_ZERO)
    amount0 = _mul(liquidity, state.reserve0) // supply
    amount1 = _mul(liquidity, state.reserve1) // supply
    if amount0 == 0 or amount1 == 0:
        raise Revert("UniswapV2: INSUFFICIENT_LIQUIDITY_BURNED")
    if liquidity > supply:
        raise Revert(SUB_UNDERFLOW)
    after = _update(accrued, state.reserve0 - amount0, state.reserve1 - amount1, timestamp)
    after = after._replace(total_supply=supply - liquidity)
    return _remember_product(after, fee_on), amount0, amount1


def cumulative_prices(state: PairState, timestamp: int) -> tuple[int, int]:
    """Both cumulative prices as they would read at `timestamp`, without touching the pair.

    Returns
    -------
    tuple of int
        UQ112.112 times seconds, modulo ``2**256`` (UniswapV2OracleLibrary).
    """
    elapsed = (timestamp - state.block_timestamp_last) & _UINT32
    price0, price1 = state.price0_cumulative_last, state.price1_cumulative_last
    if elapsed and state.reserve0 and state.reserve1:
        price0 = (price0 + (state.reserve1 * Q112 // state.reserve0) * elapsed) & _UINT256
        price1 = (price1 + (state.reserve0 * Q112 // state.reserve1) * elapsed) & _UINT256
    return price0, price1


def _ordered(state: PairState, zero_for_one: bool) -> tuple[int, int]:
    if zero_for_one:
        return state.reserve0, state.reserve1
    return state.reserve1, state.reserve0


def _mul(a: int, b: int) -> int:
    product = a * b
    if product > _UINT256:
        raise Revert(MUL_OVERFLOW)
    return product


def _update(state: PairState, balance0: int, balance1: int, timestamp: int) -> PairState:
    if balance0 > _UINT112 or balance1 > _UINT112:
        raise Revert("UniswapV2: OVERFLOW")
    price0, price1 = cumulative_prices(state, timestamp)
    return PairState(
        balance0,
        balance1,
        timestamp & _UINT32,
        state.total_supply,
        state.k_last,
        price0,
        price1,
        state.fee_to_shares,
    )


def _take_protocol_fee(state: PairState, fee_on: bool) -> PairState:
    if not fee_on:
        return state._replace(k_last=0)
    if state.k_last == 0:
        return state
    root = isqrt(state.reserve0 * state.reserve1)
    root_last = isqrt(state.k_last)
    if root <= root_last:
        return state
    shares = _mul(state.total_supply, root - root_last) // (5 * root + root_last)
    return state._replace(
        total_supply=state.total_supply + shares, fee_to_shares=state.fee_to_shares + shares
    )


def _remember_product(state: PairState, fee_on: bool) -> PairState:
    return state._replace(k_last=state.reserve0 * state.reserve1) if fee_on else state
