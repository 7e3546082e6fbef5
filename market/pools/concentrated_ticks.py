"""Ticks of a concentrated pool: prices in steps of a hundredth of a per cent.

Tick ``i`` stands for the price ``1.0001 ** i`` of token 0 in token 1; the pool keeps the
square root of its price as Q64.96. Source: Uniswap/v3-core 1.0.1, ``TickMath.sol`` and
``TickBitmap.sol``.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache

from ..revert import Revert

MAX_TICK = 887_272
MIN_TICK = -MAX_TICK
MIN_SQRT_PRICE = 4_295_128_739
MAX_SQRT_PRICE = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
Q96 = 2**96
Q128 = 2**128
WORD = 256
"""Ticks (in units of the spacing) that one step of a swap looks over."""
_UINT256 = 2**256 - 1
_HALF_LOG_BASE = math.log(1.0001) / 2


def _factors() -> tuple[int, ...]:
    """``2**128 / 1.0001 ** (2 ** (i - 1))`` for each bit of a tick, rounded to the nearest."""
    with localcontext() as context:
        context.prec = 120
        base, factors = Decimal("1.0001").sqrt(), []
        for _ in range(MAX_TICK.bit_length()):
            factors.append(int((Q128 / base).to_integral_value(ROUND_HALF_UP)))
            base *= base
    return tuple(factors)


_FACTORS = _factors()


@lru_cache(maxsize=1 << 14)
def sqrt_price_at_tick(tick: int) -> int:
    """Square root of a tick's price, Q64.96, rounded up.

    Raises
    ------
    Revert
        ``T`` for a tick beyond ±887272.
    """
    if abs(tick) > MAX_TICK:
        raise Revert("T")
    ratio = Q128
    for bit, factor in enumerate(_FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = _UINT256 // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_price(sqrt_price: int) -> int:
    """Find the greatest tick whose price is at most the given one.

    Parameters
    ----------
    sqrt_price : int
        Q64.96.

    Raises
    ------
    Revert
        ``R`` for a price outside the range of the ticks.
    """
    if not MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE:
        raise Revert("R")
    tick = min(int(math.log(sqrt_price / Q96) / _HALF_LOG_BASE), MAX_TICK)
    while sqrt_price_at_tick(tick) > sqrt_price:
        tick -= 1
    while tick < MAX_TICK and sqrt_price_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def word_end(tick: int, spacing: int, downwards: bool) -> int:
    """Last tick that a step of a swap from `tick` can see.

    Parameters
    ----------
    tick : int
        Current tick.
    spacing : int
        Of the pool.
    downwards : bool
        Direction of the price.

    Returns
    -------
    int
        A multiple of the spacing; the end of a word of 256 such multiples.
    """
    compressed = tick // spacing
    if downwards:
        return (compressed & ~(WORD - 1)) * spacing
    return ((compressed + 1) | (WORD - 1)) * spacing
