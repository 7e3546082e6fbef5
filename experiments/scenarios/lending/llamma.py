"""Settings of crvUSD: bands that convert collateral softly, and a controller."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import SYMBOL, Share
from .base import LendingConfig


class LlammaConfig(LendingConfig):
    """crvUSD: collateral in bands is converted by arbitrage, hard liquidation comes after."""

    kind: Literal["llamma"] = Field(description="rules of the lending protocol")
    debt: str | None = Field(
        default=None, pattern=SYMBOL, description="stable asset that is minted; the quote asset if left out"
    )
    bands: int = Field(default=10, ge=4, le=50, description="bands of every loan")
    amplification: int = Field(default=100, ge=2, le=10_000, description="A; a band is 1/A of its price wide")
    fee: float = Field(default=0.006, ge=0, le=0.1, description="lowest fee of a trade with the bands")
    admin_fee: Share = Field(default=0.0, description="share of that fee that does not stay in the bands")
    loan_discount: float = Field(
        default=0.09, gt=0, le=0.5, description="haircut on what bands yield when a loan is opened"
    )
    liquidation_discount: float = Field(
        default=0.06, ge=0.01, le=0.5, description="the same when its health is measured"
    )
    rate: float = Field(default=0.05, ge=0, le=3, description="interest a year")
