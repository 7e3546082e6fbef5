"""Settings of Compound v2 and of Venus, its fork on BNB chain."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Section, Share
from .base import LendingConfig


class CompoundMarketConfig(Section):
    """What a scenario changes in one market of the pool; the rest stays as deployed."""

    collateral_factor: Share | None = Field(
        default=None, description="weight of collateral when one borrows; in Compound in health, too"
    )
    reserve_factor: Share | None = Field(default=None, description="share of interest kept by the protocol")
    base_rate: float | None = Field(default=None, ge=0, le=10, description="borrow rate a year at no use")
    multiplier: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="slope of the rate a year per unit of utilisation, to the kink",
    )
    jump_multiplier: float | None = Field(
        default=None, ge=0, le=100, description="the same slope after the kink"
    )
    kink: float | None = Field(
        default=None, gt=0, le=1, description="utilisation at which the second slope begins"
    )


class VenusMarketConfig(CompoundMarketConfig):
    """Venus has two numbers more for each market."""

    liquidation_threshold: Share | None = Field(default=None, description="weight of collateral in health")
    incentive: Share | None = Field(
        default=None, description="extra collateral for the liquidator (0.1 = 10 %)"
    )


class CompoundPoolConfig(LendingConfig):
    """What pools of both protocols share."""

    close_factor: float = Field(
        default=0.5, gt=0, le=1, description="largest share of a debt that one call may repay"
    )
    utilisation: float = Field(
        default=0.7, gt=0, lt=1, description="borrowed share of each market that is borrowed, at the start"
    )


class CompoundConfig(CompoundPoolConfig):
    """Compound v2: one incentive for all markets, part of what is seized may go to the reserves."""

    kind: Literal["compound-v2"] = Field(description="rules of the lending protocol")
    listing: Literal["may-2021", "2022-23"] = Field(
        default="may-2021", description="packaged set of markets: as of the crash, or as later deployed"
    )
    incentive: Share | None = Field(
        default=None,
        description="extra collateral seized (0.08 = 8 %); that of the listing, 8 %, if left out",
    )
    protocol_seize_share: Share | None = Field(
        default=None,
        description="part of what is seized that goes to the reserves; that of the listing if left out "
        "(none in May 2021, 2.8 % later)",
    )
    markets: dict[str, CompoundMarketConfig] = Field(default_factory=dict, description="changes by symbol")


class VenusConfig(CompoundPoolConfig):
    """Venus core: a threshold of its own beside each collateral factor, an incentive for each market."""

    kind: Literal["venus"] = Field(description="rules of the lending protocol")
    markets: dict[str, VenusMarketConfig] = Field(default_factory=dict, description="changes by symbol")
