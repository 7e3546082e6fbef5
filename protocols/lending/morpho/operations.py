"""What lenders and borrowers do in a Morpho Blue market.

Supply, withdraw, borrow, repay and the two movements of collateral. Amounts are given
either in assets or in shares, never both. The market must have been accrued up to now;
a refused call leaves nothing changed, as the functions only return new states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....market.revert import Revert
from .market import Market, Position, is_healthy
from .parameters import MarketParameters
from .shares import assets_down, assets_up, checked_uint128, shares_down, shares_up, to_uint128

INCONSISTENT_INPUT = "inconsistent input"


@dataclass(frozen=True, slots=True)
class Operation:
    """Outcome of a call: new states and the loan tokens and shares that moved."""

    market: Market
    position: Position
    assets: int
    shares: int


def supply(market: Market, position: Position, *, assets: int = 0, shares: int = 0) -> Operation:
    """Lend `assets`, or what `shares` cost.

    Parameters
    ----------
    market, position : Market, Position
        Accrued totals and the lender's position.
    assets, shares : int
        Exactly one of them positive.

    Raises
    ------
    Revert
        ``inconsistent input``; ``max uint128 exceeded``.
    """
    require_exactly_one(assets, shares)
    if assets:
        shares = shares_down(assets, market.total_supply_assets, market.total_supply_shares)
    else:
        assets = assets_up(shares, market.total_supply_assets, market.total_supply_shares)
    new_market = replace(
        market,
        total_supply_shares=checked_uint128(market.total_supply_shares + to_uint128(shares)),
        total_supply_assets=checked_uint128(market.total_supply_assets + to_uint128(assets)),
    )
    new_position = replace(position, supply_shares=position.supply_shares + shares)
    return Operation(new_market, new_position, assets, shares)


def withdraw(market: Market, position: Position, *, assets: int = 0, shares: int = 0) -> Operation:
    """Take back `assets`, or what `shares` are worth, while the market has them idle.

    Parameters
    ----------
    market, position : Market, Position
        Accrued totals and the lender's position.
    assets, shares : int
        Exactly one of them positive.

    Raises
    ------
    Revert
        ``inconsistent input``; ``insufficient liquidity`` if borrowers hold it; a panic
        for more than the position has.
    """
    require_exactly_one(assets, shares)
    if assets:
        shares = shares_up(assets, market.total_supply_assets, market.total_supply_shares)
    else:
        assets = assets_down(shares, market.total_supply_assets, market.total_supply_shares)
    new_position = replace(position, supply_shares=checked_uint128(position.supply_shares - shares))
    new_market = replace(
        market,
        total_supply_shares=checked_uint128(market.total_supply_shares - to_uint128(shares)),
        total_supply_assets=checked_uint128(market.total_supply_assets - to_uint128(assets)),
    )
    _require_liquidity(new_market)
    return Operation(new_market, new_position, assets, shares)


def borrow(
    market: Market,
    position: Position,
    parameters: MarketParameters,
    price: int,
    *,
    assets: int = 0,
    shares: int = 0,
) -> Operation:
    """Borrow `assets`, or what `shares` stand for, up to the liquidation threshold.

    Parameters
    ----------
    market, position, parameters : Market, Position, MarketParameters
        Accrued totals, the borrower's position, the market's settings.
    price : int
        Loan base units per collateral base unit, times 1e36.
    assets, shares : int
        Exactly one of them positive.

    Raises
    ------
    Revert
        ``inconsistent input``; ``insufficient collateral``; ``insufficient liquidity``.
    """
    require_exactly_one(assets, shares)
    if assets:
        shares = shares_up(assets, market.total_borrow_assets, market.total_borrow_shares)
    else:
        assets = assets_down(shares, market.total_borrow_assets, market.total_borrow_shares)
    new_position = replace(
        position, borrow_shares=checked_uint128(position.borrow_shares + to_uint128(shares))
    )
    new_market = replace(
        market,
        total_borrow_shares=checked_uint128(market.total_borrow_shares + shares),
        total_borrow_assets=checked_uint128(market.total_borrow_assets + to_uint128(assets)),
    )
    _require_healthy(new_market, new_position, parameters, price)
    _require_liquidity(new_market)
    return Operation(new_market, new_position, assets, shares)


def repay(market: Market, position: Position, *, assets: int = 0, shares: int = 0) -> Operation:
    """Pay back `assets`, or what `shares` cost.

    Parameters
    ----------
    market, position : Market, Position
        Accrued totals and the borrower's position.
    assets, shares : int
        Exactly one of them positive; all of a debt is repaid by its shares.

    Raises
    ------
    Revert
        ``inconsistent input``; a panic for more than the position owes.
    """
    require_exactly_one(assets, shares)
    if assets:
        shares = shares_down(assets, market.total_borrow_assets, market.total_borrow_shares)
    else:
        assets = assets_up(shares, market.total_borrow_assets, market.total_borrow_shares)
    new_position = replace(
        position, borrow_shares=checked_uint128(position.borrow_shares - to_uint128(shares))
    )
    new_market = replace(
        market,
        total_borrow_shares=checked_uint128(market.total_borrow_shares - shares),
        total_borrow_assets=max(0, market.total_borrow_assets - assets),
    )
    return Operation(new_market, new_position, assets, shares)


def supply_collateral(position: Position, assets: int) -> Position:
    """Add collateral; needs neither price nor accrual.

    Raises
    ------
    Revert
        ``zero assets``; ``max uint128 exceeded``.
    """
    _require_assets(assets)
    return replace(position, collateral=checked_uint128(position.collateral + to_uint128(assets)))


def withdraw_collateral(
    market: Market, position: Position, parameters: MarketParameters, price: int, assets: int
) -> Position:
    """Take collateral out as long as the position stays healthy.

    Parameters
    ----------
    market, position, parameters : Market, Position, MarketParameters
        Accrued totals, the borrower's position, the market's settings.
    price : int
        Loan base units per collateral base unit, times 1e36.
    assets : int
        Collateral base units.

    Raises
    ------
    Revert
        ``zero assets``; ``insufficient collateral``; a panic for more than there is.
    """
    _require_assets(assets)
    new_position = replace(position, collateral=checked_uint128(position.collateral - to_uint128(assets)))
    _require_healthy(market, new_position, parameters, price)
    return new_position


def require_exactly_one(first: int, second: int) -> None:
    """Refuse two amounts of which none or both are given."""
    if min(first, second) < 0:
        raise ValueError(f"amounts must not be negative, got {first} and {second}")
    if (first == 0) == (second == 0):
        raise Revert(INCONSISTENT_INPUT)


def _require_assets(assets: int) -> None:
    if assets < 0:
        raise ValueError(f"assets must not be negative, got {assets}")
    if assets == 0:
        raise Revert("zero assets")


def _require_healthy(market: Market, position: Position, parameters: MarketParameters, price: int) -> None:
    if not is_healthy(market, position, parameters, price):
        raise Revert("insufficient collateral")


def _require_liquidity(market: Market) -> None:
    if market.total_borrow_assets > market.total_supply_assets:
        raise Revert("insufficient liquidity")
