"""Settings of Liquity: v1 (LUSD) and v2 (BOLD)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import SYMBOL, Section, Share
from .base import LendingConfig


class LiquityConfig(LendingConfig):
    """What both versions share."""

    debt: str | None = Field(
        default=None,
        pattern=SYMBOL,
        description="stablecoin it mints; LUSD or BOLD, DAI or the quote asset if left out, what there is",
    )


class LiquityV1Config(LiquityConfig):
    """Version 1: one system with its own stability pool for each collateral, recovery mode, redemption.

    Terms other than those of the contract need ``unsafe = true``.
    """

    kind: Literal["liquity"] = Field(description="rules of the lending protocol")
    stability_pool: Share = Field(
        default=0.9,
        description="deposits at the start as a share of the debt (LUSD: 91 % on 20 April 2021, about 90 % "
        "on 1 July 2021)",
    )
    minimum_ratio: float = Field(
        default=1.1, gt=1, le=10, description="collateral ratio below which a trove is liquidated"
    )
    critical_ratio: float = Field(
        default=1.5, gt=1, le=10, description="total collateral ratio below which recovery mode rules"
    )
    gas_compensation: float = Field(
        default=200.0, ge=0, le=1e6, description="stablecoin set aside for the liquidator of each trove"
    )
    minimum_net_debt: float = Field(
        default=1800.0, ge=0, le=1e9, description="least debt of a trove that is changed, without that"
    )


class BranchConfig(Section):
    """What a scenario changes in one branch; the rest stays as deployed."""

    minimum_ratio: float | None = Field(
        default=None, gt=1, le=10, description="collateral ratio below which a trove is liquidated"
    )
    critical_ratio: float | None = Field(
        default=None, gt=1, le=10, description="total collateral ratio below which borrowers are restricted"
    )
    shutdown_ratio: float | None = Field(
        default=None, gt=1, le=10, description="total collateral ratio below which a branch may be shut down"
    )
    pool_penalty: Share | None = Field(
        default=None, description="most the stability pool gains per unit of debt"
    )
    redistribution_penalty: Share | None = Field(
        default=None, description="most other troves gain per unit of debt"
    )


class LiquityV2Config(LiquityConfig):
    """Version 2: a branch with its own stability pool for each collateral, capped penalties, shutdown."""

    kind: Literal["liquity-v2"] = Field(description="rules of the lending protocol")
    stability_pool: Share = Field(
        default=0.6, description="deposits at the start as a share of the debt (an assumption, not a record)"
    )
    branches: dict[str, BranchConfig] = Field(default_factory=dict, description="changes by symbol")
