"""MEV searchers: faster eyes on the mempool, the oracle and the gap between venues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import ArbitragePool, ConvertBands, Intent, PublicView
from .liquidators import PRIOR_WIN_RATE, RECOVERY, LiquidatorBot
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
        self.arbitrage_win_rate = PRIOR_WIN_RATE

    def react(self, view: PublicView) -> list[Intent]:
        """Answer to what others have just sent: copy and outbid, or trade around it, what pays."""
        answers: list[Intent] = list(
            self.searching.outbid(view, self.account, self.world.cash_usd(self.account))
        )
        if self.searching.sandwiches:
            answers += self.searching.sandwich(view, self.account, self._stock, self._overtake)
        return answers

    def _stock(self, asset: int) -> float:
        return self.world.tokens(self.account, asset)

    def _overtake(self, price_gwei: float) -> float | None:
        return self.world.price_to_overtake(price_gwei, self.latency_s)

    def arbitrage(self, view: PublicView, gains: dict[int, float]) -> list[ArbitragePool]:
        """Answer to pools outside their no-arbitrage band; `gains` is what closing each gap earns, USD.

        The view is that of the market only, without what protocols offer.
        """
        calls = self.searching.arbitrage(
            self._seen(view), gains, self.arbitrage_win_rate, self.world.cash_usd(self.account)
        )
        if not calls:
            self.arbitrage_win_rate += (
                RECOVERY * self.learning_rate * (PRIOR_WIN_RATE - self.arbitrage_win_rate)
            )
        return calls

    def convert(self, view: PublicView, gains: Mapping[tuple[int, int], float]) -> list[ConvertBands]:
        """Answer to bands that trade off the book; `gains` is by protocol and collateral, USD."""
        return self.searching.convert(
            self._seen(view), gains, self.arbitrage_win_rate, self.world.cash_usd(self.account)
        )

    def learn_arbitrage(self, won: bool) -> None:
        """Take in whether an arbitrage was executed or came too late."""
        self.arbitrage_win_rate += self.learning_rate * ((1.0 if won else 0.0) - self.arbitrage_win_rate)
