"""Aave markets as they were."""

from __future__ import annotations

from ...liquidation import CloseFactor, FixedBonus, HealthFactorTrigger, LiquidationMechanism

V2_MECHANISM = LiquidationMechanism(HealthFactorTrigger(), CloseFactor.flat(5_000), FixedBonus())
"""Half of the chosen debt at any health factor below 1 (MODEL 1.2)."""
V3_0_2_MECHANISM = LiquidationMechanism(HealthFactorTrigger(), CloseFactor(), FixedBonus())
"""Half of the chosen debt above a health factor of .95, all of it at or below (MODEL 1.2)."""
