"""The price a LLAMMA trusts: jumps are capped, and paid for by a fee that fades.

A price that moved by more than 25 % against the one stored two minutes ago or less is
cut there; any move raises the fee by the cube of its ratio, so that nobody earns on a
stale band in the block of the jump. Source: conformance set ``curve_llamma``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fixed_point import WAD
from .state import Amm, Limiter

FADE_SECONDS = 120
MAX_PRICE_RATIO = 5 * WAD // 4
_WAD_SQUARED = WAD * WAD
_MIN_PRICE_RATIO = _WAD_SQUARED // MAX_PRICE_RATIO


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call sees of the outside.

    Parameters
    ----------
    price : int
        Oracle price after the limiter, borrowed token per collateral, wad.
    fee : int
        Fee for the last jump, wad.
    base_price : int
        Upper oracle price of band 0 with interest, wad.
    now : int
        Time, s.
    """

    price: int
    fee: int
    base_price: int
    now: int


def limited_price(limiter: Limiter, oracle_price: int, now: int) -> tuple[int, int]:
    """Cap a move of the oracle and price it as a fee.

    Parameters
    ----------
    limiter : Limiter
        What the last exchange stored.
    oracle_price : int
        The oracle's answer, wad.
    now : int
        Time, s.

    Returns
    -------
    price, fee : int
        Wad.
    """
    left = FADE_SECONDS - min(FADE_SECONDS, now - limiter.time)
    if left == 0:
        return oracle_price, 0
    old, price = limiter.price, oracle_price
    rises = price > old
    ratio = old * WAD // price if rises else price * WAD // old
    if ratio < _MIN_PRICE_RATIO:
        price = old * MAX_PRICE_RATIO // WAD if rises else old * WAD // MAX_PRICE_RATIO
        ratio = _MIN_PRICE_RATIO
    fee = (WAD + limiter.fee - ratio**3 // _WAD_SQUARED) * left // FADE_SECONDS
    return price, min(fee, WAD - 1)


def quote(amm: Amm, oracle_price: int, now: int) -> Quote:
    """Return what a call at a time and an oracle price (wad) sees."""
    price, fee = limited_price(amm.limiter, oracle_price, now)
    return Quote(price, fee, amm.base_price(now), now)


def store_quote(amm: Amm, seen: Quote) -> None:
    """Remember the price seen, as every exchange does before it trades."""
    amm.limiter = Limiter(seen.price, seen.fee, seen.now)


def dynamic_fee(amm: Amm, seen: Quote) -> int:
    """Return the lowest fee any band charges now, wad."""
    return max(amm.parameters.fee, seen.fee)
