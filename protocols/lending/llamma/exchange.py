"""Exchanges against the bands: the walk from the active band until the amount is spent.

Borrowed token in walks up and buys collateral; collateral in walks down and sells it.
Sources: ``calc_swap_out``, ``calc_swap_in`` and ``_exchange`` of ``AMM.vy``; conformance
set ``curve_llamma``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD
from .bands import fee_multiplier, offsets, oracle_price_up
from .deposits import MAX_SKIP_TICKS
from .oracle import Quote, dynamic_fee, store_quote
from .parameters import MAX_TICKS
from .state import Amm

BORROWED, COLLATERAL = 0, 1
"""Coins by index: 0 in walks up (a pump), 1 in walks down (a dump)."""
_MOST_BANDS = MAX_TICKS + MAX_SKIP_TICKS
_WAD_SQUARED = WAD * WAD


@dataclass(frozen=True, slots=True)
class Trade:
    """A walk that has been computed and not yet made.

    Parameters
    ----------
    amount_in, amount_out : int
        18 decimals, in rounded up and out rounded down to whole token units.
    admin_fee : int
        Of the coin going in, 18 decimals.
    first, last : int
        First band that was not empty, and the last visited.
    incoming : tuple of int
        What the bands from `first` to `last` hold of the coin going in afterwards.
    left : int
        What the last band holds of the coin going out.
    """

    amount_in: int
    amount_out: int
    admin_fee: int
    first: int
    last: int
    incoming: tuple[int, ...]
    left: int


def walk(amm: Amm, seen: Quote, coin_in: int, amount: int, *, exact_in: bool) -> Trade:
    """Compute an exchange without making it.

    Parameters
    ----------
    amm : Amm
        Not changed.
    seen : Quote
        What the call sees.
    coin_in : int
        `BORROWED` or `COLLATERAL`.
    amount : int
        Of the coin going in or out, 18 decimals.
    exact_in : bool
        Whether `amount` is what goes in.

    Raises
    ------
    Revert
        Without a reason, if the active band lies beyond what the contract can price.
    """
    up = coin_in == BORROWED
    a, price, admin_share = amm.parameters.amplification, seen.price, amm.parameters.admin_fee
    lowest_fee = dynamic_fee(amm, seen)
    band = first = amm.active_band
    edge = oracle_price_up(amm.parameters, seen, band)
    left, total_in, total_out, admin_fee, last_left = amount, 0, 0, 0, 0
    incoming: list[int] = []
    stored_in, stored_out = (amm.bands_x, amm.bands_y) if up else (amm.bands_y, amm.bands_x)
    paid = stored_in.get(band, 0)
    for visited in range(1, _MOST_BANDS + 1):
        offered = stored_out.get(band, 0)
        empty = not paid and not offered
        if incoming or not empty:
            if not incoming:
                first = band
            incoming.append(paid)
        if offered:
            f, g = offsets(a, price, edge, *((paid, offered) if up else (offered, paid)))
            offset_in, offset_out = (f, g) if up else (g, f)
            if offset_out:
                invariant = (offset_in + paid) * (offset_out + offered)
                multiplier = fee_multiplier(a, seen, edge, lowest_fee)
                whole = invariant // offset_out - offset_in - paid
                gross = whole * multiplier // WAD
                if exact_in and gross >= left:
                    net = left * WAD // multiplier
                    last_left = min(invariant // (offset_in + paid + net) - offset_out + 1, offered)
                    fee = (left - net) * admin_share // WAD
                    total_in, total_out = amount, total_out + offered - last_left
                    admin_fee += fee
                    incoming[-1] = paid + left - fee
                    break
                if not exact_in and offered >= left:
                    last_left = offered - left
                    net = invariant // (offset_out + last_left) - offset_in - paid
                    gross = net * multiplier // WAD
                    fee = (gross - net) * admin_share // WAD
                    total_in, total_out = total_in + gross, amount
                    admin_fee += fee
                    incoming[-1] = paid + gross - fee
                    break
                gross = max(gross, 1)
                fee = (gross - whole) * admin_share // WAD
                total_in, total_out = total_in + gross, total_out + offered
                admin_fee += fee
                incoming[-1] = paid + gross - fee
                left -= gross if exact_in else offered
        if not may_move_on(amm, seen, up, band, edge, len(incoming), visited):
            break
        band += 1 if up else -1
        edge = edge * (a - 1) // a if up else edge * a // (a - 1)
        # Beyond the active band there is nothing of the coin going in.
        paid = 0
    precisions = amm.precisions()
    unit_in, unit_out = precisions if up else precisions[::-1]
    return Trade(
        -(-total_in // unit_in) * unit_in,
        total_out // unit_out * unit_out,
        admin_fee,
        first,
        band,
        tuple(incoming),
        last_left,
    )


def may_move_on(
    amm: Amm, seen: Quote, up: bool, band: int, edge: int, bands_crossed: int, visited: int
) -> bool:
    """Whether a walk goes on: not past the liquidity, 50 bands or 50 bands' worth of price."""
    if visited == _MOST_BANDS or bands_crossed == MAX_TICKS:
        return False
    distance, furthest = edge * WAD // seen.price, amm.parameters.max_oracle_ratio
    if up:
        return band != amm.max_band and distance >= _WAD_SQUARED // furthest
    return band != amm.min_band and distance <= furthest


def exchange(amm: Amm, seen: Quote, coin_in: int, amount: int, *, exact_in: bool = True) -> tuple[int, int]:
    """Trade against the bands.

    Parameters
    ----------
    amm : Amm
        Changed in place.
    seen : Quote
        What the call sees; stored.
    coin_in : int
        `BORROWED` or `COLLATERAL`.
    amount : int
        Of the coin going in or out, token units; ``2**256 - 1`` out is all there is.
    exact_in : bool
        Whether `amount` is what goes in.

    Returns
    -------
    amount_in, amount_out : int
        Token units; both 0 if nothing was traded.

    Raises
    ------
    Revert
        ``Slippage`` if an exact amount out is not there.
    """
    if amount == 0:
        store_quote(amm, seen)
        return 0, 0
    precisions = amm.precisions()
    unit_in, unit_out = precisions if coin_in == BORROWED else precisions[::-1]
    scaled = amount if amount == MAX_UINT256 else amount * (unit_in if exact_in else unit_out)
    trade = walk(amm, seen, coin_in, scaled, exact_in=exact_in)
    amount_in, amount_out = trade.amount_in // unit_in, trade.amount_out // unit_out
    if not exact_in and amount not in (amount_out, MAX_UINT256):
        raise Revert("Slippage")
    store_quote(amm, seen)
    if amount_in == 0 or amount_out == 0:
        return 0, 0
    step = 1 if coin_in == BORROWED else -1
    for position, incoming in enumerate(trade.incoming):
        band = trade.first + step * position
        outgoing = trade.left if band == trade.last else 0
        amm.set_band(band, *((incoming, outgoing) if step == 1 else (outgoing, incoming)))
    if coin_in == BORROWED:
        amm.admin_fees_x += trade.admin_fee // unit_in
    else:
        amm.admin_fees_y += trade.admin_fee // unit_in
    amm.active_band = trade.last
    return amount_in, amount_out
