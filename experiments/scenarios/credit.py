"""The [protocol] and [borrowers] sections: the rules of credit and who lives under them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Section, Share


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


class AaveConfig(Section):
    """An Aave pool and what this scenario changes in it."""

    market: str = Field(default="may-2021", min_length=1, description="packaged set of reserve parameters")
    close_factor: float = Field(
        default=0.5, ge=1e-4, le=1, description="largest share of a debt that one call may repay"
    )
    utilisation: float = Field(
        default=0.7, gt=0, lt=1, description="borrowed share of each reserve that is borrowed, at the start"
    )
    unsafe: bool = Field(
        default=False, description="accept reserves that the contract's own checks would refuse as risky"
    )
    reserves: dict[str, ReserveConfig] = Field(default_factory=dict, description="changes by symbol")


class AaveV2Config(AaveConfig):
    """Version 2: the close factor holds at any health factor below 1, no fee."""

    kind: Literal["aave-v2"] = Field(default="aave-v2", description="rules of the lending protocol")


class AaveV3Config(AaveConfig):
    """Version 3.0.2: all of a debt at or below a health factor of 0.95, a fee on the bonus."""

    kind: Literal["aave-v3"] = Field(description="rules of the lending protocol")
    protocol_fee: Share = Field(default=0.1, description="treasury's share of the liquidation bonus")


ProtocolConfig = Annotated[AaveV2Config | AaveV3Config, Field(discriminator="kind")]


class BorrowerLaw(Section):
    """What all laws of the population share."""

    count: int = Field(ge=1, le=10_000_000, description="number of borrowers")
    total_debt_usd: float | None = Field(
        default=None, gt=0, le=1e12, description="debt of all borrowers; that of the law if left out, USD"
    )
    reaction_scale: float = Field(
        default=1.0, ge=0, le=100, description="multiplies how often borrowers defend themselves; 0 = never"
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="parameters of the law to change")


class FittedBorrowers(BorrowerLaw):
    """Drawn from the fit to the liquidations of May 2021."""

    law: Literal["may-2021"]


class GeneratedBorrowers(BorrowerLaw):
    """Drawn from the general law (MODEL 5.5), with parameters of one's own."""

    law: Literal["generator"]
    total_debt_usd: float = Field(gt=0, le=1e12, description="debt of all borrowers, USD")


class TableBorrowers(Section):
    """Sizes and health from recorded positions; collateral, debt mix and reactions from the fitted law."""

    law: Literal["table"]
    path: str = Field(
        min_length=1,
        description="packaged position table, or CSV or Parquet file with debt_value, health_factor",
    )
    count: int | None = Field(
        default=None, ge=1, le=10_000_000, description="borrowers; the rows if left out"
    )
    total_debt_usd: float | None = Field(
        default=None,
        gt=0,
        le=1e12,
        description="debt of all borrowers; the sum of debt_value if left out, USD",
    )
    reaction_scale: float = Field(
        default=1.0, ge=0, le=100, description="multiplies how often borrowers defend themselves; 0 = never"
    )


AnyBorrowers = Annotated[FittedBorrowers | GeneratedBorrowers | TableBorrowers, Field(discriminator="law")]
