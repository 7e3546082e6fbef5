"""Fluid's grid of debt over collateral: a tick is a power of 1.0015, a ratio has 96 fractional bits.

Exact to the contract for every tick. The tables are powers of 1.0015, rounded to the nearest unit
as they are in the contract, but for one entry that is cut off there.
Source: Instadapp/fluid-contracts-public 499e1ab, ``TickMath.sol``.
"""

from __future__ import annotations

from functools import lru_cache

from ....market.revert import Revert
from ...fixed_point import EMPTY_REVERT, MAX_UINT256

MAX_TICK = 32_767
ONE = 1 << 96
"""A ratio of 1."""
MIN_RATIO = 37_075_072
MAX_RATIO = 169307877264527972847801929085841449095838922544595

_SCALE = 10**26
_BITS = range(15)


def _nearest(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


_FALLING = [_nearest(2**128 * 10_000**n, 10_015**n) for n in (1 << bit for bit in _BITS)]
"""``2^128 / 1.0015^n`` for powers of two."""
_RISING = [_nearest(_SCALE * 10_015**n, 10_000**n) for n in (1 << bit for bit in _BITS)]
"""``1e26 x 1.0015^n`` for powers of two."""
_RISING[6] = _SCALE * 10_015**64 // 10_000**64


@lru_cache(maxsize=1 << 16)
def ratio_at_tick(tick: int) -> int:
    """Debt over collateral at a tick, 96 fractional bits.

    Raises
    ------
    Revert
        If the tick lies outside the grid.
    """
    if abs(tick) > MAX_TICK:
        raise Revert(EMPTY_REVERT)
    factor = 1 << 128
    for bit in _BITS:
        if abs(tick) >> bit & 1:
            factor = factor * _FALLING[bit] >> 128 if factor != 1 << 128 else _FALLING[bit]
    if tick < 0:
        return factor >> 32
    factor = MAX_UINT256 // factor
    return (factor >> 32) + (1 if factor % (1 << 32) else 0)


def tick_at_ratio(ratio: int) -> int:
    """Highest tick whose ratio is not above `ratio`, 96 fractional bits.

    Just at a tick it may be the one below, as in the contract, which rounds down at every step.

    Raises
    ------
    Revert
        If the ratio lies outside the grid.
    """
    if not MIN_RATIO <= ratio <= MAX_RATIO:
        raise Revert(EMPTY_REVERT)
    above = ratio >= ONE
    factor = ratio * _SCALE // ONE if above else ONE * _SCALE // ratio
    tick = 0
    for bit in reversed(_BITS):
        if factor >= _RISING[bit]:
            tick |= 1 << bit
            factor = factor * _SCALE // _RISING[bit]
    return tick if above else ~tick
