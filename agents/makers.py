"""Market makers: keep a standing quote in every book they serve."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from .base import DecidingAgent, Intent, PublicView, SetQuotes
from .strategies.avellaneda_stoikov import AvellanedaStoikov, MakerState
from .strategies.option_maker import OptionDealer

LOSS_CHECKS = 16
"""Decisions between two looks at one's own loss."""


class MarketMaker(DecidingAgent):
    """Quotes around the fair price of each book and leans against its inventory.

    The venue keeps the standing quotes and moves them with the fair price and
    the inventory every block; the maker renews them every `refresh_blocks`,
    withdraws when volatility is too high and returns when it has calmed down. It looks
    at the market only: the view it is given lists nothing that protocols offer. Options are left to those
    who have a model.
    """

    role = "maker"

    def __init__(
        self,
        model: Any,
        name: str,
        account: int,
        strategy: AvellanedaStoikov | OptionDealer,
        **latency: float,
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self.quoting: dict[int, bool] = {}
        self._phase = int(self.stream.integers(strategy.refresh_blocks))
        self._started = False
        self._decisions = 0
        self._loss_usd = 0.0
        self._options: Set[int] = frozenset()

    def due(self, view_version: int, block: int) -> bool:
        """Due at the start and every `refresh_blocks`, each maker at its own phase."""
        if not self._started:
            self._started = True
            board = self.world.option_board()
            self._options = frozenset() if board is None else frozenset(board.assets.tolist())
            return True
        return bool((block + self._phase) % self.strategy.refresh_blocks == 0)

    def decide(self, view: PublicView) -> list[Intent]:
        """Return a new standing quote for each book."""
        intents: list[Intent] = []
        if self._decisions % LOSS_CHECKS == 0:
            self._loss_usd = max(0.0, -self.world.gain_usd(self.account))
        self._decisions += 1
        for asset, depth in enumerate(view.depth_usd):
            if depth < 0.0 or asset in self._options:  # no book, or one for others
                continue
            state = MakerState(
                view.volatility[asset],
                self._loss_usd,
                self.quoting.get(asset, True),
            )
            quote = self.strategy.decide(state)
            self.quoting[asset] = quote is not None
            if quote is None:
                intents.append(SetQuotes(asset, 0.0, 0.0, 0.0, 0, 0.0, 0.0))
            else:
                intents.append(SetQuotes(asset, *quote))
        return intents
