"""Circuit breaker of one venue in the running world: it halts the venue's book and reopens it.

While the book rests, part of its background orders go to the other books of the same underlying. When
the halt is over, the orders that rest on the book and those of waiting liquidations are cleared in a
call auction; its price says whether the book opens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....market.breakers import (
    Breaker,
    BreakerState,
    EndlessHaltError,
    Phase,
    Seen,
    call_auction,
    opened,
    reopen,
    step,
)
from ....market.breakers.call_auction import MARKET_ASK, MARKET_BID
from ....market.order_book.layout import BUY, SELL
from ....market.trading import NEVER, TradingFloor
from ....protocols.margin.marks import MarkInputs
from ...scenarios.base import ScenarioError


class Halting:
    """The breaker of one book.

    Parameters
    ----------
    breaker : Breaker
    floor : TradingFloor
    asset : int
        Ledger column of the contract.
    others : sequence of int
        Assets of other books on the same underlying.
    flow_shift : float
        Share of the background orders that goes to them while the book rests.
    price_usd : float
        At the start.
    where : str
        Place of the breaker in the scenario.

    Attributes
    ----------
    halts : list of (float, float)
        Beginning and end of each halt so far, s; the end of one that lasts is nan.
    """

    def __init__(
        self,
        breaker: Breaker,
        floor: TradingFloor,
        asset: int,
        others: Sequence[int],
        flow_shift: float,
        price_usd: float,
        where: str,
    ) -> None:
        self.where = where
        self.breaker, self.floor, self.asset = breaker, floor, asset
        self.others, self.flow_shift = tuple(others), flow_shift
        self.state: BreakerState = opened(price_usd)
        self.halts: list[tuple[float, float]] = []
        self._tick_usd = floor.spec(asset).tick_usd

    @property
    def halted(self) -> bool:
        """Whether the book rests."""
        return self.state.phase >= Phase.HALTED

    def look(self, block: int, time_s: float, seen: MarkInputs, waiting_lots: Sequence[int]) -> None:
        """Take one step.

        Parameters
        ----------
        block : int
        time_s : float
        seen : MarkInputs
            The book now.
        waiting_lots : sequence of int
            Lots that liquidations want to sell, negative to buy.

        Raises
        ------
        ScenarioError
            If a halt has lasted longer than the breaker allows.
        """
        before = self.state.phase
        bid, ask = float(seen.bid), float(seen.ask)
        last = None if seen.last_age_s > 0.0 else float(seen.last)
        shown = Seen(time_s, 0.0 if math.isnan(bid) else bid, math.inf if math.isnan(ask) else ask, last)
        try:
            self.state = step(self.breaker, self.state, shown)
        except EndlessHaltError as error:
            raise ScenarioError(f"{self.where}: {error}") from None
        if self.state.phase is Phase.REOPENING:
            self.state = reopen(self.breaker, self.state, time_s, self._auction(waiting_lots))
            if self.state.phase is Phase.OPEN:
                self.floor.halt(self.asset, 0, 0)
                self._shift(0.0)
                self.halts[-1] = (self.halts[-1][0], time_s)
        elif before < Phase.HALTED <= self.state.phase:
            self.floor.halt(self.asset, block, NEVER)
            self._shift(self.flow_shift)
            self.halts.append((time_s, float("nan")))

    def _auction(self, waiting_lots: Sequence[int]) -> float | None:
        """Price at which resting orders and waiting liquidations would clear, USD; None for none."""
        bids, asks = self.floor.levels(self.asset, BUY), self.floor.levels(self.asset, SELL)
        sells = np.array([lots for lots in waiting_lots if lots > 0], np.int64)
        buys = np.array([-lots for lots in waiting_lots if lots < 0], np.int64)
        cleared = call_auction(
            np.concatenate([bids[:, 0], np.full(len(buys), MARKET_BID)]),
            np.concatenate([bids[:, 1], buys]),
            np.concatenate([asks[:, 0], np.full(len(sells), MARKET_ASK)]),
            np.concatenate([asks[:, 1], sells]),
            max(round(self.state.reference / self._tick_usd), 1),
        )
        if cleared.ticks is None:  # nothing crosses: the book opens where it stands
            return self.state.reference
        return cleared.ticks * self._tick_usd

    def _shift(self, share: float) -> None:
        """Move background orders to the other books, or back."""
        if not self.others:
            return
        moved = share * self.floor.scale(self.asset) / len(self.others)
        for other in self.others:
            self.floor.scale_flow(other, 1.0 + moved / self.floor.scale(other))
