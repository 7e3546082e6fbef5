"""Pricings: how much collateral a repayment buys, and who gets it."""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import DIVISION_PANIC, EMPTY_REVERT, HALF_PERCENTAGE_FACTOR, PERCENTAGE_FACTOR, WAD
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


@dataclass(frozen=True, slots=True)
class RisingBonus:
    """A bonus that rises in a straight line as health falls (the form of Aave v4; MODEL 1.2).

    ``b(HF) = base + (most - base) clamp((1 - HF) / (1 - full_at), 0, 1)``, whatever the reserve's own.

    Parameters
    ----------
    base, most : int
        Bonus at a health factor of 1, and at `full_at` or below; basis points of the bonus alone.
    full_at : int
        Wad, below 1.
    round_repay_up : bool
        As in `FixedBonus`.

    Raises
    ------
    ValueError
        If the bonus would fall, or `full_at` is not below 1.
    """

    base: int
    most: int
    full_at: int
    round_repay_up: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.base <= self.most:
            raise ValueError(f"rising bonus: needs 0 <= base <= most, got {self.base} and {self.most}")
        if not 0 <= self.full_at < WAD:
            raise ValueError(f"rising bonus: full_at must be from 0 to below {WAD} (wad), got {self.full_at}")

    def bonus(self, health_factor: int) -> int:
        """Bonus at a health factor (wad), rounded down; basis points, 10500 for 5 %."""
        fallen = min(max(WAD - health_factor, 0), WAD - self.full_at)
        return PERCENTAGE_FACTOR + self.base + (self.most - self.base) * fallen // (WAD - self.full_at)

    def seize(self, context: LiquidationContext, repay: int) -> tuple[int, int, int]:
        """Price a repayment; see `Pricing.seize`."""
        bonus = self.bonus(context.health_factor)
        return FixedBonus(self.round_repay_up).seize(context._replace(bonus=bonus), repay)


@dataclass(frozen=True, slots=True)
class RisingDiscount:
    """A discount on the collateral that grows one for one as health falls (Euler; MODEL 1.6).

    ``discount = min(base + slope (1 - HF), most)`` and collateral worth ``r / (1 - discount)`` is seized
    for a repayment of ``r``. Euler v1: base 2 %, slope 1, most 20 %; v2: base 0, slope 1 (CASES L21-L23).

    Parameters
    ----------
    base, most : int
        Basis points.
    slope : int
        Basis points of discount per unit of health, 10000 for one for one.

    Raises
    ------
    ValueError
        If the discount would fall or reach 1.
    """

    base: int = 0
    most: int = 1_500
    slope: int = PERCENTAGE_FACTOR

    def __post_init__(self) -> None:
        if not 0 <= self.base <= self.most < PERCENTAGE_FACTOR:
            raise ValueError(
                "rising discount: needs 0 <= base <= most < 10000 basis points, "
                f"got {self.base} and {self.most}"
            )
        if self.slope < 0:
            raise ValueError(f"rising discount: slope must not be negative, got {self.slope}")

    def discount(self, health_factor: int) -> int:
        """Discount at a health factor (wad), rounded down; wad."""
        unit = WAD // PERCENTAGE_FACTOR
        return min(
            self.most * unit, self.base * unit + self.slope * max(WAD - health_factor, 0) // PERCENTAGE_FACTOR
        )

    def seize(self, context: LiquidationContext, repay: int) -> tuple[int, int, int]:
        """Price a repayment; see `Pricing.seize`. The repayment is rounded up, the collateral down.

        Raises
        ------
        Revert
            If the collateral has no price.
        """
        kept = WAD - self.discount(context.health_factor)
        debt_value = context.debt_price * context.collateral_unit
        collateral_value = context.collateral_price * context.debt_unit
        if collateral_value == 0:
            raise Revert(DIVISION_PANIC)
        seized = debt_value * repay * WAD // (collateral_value * kept)
        if seized > context.collateral:
            seized = context.collateral
            repay = min(repay, -(-collateral_value * seized * kept // (debt_value * WAD)))
        gain = seized - seized * kept // WAD
        return repay, seized, (gain * context.protocol_fee + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
