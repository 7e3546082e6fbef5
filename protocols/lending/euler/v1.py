"""Liquidation on Euler v1: a discount that a funded liquidator makes grow faster.

The base discount is the shortfall plus the fee for reserves; who has kept liquidity of
its own in the protocol gets up to twice that, within two caps. A call repays what brings
the account back to a health of 1.25 (MODEL 1.6). Equality is healthy, unlike on v2.
Source: euler-xyz/euler-contracts 002be59, ``modules/Liquidation.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import WAD

FACTOR_SCALE = 4 * 10**9
"""Collateral and borrow factors of 1."""


@dataclass(frozen=True, slots=True)
class V1Parameters:
    """The contract's constants and what governance sets for a pair of assets, all wad or factors.

    Parameters
    ----------
    collateral_factor : int
        Of the collateral wanted, 4e9 is 1.
    borrow_factor : int
        Of the debt repaid, 4e9 is 1, positive.
    reserves_fee : int
        Extra debt the liquidator takes on for the reserves, and the discount at equality.
    max_discount : int
        Under any conditions, below 1.
    booster_slope : int
        How fast the discount grows for a fully funded liquidator, at least 1.
    max_booster : int
        Most that the booster adds.
    target_health : int
        Health score that limits the repayment, at least 1.

    Raises
    ------
    ValueError
        If a setting is outside its range.
    """

    collateral_factor: int
    borrow_factor: int
    reserves_fee: int = 2 * WAD // 100
    max_discount: int = 20 * WAD // 100
    booster_slope: int = 2 * WAD
    max_booster: int = 25 * WAD // 1000
    target_health: int = 125 * WAD // 100

    def __post_init__(self) -> None:
        ranges = {
            "collateral_factor": (0, FACTOR_SCALE),
            "borrow_factor": (1, FACTOR_SCALE),
            "reserves_fee": (0, WAD - 1),
            "max_discount": (0, WAD - 1),
            "booster_slope": (WAD, 100 * WAD),
            "max_booster": (0, WAD),
            "target_health": (WAD, 100 * WAD),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"Euler v1: {name} must be from {low} to {high}, got {getattr(self, name)}")


class V1Account(NamedTuple):
    """What a liquidation needs to know of an account; amounts with 18 decimals.

    Attributes
    ----------
    collateral_value, liability_value : int
        All of it, adjusted by collateral and borrow factors, wad of the reference asset.
    balance : int
        Of the collateral wanted.
    owed : int
        Of the debt repaid.
    collateral_price, debt_price : int
        In the reference asset, wad.
    """

    collateral_value: int
    liability_value: int
    balance: int
    owed: int
    collateral_price: int
    debt_price: int

    @property
    def healthy(self) -> bool:
        """Whether the account cannot be liquidated."""
        return self.liability_value == 0 or self.collateral_value >= self.liability_value


class V1Opportunity(NamedTuple):
    """What a liquidator may do, 18 decimals.

    Attributes
    ----------
    repay : int
        Most debt it may take on, the fee for reserves included.
    repay_before_fee : int
        Of it, the violator's debt.
    yield_assets : int
        Collateral received for all of it.
    discount : int
        Wad.
    conversion_rate : int
        Collateral for a unit of the violator's debt, wad.
    """

    repay: int
    repay_before_fee: int
    yield_assets: int
    discount: int
    conversion_rate: int


class V1Liquidation(NamedTuple):
    """Outcome of a call, 18 decimals: debt relieved, debt added for reserves, collateral handed over."""

    repaid: int
    reserves: int
    yield_assets: int


def discount(parameters: V1Parameters, health_score: int, booster: int) -> int:
    """Discount on collateral for a health score below 1.

    Parameters
    ----------
    health_score : int
        Collateral value over liability value, wad.
    booster : int
        From `discount_booster`, wad.

    Returns
    -------
    int
        ``min(base booster, base + max_booster, max_discount)``, wad.
    """
    base = parameters.reserves_fee + WAD - health_score
    return min(base * booster // WAD, base + parameters.max_booster, parameters.max_discount)


def discount_booster(parameters: V1Parameters, liquidity: int, liability_value: int) -> int:
    """How much faster the discount grows for a liquidator with liquidity of its own.

    Parameters
    ----------
    liquidity : int
        Average free liquidity of the liquidator, wad of the reference asset.
    liability_value : int
        Of the violator, likewise, positive.

    Returns
    -------
    int
        From 1 to `booster_slope`, wad.
    """
    funded = min(WAD, liquidity * WAD // liability_value)
    return funded * (parameters.booster_slope - WAD) // WAD + WAD


def check_liquidation_v1(
    parameters: V1Parameters, account: V1Account, *, liquidator_liquidity: int = 0
) -> V1Opportunity:
    """Most that one call may do; zeros for a healthy account.

    Parameters
    ----------
    parameters : V1Parameters
        Of the pair of assets.
    account : V1Account
        Of the violator.
    liquidator_liquidity : int
        Average free liquidity of the liquidator, wad of the reference asset.
    """
    if account.healthy:
        return V1Opportunity(0, 0, 0, 0, 0)
    health_score = account.collateral_value * WAD // account.liability_value
    booster = discount_booster(parameters, liquidator_liquidity, account.liability_value)
    rebate = discount(parameters, health_score, booster)
    rate = account.debt_price * WAD // account.collateral_price * WAD // (WAD - rebate)
    repay = min(_repay_to_target(parameters, account, rebate), account.owed)
    yield_assets = repay * rate // WAD
    if account.balance < yield_assets:
        repay, yield_assets = account.balance * WAD // rate, account.balance
    total = repay * (WAD + parameters.reserves_fee) // WAD
    return V1Opportunity(total, repay, yield_assets, rebate, rate)


def liquidate_v1(
    parameters: V1Parameters,
    account: V1Account,
    repay: int,
    *,
    liquidator_liquidity: int = 0,
    min_yield: int = 0,
) -> V1Liquidation:
    """Take `repay` of debt on, the fee for reserves included, and receive collateral.

    Parameters
    ----------
    parameters, account, liquidator_liquidity
        As for `check_liquidation_v1`.
    repay : int
        At most what that allows.
    min_yield : int
        The call is refused if it gives less collateral.

    Raises
    ------
    Revert
        ``e/liq/excessive-repay-amount``, ``e/liq/min-yield``.
    """
    most = check_liquidation_v1(parameters, account, liquidator_liquidity=liquidator_liquidity)
    if repay > most.repay:
        raise Revert("e/liq/excessive-repay-amount")
    if repay == most.repay:
        repaid = most.repay_before_fee
    else:
        repaid = repay * (WAD * WAD // (WAD + parameters.reserves_fee)) // WAD
    yield_assets = repaid * most.conversion_rate // WAD
    if yield_assets < min_yield:
        raise Revert("e/liq/min-yield")
    return V1Liquidation(repaid, repay - repaid, yield_assets)


def _repay_to_target(parameters: V1Parameters, account: V1Account, rebate: int) -> int:
    """Debt whose repayment restores the target health, or all of it if none does."""
    borrow = parameters.target_health * FACTOR_SCALE // parameters.borrow_factor
    collateral = WAD * parameters.collateral_factor // FACTOR_SCALE * WAD // (WAD - rebate)
    if borrow <= collateral:
        return account.owed
    target = account.liability_value * parameters.target_health // WAD
    return (target - account.collateral_value) * WAD // (borrow - collateral) * WAD // account.debt_price
