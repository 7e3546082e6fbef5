"""Traders of a venue's contracts who own what they trade: arbitrageurs, manipulators, bidders for positions.

All trade on the books at once and in the open; no transaction, no gas.
"""

from __future__ import annotations

from typing import Any

from .base import BuyOnBook, DecidingAgent, Intent, PublicView, Sell, TakePosition
from .strategies.basis_trade import BasisTrade, PushAndReverse
from .strategies.position_bidder import BookState, PositionBidder, PositionOffer
from .strategies.volatility_push import VolatilityPush


class _ContractTrader(DecidingAgent):
    """Asked in every block."""

    def due(self, view_version: int, block: int) -> bool:
        """Due in every block."""
        return True

    def _column(self, symbol: str) -> int:
        return [asset.symbol for asset in self.world.assets].index(symbol)


class BasisArbitrageur(_ContractTrader):
    """Buys what is cheap and sells what is dear of a contract and its underlying, from its own stock."""

    role = "arbitrageur"

    def decide(self, view: PublicView) -> list[Intent]:
        """Return a pair of trades when the basis is far enough from fair."""
        strategy: BasisTrade = self.strategy
        contract, spot = self._column(strategy.contract), self._column(strategy.underlying)
        if min(view.depth_usd[contract], view.depth_usd[spot]) <= 0.0:  # a book that rests
            return []
        low, high = view.mids[contract], view.mids[spot]
        side = strategy.side(low / high - 1.0, view.time_s)
        if not side:
            return []
        bought, sold = (contract, spot) if side > 0 else (spot, contract)
        stock_usd = self.world.tokens(self.account, sold) * view.mids[sold]
        amount = min(strategy.size_usd, self.world.cash_usd(self.account), stock_usd)
        if amount <= 0.0:
            return []
        return [
            BuyOnBook(bought, amount, strategy.max_slippage),
            Sell(sold, amount, strategy.max_slippage),
        ]


class BookManipulator(_ContractTrader):
    """Pushes the price of a thin book so that others are liquidated, and trades back into their orders."""

    role = "manipulator"

    def __init__(
        self, model: Any, name: str, account: int, strategy: PushAndReverse, **latency: float
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self._start_tokens = -1.0

    def decide(self, view: PublicView) -> list[Intent]:
        """Return the push of this block, or the trade back."""
        strategy: PushAndReverse = self.strategy
        asset = self._column(strategy.contract)
        price, tokens = view.mids[asset], self.world.tokens(self.account, asset)
        if self._start_tokens < 0.0:
            self._start_tokens = tokens
        pushed_usd = abs(tokens - self._start_tokens) * price
        amount = strategy.amount_usd(view.time_s, view.block_time_s, pushed_usd)
        if amount == 0.0:
            return []
        if amount < 0.0:
            return [Sell(asset, -amount, strategy.max_slippage)]
        return [BuyOnBook(asset, amount, strategy.max_slippage)]


class VolatilityManipulator(_ContractTrader):
    """Swings the price of an underlying so that its measured volatility rises, and sells options that do.

    It values the option at the present price and at that before its swing, whichever gives more.
    """

    role = "manipulator"

    def __init__(
        self, model: Any, name: str, account: int, strategy: VolatilityPush, **latency: float
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self._start_tokens = self._flat_price = -1.0

    def decide(self, view: PublicView) -> list[Intent]:
        """Return the next half of a swing, and a sale of options that trade above their value."""
        strategy: VolatilityPush = self.strategy
        spot, option = self._column(strategy.underlying), self._column(strategy.option)
        price, tokens = view.mids[spot], self.world.tokens(self.account, spot)
        if self._start_tokens < 0.0:
            self._start_tokens = tokens
        intents: list[Intent] = []
        swung = (tokens - self._start_tokens) * price
        if abs(swung) < 0.01 * strategy.swing_usd or self._flat_price < 0.0:
            self._flat_price = price
        amount = strategy.target_usd(view.time_s) - swung
        if amount > 0.5 * strategy.swing_usd:
            intents.append(BuyOnBook(spot, amount, strategy.max_slippage))
        elif amount < -0.01 * strategy.swing_usd:
            intents.append(Sell(spot, -amount, strategy.max_slippage))
        board = self.world.option_board()
        if board is None or option not in board.assets:
            return intents
        k = board.assets.tolist().index(option)
        values = [
            float(board.terms.sensitivities(spot_usd, board.volatility, view.time_s).price[k])
            for spot_usd in (price, self._flat_price)
        ]
        least, mid = strategy.least_usd(view.time_s, max(values)), view.mids[option]
        if mid > least:
            intents.append(Sell(option, strategy.sale_usd, 1.0 - least / mid))
        return intents


class PositionBidderAgent(_ContractTrader):
    """Bids for positions that venues auction, from its cash and stock, and trades back to its first stock."""

    role = "position-bidder"

    def __init__(
        self, model: Any, name: str, account: int, strategy: PositionBidder, **latency: float
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self._stock: dict[int, float] = {}

    def decide(self, view: PublicView) -> list[Intent]:
        """Return bids for what is cheap, and trades that bring the stock back to what it was."""
        intents = [self._bid(view, offer) for offer in view.positions]
        return [intent for intent in (*intents, *self._unwind(view)) if intent is not None]

    def _bid(self, view: PublicView, offer: PositionOffer) -> Intent | None:
        asset, side = offer.asset, 1 if offer.lots > 0 else -1
        tokens = self.world.tokens(self.account, asset)
        self._stock.setdefault(asset, tokens)
        strategy: PositionBidder = self.strategy
        book = BookState(view.mids[asset], view.depth_usd[asset], view.depth_band, view.volatility[asset])
        own_usd = self.world.cash_usd(self.account) if side > 0 else tokens * offer.price_usd
        size_usd = min(strategy.size_usd(side, offer.price_usd, book), own_usd)
        lots = min(int(size_usd / (offer.price_usd * offer.lot)), abs(offer.lots))
        if lots < 1:
            return None
        return TakePosition(offer, side * lots, strategy.worst_usd(side, book))

    def _unwind(self, view: PublicView) -> list[Intent]:
        strategy: PositionBidder = self.strategy
        intents: list[Intent] = []
        for asset, stock in self._stock.items():
            excess_usd = (self.world.tokens(self.account, asset) - stock) * view.mids[asset]
            usd = strategy.unwind_usd(excess_usd, view.block_time_s)
            if usd > 0.0:
                intents.append(Sell(asset, usd, strategy.max_slippage))
            elif usd < 0.0:
                intents.append(BuyOnBook(asset, -usd, strategy.max_slippage))
        return intents
