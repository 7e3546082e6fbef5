"""Settings of Morpho Blue: one market for each collateral and each stable asset it is lent against."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Share
from .base import LendingConfig


class MorphoBlueConfig(LendingConfig):
    """Morpho Blue: isolated markets, whole positions, losses borne by lenders at once."""

    kind: Literal["morpho-blue"] = Field(description="rules of the lending protocol")
    lltv: dict[str, Share] = Field(
        default_factory=dict,
        description="liquidation loan-to-value by collateral; those left out as packaged",
    )
    fee: Share = Field(default=0.0, description="share of the interest that goes to the fee recipient")
    utilisation: float = Field(
        default=0.9, gt=0, lt=1, description="borrowed share of each market at the start"
    )
    rate_at_target: float = Field(
        default=0.04,
        ge=0.001,
        le=2,
        description="borrow rate a year at 90 % utilisation, at the start; it adapts from there",
    )
    liquidation_cursor: Share = Field(
        default=0.3, description="how fast the bonus grows as the threshold falls; the contract fixes 0.3"
    )
    max_incentive_factor: float = Field(
        default=1.15, ge=1, le=10, description="cap of the bonus, plus 1; the contract fixes 1.15"
    )
