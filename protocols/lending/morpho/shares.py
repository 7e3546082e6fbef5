"""Shares and assets of a Morpho Blue market, and the integer widths they must fit.

Both sides of a market count 1 virtual asset and 1e6 virtual shares on top of the real
ones, so that an empty market has a price and nobody can inflate it. Callers choose the
rounding that favours the market.
"""

from __future__ import annotations

from ....market.revert import Revert
from ...fixed_point import ARITHMETIC_PANIC, MAX_UINT256

VIRTUAL_SHARES = 10**6
UINT128 = 2**128


def assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    """Assets that shares are worth, rounded up."""
    return -(-checked_uint256(shares * (total_assets + 1)) // (total_shares + VIRTUAL_SHARES))


def assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    """Assets that shares are worth, rounded down."""
    return checked_uint256(shares * (total_assets + 1)) // (total_shares + VIRTUAL_SHARES)


def shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    """Shares that assets are worth, rounded up."""
    return -(-checked_uint256(assets * (total_shares + VIRTUAL_SHARES)) // (total_assets + 1))


def shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    """Shares that assets are worth, rounded down."""
    return checked_uint256(assets * (total_shares + VIRTUAL_SHARES)) // (total_assets + 1)


def checked_uint128(value: int) -> int:
    """Pass a sum or difference that stays in 128 bits, else revert as checked arithmetic does."""
    if not 0 <= value < UINT128:
        raise Revert(ARITHMETIC_PANIC)
    return value


def checked_uint256(product: int) -> int:
    """Pass a product that stays in 256 bits, else revert as checked arithmetic does."""
    if product > MAX_UINT256:
        raise Revert(ARITHMETIC_PANIC)
    return product


def to_uint128(value: int) -> int:
    """Narrow an amount to 128 bits, or revert by the name the contract has for it."""
    if value >= UINT128:
        raise Revert("max uint128 exceeded")
    return value
