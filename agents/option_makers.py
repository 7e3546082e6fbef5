"""Option makers in a world: standing quotes in the books of options, a hedge on a book of the underlying."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import BuyOnBook, Intent, PublicView, QuoteSides, Sell
from .makers import MarketMaker
from .strategies.option_maker import OptionBookState, OptionDealer

Floats = NDArray[np.float64]


class OptionMarketMaker(MarketMaker):
    """Quotes the options of one underlying by its model, leans against its vega and hedges its delta.

    Positions count from what it holds at the start, which is its stock for delivery. Distances of its quotes
    are told to the venue as fractions of the value at the published volatility, so that between two
    decisions they move with the underlying.
    """

    role = "option-maker"

    def __init__(self, model: Any, name: str, account: int, strategy: OptionDealer, **latency: float) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self._stock: Floats | None = None

    def decide(self, view: PublicView) -> list[Intent]:
        """Return new quotes for its options, and the trade that brings the delta back."""
        board, strategy = self.world.option_board(), self.strategy
        if board is None:
            return []
        symbols = [asset.symbol for asset in self.world.assets]
        underlying = symbols.index(strategy.underlying)
        hedge = symbols.index(strategy.hedge) if strategy.hedge else underlying
        owned = self.world.holdings(self.account) / [float(asset.unit) for asset in self.world.assets]
        if self._stock is None:
            self._stock = owned
        since = owned - self._stock
        mine = board.underlying == underlying
        spot, published = view.mids[underlying], board.volatility
        fair = own = board.terms.sensitivities(spot, published, view.time_s)
        if strategy.volatility:
            own = board.terms.sensitivities(spot, strategy.volatility, view.time_s)
        base = np.maximum(fair.price, board.tick_usd)
        held = np.where(mine, since[board.assets], 0.0)
        quotes = strategy.decide(OptionBookState(*own, held, float(since[hedge])))
        cost = strategy.hedge_cost * spot * np.abs(own.delta)
        intents: list[Intent] = []
        for k in np.flatnonzero(mine & board.terms.live(view.time_s)).tolist():
            bid, ask = quotes.bid[k] - cost[k], quotes.ask[k] + cost[k]
            below, above = 1.0 - bid / base[k], ask / base[k] - 1.0
            below, above = (math.inf if math.isnan(side) else float(side) for side in (below, above))
            intents.append(QuoteSides(int(board.assets[k]), below, above, strategy.size * float(base[k])))
        usd = quotes.hedge_trade * view.mids[hedge]
        if usd < 0.0:
            intents.append(Sell(hedge, -usd, strategy.max_slippage))
        elif usd > 0.0:
            intents.append(BuyOnBook(hedge, usd, strategy.max_slippage))
        return intents
