"""Marks by a median of several prices: one of them alone cannot move the mark far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .inputs import MarkInputs, MarkMemory, MarkPrice, Value, both, drift, missing, or_index, pick

_HALF = 0.5 - 1e-12
"""Half of the weight, but for rounding."""


@dataclass(frozen=True, slots=True)
class IndexWeightedMedian:
    """Weighted median of index, mid and last trade.

    Where exactly half of the weight lies on either side the mark is the middle of the two prices there, as
    with the default weights when both venue prices lie on one side of the index. A missing price gives its
    weight to the index.

    Parameters
    ----------
    index_weight, mid_weight, last_weight : float
        Not negative, not all 0. With more than half of the weight the index alone decides.

    Raises
    ------
    ValueError
        If the weights are not so.
    """

    index_weight: float = 2.0
    mid_weight: float = 1.0
    last_weight: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            weight = getattr(self, name)
            if not (math.isfinite(weight) and weight >= 0.0):
                raise ValueError(f"{name} must be finite and not negative, got {weight}")
        if self.index_weight + self.mid_weight + self.last_weight <= 0.0:
            raise ValueError("index_weight, mid_weight and last_weight must not all be 0")

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Median, the weighted mean of the ages, and the mean distance of the three from it."""
        mid, mid_age = or_index(seen.mid, seen.book_age_s, seen)
        last, last_age = or_index(seen.last, seen.last_age_s, seen)
        total = self.index_weight + self.mid_weight + self.last_weight
        shares = (self.index_weight / total, self.mid_weight / total, self.last_weight / total)
        prices: tuple[Value, ...] = (seen.index_price, mid, last)
        price = _weighted_median(prices, shares)
        age = shares[0] * seen.index_age_s + shares[1] * mid_age + shares[2] * last_age
        off: list[Value] = [np.abs(each - price) for each in prices]
        apart = shares[0] * off[0] + shares[1] * off[1] + shares[2] * off[2]
        return MarkPrice(price, age, both(apart, drift(price, seen.volatility, age)))


def _weighted_median(prices: Sequence[Value], shares: Sequence[float]) -> Value:
    """Middle of the lowest price with half of the weight at or below it and the highest with half above."""
    lowest: Any = math.inf
    highest: Any = -math.inf
    for price in prices:
        below = sum(share * (other <= price) for share, other in zip(shares, prices, strict=True))
        above = sum(share * (other >= price) for share, other in zip(shares, prices, strict=True))
        lowest = np.minimum(lowest, pick(below >= _HALF, price, math.inf))
        highest = np.maximum(highest, pick(above >= _HALF, price, -math.inf))
    middle: Value = 0.5 * (lowest + highest)
    return middle


@dataclass(frozen=True, slots=True)
class FundingBasisMedian:
    """Median of index with funding to come, index with moving basis, and last trade (MODEL 2.1, CASES P13).

    ``median(index (1 + funding_rate funding_left), index + basis, last)``; without a last trade the middle of
    the first two.

    Parameters
    ----------
    window_s : float
        Time constant of the moving basis, an exponential average: a basis of that age weighs ``1/e``.

    Raises
    ------
    ValueError
        If the window is not positive.
    """

    window_s: float = 30.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window_s) and self.window_s > 0.0):
            raise ValueError(f"window_s must be finite and above 0, got {self.window_s}")

    def mark(self, seen: MarkInputs) -> MarkPrice:
        """Median, the age of the price that it is, and the mean distance of the three from it."""
        funded = seen.index_price * (1.0 + seen.funding_rate * seen.funding_left)
        based = seen.index_price + seen.basis
        last = pick(missing(seen.last), 0.5 * (funded + based), seen.last)
        price = np.maximum(np.minimum(funded, based), np.minimum(np.maximum(funded, based), last))
        age = pick(price == seen.last, seen.last_age_s, seen.index_age_s)
        apart = (abs(funded - price) + abs(based - price) + abs(last - price)) / 3.0
        return MarkPrice(price, age, both(apart, drift(price, seen.volatility, age)))

    def remember(self, memory: MarkMemory, seen: MarkInputs, time_s: float) -> MarkMemory:
        """Move the average of the basis towards mid - index; an empty side leaves it."""
        now: Value = seen.mid - seen.index_price
        elapsed_s = time_s - memory.time_s
        follow = 1.0 if math.isnan(elapsed_s) else -math.expm1(-elapsed_s / self.window_s)
        moved = memory.basis + follow * (now - memory.basis)
        return memory._replace(time_s=time_s, basis=pick(missing(now), memory.basis, moved))
