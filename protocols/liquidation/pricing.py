"""Pricings: how much collateral a repayment buys, and who gets it."""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import DIVISION_PANIC, EMPTY_REVERT, HALF_PERCENTAGE_FACTOR, PERCENTAGE_FACTOR
from ..revert import Revert
from .mechanism import LiquidationContext


@dataclass(frozen=True, slots=True)
class FixedBonus:
    """Oracle value plus the reserve's bonus, of which the treasury takes its share (MODEL 1.2).

    Parameters
    ----------
    round_repay_up : bool
        When the collateral runs out, round the repayment up (v3.6) instead of half up (v3.0.2).
    """

    round_repay_up: bool = False

    def seize(self, context: LiquidationContext, repay: int) -> tuple[int, int, int]:
        """Debt to pay, collateral seized, and the treasury's part of it; base units.

        Raises
        ------
        Revert
            If the collateral has no price, or a fee is due on a bonus of 0.
        """
        bonus = context.bonus
        debt_value = context.debt_price * context.collateral_unit
        collateral_value = context.collateral_price * context.debt_unit
        if collateral_value == 0:
            raise Revert(DIVISION_PANIC)
        base = debt_value * repay // collateral_value
        seized = (base * bonus + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
        if seized > context.collateral:
            seized = context.collateral
            paid = collateral_value * seized // debt_value * PERCENTAGE_FACTOR
            repay = -(-paid // bonus) if self.round_repay_up else (paid + bonus // 2) // bonus
        fee_share = context.protocol_fee
        if not fee_share:
            return repay, seized, 0
        if bonus == 0:
            raise Revert(EMPTY_REVERT)
        bonus_part = seized - (seized * PERCENTAGE_FACTOR + bonus // 2) // bonus
        return repay, seized, (bonus_part * fee_share + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
