"""Settings of Compound III (Comet)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import SYMBOL, Section, Share
from .base import LendingConfig


class CollateralConfig(Section):
    """What a scenario changes in the listing of one collateral; the rest stays as deployed."""

    borrow_collateral_factor: Share | None = Field(
        default=None, description="share of its value that may be borrowed against"
    )
    liquidate_collateral_factor: Share | None = Field(
        default=None, description="share of its value that counts before an absorption"
    )
    liquidation_factor: Share | None = Field(
        default=None, description="share of its value credited to the account that is absorbed"
    )


class RateCurveConfig(Section):
    """What a scenario changes in a rate curve; the rest stays as deployed."""

    kink: float | None = Field(default=None, ge=0, le=1, description="utilisation at the kink")
    slope_low: float | None = Field(
        default=None, ge=0, le=100, description="yearly rate per unit of utilisation below the kink"
    )
    slope_high: float | None = Field(
        default=None, ge=0, le=100, description="yearly rate per unit of utilisation above the kink"
    )
    base: float | None = Field(default=None, ge=0, le=10, description="yearly rate at no use")


class CometConfig(LendingConfig):
    """A Comet: one asset is lent, accounts are absorbed whole, a storefront sells what was absorbed.

    Reserves are shares of the debt at the start. The deployment on Ethereum sold until reserves
    stood at 5 M USDC, with 363 M borrowed in July 2023 (Gauntlet's weekly update): 1.4 %. On 21
    February 2024 reserves of seven deployments stood between 0.1 % and 93 % of their targets; here
    they begin at half of it, so the storefront is open whenever there is something to sell.
    """

    kind: Literal["comet"] = Field(description="rules of the lending protocol")
    market: str = Field(
        default="mainnet/usdc", min_length=1, description="deployment whose settings are taken"
    )
    base: str | None = Field(
        default=None,
        pattern=SYMBOL,
        description="stable asset that is lent; the deployment's if left out, or else the quote",
    )
    utilisation: float = Field(
        default=0.7, gt=0, lt=1, description="borrowed share of what lenders supply, at the start"
    )
    initial_reserves: float = Field(
        default=0.007,
        ge=0,
        le=10,
        description="the protocol's own money, share of the debt at the start",
    )
    target_reserves: float = Field(
        default=0.014,
        ge=0,
        le=10,
        description="reserves from which on nothing is sold, share of the debt at the start",
    )
    store_front_price_factor: float | None = Field(
        default=None, ge=0, le=10, description="share of the liquidation penalty given to buyers"
    )
    supply_curve: RateCurveConfig = Field(default=RateCurveConfig(), description="what lenders earn")
    borrow_curve: RateCurveConfig = Field(default=RateCurveConfig(), description="what borrowers pay")
    collateral: dict[str, CollateralConfig] = Field(default_factory=dict, description="changes by symbol")
