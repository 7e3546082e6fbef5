"""Hyperliquid: maintenance from the largest leverage, and the level at which the backstop steps in.

Secondary sources (community documentation; MODEL 2.1). An account below maintenance is sent to the
book; below two thirds of it the backstop vault takes the position over; then winners are deleveraged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """What is done with an account."""

    SAFE = 0
    BOOK = 1
    BACKSTOP = 2
    DELEVERAGE = 3


@dataclass(frozen=True, slots=True)
class LeverageMargin:
    """Margin rates that follow from the largest leverage (CASES P08).

    Parameters
    ----------
    max_leverage : float
        At least 1.
    backstop_share : float
        Share of maintenance below which the backstop takes over, 0 to 1.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    max_leverage: float
    backstop_share: float = 2.0 / 3.0

    def __post_init__(self) -> None:
        if self.max_leverage < 1.0:
            raise ValueError(f"leverage margin: max_leverage must be at least 1, got {self.max_leverage:g}")
        if not 0.0 <= self.backstop_share <= 1.0:
            raise ValueError(f"leverage margin: backstop_share must be 0 to 1, got {self.backstop_share:g}")

    @property
    def initial(self) -> float:
        """Initial margin rate."""
        return 1.0 / self.max_leverage

    @property
    def maintenance(self) -> float:
        """Maintenance rate: half of the initial one."""
        return self.initial / 2.0

    @property
    def backstop(self) -> float:
        """Rate below which the backstop takes over."""
        return self.maintenance * self.backstop_share

    def stage(self, equity: int, requirement: int) -> Stage:
        """Say what is done with an account; base units. Deleveraging is left for what has no equity."""
        if equity >= requirement:
            return Stage.SAFE
        if equity < 0:
            return Stage.DELEVERAGE
        return Stage.BACKSTOP if equity < self.backstop_share * requirement else Stage.BOOK

    def liquidation_price(self, equity: float, quantity: float, price: float) -> float:
        """Price ``p`` at which ``equity + q (p - price) = m |q| p``; 0 if a long survives any price."""
        side = math.copysign(1.0, quantity)
        return max((equity - quantity * price) / (abs(quantity) * (self.maintenance - side)), 0.0)
