"""The [borrowers] section: who lives under the rules of credit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator

from .base import Rows, Section
from .venues import in_utc


class BorrowerConfig(Section):
    """What all populations share."""

    keep_debt: bool = Field(
        default=False,
        description="keep debts as drawn, rather than the distance to each protocol's trigger",
    )
    reaction_scale: float = Field(
        default=1.0, ge=0, le=100, description="multiplies how often borrowers defend themselves; 0 = never"
    )

    largest_debt_usd: float | None = Field(
        default=None,
        gt=0,
        le=1e12,
        description="most that an account owes at the start; larger positions shrink to it, USD",
    )
    without: Rows[str] = Field(
        default=(), description="accounts that are left empty, each PROTOCOL-ACCOUNT as in aave-v2-12"
    )


class BorrowerLaw(BorrowerConfig):
    """What all laws of the population share."""

    count: int = Field(ge=1, le=10_000_000, description="number of borrowers")
    total_debt_usd: float | None = Field(
        default=None, gt=0, le=1e12, description="debt of all borrowers; that of the law if left out, USD"
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="parameters of the law to change")


class FittedBorrowers(BorrowerLaw):
    """Drawn from the fit to the liquidations of May 2021."""

    law: Literal["may-2021"]


class GeneratedBorrowers(BorrowerLaw):
    """Drawn from the general law (MODEL 5.5), with parameters of one's own."""

    law: Literal["generator"]
    total_debt_usd: float = Field(gt=0, le=1e12, description="debt of all borrowers, USD")


class TableBorrowers(BorrowerConfig):
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


class RecordedVaults(Section):
    """The vaults of an episode, one to each recorded auction, kicked when they were kicked (Maker only)."""

    law: Literal["recorded-kicks"]
    episode: str = Field(min_length=1, description="name of a packaged episode with kicks")
    until: Annotated[datetime, Strict(False)] | None = Field(
        default=None, description="UTC time from which kicks are left out; none if left out"
    )

    @field_validator("until")
    @classmethod
    def _utc(cls, until: datetime | None) -> datetime | None:
        return until if until is None else in_utc(until)

    @property
    def keep_debt(self) -> bool:
        """Debts are recorded, so they are kept."""
        return True


AnyBorrowers = Annotated[
    FittedBorrowers | GeneratedBorrowers | TableBorrowers | RecordedVaults, Field(discriminator="law")
]
