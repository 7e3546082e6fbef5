"""Settings of Euler v2 and v1: vaults that lend, discounts that grow with the shortfall."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Share
from .base import LendingConfig


class EulerConfig(LendingConfig):
    """What both versions have: markets that lend, at two straight lines of interest."""

    max_discount: float = Field(
        default=0.15, ge=0, le=0.99, description="most that collateral is sold below its price"
    )
    interest_fee: Share = Field(default=0.1, description="share of the interest paid out in fresh shares")
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


class EulerV2Config(EulerConfig):
    """Euler v2 (vault kit): a discount as large as the shortfall, losses socialised at once."""

    kind: Literal["euler-v2"] = Field(description="rules of the lending protocol")
    ltv: dict[str, Share] = Field(
        default_factory=dict,
        description="liquidation loan-to-value by collateral; those left out as packaged",
    )
    socialize_debt: bool = Field(
        default=True, description="whether debt without collateral leaves the vault at once"
    )
    cool_off: int = Field(
        default=1, ge=0, le=65535, description="seconds between a check of an account and its liquidation"
    )


class EulerV1Config(EulerConfig):
    """Euler v1: a discount of the shortfall plus a fee, repayment to a health score, bad debt stays."""

    kind: Literal["euler-v1"] = Field(description="rules of the lending protocol")
    collateral_factor: dict[str, Share] = Field(
        default_factory=dict, description="weight of each collateral; those left out as packaged"
    )
    borrow_factor: float = Field(
        default=0.94, gt=0, le=1, description="what a unit of debt is divided by before it is weighed"
    )
    max_discount: float = Field(
        default=0.2,
        ge=0,
        le=0.99,
        description="most that collateral is sold below its price; a constant, 0.2",
    )
    reserves_fee: float = Field(
        default=0.02, ge=0, lt=1, description="fee of liquidators and smallest discount; a constant, 0.02"
    )
    target_health: float = Field(
        default=1.25, ge=1, le=100, description="health score that a call restores; a constant, 1.25"
    )
    booster_slope: float = Field(
        default=2.0, ge=1, le=100, description="discount's factor for a funded liquidator; a constant, 2"
    )
    max_booster: Share = Field(default=0.025, description="most that the booster adds; a constant, 0.025")
    liquidator_funding: Share = Field(
        default=0.0,
        description="liquidity that liquidators keep in the protocol, as a share of the debt they repay",
    )
