"""What a user's bands are worth if the price runs through all of them: x_down and y_up.

First every band trades to the oracle price at a constant oracle, then its contents are
converted slowly while the oracle moves through the band, at the geometric mean of the
way. The first number is what a loan's health is measured by. Sources: ``get_xy_up`` of
``AMM.vy``; conformance set ``curve_llamma``.
"""

from __future__ import annotations

from math import isqrt

from ...fixed_point import WAD
from .bands import equivalent_collateral, offsets, oracle_price_up, quotient
from .oracle import Quote
from .state import DEAD_SHARES, Amm


def borrowed_if_price_falls(amm: Amm, seen: Quote, user: int) -> int:
    """Return x_down: borrowed token once all bands are converted, token units."""
    return _value(amm, seen, user, in_collateral=False) // amm.parameters.borrowed_precision


def collateral_if_price_rises(amm: Amm, seen: Quote, user: int) -> int:
    """Return y_up: collateral once all bands are converted back, token units."""
    return _value(amm, seen, user, in_collateral=True) // amm.parameters.collateral_precision


def _value(amm: Amm, seen: Quote, user: int, *, in_collateral: bool) -> int:
    held = amm.deposits.get(user)
    if held is None or not held.shares:
        return 0
    a = amm.parameters.amplification
    total = 0
    down = oracle_price_up(amm.parameters, seen, held.first)
    for band, shares in zip(range(held.first, held.last + 1), held.shares, strict=True):
        up, down = down, down * (a - 1) // a
        x = amm.bands_x.get(band, 0) if band <= amm.active_band else 0
        y = amm.bands_y.get(band, 0) if band >= amm.active_band else 0
        if not (x or y) or not shares:
            continue
        whole = band_value(amm, seen.price, up, down, x, y, in_collateral=in_collateral)
        total += whole * shares // (amm.total_shares.get(band, 0) + DEAD_SHARES)
    return total


def band_value(amm: Amm, price: int, up: int, down: int, x: int, y: int, *, in_collateral: bool) -> int:
    """Value of a whole band, in collateral or in borrowed token, 18 decimals."""
    a, root_ratio = amm.parameters.amplification, amm.parameters.sqrt_band_ratio
    one_coin = not x or not y
    if down <= price <= up or not one_coin:
        f, g = offsets(a, price, up, x, y)
        invariant = (f + x) * (g + y)
    if price > up:
        if one_coin:
            collateral = y or quotient(x * WAD, price * price // down * price // up)
        else:
            collateral = max(quotient(invariant, f), g) - g
        return collateral if in_collateral else collateral * up // root_ratio
    if price < down:
        if one_coin:
            borrowed = x or y * (price * price // down * price // up) // WAD
        else:
            borrowed = max(quotient(invariant, g), f) - f
        return borrowed * root_ratio // up if in_collateral else borrowed
    y0 = equivalent_collateral(a, price, up, x, y)
    y_there = a * y0 * (price - down) // price
    x_there = max(quotient(invariant, g + y_there), f) - f
    if in_collateral:
        return y_there + x_there * WAD // isqrt(up * price)
    return x_there + y_there * isqrt(down * price) // WAD
