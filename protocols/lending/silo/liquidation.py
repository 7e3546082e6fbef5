"""Partial liquidation on Silo v2: repay until the loan-to-value is at its target.

With debt `D`, collateral `C`, target `T` and fee `f`, the repayment that leaves
``(D - x) / (C - (1 + f) x) = T`` is ``x = (D - T C) / (1 - T (1 + f))`` (MODEL 1.10, CASES L31).
Where no repayment restores the target, or it would be more than nine tenths of the debt, all of
the debt must be repaid. Of an account that owes more than it has, any part may be.
Source: silo-finance/silo-contracts-v2 340a49b, ``PartialLiquidationLib.sol``.
"""

from __future__ import annotations

from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD, ceil_div
from .parameters import SiloParameters

BAD_DEBT = WAD
"""Loan-to-value from which any amount may be repaid."""

FULL_LIQUIDATION_THRESHOLD = 9 * WAD // 10
"""Share of a debt above which a liquidation must be of all of it."""


class PositionValue(NamedTuple):
    """One account at the oracle's prices: base units, and what they are worth in the unit of account."""

    collateral_assets: int
    collateral_value: int
    debt_assets: int
    debt_value: int


class Liquidation(NamedTuple):
    """What a call does; base units. `full` says whether all of the debt had to be repaid."""

    seized: int
    repaid: int
    full: bool


def loan_to_value(position: PositionValue) -> int:
    """Loan-to-value of an account, wad, rounded up; without collateral the largest number there is."""
    if not position.debt_value:
        return 0
    if not position.collateral_value:
        return MAX_UINT256
    return ceil_div(position.debt_value * WAD, position.collateral_value)


def max_repay_value(debt_value: int, collateral_value: int, target_ltv: int, fee: int) -> int:
    """Most that a liquidation may repay, in the unit of account; the whole debt where it must.

    Parameters
    ----------
    debt_value, collateral_value : int
        Of the account.
    target_ltv, fee : int
        Wad.
    """
    if debt_value == 0 or fee >= WAD:
        return 0
    if debt_value >= collateral_value or target_ltv == 0:
        return debt_value
    missing = debt_value * WAD - target_ltv * collateral_value
    if missing <= 0:
        return 0
    gained = target_ltv + target_ltv * fee // WAD
    if gained >= WAD:
        return debt_value
    repay = missing // (WAD - gained)
    whole = repay > debt_value or repay * WAD // debt_value > FULL_LIQUIDATION_THRESHOLD
    return debt_value if whole else repay


def collateral_to_liquidate(repay: int, collateral: int, fee: int) -> int:
    """Collateral for a repayment, fee included and no more than there is; both in one unit."""
    return min(repay + repay * fee // WAD, collateral)


def liquidation_preview(parameters: SiloParameters, position: PositionValue, cover: int) -> Liquidation:
    """Say what a call does that repays at most `cover`.

    Parameters
    ----------
    parameters : SiloParameters
        Of the pair.
    position : PositionValue
        Of the borrower.
    cover : int
        Base units of the debt.

    Raises
    ------
    Revert
        ``NoDebtToCover``, ``UserIsSolvent``, ``FullLiquidationRequired``, ``NoRepayAssets``.
    """
    owed = position.debt_assets
    if owed == 0 or cover == 0:
        raise Revert("NoDebtToCover")
    ltv = loan_to_value(position)
    if ltv <= parameters.liquidation_threshold:
        raise Revert("UserIsSolvent")
    if position.collateral_assets == 0:
        return Liquidation(0, min(cover, owed), False)
    if position.collateral_value == 0 or position.debt_value == 0:
        raise Revert("UnknownRatio")
    full = False
    if ltv >= BAD_DEBT:
        repaid = min(cover, owed)
    else:
        most = max_repay_value(
            position.debt_value, position.collateral_value, parameters.target_ltv, parameters.liquidation_fee
        )
        full = most == position.debt_value
        repaid = owed if full else min(cover, most * owed // position.debt_value)
    value = repaid * position.debt_value // owed
    bought = collateral_to_liquidate(value, position.collateral_value, parameters.liquidation_fee)
    seized = bought * position.collateral_assets // position.collateral_value
    if seized == 0 or repaid == 0:
        raise Revert("NoRepayAssets")
    if repaid > cover:
        raise Revert("FullLiquidationRequired")
    return Liquidation(seized, repaid, full)
