"""Settings of Silo v2: one pair for each collateral and each stable asset lent against it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Share
from .base import LendingConfig


class SiloConfig(LendingConfig):
    """Silo v2: isolated pairs, liquidated down to a target loan-to-value, bad debt stays."""

    kind: Literal["silo"] = Field(description="rules of the lending protocol")
    lt: dict[str, Share] = Field(
        default_factory=dict,
        description="loan-to-value of liquidation by collateral; those left out as packaged",
    )
    target_ltv: Share = Field(
        default=0.9, description="loan-to-value after a liquidation, as a share of the threshold"
    )
    liquidation_fee: Share = Field(
        default=0.05, description="collateral a liquidator gets beyond what it repays"
    )
    dao_fee: Share = Field(default=0.15, description="share of the interest that lenders do not get")
    utilisation: float = Field(
        default=0.8, gt=0, lt=1, description="borrowed share of each silo at the start"
    )
    rate_at_kink: float = Field(
        default=0.04, ge=0, le=10, description="borrow rate a year at the kink of the interest curve"
    )
    kink: float = Field(default=0.8, gt=0, lt=1, description="utilisation above which interest climbs faster")
    rate_at_full: float = Field(
        default=1.0, ge=0, le=100, description="borrow rate a year when all is lent out"
    )
