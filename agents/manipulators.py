"""Manipulators: they move the price that an oracle reads when the liquidations that follow pay for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from .base import DecidingAgent, Intent, PublicView
from .strategies.liquidator import OwnState
from .strategies.manipulator import Attack, Manipulator, Reading, Uncovered

REST_BLOCKS = 20
"""Blocks between two attacks."""


class Begun(NamedTuple):
    """An attack: when it began, how its market is read, the price it is to arrive at (USD), and the plan."""

    block: int
    asset: int
    reading: Reading
    target_usd: float
    plan: Attack


class ManipulableWorld(Protocol):
    """What a manipulator looks up beside the view."""

    def reading(self, asset: int) -> Reading | None:
        """Return how the oracle reads a market of an asset, or None if it reads none."""
        ...

    def uncovered(self, asset: int, factors: Sequence[float]) -> list[Uncovered]:
        """Return what the oracle's price of an asset times each factor would make liquidatable."""
        ...


class MarketManipulator(DecidingAgent):
    """One manipulator with its own stock and cash; it liquidates whenever that pays.

    Attributes
    ----------
    attacks : list of Begun
        So far.
    """

    role = "manipulator"

    def __init__(self, model: Any, name: str, account: int, strategy: Manipulator, **latency: float) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self.market: ManipulableWorld = model
        self.attacks: list[Begun] = []
        self._pushes_until = -1
        self._every = strategy.look_every_blocks

    def due(self, view_version: int, block: int) -> bool:
        """Whether there is news, it is time to look, or an attack is under way."""
        news = super().due(view_version, block)
        return news or block <= self._pushes_until or block % self._every == 0

    def decide(self, view: PublicView) -> list[Intent]:
        """Return liquidations worth their gas, and the sale of an attack."""
        strategy: Manipulator = self.strategy
        own = OwnState(self.world.cash_usd(self.account), strategy.win_share, 0.0, self.account)
        intents: list[Intent] = list(strategy.liquidation.decide(view, own)) if view.opportunities else []
        rested = not self.attacks or view.block - self.attacks[-1].block > REST_BLOCKS
        if rested and view.block > self._pushes_until and view.block % self._every == 0:
            self._begin(view, own.cash_usd)
        if view.block <= self._pushes_until:
            begun = self.attacks[-1]
            stock_usd = self._stock_usd(begun.asset, view)
            sale = strategy.push(begun.asset, begun.reading, begun.target_usd, stock_usd, view)
            if sale is None:
                self._pushes_until = view.block
            else:
                intents.append(sale)
        return intents

    def _begin(self, view: PublicView, cash_usd: float) -> None:
        """Begin the attack that earns most, if any pays."""
        found: list[tuple[float, int, Reading, Attack]] = []
        for asset in range(len(view.mids)):
            reading, stock_usd = self.market.reading(asset), self._stock_usd(asset, view)
            if reading is None or stock_usd <= 0.0:
                continue
            wall = self.market.uncovered(asset, self.strategy.factors())
            attack = self.strategy.best_attack(asset, reading, wall, view, stock_usd, cash_usd)
            if attack is not None:
                found.append((attack.push.cost_usd - attack.gain_usd, asset, reading, attack))
        if found:
            _, asset, reading, attack = min(found)
            fall = 1.0 - attack.factor
            price = view.mids[asset] if reading.venue == "book" else view.pool_price[asset]
            target = price * (1.0 - reading.blocks * fall)
            self.attacks.append(Begun(view.block, asset, reading, target, attack))
            self._pushes_until = view.block + attack.push.blocks - 1

    def _stock_usd(self, asset: int, view: PublicView) -> float:
        return self.world.tokens(self.account, asset) * view.mids[asset]
