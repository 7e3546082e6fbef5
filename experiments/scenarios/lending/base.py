"""What the settings of every lending protocol share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..base import NAME, Section


class LendingConfig(Section):
    """A lending protocol and what a scenario changes in it."""

    kind: str
    name: str | None = Field(
        default=None, pattern=NAME, description="name in tables and streams; the kind if left out"
    )
    share: float = Field(
        default=1.0, gt=0, le=1e6, description="weight by which borrowers spread over several protocols"
    )
    scale: float = Field(
        default=1.0,
        ge=0,
        le=1e3,
        description="multiplies what its borrowers hold and owe at the start; 0 leaves it empty",
    )
    collateral_caps_usd: dict[str, Annotated[float, Field(ge=0, le=1e12)]] = Field(
        default_factory=dict,
        description="most collateral by asset at the start, USD; positions that hold it shrink in proportion",
    )
    unsafe: bool = Field(
        default=False,
        description="accept parameters that are toxic or that the contract's own checks would refuse",
    )
