"""Settings of Maker: Liquidations 2.0 and the auctions of 2020."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import SYMBOL, Section
from .base import LendingConfig


class VaultTypeConfig(Section):
    """What a scenario changes in the terms of one collateral; the rest stays as in the preset."""

    liquidation_ratio: float | None = Field(
        default=None, gt=0, le=100, description="collateral per debt below which a vault is unsafe (1.5)"
    )
    stability_fee: float | None = Field(default=None, gt=-1, le=10, description="interest a year (0.05)")
    penalty: float | None = Field(
        default=None, gt=-1, le=10, description="added to the debt of a liquidated vault (0.13)"
    )
    dust: float | None = Field(default=None, ge=0, le=1e12, description="smallest debt of a vault, coins")


class ClipTypeConfig(VaultTypeConfig):
    """One collateral sold at falling prices."""

    hole: float | None = Field(
        default=None, ge=0, le=1e15, description="most debt under auction for this collateral, coins"
    )
    buffer: float | None = Field(
        default=None, gt=0, le=100, description="first price over the oracle's price (1.3)"
    )
    tail_s: int | None = Field(
        default=None, ge=0, le=10**9, description="seconds after which an auction must be restarted"
    )
    cusp: float | None = Field(
        default=None, ge=0, le=1, description="share of the first price at which it must be restarted"
    )
    cut: float | None = Field(default=None, gt=0, le=10, description="factor on the price at every step")
    step_s: int | None = Field(default=None, ge=1, le=10**9, description="seconds between steps of the price")
    tip: float | None = Field(default=None, ge=0, le=1e9, description="flat reward of a kick, coins")
    chip: float | None = Field(
        default=None, ge=0, le=18, description="reward of a kick as a share of the debt"
    )


class FlipTypeConfig(VaultTypeConfig):
    """One collateral sold by bids."""

    lot: float | None = Field(
        default=None, gt=0, le=1e12, description="most collateral in one auction, tokens"
    )
    raise_step: float | None = Field(
        default=None, ge=0, le=10, description="least raise over the last bid, as a fraction (0.03)"
    )
    bid_s: int | None = Field(
        default=None, ge=0, le=10**9, description="seconds a bid stands unbeaten before it wins"
    )
    auction_s: int | None = Field(
        default=None, ge=0, le=10**9, description="seconds an auction lasts at most"
    )


class MakerConfig(LendingConfig):
    """Vaults whose collateral is sold at falling prices (Liquidations 2.0)."""

    kind: Literal["maker"] = Field(description="rules of the lending protocol")
    preset: Literal["may-2021"] = Field(default="may-2021", description="packaged settings by collateral")
    debt: str | None = Field(
        default=None, pattern=SYMBOL, description="stable asset that is issued; DAI, else the quote asset"
    )
    total_hole: float | None = Field(
        default=None, ge=0, le=1e15, description="most debt under auction in all, coins"
    )
    collateral: dict[str, ClipTypeConfig] = Field(default_factory=dict, description="changes by symbol")


class MakerFlipConfig(LendingConfig):
    """Vaults whose collateral is sold by bids, as in 2020."""

    kind: Literal["maker-flip"] = Field(description="rules of the lending protocol")
    preset: Literal["march-2020", "july-2020"] = Field(
        default="march-2020", description="packaged settings by collateral"
    )
    debt: str | None = Field(
        default=None, pattern=SYMBOL, description="stable asset that is issued; DAI, else the quote asset"
    )
    collateral: dict[str, FlipTypeConfig] = Field(default_factory=dict, description="changes by symbol")
