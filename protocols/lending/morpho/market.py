"""The books of one Morpho Blue market: totals, positions, interest, health.

The functions return new states and leave what they are given untouched. Which
interest-rate model runs is the caller's business: accrual takes a rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import ARITHMETIC_PANIC, SECONDS_PER_YEAR, WAD
from .parameters import MarketParameters
from .shares import assets_up, checked_uint128, checked_uint256, shares_down, to_uint128

ORACLE_PRICE_SCALE = 10**36


@dataclass(frozen=True, slots=True)
class Market:
    """Totals of a market, base units of the loan token and shares.

    Parameters
    ----------
    total_supply_assets, total_supply_shares : int
        What lenders are owed, interest included, and the shares it is split into.
    total_borrow_assets, total_borrow_shares : int
        What borrowers owe, likewise.
    last_update : int
        Time of the last accrual, s.
    """

    total_supply_assets: int = 0
    total_supply_shares: int = 0
    total_borrow_assets: int = 0
    total_borrow_shares: int = 0
    last_update: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """One account's shares and its collateral, base units of the collateral token."""

    supply_shares: int = 0
    borrow_shares: int = 0
    collateral: int = 0


@dataclass(frozen=True, slots=True)
class Accrual:
    """A market after interest, base units of the loan token.

    Parameters
    ----------
    market : Market
        New totals.
    interest : int
        Added to what borrowers owe and to what lenders are owed.
    fee_shares : int
        Supply shares for the fee recipient, already in the totals.
    """

    market: Market
    interest: int
    fee_shares: int


def price_scale(loan_decimals: int, collateral_decimals: int) -> int:
    """Scale of an oracle price quoted in whole tokens.

    A market's oracle says how many base units of the loan token one base unit of
    collateral is worth, times 1e36; a quote of ``p`` loan tokens per collateral token
    is ``p`` times the number returned.

    Parameters
    ----------
    loan_decimals, collateral_decimals : int
        Of the two tokens; together the collateral's may exceed the loan's by up to 36.
    """
    return int(10 ** (36 + loan_decimals - collateral_decimals))


def utilisation_rate(market: Market) -> int:
    """Borrow rate equal to utilisation per year (so 100 % a year when all is lent out).

    The interest-rate model of the contract's own test-suite; a market may use any other.

    Returns
    -------
    int
        Per second, wad.
    """
    if not market.total_supply_assets:
        return 0
    return market.total_borrow_assets * WAD // market.total_supply_assets // SECONDS_PER_YEAR


def accrue(market: Market, parameters: MarketParameters, borrow_rate: int, now: int) -> Accrual:
    """Charge interest since the last accrual.

    Continuous compounding cut after the third term of its series, each term floored;
    the fee is paid in fresh supply shares at the price after the interest.

    Parameters
    ----------
    market : Market
        Totals as of ``market.last_update``.
    parameters : MarketParameters
        Gives the fee.
    borrow_rate : int
        Per second, wad; 0 for a market without an interest-rate model.
    now : int
        Time, s.

    Raises
    ------
    Revert
        If time runs backwards or a total leaves 128 bits.
    """
    elapsed = now - market.last_update
    if elapsed == 0:
        return Accrual(market, 0, 0)
    if elapsed < 0:
        raise Revert(ARITHMETIC_PANIC)
    first = borrow_rate * elapsed
    second = first * first // (2 * WAD)
    third = second * first // (3 * WAD)
    interest = to_uint128(market.total_borrow_assets * (first + second + third) // WAD)
    supply_assets = market.total_supply_assets + interest
    fee_assets = interest * parameters.fee // WAD
    fee_shares = shares_down(fee_assets, supply_assets - fee_assets, market.total_supply_shares)
    accrued = Market(
        checked_uint128(supply_assets),
        checked_uint128(market.total_supply_shares + fee_shares),
        checked_uint128(market.total_borrow_assets + interest),
        market.total_borrow_shares,
        now,
    )
    return Accrual(accrued, interest, fee_shares)


def borrowed_assets(market: Market, position: Position) -> int:
    """Count what a position owes, rounded up, base units of the loan token."""
    return assets_up(position.borrow_shares, market.total_borrow_assets, market.total_borrow_shares)


def is_healthy(market: Market, position: Position, parameters: MarketParameters, price: int) -> bool:
    """Whether collateral times the liquidation threshold covers the debt; equality is healthy.

    Parameters
    ----------
    market : Market
        Accrued.
    position : Position
        Of the borrower; without debt it is always healthy.
    parameters : MarketParameters
        Gives the threshold.
    price : int
        Loan base units per collateral base unit, times 1e36 (`price_scale`).
    """
    if not position.borrow_shares:
        return True
    max_borrow = checked_uint256(position.collateral * price) // ORACLE_PRICE_SCALE * parameters.lltv // WAD
    return max_borrow >= borrowed_assets(market, position)
