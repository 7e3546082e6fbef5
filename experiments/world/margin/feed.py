"""What a margin venue sees of one instrument, once a block: the inputs of its mark.

Reads the book of the instrument, the world outside and the venue's own filter; decides nothing.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from ....market.prices.reference import YEAR_S
from ....market.trading import TradingFloor
from ....protocols.margin.funding import clamped_funding
from ....protocols.margin.marks import MarkInputs
from ...scenarios.margin import FundingConfig, IndexConfig, ModelConfig


class Feed:
    """Index, book, last trade, model and funding of one instrument.

    Parameters
    ----------
    floor : TradingFloor
    asset, underlying : int
        Ledger columns of the contract and of what it follows.
    path : float64 ndarray, shape (n_blocks + 1,)
        Outside price of the underlying, USD.
    index, model, funding : sections of a venue
    block_time_s : float

    Attributes
    ----------
    truth : float
        Outside price of the underlying in the block of the last look, USD; no mark reads it directly.
    """

    def __init__(
        self,
        floor: TradingFloor,
        asset: int,
        underlying: int,
        path: NDArray[np.float64],
        index: IndexConfig,
        model: ModelConfig,
        funding: FundingConfig,
        block_time_s: float,
    ) -> None:
        self.floor, self.asset, self.underlying = floor, asset, underlying
        self.truth = float(path[0])
        self._path = path
        self._from_book = index.source == "book-mid"
        self._late = math.ceil(index.delay_s / block_time_s)
        self._seen: deque[float] = deque(maxlen=self._late + 1)
        self._model = float(path[0])
        self._model_age_s = model.half_life_s / math.log(2.0)
        self._forget = 0.5 ** (block_time_s / model.half_life_s)
        self._funding = funding
        self._premium_sum, self._premium_n = 0.0, 0
        self.block_time_s = block_time_s
        self._volume, self._last_age_s = 0, 0.0

    def look(self, block: int, time_s: float) -> MarkInputs:
        """Return what is known now; called once a block, after the books have traded."""
        floor, asset = self.floor, self.asset
        book = floor.book_of_asset[asset]
        self.truth = float(self._path[block])
        index = self._index(block)
        self._model = index + self._forget * (self._model - index)
        bid, ask = floor.touch(asset)
        if floor.halted(asset) or bid == 0.0 or ask == math.inf:
            bid = ask = math.nan
        else:
            self._premium_sum += 0.5 * (bid + ask) / index - 1.0
            self._premium_n += 1
        volume = floor.lots_traded(asset)
        self._last_age_s = 0.0 if volume != self._volume else self._last_age_s + self.block_time_s
        self._volume = volume
        interval_s, delay_s = self._funding.interval_s, self._late * self.block_time_s
        return MarkInputs(
            index_price=index,
            bid=bid,
            ask=ask,
            depth_usd=floor.bid_depths_usd()[book] + floor.ask_depths_usd()[book],
            last=floor.last_trade(asset),
            model=self._model,
            funding_rate=self.funding_rate(),
            funding_left=1.0 - (time_s % interval_s) / interval_s,
            volatility=floor.volatilities()[book] * math.sqrt(YEAR_S),
            index_age_s=delay_s,
            last_age_s=self._last_age_s,
            model_age_s=delay_s + self._model_age_s,
        )

    def funding_rate(self) -> float:
        """Funding rate that the mean premium of the interval so far would give."""
        premium = self._premium_sum / self._premium_n if self._premium_n else 0.0
        return clamped_funding(premium, self._funding.interest, self._funding.clamp)

    def new_interval(self) -> None:
        """Forget the premium, after a funding payment."""
        self._premium_sum, self._premium_n = 0.0, 0

    def _index(self, block: int) -> float:
        if not self._from_book:
            return float(self._path[max(block - self._late, 0)])
        self._seen.append(self.floor.mid(self.underlying))
        return self._seen[0]
