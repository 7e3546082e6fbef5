"""Settings of Aave: v2, v3.0.2 and v3.6."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Section, Share
from .base import LendingConfig


class ReserveConfig(Section):
    """What a scenario changes in one reserve of the market preset; the rest stays as deployed."""

    ltv: Share | None = Field(default=None, description="loan to value at which one may borrow")
    liquidation_threshold: Share | None = Field(default=None, description="weight of collateral in health")
    bonus: Share | None = Field(default=None, description="extra collateral for the liquidator (0.05 = 5 %)")
    reserve_factor: Share | None = Field(default=None, description="share of interest kept by the protocol")
    optimal_utilisation: float | None = Field(
        default=None, gt=0, lt=1, description="utilisation at the kink of the rate curve"
    )
    base_rate: float | None = Field(default=None, ge=0, le=10, description="borrow rate a year at no use")
    slope_1: float | None = Field(default=None, ge=0, le=100, description="rise of the rate up to the kink")
    slope_2: float | None = Field(default=None, ge=0, le=100, description="rise of the rate after the kink")


class AaveMarketConfig(LendingConfig):
    """Aave's positions and interest, and what this scenario changes in them."""

    market: str = Field(default="may-2021", min_length=1, description="packaged set of reserve parameters")
    utilisation: float = Field(
        default=0.7, gt=0, lt=1, description="borrowed share of each reserve that is borrowed, at the start"
    )
    reserves: dict[str, ReserveConfig] = Field(default_factory=dict, description="changes by symbol")


class AaveConfig(AaveMarketConfig):
    """An Aave pool with the liquidation call of one of its versions."""

    close_factor: float = Field(
        default=0.5, ge=1e-4, le=1, description="largest share of a debt that one call may repay"
    )


class AaveV2Config(AaveConfig):
    """Version 2: the close factor holds at any health factor below 1, no fee."""

    kind: Literal["aave-v2"] = Field(default="aave-v2", description="rules of the lending protocol")


class AaveV3Config(AaveConfig):
    """Version 3.0.2: all of a debt at or below a health factor of 0.95, a fee on the bonus."""

    kind: Literal["aave-v3"] = Field(description="rules of the lending protocol")
    protocol_fee: Share = Field(default=0.1, description="treasury's share of the liquidation bonus")


class AaveV36Config(AaveConfig):
    """Version 3.6: the close factor counts the whole position, no dust is left, bad debt is written off."""

    kind: Literal["aave-v3.6"] = Field(description="rules of the lending protocol")
    protocol_fee: Share = Field(default=0.1, description="treasury's share of the liquidation bonus")
    dust_usd: float = Field(
        default=1000.0,
        ge=0,
        le=1e9,
        description="least debt and collateral a call may leave; below twice that all may be repaid, USD",
    )


class AaveV4StyleConfig(AaveMarketConfig):
    """Version 4's liquidations: the bonus rises as health falls, repayment to a target health."""

    kind: Literal["aave-v4-style"] = Field(description="rules of the lending protocol")
    target_health_factor: float = Field(
        default=1.05, ge=1, le=10, description="health factor that a liquidation restores"
    )
    full_bonus_at: float = Field(
        default=0.9, ge=0, lt=1, description="health factor at or below which a reserve's whole bonus is paid"
    )
    bonus_factor: Share = Field(default=0.5, description="share of that bonus paid at a health factor of 1")
    protocol_fee: Share = Field(default=0.1, description="treasury's share of the liquidation bonus")
    dust_usd: float = Field(
        default=1000.0, ge=0, le=1e9, description="least debt and collateral that a call may leave, USD"
    )
