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
        Outside price of the contract, USD; that of the underlying for a perpetual.
    index, model : sections of a venue
    funding : FundingConfig or None
        None for a contract that pays none.
    block_time_s : float
    basis : float64 ndarray, shape (n_blocks + 1,), optional
        Outside price of the contract over that of its underlying; 1 if left out.

    Attributes
    ----------
    truth : float
        Outside price of the contract in the block of the last look, USD; no mark reads it directly.
    """

    def __init__(
        self,
        floor: TradingFloor,
        asset: int,
        underlying: int,
        path: NDArray[np.float64],
        index: IndexConfig,
        model: ModelConfig,
        funding: FundingConfig | None,
        block_time_s: float,
        basis: NDArray[np.float64] | None = None,
    ) -> None:
        self.floor, self.asset, self.underlying = floor, asset, underlying
        self.truth = float(path[0])
        self._path, self._basis = path, basis
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
        self.truth = self.outside(block)
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
        delay_s = self._late * self.block_time_s
        return MarkInputs(
            index_price=index,
            bid=bid,
            ask=ask,
            depth_usd=floor.bid_depths_usd()[book] + floor.ask_depths_usd()[book],
            last=floor.last_trade(asset),
            model=self._model,
            funding_rate=self.funding_rate(),
            funding_left=self._funding_left(time_s),
            volatility=floor.volatilities()[book] * math.sqrt(YEAR_S),
            index_age_s=delay_s,
            last_age_s=self._last_age_s,
            model_age_s=delay_s + self._model_age_s,
        )

    def outside(self, block: int) -> float:
        """Outside price of the contract in a block; USD."""
        return float(self._path[block])

    def funding_rate(self) -> float:
        """Funding rate that the mean premium of the interval so far would give; 0 where none is paid."""
        if self._funding is None:
            return 0.0
        premium = self._premium_sum / self._premium_n if self._premium_n else 0.0
        return clamped_funding(premium, self._funding.interest, self._funding.clamp)

    def new_interval(self) -> None:
        """Forget the premium, after a funding payment."""
        self._premium_sum, self._premium_n = 0.0, 0

    def _funding_left(self, time_s: float) -> float:
        if self._funding is None:
            return 0.0
        interval_s = self._funding.interval_s
        return 1.0 - (time_s % interval_s) / interval_s

    def _index(self, block: int) -> float:
        if not self._from_book:
            return float(self._path[max(block - self._late, 0)])
        mid = self.floor.mid(self.underlying)
        self._seen.append(mid if self._basis is None else mid * float(self._basis[block]))
        return self._seen[0]
