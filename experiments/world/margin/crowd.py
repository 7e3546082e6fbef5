"""The crowd of a venue trading anew: who acts in a block sends an order to the book.

The law is `agents.perp_trading`; here it meets accounts, marks and the book. Only the accounts that act are
touched. An order that would leave an account below its margin is not sent.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from ....agents.perp_crowd import LeverageLaw
from ....agents.perp_trading import TradingLaw
from ....protocols.margin.pretrade import refusal
from .closing import Closing


class TradingCrowd:
    """What the crowd of one venue does of its own will.

    Parameters
    ----------
    law : TradingLaw
    leverage : LeverageLaw
        Of positions that are opened anew, and of their stop orders.
    closing : Closing
        Sends orders for rows, and knows whose account is being closed.
    stops_usd : float64 ndarray, shape (n_traders,)
        Prices of stop orders; set anew with each position.
    rng : Generator
    block_time_s : float
    """

    def __init__(
        self,
        law: TradingLaw,
        leverage: LeverageLaw,
        closing: Closing,
        stops_usd: NDArray[np.float64],
        rng: np.random.Generator,
        block_time_s: float,
    ) -> None:
        self.law, self.leverage, self.closing, self.stops_usd = law, leverage, closing, stops_usd
        self._rng = rng
        self._block_time_s = block_time_s
        self._marks: deque[float] = deque(maxlen=math.ceil(law.lookback_s / block_time_s) + 1)

    def see(self, mark_usd: float) -> None:
        """Remember the mark of a block; called in every block, also while the book rests."""
        self._marks.append(mark_usd)

    def act(self, block: int, time_s: float, mark: int, funding_rate: float) -> int:
        """Let those who decide in this block trade; the number of orders that the book filled.

        Parameters
        ----------
        block : int
        time_s : float
        mark : int
            Ticks.
        funding_rate : float
            Rate that the premium so far would give.
        """
        closing, law, rng = self.closing, self.law, self._rng
        rows = law.actors(rng, closing.n_traders, self._block_time_s)
        if not len(rows):
            return 0
        accounts, records, contract = closing.accounts, closing.records, closing.contract
        mark_usd = self._marks[-1]
        share = law.long_share(math.log(mark_usd / self._marks[0]), funding_rate)
        wanted = np.where(rng.random(len(rows)) < share, 1, -1)
        leverage = self.leverage.leverages(rng, len(rows))
        stops = self.leverage.stops(rng, wanted, mark_usd)
        held = accounts.lots[rows, 0]
        equity_usd = accounts.states(rows)[:, 0] / records.unit
        lots = law.trades(wanted, held, equity_usd, leverage, contract.value(1, mark) / records.unit)
        filled = 0
        for row, bought, before, stop in zip(
            rows.tolist(), lots.tolist(), held.tolist(), stops.tolist(), strict=True
        ):
            if not bought or row in closing.open:
                continue
            if refusal(accounts, row, 0, bought, mark, accounts.margin):
                continue
            side = 1 if bought > 0 else -1
            done = closing.trade(row, bought, mark, mark_usd * (1.0 + side * law.max_slippage))
            if not done.lots:
                continue
            filled += 1
            if not before:
                self.stops_usd[row] = stop
            records.crowd.append(
                (
                    block, time_s, records.venue, contract.symbol, row, done.lots, before + done.lots,
                    done.value / abs(done.lots) / contract.multiplier * closing.tick_usd, share,
                )
            )  # fmt: skip
        return filled
