"""The [[agents]] and [recording] sections: who decides, and what a run keeps."""

from __future__ import annotations

import difflib
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from .base import NAME, Section

DEFAULT_LATENCY_MS = 100.0

KINDS = (
    "liquidator", "maker", "searcher", "stability-depositor", "redeemer", "keeper", "learner", "manipulator",
    "arbitrageur", "book-manipulator", "range-provider", "position-bidder", "option-maker",
    "volatility-manipulator",
)  # fmt: skip

MAKER_KINDS = ("maker", "option-maker")
"""Packaged kinds whose orders rest in books."""

BOOK_KINDS = ("arbitrageur", "book-manipulator", "position-bidder", "volatility-manipulator")
"""Packaged kinds that trade on books only."""

FLASH_KINDS = ("liquidator", "searcher")
"""Packaged kinds that can borrow within a transaction."""


class AgentConfig(Section):
    """A group of agents that differ only in their random streams."""

    kind: str = Field(
        description="liquidator, maker, searcher, stability-depositor, redeemer, keeper, learner, "
        "manipulator, arbitrageur, book-manipulator, range-provider, position-bidder, option-maker, "
        "volatility-manipulator, or module:Class of your own"
    )
    name: str = Field(pattern=NAME, description="name of the group, unique")
    count: int = Field(default=1, ge=0, le=10_000, description="agents in the group; 0 leaves it out")
    strategy: str | None = Field(
        default=None,
        min_length=1,
        description="name of a strategy or module:Class; that of the kind if left out",
    )
    latency_ms: float = Field(
        default=DEFAULT_LATENCY_MS, ge=0, le=600_000, description="median time from seeing to being seen, ms"
    )
    latency_jitter_ms: float = Field(
        default=0.0,
        ge=0,
        le=600_000,
        description="spread of that time, ms (standard deviation of its logarithm, times the median)",
    )
    capital_usd: float = Field(default=0.0, ge=0, le=1e12, description="own money of each agent, USD")
    inventory_usd: dict[str, float] = Field(
        default_factory=dict, description="stock of other assets of each agent at the start, by symbol, USD"
    )
    flash_loans: bool = Field(default=False, description="may borrow within a transaction")
    private: bool = Field(
        default=False, description="its transactions are not seen by others before they are executed"
    )
    revert_protection: bool = Field(
        default=False, description="transactions of its that revert leave no trace and pay no gas"
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="parameters of the strategy to change"
    )

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind in KINDS or ":" in kind:
            return kind
        nearest = difflib.get_close_matches(kind, KINDS, 1)
        hint = f", did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"{kind!r}{hint}; allowed: {', '.join(KINDS)} or module:Class")

    @field_validator("inventory_usd")
    @classmethod
    def _some_stock(cls, stock: dict[str, float]) -> dict[str, float]:
        for symbol, usd in stock.items():
            if not 0 <= usd <= 1e12:
                raise ValueError(f"{symbol} = {usd:g}; allowed: a number from 0 to 1,000,000,000,000")
        return stock

    @model_validator(mode="after")
    def _can_act(self) -> Self:
        if self.kind in MAKER_KINDS and (self.latency_ms != DEFAULT_LATENCY_MS or self.latency_jitter_ms):
            raise ValueError("latency_ms does nothing for a maker, whose quotes are renewed between blocks")
        if self.kind in BOOK_KINDS and (self.latency_ms != DEFAULT_LATENCY_MS or self.latency_jitter_ms):
            raise ValueError(
                f"latency_ms does nothing for kind = {self.kind!r}, which trades on books between blocks"
            )
        for key in ("private", "revert_protection"):
            if getattr(self, key) and self.kind in MAKER_KINDS:
                raise ValueError(f"{key} = true does nothing for a maker, whose quotes are no transactions")
            if getattr(self, key) and self.kind in BOOK_KINDS:
                raise ValueError(
                    f"{key} = true does nothing for kind = {self.kind!r}, which sends no transactions"
                )
        if self.flash_loans and self.kind in MAKER_KINDS:
            raise ValueError("flash_loans = true does nothing for a maker, whose orders rest in a book")
        if self.flash_loans and ":" not in self.kind and self.kind not in FLASH_KINDS:
            raise ValueError(f"flash_loans = true does nothing for a {self.kind}, who pays with own money")
        if self.capital_usd == 0 and not self.flash_loans and ":" not in self.kind:
            raise ValueError(
                "capital_usd = 0 leaves the agent nothing to act with; allowed: above 0"
                + (", or flash_loans = true" if self.kind in FLASH_KINDS else "")
            )
        return self


class RecordingConfig(Section):
    """Which tables a run keeps; recording never changes what happens."""

    trades: bool = Field(default=True, description="keep every trade of the books")
    quotes: bool = Field(default=True, description="keep best quotes and depth of each block")
    bids: bool = Field(
        default=True, description="keep every executed transaction of an agent, also those that reverted"
    )
    snapshot_every_s: float | None = Field(
        default=None,
        gt=0,
        le=1e8,
        description="time between snapshots of positions, seconds; only start and end if left out",
    )
    exposures: Literal["groups", "accounts"] = Field(
        default="groups",
        description="exposures by cohorts of borrowers, or account by account and of every kind",
    )
