"""Settings of Ajna: oracle-free pools, with lenders who follow the market."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import SYMBOL
from .base import LendingConfig


class AjnaConfig(LendingConfig):
    """Oracle-free pools: lenders name prices, kickers stake bonds, collateral is sold at falling prices."""

    kind: Literal["ajna"] = Field(description="rules of the lending protocol")
    debt: str | None = Field(
        default=None, pattern=SYMBOL, description="stable asset that is lent; the quote asset if left out"
    )
    highest_bucket: float = Field(
        default=0.98, gt=0, le=10, description="highest price lenders deposit at, over the market's"
    )
    lowest_bucket: float = Field(
        default=0.90, gt=0, le=10, description="lowest price lenders deposit at, over the market's"
    )
    utilisation: float = Field(
        default=0.8, gt=0, lt=1, description="borrowed share of each pool's deposits at the start"
    )
    rate: float = Field(default=0.05, ge=0, le=4, description="interest a year, constant")
    lenders_share: float = Field(
        default=0.9, ge=0.85, le=1, description="share of the interest that lenders get, the rest is reserves"
    )
