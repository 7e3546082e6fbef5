"""Triggers: when an account may be liquidated."""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import WAD


@dataclass(frozen=True, slots=True)
class HealthFactorTrigger:
    """Liquidatable strictly below a health factor (MODEL 1.1; Aave: 1).

    Parameters
    ----------
    threshold : int
        Wad.
    """

    threshold: int = WAD

    def is_liquidatable(self, health_factor: int) -> bool:
        """Whether `health_factor` (wad) is below the threshold."""
        return health_factor < self.threshold
