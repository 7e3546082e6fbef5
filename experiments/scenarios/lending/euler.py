"""Settings of Euler v2: vaults that lend, discounts that grow with the shortfall."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Share
from .base import LendingConfig


class EulerV2Config(LendingConfig):
    """Euler v2 (vault kit): a discount as large as the shortfall, losses socialised at once."""

    kind: Literal["euler-v2"] = Field(description="rules of the lending protocol")
    ltv: dict[str, Share] = Field(
        default_factory=dict,
        description="liquidation loan-to-value by collateral; those left out as packaged",
    )
    max_discount: float = Field(
        default=0.15, ge=0, le=0.99, description="most that collateral is sold below its price"
    )
    socialize_debt: bool = Field(
        default=True, description="whether debt without collateral leaves the vault at once"
    )
    interest_fee: Share = Field(default=0.1, description="share of the interest paid out in fresh shares")
    cool_off: int = Field(
        default=1, ge=0, le=65535, description="seconds between a check of an account and its liquidation"
    )
    utilisation: float = Field(
        default=0.9, gt=0, lt=1, description="borrowed share of each vault at the start"
    )
    rate_at_kink: float = Field(
        default=0.04, ge=0, le=10, description="borrow rate a year at the kink of the interest curve"
    )
    kink: float = Field(default=0.9, gt=0, lt=1, description="utilisation above which interest climbs faster")
    rate_at_full: float = Field(
        default=1.0, ge=0, le=100, description="borrow rate a year when all is lent out"
    )
