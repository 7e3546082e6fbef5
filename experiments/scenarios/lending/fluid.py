"""Settings of Fluid: one vault for each collateral and each stable asset lent against it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Share
from .base import LendingConfig


class FluidConfig(LendingConfig):
    """Fluid: whole ranges of ticks liquidated down to the threshold, the worst absorbed."""

    kind: Literal["fluid"] = Field(description="rules of the lending protocol")
    liquidation_threshold: dict[str, Share] = Field(
        default_factory=dict,
        description="debt over collateral of liquidation by collateral; those left out as packaged",
    )
    max_limit: dict[str, Share] = Field(
        default_factory=dict,
        description="debt over collateral of absorption by collateral; those left out as packaged",
    )
    penalty: float = Field(
        default=0.01, ge=0, le=0.1023, description="collateral a liquidator gets beyond what it repays"
    )
    interest_fee: Share = Field(default=0.1, description="share of the interest that lenders do not get")
    utilisation: float = Field(
        default=0.8, gt=0, lt=1, description="borrowed share of each asset at the start"
    )
    rate_at_kink: float = Field(
        default=0.04, ge=0, le=10, description="borrow rate a year at the kink of the interest curve"
    )
    kink: float = Field(default=0.8, gt=0, lt=1, description="utilisation above which interest climbs faster")
    rate_at_full: float = Field(
        default=1.0, ge=0, le=100, description="borrow rate a year when all is lent out"
    )
