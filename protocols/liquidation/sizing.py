"""Sizings: how much debt one liquidation call may repay."""

from __future__ import annotations

from dataclasses import dataclass

from ..fixed_point import HALF_PERCENTAGE_FACTOR, PERCENTAGE_FACTOR, WAD
from .mechanism import LiquidationContext


@dataclass(frozen=True, slots=True)
class CloseFactor:
    """Share of the chosen debt, larger once the account is far under water (Aave v3.0 to v3.2).

    Parameters
    ----------
    default, full : int
        Share above `full_below`, and at or below it; basis points.
    full_below : int
        Health factor at or below which `full` applies; wad.

    Raises
    ------
    ValueError
        If a share is not between 0 (excluded) and 10000 basis points.
    """

    default: int = 5_000
    full: int = PERCENTAGE_FACTOR
    full_below: int = 95 * WAD // 100

    def __post_init__(self) -> None:
        for name in ("default", "full"):
            value = getattr(self, name)
            if not 0 < value <= PERCENTAGE_FACTOR:
                raise ValueError(f"close factor: {name} must be 1 to 10000 basis points, got {value}")

    @classmethod
    def flat(cls, share: int) -> CloseFactor:
        """Return the same share at any health factor (Aave v2: 5000).

        Parameters
        ----------
        share : int
            Basis points.
        """
        return cls(share, share)

    def max_repay(self, context: LiquidationContext) -> int:
        """Share of the account's debt in the chosen reserve; base units."""
        share = self.default if context.health_factor > self.full_below else self.full
        return (context.debt * share + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
