"""Ajna's liquidation auctions: the kicker's bond, the falling price, what a take moves.

Nobody tells the pool a price. A kicker stakes a bond that a loan at its *neutral price* is not worth
its debt: if the collateral is taken below, the bond grows, if above, it shrinks. All amounts wad.
Sources: MODEL 1.10, CASES A11-A13; ajna-core 0f59e780, ``PoolHelper.sol`` (``_bondParams``,
``_auctionPrice``, ``_bpf``), ``KickerActions.sol``, ``TakerActions.sol``. Takes out of buckets and
NFTs are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD, ceil_div
from ...liquidation.curves import AjnaDecrease
from .buckets import price_at, units_above

MIN_BOND_FACTOR, MAX_BOND_FACTOR = WAD // 200, 3 * WAD // 100
COLLATERALIZATION_FACTOR = 104 * WAD // 100
"""What a loan's collateral must be worth at the LUP, over its debt; from memory, see docs/ajna.md."""
FIRST_PRICE = 256
"""First price of an auction over its reference price."""
MAX_INFLATED_PRICE = 50 * price_at(0)
"""Highest reference price."""
SETTLED_AFTER_S = 72 * 3600
"""Age at which an auction may be settled though it has collateral left."""

_FALL = AjnaDecrease()


@dataclass(frozen=True, slots=True)
class Auction:
    """What is fixed at the kick, and the bond as it stands.

    Parameters
    ----------
    kicked : int
        When, s.
    reference, neutral, threshold : int
        Price the auction starts at 256 times of; price below which the kicker is rewarded; debt
        over collateral at the kick.
    bond_factor, bond : int
        Bond over the debt at the kick, and what it is now.
    """

    kicked: int
    reference: int
    neutral: int
    threshold: int
    bond_factor: int
    bond: int


class Take(NamedTuple):
    """What a take moves.

    Attributes
    ----------
    collateral : int
        To the taker.
    paid : int
        By the taker.
    repaid : int
        Of the debt; the rest of `paid`, the kicker's reward deducted, is the pool's.
    auction : Auction
        With the bond as it is after.
    """

    collateral: int
    paid: int
    repaid: int
    auction: Auction


def wmul(a: int, b: int) -> int:
    """Multiply two wads, rounding half up."""
    return (a * b + WAD // 2) // WAD


def wdiv(a: int, b: int) -> int:
    """Divide two wads, rounding half up."""
    return (a * WAD + b // 2) // b


def neutral_ratio(rate: int) -> int:
    """Return the neutral price over the threshold price, given the interest rate a year; wad."""
    return COLLATERALIZATION_FACTOR + isqrt(rate * WAD) // 2


def bond_factor(ratio: int) -> int:
    """Return the bond over the debt, given the neutral price over the threshold price; wad (CASES A12)."""
    return max(min(MAX_BOND_FACTOR, (ratio - WAD) // 10), MIN_BOND_FACTOR)


def is_collateralized(debt: int, collateral: int, price: int) -> bool:
    """Whether collateral at a price covers the debt and the contract's margin."""
    return wmul(collateral, price) >= wmul(COLLATERALIZATION_FACTOR, debt)


def kick(debt: int, collateral: int, price: int, ratio: int, highest: int, now: int) -> Auction:
    """Start the auction of a loan.

    Parameters
    ----------
    debt, collateral : int
    price : int
        The LUP that decides, wad.
    ratio : int
        Neutral over threshold price, see `neutral_ratio`.
    highest : int
        Highest threshold price of any loan, with the contract's margin (HTP).
    now : int
        Seconds.

    Raises
    ------
    Revert
        ``BorrowerOk``; ``InsufficientCollateral`` for a debt without any.
    """
    if is_collateralized(debt, collateral, price):
        raise Revert("BorrowerOk")
    if not collateral:
        raise Revert("InsufficientCollateral")
    threshold = wdiv(debt, collateral)
    neutral = min(wmul(threshold, ratio), MAX_INFLATED_PRICE)
    reference = min(max(highest, neutral), MAX_INFLATED_PRICE)
    factor = bond_factor(ratio)
    return Auction(now, reference, neutral, threshold, factor, wmul(factor, debt))


def auction_price(auction: Auction, now: int) -> int:
    """Return what a whole collateral token costs now (CASES A11)."""
    return _FALL.price(FIRST_PRICE * auction.reference, now - auction.kicked)


def bond_penalty_factor(auction: Auction, price: int) -> int:
    """Return the kicker's reward as a share of what a taker pays, negative for a penalty (CASES A13)."""
    gap = auction.neutral - price
    width = auction.neutral - auction.threshold
    if width > 0:
        share = max(-WAD, min(WAD, (1 if gap >= 0 else -1) * (abs(gap) * WAD // width)))
    else:
        share = WAD * ((gap > 0) - (gap < 0))
    return (1 if share >= 0 else -1) * wmul(auction.bond_factor, abs(share))


def take_penalty(auction: Auction, price: int) -> int:
    """Return the part of what a taker pays that does not repay debt."""
    return (5 * auction.bond_factor - bond_penalty_factor(auction, price) + 3) // 4


def takeable(auction: Auction, debt: int, price: int, scale: int) -> tuple[int, int]:
    """Return the collateral that pays the whole debt at a price, and what it costs.

    Parameters
    ----------
    auction, debt, price : Auction, int, int
    scale : int
        Wad in one unit of the collateral token.
    """
    kept = WAD - take_penalty(auction, price)
    borrower_price = price * kept // WAD
    if not borrower_price:
        return MAX_UINT256, MAX_UINT256
    return units_above(ceil_div(debt * WAD, borrower_price), scale), wdiv(debt, kept)


def take(auction: Auction, debt: int, collateral: int, wanted: int, scale: int, now: int) -> Take:
    """Sell collateral of an auction at the price of this second.

    Parameters
    ----------
    auction : Auction
    debt, collateral : int
        What the loan owes and has now.
    wanted : int
        Collateral that the taker asks for; no more is sold than pays the debt.
    scale : int
        Wad in one unit of the collateral token.
    now : int
        Seconds.

    Raises
    ------
    Revert
        ``AuctionNotTakeable`` in the second of the kick, ``InsufficientCollateral`` if none is left,
        ``InvalidAmount`` for nothing, or at a price of 0.
    """
    if now == auction.kicked:
        raise Revert("AuctionNotTakeable")
    if not collateral:
        raise Revert("InsufficientCollateral")
    price = auction_price(auction, now)
    if wanted <= 0 or not price:
        raise Revert("InvalidAmount")
    factor = bond_penalty_factor(auction, price)
    whole, cost = takeable(auction, debt, price, scale)
    sold = min(collateral, wanted)
    if whole <= sold:
        sold, paid, repaid = whole, cost, debt
    else:
        paid = wmul(sold, price)
        repaid = sold * (price * (WAD - take_penalty(auction, price)) // WAD) // WAD
    change = wmul(paid, abs(factor))
    bond = auction.bond + (change if factor >= 0 else -min(auction.bond, change))
    return Take(sold, paid, repaid, replace(auction, bond=bond))
