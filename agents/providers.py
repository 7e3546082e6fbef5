"""Providers of concentrated liquidity: they keep a range around the price of each concentrated pool."""

from __future__ import annotations

from typing import Any, Protocol

from .base import DecidingAgent, Intent, PublicView
from .strategies.range_provider import OwnRange, RangeProvider


class ConcentratedWorld(Protocol):
    """What a provider looks up beside the view."""

    def ranges(self, account: int) -> list[OwnRange]:
        """Return what an account has in every concentrated pool."""
        ...


class RangeProviderAgent(DecidingAgent):
    """A provider that looks every few blocks whether its ranges are where they should be."""

    role = "range-provider"
    strategy: RangeProvider

    def __init__(
        self, model: Any, name: str, account: int, strategy: RangeProvider, **latency: float
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self.market: ConcentratedWorld = model

    def due(self, view_version: int, block: int) -> bool:
        """Due every `look_blocks`."""
        return bool(block % self.strategy.look_blocks == 0)

    def decide(self, view: PublicView) -> list[Intent]:
        """Return the ranges to open, to move and to leave."""
        return list(self.strategy.decide(view, self.market.ranges(self.account)))
