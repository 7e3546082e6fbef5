"""Residuals: which remainders a liquidation call may leave behind."""

from __future__ import annotations

from dataclasses import dataclass

from .mechanism import LiquidationContext


@dataclass(frozen=True, slots=True)
class DustFloor:
    """A call that leaves some debt and some collateral must leave enough of both (Aave v3.3 and later).

    Parameters
    ----------
    minimum_base : int
        Least value of each remainder; base currency units.
    """

    minimum_base: int = 1_000 * 10**8

    def refusal(self, context: LiquidationContext, repay: int, seized: int) -> str | None:
        """``MustNotLeaveDust`` if both remain and one is worth less than the floor."""
        debt_left = context.debt - repay
        collateral_left = context.collateral - seized
        if debt_left <= 0 or collateral_left <= 0:
            return None
        debt_value = -(-debt_left * context.debt_price // context.debt_unit)
        collateral_value = collateral_left * context.collateral_price // context.collateral_unit
        if debt_value < self.minimum_base or collateral_value < self.minimum_base:
            return "MustNotLeaveDust"
        return None


@dataclass(frozen=True, slots=True)
class NoRemainder:
    """All or nothing: a call repays all of the chosen debt or takes all of the chosen collateral."""

    def refusal(self, context: LiquidationContext, repay: int, seized: int) -> str | None:
        """``MustLiquidateWhole`` if some of both remains."""
        whole = repay >= context.debt or seized >= context.collateral
        return None if whole else "MustLiquidateWhole"
