"""Liquidation on Morpho Blue: any size, a bonus fixed by the threshold, losses at once.

There is no close factor: the liquidator names the collateral it wants or the debt
shares it repays. Debt left when the collateral is exactly 0 leaves the market in the
same call and lenders bear it; a single unit of collateral left prevents that.
Sources: MODEL 1.7 and the conformance set ``morpho_blue``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import WAD
from .market import ORACLE_PRICE_SCALE, Market, Position, is_healthy
from .operations import require_exactly_one
from .parameters import MarketParameters
from .shares import (
    assets_down,
    assets_up,
    checked_uint128,
    checked_uint256,
    shares_up,
    to_uint128,
)


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Outcome of a liquidation.

    Parameters
    ----------
    market, position : Market, Position
        New totals and the borrower's new position.
    seized_assets : int
        Collateral to the liquidator, base units.
    repaid_assets, repaid_shares : int
        Debt the liquidator paid, loan base units, and its shares.
    bad_debt_assets, bad_debt_shares : int
        Debt taken off the lenders' claims.
    """

    market: Market
    position: Position
    seized_assets: int
    repaid_assets: int
    repaid_shares: int
    bad_debt_assets: int
    bad_debt_shares: int


def liquidate(
    market: Market,
    position: Position,
    parameters: MarketParameters,
    price: int,
    *,
    seized_assets: int = 0,
    repaid_shares: int = 0,
) -> Liquidation:
    """Liquidate an unhealthy position by collateral wanted or by debt repaid.

    Parameters
    ----------
    market : Market
        Accrued up to now.
    position : Position
        Of the borrower.
    parameters : MarketParameters
        Threshold and incentive factor.
    price : int
        Loan base units per collateral base unit, times 1e36.
    seized_assets, repaid_shares : int
        Exactly one of them positive.

    Returns
    -------
    Liquidation
        New states and amounts; what was passed in is unchanged.

    Raises
    ------
    Revert
        ``inconsistent input``; ``position is healthy``; ``max uint128 exceeded``; a
        panic for more debt or collateral than the position has.
    """
    require_exactly_one(seized_assets, repaid_shares)
    if is_healthy(market, position, parameters, price):
        raise Revert("position is healthy")
    borrow_assets, borrow_shares = market.total_borrow_assets, market.total_borrow_shares
    factor = parameters.incentive_factor
    if seized_assets:
        value = -(-checked_uint256(seized_assets * price) // ORACLE_PRICE_SCALE)
        debt = -(-checked_uint256(value * WAD) // factor)
        repaid_shares = shares_up(debt, borrow_assets, borrow_shares)
    else:
        if price == 0:
            raise Revert("Panic(0x12 division by zero)")
        value = assets_down(repaid_shares, borrow_assets, borrow_shares) * factor // WAD
        seized_assets = checked_uint256(value * ORACLE_PRICE_SCALE) // price
    repaid_assets = assets_up(repaid_shares, borrow_assets, borrow_shares)

    position_shares = checked_uint128(position.borrow_shares - to_uint128(repaid_shares))
    borrow_shares = checked_uint128(borrow_shares - repaid_shares)
    # Rounding up may ask for one unit more than all borrowers together owe.
    borrow_assets = max(0, borrow_assets - repaid_assets)
    collateral = checked_uint128(position.collateral - to_uint128(seized_assets))

    supply_assets = market.total_supply_assets
    bad_debt_assets = bad_debt_shares = 0
    if collateral == 0:
        bad_debt_shares = position_shares
        bad_debt_assets = min(borrow_assets, assets_up(bad_debt_shares, borrow_assets, borrow_shares))
        borrow_assets -= bad_debt_assets
        supply_assets = checked_uint128(supply_assets - bad_debt_assets)
        borrow_shares -= bad_debt_shares
        position_shares = 0
    return Liquidation(
        Market(supply_assets, market.total_supply_shares, borrow_assets, borrow_shares, market.last_update),
        Position(position.supply_shares, position_shares, collateral),
        seized_assets,
        repaid_assets,
        repaid_shares,
        bad_debt_assets,
        bad_debt_shares,
    )
