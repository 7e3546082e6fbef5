"""MEV searchers: faster eyes on the mempool, the oracle and the gap between venues."""

from __future__ import annotations

from typing import Any

from .base import ArbitragePool, Intent, PublicView
from .liquidators import LiquidatorBot
from .strategies.searcher import SearcherStrategy


class MEVSearcher(LiquidatorBot):
    """Back-runs oracle updates, copies and outbids pending liquidations, arbitrages book against pool.

    A searcher is a liquidator that also sees the public mempool before the block
    is sealed (`react`) and is due whenever a pool has left its no-arbitrage band.
    """

    role = "searcher"

    def __init__(
        self, model: Any, name: str, account: int, strategy: SearcherStrategy, **settings: float
    ) -> None:
        super().__init__(model, name, account, strategy.liquidation, **settings)
        self.searching = strategy

    def react(self, view: PublicView) -> list[Intent]:
        """Answer to what others have just sent: copy and outbid what pays."""
        return list(self.searching.outbid(view, self.account, self.world.cash_usd(self.account)))

    def arbitrage(self, view: PublicView, gaps: dict[int, float]) -> list[ArbitragePool]:
        """Answer to pools outside their no-arbitrage band; `gaps` maps assets to log(mid / pool)."""
        return self.searching.arbitrage(view, gaps)
