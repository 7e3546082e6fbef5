"""The exchangeable parts of a liquidation mechanism: trigger, sizing, pricing, residual."""

from __future__ import annotations

from .mechanism import LiquidationContext, LiquidationMechanism, Pricing, Residual, Sizing, Trigger
from .pricing import FixedBonus
from .residual import DustFloor
from .sizing import CloseFactor, TargetHealthFactor, WholePositionCloseFactor
from .triggers import HealthFactorTrigger

__all__ = [
    "CloseFactor",
    "DustFloor",
    "FixedBonus",
    "HealthFactorTrigger",
    "LiquidationContext",
    "LiquidationMechanism",
    "Pricing",
    "Residual",
    "Sizing",
    "TargetHealthFactor",
    "Trigger",
    "WholePositionCloseFactor",
]
