"""The AMM's price, what it takes to move it, and what an arbitrageur does about it.

Sources: ``get_p`` and ``get_amount_for_price`` of ``AMM.vy``; conformance set
``curve_llamma``. `arbitrage` is no contract's rule but a trader's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from ...fixed_point import WAD
from .bands import band_price, fee_multiplier, offsets, oracle_price_up, price_at, quotient
from .exchange import BORROWED, COLLATERAL, may_move_on, walk
from .oracle import Quote, dynamic_fee
from .state import Amm


@dataclass(frozen=True, slots=True)
class Opportunity:
    """An exchange that pays.

    Parameters
    ----------
    coin_in : int
        `exchange.BORROWED` or `exchange.COLLATERAL`.
    amount : int
        What goes in, token units.
    profit : int
        At the outside price, borrowed token, 18 decimals.
    """

    coin_in: int
    amount: int
    profit: int


def current_price(amm: Amm, seen: Quote) -> int:
    """Return the price at which the AMM trades an instant amount, wad."""
    band = amm.active_band
    return band_price(amm.parameters, seen, band, amm.bands_x.get(band, 0), amm.bands_y.get(band, 0))


def amount_for_price(amm: Amm, seen: Quote, target: int) -> tuple[int, bool]:
    """Return what an arbitrageur puts in to move the AMM's price to a target.

    Parameters
    ----------
    amm : Amm
        Not changed.
    seen : Quote
        What the call sees.
    target : int
        Price wanted, borrowed token per collateral, wad.

    Returns
    -------
    amount : int
        Token units, rounded up.
    is_pump : bool
        Whether it is the borrowed token that goes in.

    Raises
    ------
    Revert
        Without a reason, where the contract's arithmetic would fail.
    """
    pump = target >= current_price(amm, seen)
    a, price = amm.parameters.amplification, seen.price
    wider, narrower = a * a, (a - 1) * (a - 1)
    lowest_fee = dynamic_fee(amm, seen)
    band = amm.active_band
    edge = oracle_price_up(amm.parameters, seen, band)
    low = price_at(price, edge)
    high = low * wider // narrower
    amount, crossed, visited = 0, 0, 0
    while True:
        visited += 1
        x, y = amm.bands_x.get(band, 0), amm.bands_y.get(band, 0)
        f = g = invariant = 0
        multiplier = WAD
        if x or y:
            f, g = offsets(a, price, edge, x, y)
            invariant = (f + x) * (g + y)
            multiplier = fee_multiplier(a, seen, edge, lowest_fee)
        if crossed or x or y:
            crossed += 1
        if low <= target <= high:
            if x or y:
                new_y = max(isqrt(invariant * WAD // target), g) - g
                new_x = max(quotient(invariant, g + new_y), f) - f
                moved = max(new_x, x) - x if pump else max(new_y, y) - y
                amount += moved * multiplier // WAD
            break
        if x or y:
            moved = quotient(invariant, g) - f - x if pump else quotient(invariant, f) - g - y
            amount += moved * multiplier // WAD
        if not may_move_on(amm, seen, pump, band, edge, crossed, visited):
            break
        if pump:
            band += 1
            low, high = high, high * wider // narrower
            edge = edge * (a - 1) // a
        else:
            band -= 1
            low, high = low * narrower // wider, low
            edge = edge * a // (a - 1)
    return -(-amount // amm.precisions()[0 if pump else 1]), pump


def arbitrage(amm: Amm, seen: Quote, outside_price: int) -> Opportunity | None:
    """Return the exchange that takes the AMM's price, lowest fee included, to the outside price.

    It is the best one where no crossed band charges more than the lowest fee, and in any
    case one that pays.

    Parameters
    ----------
    amm : Amm
        Not changed.
    seen : Quote
        What the call sees.
    outside_price : int
        Borrowed token per collateral elsewhere, after what trading there costs, wad.

    Returns
    -------
    Opportunity or None
        None where nothing pays.
    """
    price, kept = current_price(amm, seen), WAD - min(dynamic_fee(amm, seen), WAD - 1)
    if price < outside_price * kept // WAD:
        target = outside_price * kept // WAD
    elif price > outside_price * WAD // kept:
        target = outside_price * WAD // kept
    else:
        return None
    amount, pump = amount_for_price(amm, seen, target)
    if amount == 0:
        return None
    coin_in = BORROWED if pump else COLLATERAL
    trade = walk(amm, seen, coin_in, amount * amm.precisions()[coin_in], exact_in=True)
    if pump:
        profit = trade.amount_out * outside_price // WAD - trade.amount_in
    else:
        profit = trade.amount_out - trade.amount_in * outside_price // WAD
    return Opportunity(coin_in, amount, profit) if profit > 0 else None
