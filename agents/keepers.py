"""Keepers of auctions: bots that bid, buy and settle, as long as their gas price is mined."""

from __future__ import annotations

import math
from typing import Any

from .base import Intent, PublicView
from .liquidators import LiquidatorBot
from .strategies.keeper import Keeper
from .strategies.threshold_liquidator import OwnState


class KeeperBot(LiquidatorBot):
    """One keeper with its own account; it follows every auction and starts none.

    It fails while gas costs more than it is set up to pay. Its operator, who notices when there
    are auctions, sets it up anew after an exponential time.

    Parameters
    ----------
    strategy : Keeper

    Attributes
    ----------
    live : bool
        Whether its transactions are mined, as of its last look.
    """

    strategy: Keeper

    def __init__(self, model: Any, name: str, account: int, strategy: Keeper, **latency: float) -> None:
        super().__init__(model, name, account, strategy, **latency)  # type: ignore[arg-type]
        self.live = True
        self._limit_gwei = math.nan
        self._repaired_s = math.inf
        name_of = strategy.operator  # a named stream gives everyone the same draws
        self._operator = model.stream(f"operator/{name_of}") if name_of else self.stream
        self._next_look_s = strategy.look_every_s * float(self.stream.random())

    def decide(self, view: PublicView) -> list[Intent]:
        """Return nothing: others start auctions."""
        return []

    def trade(self, view: PublicView) -> list[Intent]:
        """Return bids, purchases and upkeep, unless the keeper is down."""
        if view.time_s < self._next_look_s:
            return []
        self._next_look_s = view.time_s + self.strategy.look_every_s
        self.live = self._look_after(view.time_s, view.gas_standard_gwei)
        if not self.live:
            return []
        own = OwnState(self.world.cash_usd(self.account), self.win_rate, 0.0, self.account)
        return [self._at_most(intent) for intent in self.strategy.decide(view, own)]

    def _at_most(self, intent: Any) -> Intent:
        """Bid no more for gas than the keeper is set up to pay."""
        price = min(intent.price_gwei, self._limit_gwei)
        limited: Intent = intent._replace(price_gwei=price)
        return limited

    def _look_after(self, now_s: float, gas_gwei: float) -> bool:
        """Return whether the keeper works, setting it up when that is due."""
        if math.isnan(self._limit_gwei):
            self._limit_gwei = self.strategy.gas_limit(gas_gwei, self._operator)
        if gas_gwei <= self._limit_gwei:
            self._repaired_s = math.inf
            return True
        if math.isinf(self._repaired_s):
            self._repaired_s = now_s + self.strategy.repair_s * float(self._operator.standard_exponential())
        if now_s < self._repaired_s:
            return False
        self._repaired_s = math.inf
        self._limit_gwei = self.strategy.gas_limit(gas_gwei, self._operator)
        return True
