"""What one book went through, as arrays: returns, volumes, spreads and depths by bar, and its trades."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..runs.result import RunResult
from ..scenarios import Scenario

Floats = NDArray[np.float64]

BAR_S = 60.0
"""Length of a bar: tails and memories are stated for minutes (MODEL 5.4)."""

ENOUGH_BARS = 200
"""Bars below which a run is too short for minutes, and a bar is one block."""


@dataclass(frozen=True, slots=True, eq=False)
class BookHistory:
    """One book over a run, cut into bars of whole blocks.

    Attributes
    ----------
    asset : str
    returns : float64 ndarray, shape (bars,)
        Log returns of the mid.
    outside : float64 ndarray, shape (bars,)
        Log returns of the reference price.
    volume_usd, flow_usd : float64 ndarray, shape (bars,)
        Traded, and bought less sold by takers.
    spread_bps : float64 ndarray, shape (bars,)
        Mean quoted spread over the mid; nan where no block had both sides.
    depth_bid_usd, depth_ask_usd : float64 ndarray, shape (bars,)
        Mean depth within 1 % of the mid.
    depth_before_usd : float64 ndarray, shape (trades,)
        Depth of both sides in the block before each trade; nan in the first block.
    trade_prices, trade_sizes_usd : float64 ndarray, shape (trades,)
        In the order of execution.
    trades_in_block : float64 ndarray, shape (blocks,)
    """

    asset: str
    returns: Floats
    outside: Floats
    volume_usd: Floats
    flow_usd: Floats
    spread_bps: Floats
    depth_bid_usd: Floats
    depth_ask_usd: Floats
    depth_before_usd: Floats
    trade_prices: Floats
    trade_sizes_usd: Floats
    trades_in_block: Floats


def blocks_in_bar(scenario: Scenario) -> int:
    """Return the blocks of a bar: about a minute of them, or one where minutes would be too few."""
    clock = scenario.clock
    blocks = max(1, round(BAR_S / clock.block_time_s))
    return blocks if clock.n_blocks // blocks >= ENOUGH_BARS else 1


def book_histories(result: RunResult) -> list[BookHistory]:
    """Return the history of every book of a run, in the order of the scenario.

    Raises
    ------
    ValueError
        If the run did not record its quotes or trades.
    """
    for table in ("quotes", "trades"):
        if table not in result.tables:
            raise ValueError(f"run of {result.scenario.name} has no table {table}; record it")
    per_bar = blocks_in_bar(result.scenario)
    books = [asset.symbol for asset in result.scenario.assets if asset.book is not None]
    quotes, trades = result.quotes, result.trades
    return [
        _history(symbol, quotes[quotes.asset == symbol], trades[trades.asset == symbol], per_bar)
        for symbol in books
    ]


def _history(asset: str, quotes: pd.DataFrame, trades: pd.DataFrame, per_bar: int) -> BookHistory:
    bars = (len(quotes) - 1) // per_bar
    ends = np.arange(bars + 1) * per_bar
    inside = slice(1, bars * per_bar + 1)
    mid, reference = quotes.mid.to_numpy(float), quotes.reference.to_numpy(float)
    spread = (quotes.ask - quotes.bid).to_numpy(float) / mid * 1e4
    depth_bid, depth_ask = quotes.depth_bid_usd.to_numpy(float), quotes.depth_ask_usd.to_numpy(float)
    block = trades.block.to_numpy(np.int64)
    price = trades.price.to_numpy(float)
    size = price * trades.quantity.to_numpy(float)
    n = len(quotes)
    volume: Floats = np.bincount(block, size, n).astype(np.float64)
    flow: Floats = np.bincount(block, size * trades.side.to_numpy(float), n).astype(np.float64)
    before = np.concatenate([[np.nan], (depth_bid + depth_ask)[:-1]])

    def means(values: Floats) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a bar without any value is nan
            return np.asarray(np.nanmean(values[inside].reshape(bars, per_bar), axis=1))

    def sums(values: Floats) -> Floats:
        return np.asarray(values[inside].reshape(bars, per_bar).sum(axis=1))

    return BookHistory(
        asset=asset,
        returns=np.diff(np.log(mid[ends])),
        outside=np.diff(np.log(reference[ends])),
        volume_usd=sums(volume),
        flow_usd=sums(flow),
        spread_bps=means(spread),
        depth_bid_usd=means(depth_bid),
        depth_ask_usd=means(depth_ask),
        depth_before_usd=before[block],
        trade_prices=price,
        trade_sizes_usd=size,
        trades_in_block=np.bincount(block, minlength=n).astype(np.float64),
    )
