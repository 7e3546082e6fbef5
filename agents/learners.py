"""Liquidator bots that try several ways to liquidate and keep to those that pay."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Intent, PublicView
from .liquidators import LiquidatorBot
from .strategies.learning import LearningLiquidator


class LearningBot(LiquidatorBot):
    """A liquidator whose strategy of the moment is drawn from what it has learned.

    Attributes
    ----------
    mixture : ndarray, shape (n_options,)
        Chance of each option in the next round.
    rounds : list of (float, int, float)
        Finished rounds: when each ended (s), the option, what it earned (USD).
    """

    def __init__(
        self,
        model: Any,
        name: str,
        account: int,
        strategy: LearningLiquidator,
        learning_rate: float = 0.1,
        **latency: float,
    ) -> None:
        self.learning = strategy
        self._ways = strategy.ways()
        super().__init__(model, name, account, self._ways[0], learning_rate, **latency)
        self._choices: np.random.Generator = model.stream(f"agent/{name}/choices")
        self._scores = np.zeros(len(self._ways))
        self.mixture = strategy.mixture(self._scores)
        self.rounds: list[tuple[float, int, float]] = []
        self._began_s: float | None = None
        self._before_usd = 0.0
        self._sent = False
        self._chosen = 0

    def decide(self, view: PublicView) -> list[Intent]:
        """Return the calls that the option of the round finds worth their gas."""
        self._turn(view.time_s)
        calls = super().decide(view)
        self._sent = self._sent or bool(calls)
        return calls

    def trade(self, view: PublicView) -> list[Intent]:
        """Return what the option of the round wants of the collateral that protocols sell."""
        self._turn(view.time_s)
        wanted = super().trade(view)
        self._sent = self._sent or bool(wanted)
        return wanted

    def _turn(self, time_s: float) -> None:
        """Begin a round if the last one is over, and learn from that."""
        if self._began_s is not None:
            if not self._sent or time_s < self._began_s + self.learning.round_s:
                return
            earned = self.world.gain_usd(self.account) - self._before_usd
            self._scores = self.learning.learn(self._scores, self._chosen, earned)
            self.mixture = self.learning.mixture(self._scores)
            self.rounds.append((time_s, self._chosen, earned))
        self._began_s, self._sent = time_s, False
        self._before_usd = self.world.gain_usd(self.account)
        self._chosen = int(self._choices.choice(len(self._ways), p=self.mixture))
        self.strategy = self._ways[self._chosen]
        self.taking = self.strategy.taker()
