"""Liquidator bots: watch, value, bid, liquidate, get rid of what they seized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .base import DecidingAgent, Intent, Offer, Opportunity, PublicView, RightBid
from .strategies.liquidator import Liquidator, OwnState, Position

PRIOR_WIN_RATE = 0.5
"""Chance of winning that a bot believes in before it has seen anything."""

RECOVERY = 0.02
"""How much slower than by its own outcomes a bot that stays out returns to that belief."""


class LiquidatorBot(DecidingAgent):
    """One bot with its own account, learning how often its calls win.

    Parameters
    ----------
    learning_rate : float
        Weight of the newest outcome in the learned chance of winning.
    """

    role = "liquidator"

    def __init__(
        self,
        model: Any,
        name: str,
        account: int,
        strategy: Liquidator,
        learning_rate: float = 0.1,
        **latency: float,
    ) -> None:
        super().__init__(model, name, account, strategy, **latency)
        self.learning_rate = learning_rate
        self.win_rate = PRIOR_WIN_RATE
        self._gain_usd = 0.0
        self._outcomes = self._outcomes_counted = 0
        self.taking = strategy.taker() if isinstance(strategy, Liquidator) else None
        self._helpers = model.stream(f"bids/{name}").random, self._look, self._prices

    def decide(self, view: PublicView) -> list[Intent]:
        """Return the calls the strategy finds worth their gas."""
        if not view.opportunities:
            return []
        seen = self._seen(view)
        self._reckon()
        calls: list[Intent] = []
        if self.taking is None or view.most_usd > self.strategy.least_call(seen, self.win_rate):
            calls.extend(self.strategy.decide(seen, self._own()))
        if not calls:
            self.win_rate += RECOVERY * self.learning_rate * (PRIOR_WIN_RATE - self.win_rate)
        return calls

    def trade(self, view: PublicView) -> list[Intent]:
        """Return what the bot wants of the collateral that protocols sell, and upkeep worth its gas."""
        return [] if self.taking is None else list(self.taking.decide(self._seen(view), self._own()))

    def bid_for_right(
        self, opportunity: Opportunity, view: PublicView, won: Sequence[RightBid], second_price: bool
    ) -> RightBid | None:
        """Return what the bot offers for the right to make a call, having won `won` already.

        The oracle's prices in `view` are those that are not published yet.
        """
        if self.taking is None:
            return None
        return self.taking.right_bid(opportunity, view, self._own(), won, second_price)

    def _seen(self, view: PublicView) -> PublicView:
        """Return the view with what reverts cost this bot."""
        return view._replace(revert_gas_share=0.0) if self.revert_protection else view

    def _reckon(self) -> None:
        """Take stock of gains after each outcome, when next asked: prices have moved on by then."""
        if self._outcomes != self._outcomes_counted:
            self._outcomes_counted = self._outcomes
            self._gain_usd = self.world.gain_usd(self.account)

    def _own(self) -> OwnState:
        self._reckon()
        cash_usd = self.world.cash_usd(self.account)
        return OwnState(cash_usd, self.win_rate, self._gain_usd, self.account, *self._helpers)

    def _look(self, opportunity: Opportunity) -> Position:
        return Position(*self.world.position(opportunity))

    def _prices(self, offer: Offer, times_s: Sequence[float]) -> list[float]:
        return self.world.sale_prices(offer, times_s)

    def take_stock(self) -> None:
        """Have gains counted anew when next asked: something was done that is no lesson about winning."""
        self._outcomes += 1

    def learn(self, won: bool) -> None:
        """Take in whether a call was executed or reverted."""
        self._outcomes += 1
        self.win_rate += self.learning_rate * ((1.0 if won else 0.0) - self.win_rate)
