"""Volatility measured from prices: over a stretch, and as a feed that is as old as its last publication."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ....market.prices.reference import YEAR_S
from .inputs import InstrumentError, ParameterError, check_parameter


def close_to_close(prices: ArrayLike, times_s: ArrayLike) -> float:
    """Volatility of a stretch of prices, ``sqrt(sum r^2 / T)``, the drift taken for 0.

    Parameters
    ----------
    prices : array_like, shape (n,)
        Positive, at least 2.
    times_s : array_like, shape (n,)
        Increasing.

    Returns
    -------
    float
        Per square root of a year.

    Raises
    ------
    ParameterError
        If they are not so.
    """
    p, t = np.asarray(prices, np.float64), np.asarray(times_s, np.float64)
    if p.ndim != 1 or p.shape != t.shape or len(p) < 2 or not (np.all(p > 0.0) and np.all(np.diff(t) > 0.0)):
        raise ParameterError("volatility needs 2 prices above 0 or more, at increasing times")
    return float(np.sqrt(np.sum(np.diff(np.log(p)) ** 2) / (t[-1] - t[0]) * YEAR_S))


def parkinson(high: ArrayLike, low: ArrayLike, bar_s: float) -> float:
    """Volatility from the ranges of bars, ``sqrt(mean ln(H/L)^2 / (4 ln 2 dt))`` (Parkinson 1980).

    Parameters
    ----------
    high, low : array_like, shape (n,)
        Positive, low not above high.
    bar_s : float
        Length of a bar, positive.

    Raises
    ------
    ParameterError
        If they are not so.
    """
    top, bottom = np.asarray(high, np.float64), np.asarray(low, np.float64)
    check_parameter("bar_s", bar_s, above=0.0)
    if not (top.size and top.shape == bottom.shape and np.all(bottom > 0.0) and np.all(top >= bottom)):
        raise ParameterError("ranges need one low above 0 for each high, and none above it")
    return float(np.sqrt(np.mean(np.log(top / bottom) ** 2) / (4.0 * math.log(2.0) * bar_s / YEAR_S)))


class FeedMemory(NamedTuple):
    """What a volatility feed carries from one price to the next.

    Attributes
    ----------
    price, time_s
        Last price seen and when; NaN before the first.
    variance, weight
        Weighted sum of squared returns per year and the sum of their weights, below 1 until history fills up.
    published, published_s
        Volatility last published and when; NaN before the first time.
    """

    price: float = math.nan
    time_s: float = math.nan
    variance: float = 0.0
    weight: float = 0.0
    published: float = math.nan
    published_s: float = math.nan


@dataclass(frozen=True, slots=True)
class VolatilityFeed:
    """Exponentially weighted volatility, published now and then (MODEL 2.5).

    A return of age `half_life_s` weighs half as much as a new one, whatever the times between prices.

    Parameters
    ----------
    half_life_s : float
        Positive.
    publish_every_s : float
        Least time between two publications; 0 publishes at every price.

    Raises
    ------
    ParameterError
        If they are not so.
    """

    half_life_s: float
    publish_every_s: float = 0.0

    def __post_init__(self) -> None:
        check_parameter("half_life_s", self.half_life_s, above=0.0)
        check_parameter("publish_every_s", self.publish_every_s, at_least=0.0)

    def see(self, memory: FeedMemory, price: float, time_s: float) -> FeedMemory:
        """Take in a price; ``FeedMemory()`` is the memory before the first.

        Raises
        ------
        InstrumentError
            If the price is not positive or time goes backwards.
        """
        if not (price > 0.0 and math.isfinite(price)):
            raise InstrumentError(f"price must be finite and above 0; got {price}")
        elapsed_s = time_s - memory.time_s
        if math.isnan(elapsed_s):
            return memory._replace(price=price, time_s=time_s)
        if elapsed_s <= 0.0:
            raise InstrumentError(f"time must be after {memory.time_s:g} s; got {time_s:g} s")
        fresh = -math.expm1(-math.log(2.0) * elapsed_s / self.half_life_s)
        rate = math.log(price / memory.price) ** 2 / elapsed_s * YEAR_S
        variance = memory.variance + fresh * (rate - memory.variance)
        weight = memory.weight + fresh * (1.0 - memory.weight)
        published, published_s = memory.published, memory.published_s
        if math.isnan(published_s) or time_s - published_s >= self.publish_every_s:
            published, published_s = math.sqrt(variance / weight), time_s
        return FeedMemory(price, time_s, variance, weight, published, published_s)

    def read(self, memory: FeedMemory, time_s: float) -> tuple[float, float]:
        """Return the volatility published last and its age in seconds; NaN if there is none."""
        return memory.published, time_s - memory.published_s
