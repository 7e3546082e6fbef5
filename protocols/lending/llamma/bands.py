"""Geometry of a band: its prices, its curve and its fee.

Band n lies between the oracle prices ``p_up(n) = base (1 - 1/A)^n`` and ``p_up(n + 1)``.
Inside, ``(f + x)(g + y)`` is constant while the oracle stands still; the AMM's own price
moves with the cube of the oracle's, which is what makes arbitrageurs convert collateral.
Sources: MODEL 1.8 and the conformance set ``curve_llamma``.
"""

from __future__ import annotations

from math import isqrt

from ....market.revert import Revert
from ...fixed_point import EMPTY_REVERT, WAD
from .exponential import wad_exp
from .oracle import Quote
from .parameters import AmmParameters

_WAD_SQUARED = WAD * WAD
_FEE_SLOPE = WAD // 4


def oracle_price_up(parameters: AmmParameters, seen: Quote, band: int) -> int:
    """Return the oracle price at which a band begins to be converted, wad."""
    return seen.base_price * wad_exp(-band * parameters.log_a_ratio) // WAD


def oracle_price_down(parameters: AmmParameters, seen: Quote, band: int) -> int:
    """Return the oracle price at which a band is fully converted, wad."""
    return oracle_price_up(parameters, seen, band + 1)


def price_at(price: int, edge: int) -> int:
    """Return the AMM's price at the edge of a band whose oracle price is `edge`, wad.

    Parameters
    ----------
    price : int
        Oracle price, wad.
    edge : int
        Upper (lower) oracle price of the band, for the lowest (highest) AMM price.
    """
    return price * price // edge * price // edge


def current_price_down(parameters: AmmParameters, seen: Quote, band: int) -> int:
    """Return the AMM's price in a band that holds collateral only, wad."""
    return price_at(seen.price, oracle_price_up(parameters, seen, band))


def current_price_up(parameters: AmmParameters, seen: Quote, band: int) -> int:
    """Return the AMM's price in a band that is fully converted, wad."""
    return price_at(seen.price, oracle_price_down(parameters, seen, band))


def equivalent_collateral(a: int, price: int, up: int, x: int, y: int) -> int:
    """Return y0: the collateral a band would hold at an oracle price of `up`.

    The positive root of ``p A y0^2 - y0 (up/p (A-1) x + p^2/up A y) - x y = 0``.

    Parameters
    ----------
    a : int
        The amplification A.
    price, up : int
        Oracle price and upper price of the band, wad.
    x, y : int
        Borrowed token and collateral in the band, 18 decimals.
    """
    b = 0
    if x:
        b = up * (a - 1) * x // price
    if y:
        b += a * price * price // up * y // WAD
    if x and y:
        root = isqrt(b * b + 4 * a * price * y // WAD * x)
        return (b + root) * WAD // (2 * a * price)
    return b * WAD // (a * price)


def offsets(a: int, price: int, up: int, x: int, y: int) -> tuple[int, int]:
    """Return f and g, the virtual borrowed token and collateral of a band, 18 decimals.

    Parameters
    ----------
    a, price, up, x, y : int
        As for `equivalent_collateral`.
    """
    y0 = equivalent_collateral(a, price, up, x, y)
    return a * y0 * price // up * price // WAD, (a - 1) * y0 * up // price


def band_price(parameters: AmmParameters, seen: Quote, band: int, x: int, y: int) -> int:
    """Return the AMM's price in a band with these contents, wad.

    Parameters
    ----------
    parameters, seen : AmmParameters, Quote
        Settings and what the call sees.
    band : int
        Number of the band.
    x, y : int
        What it holds, 18 decimals.
    """
    a, price = parameters.amplification, seen.price
    up = oracle_price_up(parameters, seen, band)
    if not x:
        lowest = price_at(price, up)
        return lowest if y else lowest * a // (a - 1)
    if not y:
        return price_at(price, up * (a - 1) // a)
    y0 = equivalent_collateral(a, price, up, x, y)
    return (a * y0 * price // up * price + x * WAD) // ((a - 1) * y0 * up // price + y)


def fee_multiplier(a: int, seen: Quote, up: int, lowest_fee: int) -> int:
    """Return what goes into a band for each unit that is traded, fee included, wad.

    Outside the band's prices the fee grows with the distance of the oracle.

    Parameters
    ----------
    a : int
        The amplification A.
    seen : Quote
        What the call sees.
    up : int
        Upper oracle price of the band, wad.
    lowest_fee : int
        See `oracle.dynamic_fee`, wad.
    """
    price, fee = seen.price, lowest_fee
    low = price_at(price, up)
    high = low * a // (a - 1) * a // (a - 1)
    if price < low:
        fee = max(fee, (low - price) * _FEE_SLOPE // low)
    elif price > high:
        fee = max(fee, (price - high) * _FEE_SLOPE // price)
    return _WAD_SQUARED // (WAD - min(fee, WAD - 1))


def quotient(numerator: int, denominator: int) -> int:
    """Divide as the contract does: it reverts without a reason on 0.

    Raises
    ------
    Revert
        If `denominator` is 0.
    """
    if denominator == 0:
        raise Revert(EMPTY_REVERT)
    return numerator // denominator
