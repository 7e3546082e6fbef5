"""One step of a swap in a concentrated pool: along one range of constant liquidity.

Pure arithmetic on square roots of prices (Q64.96) and liquidity; roundings favour the
pool. Source: Uniswap/v3-core 1.0.1, ``SqrtPriceMath.sol`` and ``SwapMath.sol``.
"""

from __future__ import annotations

from typing import NamedTuple

from .concentrated_ticks import Q96

FEE_SCALE = 1_000_000
"""A fee of 100 %."""
_UINT256 = 2**256 - 1


class Step(NamedTuple):
    """What one step did.

    Attributes
    ----------
    sqrt_price : int
        Where it ended, Q64.96.
    amount_in, amount_out : int
        Tokens swapped, base units, the fee not included.
    fee : int
        Of the token that came in.
    """

    sqrt_price: int
    amount_in: int
    amount_out: int
    fee: int


def amount0_between(price_a: int, price_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token 0 that a range holds when its price is below it.

    Parameters
    ----------
    price_a, price_b : int
        Square roots of the prices at its ends, Q64.96, in any order.
    liquidity : int
        Of the range.
    round_up : bool
        Whether both divisions round up, else both down.
    """
    low, high = sorted((price_a, price_b))
    product = (liquidity << 96) * (high - low)
    if round_up:
        return _ceil(_ceil(product, high), low)
    return product // high // low


def amount1_between(price_a: int, price_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token 1 that a range holds when its price is above it; as `amount0_between`."""
    product = liquidity * abs(price_a - price_b)
    return _ceil(product, Q96) if round_up else product // Q96


def price_after_input(sqrt_price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """Square root of the price after `amount` came in, rounded so that too little goes out."""
    if not zero_for_one:
        return sqrt_price + amount * Q96 // liquidity
    scaled = liquidity << 96
    denominator = scaled + amount * sqrt_price
    if denominator <= _UINT256:
        return _ceil(scaled * sqrt_price, denominator)
    # The contract's own way out of an overflow; its rounding differs.
    return _ceil(scaled, scaled // sqrt_price + amount)


def price_after_output(sqrt_price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """Square root of the price after `amount` went out, rounded so that enough comes in."""
    if zero_for_one:
        return sqrt_price - _ceil(amount * Q96, liquidity)
    scaled = liquidity << 96
    return _ceil(scaled * sqrt_price, scaled - amount * sqrt_price)


def swap_step(sqrt_price: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Swap towards `target` until it is reached or nothing remains.

    Parameters
    ----------
    sqrt_price, target : int
        Square roots of prices, Q64.96; token 0 comes in if the target is not above.
    liquidity : int
        In range all along.
    remaining : int
        Base units still to come in if positive, still to go out if negative.
    fee : int
        Of what comes in, millionths.
    """
    zero_for_one = sqrt_price >= target
    amount_in_for, amount_out_for = (
        (amount0_between, amount1_between) if zero_for_one else (amount1_between, amount0_between)
    )
    exact_in = remaining >= 0
    if exact_in:
        usable = remaining * (FEE_SCALE - fee) // FEE_SCALE
        if usable >= amount_in_for(target, sqrt_price, liquidity, round_up=True):
            after = target
        else:
            after = price_after_input(sqrt_price, liquidity, usable, zero_for_one)
    elif -remaining >= amount_out_for(target, sqrt_price, liquidity, round_up=False):
        after = target
    else:
        after = price_after_output(sqrt_price, liquidity, -remaining, zero_for_one)
    amount_in = amount_in_for(after, sqrt_price, liquidity, round_up=True)
    amount_out = amount_out_for(after, sqrt_price, liquidity, round_up=False)
    if exact_in and after != target:
        return Step(after, amount_in, amount_out, remaining - amount_in)
    if not exact_in:
        amount_out = min(amount_out, -remaining)
    return Step(after, amount_in, amount_out, _ceil(amount_in * fee, FEE_SCALE - fee))


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
