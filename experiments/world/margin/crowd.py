"""The crowd of a venue trading anew: who acts in a block sends an order to the book.

The law is `agents.perp_trading`; here it meets accounts, marks and the book. Only the accounts that act are
touched. An order that would leave an account below its margin is not sent.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....agents.perp_crowd import LeverageLaw
from ....agents.perp_trading import TradingLaw
from ....protocols.margin.pretrade import refusal
from .closing import Closing
from .listing import Listing

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class TradingCrowd:
    """What the crowd of one venue does of its own will.

    Parameters
    ----------
    law : TradingLaw
    leverage : LeverageLaw
        Of positions that are opened anew, and of their stop orders.
    closing : Closing
        Sends orders for rows, and knows whose account is being closed.
    weights : sequence of float
        How often each contract is chosen by who holds none, in proportion.
    home : int64 ndarray, shape (n_traders,), or None
        The only contract of each row, on isolated margin.
    rng : Generator
    block_time_s : float
    """

    def __init__(
        self,
        law: TradingLaw,
        leverage: LeverageLaw,
        closing: Closing,
        weights: Sequence[float],
        home: Integers | None,
        rng: np.random.Generator,
        block_time_s: float,
    ) -> None:
        self.law, self.leverage, self.closing, self.home = law, leverage, closing, home
        self._weights = np.array(weights) / math.fsum(weights)
        self._rng = rng
        self._block_time_s = block_time_s
        n_marks = math.ceil(law.lookback_s / block_time_s) + 1
        self._marks = [deque[float](maxlen=n_marks) for _ in closing.listings]
        for listing in closing.listings:
            listing.any_stop = listing.any_stop or leverage.stop_share > 0.0

    def act(self, block: int, time_s: float) -> int:
        """Let those who decide in this block trade; the number of orders that books filled."""
        closing, rng = self.closing, self._rng
        for listing, marks in zip(closing.listings, self._marks, strict=True):
            marks.append(listing.ticks * listing.tick_usd)
        rows = self.law.actors(rng, closing.n_traders, self._block_time_s)
        if not len(rows):
            return 0
        columns = self._choose(rows)
        leverage, side = self.leverage.leverages(rng, len(rows)), rng.random(len(rows))
        filled = 0
        for listing in closing.listings:
            here = columns == listing.column
            if here.any() and listing.trades:
                filled += self._trade(listing, block, time_s, rows[here], leverage[here], side[here])
        return filled

    def _choose(self, rows: Integers) -> Integers:
        """Contract in which each row acts: its own, one of those that it holds, or any."""
        if self.home is not None:
            return self.home[rows]
        held = self.closing.accounts.lots[rows] != 0
        if held.shape[1] == 1:
            return np.zeros(len(rows), np.int64)
        odds = np.where(held.any(axis=1)[:, None], held, self._weights)
        odds = odds.cumsum(axis=1) / odds.sum(axis=1, keepdims=True)
        chosen: Integers = (self._rng.random((len(rows), 1)) >= odds).sum(axis=1).clip(max=held.shape[1] - 1)
        return chosen

    def _trade(
        self, listing: Listing, block: int, time_s: float, rows: Integers, leverage: Floats, side: Floats
    ) -> int:
        """Send the orders of some rows in one contract."""
        closing, law, column = self.closing, self.law, listing.column
        accounts, records, marks = closing.accounts, closing.records, self._marks[listing.column]
        share = law.long_share(math.log(marks[-1] / marks[0]), float(listing.seen.funding_rate))
        wanted = np.where(side < share, 1, -1)
        stops = self.leverage.stops(self._rng, wanted, marks[-1])
        held = accounts.lots[rows, column]
        equity_usd = accounts.states(rows)[:, 0] / records.unit
        lot_usd = listing.contract.value(1, listing.ticks) / records.unit
        lots = law.trades(wanted, held, equity_usd, leverage, lot_usd)
        filled = 0
        for row, bought, before, stop in zip(
            rows.tolist(), lots.tolist(), held.tolist(), stops.tolist(), strict=True
        ):
            if not bought or row in closing.open:
                continue
            if refusal(accounts, row, column, bought, listing.ticks, accounts.margin):
                continue
            worst_usd = marks[-1] * (1.0 + math.copysign(law.max_slippage, bought))
            done = closing.trade(row, listing, bought, worst_usd)
            if not done.lots:
                continue
            filled += 1
            if not before:
                listing.stops_usd[row] = stop
            price_usd = done.value / abs(done.lots) / (listing.spec.lot * records.unit)
            records.crowd.append(
                (
                    block, time_s, records.venue, listing.contract.symbol, row, done.lots, before + done.lots,
                    price_usd, share,
                )
            )  # fmt: skip
        return filled
