"""The exchangeable parts of a liquidation mechanism: trigger, sizing, pricing."""

from __future__ import annotations

from .mechanism import LiquidationContext, LiquidationMechanism, Pricing, Sizing, Trigger
from .pricing import FixedBonus
from .sizing import CloseFactor
from .triggers import HealthFactorTrigger

__all__ = [
    "CloseFactor",
    "FixedBonus",
    "HealthFactorTrigger",
    "LiquidationContext",
    "LiquidationMechanism",
    "Pricing",
    "Sizing",
    "Trigger",
]
