"""The exchangeable parts of a liquidation mechanism: trigger, sizing, pricing, and the rest."""

from __future__ import annotations

from .bad_debt import BadDebt
from .bands import PriceBands
from .keeper import KeeperReward
from .mechanism import LiquidationContext, LiquidationMechanism, Pricing, Residual, Sizing, Trigger
from .pacing import Pace
from .pricing import FixedBonus, RisingBonus, RisingDiscount
from .residual import DustFloor, NoRemainder
from .sealed import SealedBids
from .sizing import (
    AnyAmount,
    CloseFactor,
    DepthAware,
    TargetHealthFactor,
    TrancheSchedule,
    WholePositionCloseFactor,
)
from .triggers import HealthFactorTrigger

__all__ = [
    "AnyAmount",
    "BadDebt",
    "CloseFactor",
    "DepthAware",
    "DustFloor",
    "FixedBonus",
    "HealthFactorTrigger",
    "KeeperReward",
    "LiquidationContext",
    "LiquidationMechanism",
    "NoRemainder",
    "Pace",
    "PriceBands",
    "Pricing",
    "Residual",
    "RisingBonus",
    "RisingDiscount",
    "SealedBids",
    "Sizing",
    "TargetHealthFactor",
    "TrancheSchedule",
    "Trigger",
    "WholePositionCloseFactor",
]
