"""Whether a Comet account may borrow, or may be absorbed.

Nothing here accrues: debts count at the indices stored in the state, as in the
contract's views. Source: isBorrowCollateralized and isLiquidatable of Comet.sol
@ d5a30b0; MODEL 1.3, CASES L11.
"""

from __future__ import annotations

from typing import NamedTuple

from ....market.revert import Revert
from .params import FACTOR_SCALE, CometParams
from .rates import signed_present_value
from .state import CometAccount, CometState, Prices


class Health(NamedTuple):
    """Weighted collateral and debt, USD with 8 decimals; liquidatable if the debt is larger."""

    collateral: int
    debt: int

    @property
    def health_factor(self) -> float:
        """Collateral over debt, for screening and display; infinite without debt."""
        return self.collateral / self.debt if self.debt else float("inf")


def balance_of(state: CometState, account: CometAccount) -> int:
    """Return the base balance at stored indices, base units; negative is a debt."""
    return signed_present_value(state, account.principal)


def account_health(params: CometParams, state: CometState, account: CometAccount, prices: Prices) -> Health:
    """Sum the collateral, weighted by liquidate collateral factors, and the debt.

    Parameters
    ----------
    params, state, account, prices
        The market, its stored state, one account, and oracle prices over the assets.

    Raises
    ------
    Revert
        ``BadPrice`` if the base asset or an asset held has no positive price.
    """
    weights = [asset.liquidate_collateral_factor for asset in params.assets]
    return _health(params, state, account, prices, weights)


def borrow_health(params: CometParams, state: CometState, account: CometAccount, prices: Prices) -> Health:
    """Like `account_health`, weighted by borrow collateral factors: what may be owed."""
    weights = [asset.borrow_collateral_factor for asset in params.assets]
    return _health(params, state, account, prices, weights)


def is_liquidatable(params: CometParams, state: CometState, account: CometAccount, prices: Prices) -> bool:
    """Whether the account owes more than its collateral counts for before an absorption."""
    if account.principal >= 0:
        return False
    collateral, debt = account_health(params, state, account, prices)
    return collateral < debt


def is_borrow_collateralized(
    params: CometParams, state: CometState, account: CometAccount, prices: Prices
) -> bool:
    """Whether the account owes no more than its collateral lets it borrow."""
    if account.principal >= 0:
        return True
    collateral, debt = borrow_health(params, state, account, prices)
    return collateral >= debt


def _health(
    params: CometParams, state: CometState, account: CometAccount, prices: Prices, weights: list[int]
) -> Health:
    if prices.base <= 0:
        raise Revert("BadPrice")
    debt = max(0, -signed_present_value(state, account.principal)) * prices.base // params.base_scale
    collateral = 0
    for asset, held, price, weight in zip(
        params.assets, account.collateral, prices.assets, weights, strict=True
    ):
        if held:
            if price <= 0:
                raise Revert("BadPrice")
            collateral += held * price // asset.scale * weight // FACTOR_SCALE
    return Health(collateral, debt)
