"""Aave v4's liquidation: a bonus that rises as health falls, repayment to a target health, no dust.

The amounts are those of the contract, unit by unit; the call around them, with positions and
interest, is that of v3.6, so hubs, spokes and risk premiums are left out. Hence "v4 style"
(MODEL 1.2, the algebra of MODEL 1.1).
Source: aave/aave-v4 0051c6e, ``LiquidationLogic.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import DIVISION_PANIC, PERCENTAGE_FACTOR, WAD, ceil_div
from ...liquidation.mechanism import LiquidationContext
from .dust import MUST_NOT_LEAVE_DUST


class Amounts(NamedTuple):
    """What a call repays, seizes, and gives of that to the treasury; base units."""

    repaid: int
    seized: int
    fee: int


@dataclass(frozen=True, slots=True)
class TargetLiquidation:
    """Sizing and pricing in one, as the size depends on the bonus.

    Parameters
    ----------
    target : int
        Health factor that a liquidation restores; wad.
    full_bonus_at : int
        Health factor at or below which the whole bonus of the collateral is paid; wad, below 1.
    bonus_factor : int
        Share of that bonus paid at a health factor of 1; basis points.
    dust_base : int
        Least value of debt and of collateral that may be left if some of both is; base currency.

    Raises
    ------
    ValueError
        If a setting is out of range.
    """

    target: int = 105 * WAD // 100
    full_bonus_at: int = 9 * WAD // 10
    bonus_factor: int = 5_000
    dust_base: int = 1_000 * 10**8

    def __post_init__(self) -> None:
        for broken, what in (
            (self.target < WAD, f"target must be at least {WAD} (wad), got {self.target}"),
            (
                not 0 <= self.full_bonus_at < WAD,
                f"full_bonus_at must be from 0 to below {WAD} (wad), got {self.full_bonus_at}",
            ),
            (
                not 0 <= self.bonus_factor <= PERCENTAGE_FACTOR,
                f"bonus_factor must be from 0 to 10000 basis points, got {self.bonus_factor}",
            ),
            (self.dust_base < 0, f"dust_base must not be negative, got {self.dust_base}"),
        ):
            if broken:
                raise ValueError(f"Aave v4: {what}")

    def bonus(self, health_factor: int, most: int) -> int:
        """Bonus at a health factor below 1; basis points, 10500 for 5 %.

        Parameters
        ----------
        health_factor : int
            Wad.
        most : int
            Of the collateral; basis points, likewise.
        """
        if health_factor <= self.full_bonus_at:
            return most
        least = (most - PERCENTAGE_FACTOR) * self.bonus_factor // PERCENTAGE_FACTOR + PERCENTAGE_FACTOR
        return least + (most - least) * (WAD - health_factor) // (WAD - self.full_bonus_at)

    def debt_to_target(self, context: LiquidationContext, bonus: int) -> int:
        """Repayment that restores the target, rounded up, or all of the debt if none does; base units."""
        lost = ceil_div(bonus * (WAD // PERCENTAGE_FACTOR) * context.collateral_threshold, PERCENTAGE_FACTOR)
        if lost >= self.target:
            return context.debt
        missing = context.total_debt_base * context.debt_unit * (self.target - context.health_factor)
        return ceil_div(missing, (self.target - lost) * context.debt_price)

    def amounts(self, context: LiquidationContext, cover: int) -> Amounts:
        """Return what a call does that repays at most `cover` base units.

        Raises
        ------
        Revert
            ``MustNotLeaveDust`` if it takes more than that not to leave dust.
        """
        bonus = self.bonus(context.health_factor, context.bonus)
        debt_value = context.debt_price * context.collateral_unit * bonus
        collateral_value = context.collateral_price * context.debt_unit * PERCENTAGE_FACTOR
        if not collateral_value or not debt_value:
            raise Revert(DIVISION_PANIC)
        repaid = min(cover, context.debt, self.debt_to_target(context, bonus))
        if self._is_dust(context.debt - repaid, context.debt_price, context.debt_unit):
            repaid = context.debt
        seized = repaid * debt_value // collateral_value
        left = context.collateral - seized
        dust = self._is_dust(left, context.collateral_price, context.collateral_unit)
        if left < 0 or (dust and repaid < context.debt):
            seized = context.collateral
            repaid = ceil_div(seized * collateral_value, debt_value)
        if repaid > cover:
            raise Revert(MUST_NOT_LEAVE_DUST)
        fee = seized * context.protocol_fee * (bonus - PERCENTAGE_FACTOR) // (bonus * PERCENTAGE_FACTOR)
        return Amounts(repaid, seized, fee)

    def max_repay(self, context: LiquidationContext) -> int:
        """Most base units that one call may repay; see `Sizing.max_repay`."""
        return self.amounts(context, context.debt).repaid

    def seize(self, context: LiquidationContext, repay: int) -> tuple[int, int, int]:
        """Price a repayment; see `Pricing.seize`."""
        return self.amounts(context, repay)

    def _is_dust(self, left: int, price: int, unit: int) -> bool:
        """Whether something is left and is worth too little."""
        return left > 0 and left * price // unit < self.dust_base
