"""The battery: what is known of markets, each fact with its statistic and the band it should lie in.

Bands come from MODEL 5.4 and the papers named there, and are not fitted to any run. Where
the literature gives a sign only, the band is that sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..statistics import hill_estimator
from .aggregation import excess_kurtosis, hurst_exponent, kurtosis_exponent
from .autocorrelation import autocorrelations, decay_exponent
from .dispersion import branching_ratio, index_of_dispersion
from .history import BookHistory
from .impact import estimated_lambda, impact_exponent
from .roll import roll_spread

Floats = NDArray[np.float64]

STEPS = (1, 2, 4, 8, 16)
"""Bars added up, where a statistic looks at longer and longer sums."""

TAIL = 0.05
"""Share of the largest values that a tail index is read from."""

WINDOW_BLOCKS = 20
"""Blocks in a window in which trades are counted."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One stylised fact.

    Attributes
    ----------
    name : str
    claim : str
        What is said of real markets.
    statistic : str
        What is computed, with its unit.
    low, high : float
        The band; both ends belong to it, but for an open end at 0 or 1 by the claim.
    source : str
    of_book : callable, optional
        The statistic of a book; nan where it does not exist.
    of_returns : callable, optional
        The statistic of returns instead: then it is told of the reference price too, as
        a book that follows a replayed price inherits much of it.
    """

    name: str
    claim: str
    statistic: str
    low: float
    high: float
    source: str
    of_book: Callable[[BookHistory], float] | None = None
    of_returns: Callable[[Floats], float] | None = None

    def measure(self, book: BookHistory) -> float:
        """Return the statistic of a book."""
        if self.of_returns is not None:
            return self.of_returns(book.returns)
        assert self.of_book is not None
        return self.of_book(book)

    def measure_outside(self, book: BookHistory) -> float:
        """Return the statistic of the reference price; nan where it says nothing of it."""
        return math.nan if self.of_returns is None else self.of_returns(book.outside)


def mean_correlation(values: Floats, first: int, last: int) -> float:
    """Return the mean autocorrelation at lags `first` to `last`."""
    return float(autocorrelations(values, last)[first - 1 :].mean())


def tail_index(values: Floats) -> float:
    """Return Hill's index of the largest values; nan if they are too few or not positive."""
    largest = np.sort(values)[::-1]
    k = int(TAIL * len(largest))
    if k < 5 or not largest[k] > 0.0 or largest[0] == largest[k]:
        return math.nan
    return hill_estimator(largest, k)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation where both exist; nan if one is constant."""
    both = ~(np.isnan(first) | np.isnan(second))
    one, other = first[both], second[both]
    if len(one) < 3 or not np.ptp(one) > 0.0 or not np.ptp(other) > 0.0:
        return math.nan
    return float(stats.spearmanr(one, other).statistic)


def _volatility_memory(returns: Floats) -> float:
    return decay_exponent(autocorrelations(np.abs(returns), min(127, len(returns) // 4)))


def _bounce(book: BookHistory) -> float:
    return (
        float(autocorrelations(np.diff(book.trade_prices), 1)[0]) if len(book.trade_prices) > 3 else math.nan
    )


def _roll(book: BookHistory) -> float:
    quoted = float(np.nanmean(book.spread_bps)) if (~np.isnan(book.spread_bps)).any() else math.nan
    if not len(book.trade_prices):
        return math.nan
    return roll_spread(book.trade_prices) / float(book.trade_prices.mean()) * 1e4 / quoted


def _depth_skew(book: BookHistory) -> float:
    bid, ask = float(book.depth_bid_usd.mean()), float(book.depth_ask_usd.mean())
    return (bid - ask) / (bid + ask) if bid + ask > 0.0 else math.nan


def _swarms(book: BookHistory) -> float:
    counts = book.trades_in_block
    windows = counts[: len(counts) // WINDOW_BLOCKS * WINDOW_BLOCKS].reshape(-1, WINDOW_BLOCKS).sum(axis=1)
    return branching_ratio(index_of_dispersion(windows))


CONT = "Cont 2001"
INF = math.inf

FACTS: tuple[Fact, ...] = (
    Fact(
        "no-memory-of-returns", "returns do not predict returns", "mean autocorrelation, lags 2 to 10",
        -0.05, 0.05, CONT, of_returns=lambda returns: mean_correlation(returns, 2, 10),
    ),
    Fact(
        "hurst-of-returns", "prices diffuse", "Hurst exponent of returns",
        0.4, 0.6, "MODEL 5.4", of_returns=lambda returns: hurst_exponent(returns, STEPS),
    ),
    Fact(
        "fat-tails", "extreme returns are frequent", "excess kurtosis of returns",
        0.0, INF, CONT, of_returns=excess_kurtosis,
    ),
    Fact(
        "tail-index", "tails fall as a power, with a finite variance", "Hill index, largest 5 % of |returns|",
        2.0, 5.0, CONT, of_returns=lambda returns: tail_index(np.abs(returns)),
    ),
    Fact(
        "aggregational-gaussianity", "sums become normal, slower than independent ones would",
        "b of kurtosis ~ n^-b", 0.0, 1.0, CONT, of_returns=lambda returns: kurtosis_exponent(returns, STEPS),
    ),
    Fact(
        "volatility-clusters", "large moves follow large moves",
        "mean autocorrelation of |returns|, lags 1 to 10",
        0.0, 1.0, CONT, of_returns=lambda returns: mean_correlation(np.abs(returns), 1, 10),
    ),
    Fact(
        "volatility-decay", "that memory fades as a slow power", "b of autocorrelation ~ lag^-b",
        0.2, 0.5, "arXiv:2510.22834", of_returns=_volatility_memory,
    ),
    Fact(
        "hurst-of-volatility", "volatility has long memory", "Hurst exponent of |returns|",
        0.5, 1.0, "MODEL 5.4", of_returns=lambda returns: hurst_exponent(np.abs(returns), STEPS),
    ),
    Fact(
        "trades-bounce", "trade prices go back and forth", "first autocorrelation of trade price changes",
        -1.0, 0.0, "Schnaubelt et al. 2019", of_book=_bounce,
    ),
    Fact(
        "roll-spread", "the bounce is of the size of the spread", "Roll's spread over the quoted one",
        0.5, 2.0, "Roll 1984; width ours", of_book=_roll,
    ),
    Fact(
        "volume-volatility", "volume and volatility go together", "rank correlation of volume and |return|",
        0.0, 1.0, CONT, of_book=lambda book: rank_correlation(book.volume_usd, np.abs(book.returns)),
    ),
    Fact(
        "spread-volatility", "spreads widen in volatile times", "rank correlation of spread and |return|",
        0.0, 1.0, "Bollerslev and Melvin 1994",
        of_book=lambda book: rank_correlation(book.spread_bps, np.abs(book.returns)),
    ),
    Fact(
        "depth-is-symmetric", "both sides are equally deep on average",
        "(bid - ask) / (bid + ask) of mean depth",
        -0.1, 0.1, "Schnaubelt et al. 2019; width ours", of_book=_depth_skew,
    ),
    Fact(
        "trade-sizes", "trade sizes have a power tail", "Hill index, largest 5 % of trades",
        1.0, 3.0, "Schnaubelt et al. 2019; width ours", of_book=lambda book: tail_index(book.trade_sizes_usd),
    ),
    Fact(
        "large-trades-wait", "large trades are timed to liquid moments",
        "rank correlation of trade size and depth",
        0.0, 1.0, "Schnaubelt et al. 2019",
        of_book=lambda book: rank_correlation(book.trade_sizes_usd, book.depth_before_usd),
    ),
    Fact(
        "kyle-lambda", "buying lifts the price, selling lowers it", "Kyle's lambda, bps per million USD",
        0.0, INF, "Kyle 1985", of_book=lambda book: 1e10 * estimated_lambda(book.returns, book.flow_usd),
    ),
    Fact(
        "square-root-impact", "impact grows as the square root of size",
        "exponent of impact by flow of a bar",
        0.4, 0.7, "Donier and Bonart 2015; width ours",
        of_book=lambda book: impact_exponent(book.returns, book.flow_usd),
    ),
    Fact(
        "orders-cluster", "most orders are triggered by others", "branching ratio from counts of trades",
        0.5, 1.0, "MODEL 5.4, Hawkes", of_book=_swarms,
    ),
)  # fmt: skip
"""The battery, in the order in which it is reported."""
