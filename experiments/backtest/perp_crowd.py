"""A crowd of leveraged traders on a recorded price: who is liquidated when.

Traders arrive at an even rate on both sides and open at the price of the moment. Each is liquidated
when the price has moved against it by its own distance (lognormal: the inverse of leverage, less
maintenance), unless it has closed by itself before (exponential lifetime). The price is recorded, so it
holds the impact of the real liquidations already; nothing is fed back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ENTRY_S = 600.0
"""Time between two entries into the market; all who open within it open at one price."""

REMEMBERED_S = 10 * 86_400.0
"""Positions older than this are left out."""


class Crossings(NamedTuple):
    """Every new extreme of the price after every entry, one row each.

    Attributes
    ----------
    hour : int64 ndarray, shape (n,)
        Hour in which it happened, from 0.
    age_s : float64 ndarray, shape (n,)
        Since the entry.
    near, far : float64 ndarray, shape (n,)
        Distances from the entry price, as logarithms: those between them are liquidated now.
    """

    hour: Integers
    age_s: Floats
    near: Floats
    far: Floats


@dataclass(frozen=True, slots=True)
class CrowdLaw:
    """The crowd of one side.

    Parameters
    ----------
    rate_eth_per_h : float
        Positions opened, in ETH an hour.
    median_distance : float
        Of the adverse move, as a logarithm, that liquidates a position.
    distance_sd_log : float
        Spread of the lognormal law of distances.
    lifetime_h : float
        Mean time after which a position is closed by its owner.
    mean_size_eth, size_sd_log : float
        Lognormal sizes of positions; they make the spread between seeds and are not fitted.
    """

    rate_eth_per_h: float
    median_distance: float
    distance_sd_log: float
    lifetime_h: float
    mean_size_eth: float = 15.0
    size_sd_log: float = 1.5


def crossings(times_s: Floats, prices: Floats, side: int) -> Crossings:
    """Find what liquidates longs (side 1) or shorts (-1) that entered at any time.

    Parameters
    ----------
    times_s : float64 ndarray, shape (n,)
        Rising.
    prices : float64 ndarray, shape (n,)
    side : int
    """
    level = -side * np.log(prices)  # what rises is adverse
    entries = np.searchsorted(times_s, np.arange(times_s[0], times_s[-1], ENTRY_S))
    begin = times_s[0]
    hours: list[Integers] = []
    ages, nears, fars = list[Floats](), list[Floats](), list[Floats]()
    for entry in np.unique(entries).tolist():
        end = int(np.searchsorted(times_s, times_s[entry] + REMEMBERED_S))
        path = level[entry:end] - level[entry]
        high = np.maximum.accumulate(path)
        new = np.flatnonzero(high[1:] > high[:-1]) + 1
        at = entry + new
        hours.append(((times_s[at] - begin) // 3600).astype(np.int64))
        ages.append(times_s[at] - times_s[entry])
        nears.append(high[new - 1])
        fars.append(high[new])
    return Crossings(np.concatenate(hours), np.concatenate(ages), np.concatenate(nears), np.concatenate(fars))


def expected(law: CrowdLaw, seen: Crossings, n_hours: int) -> Floats:
    """Mean liquidated volume of each hour, ETH."""
    return by_hour(seen.hour, _means(law, seen), n_hours)


def drawn(law: CrowdLaw, seen: Crossings, n_hours: int, rng: np.random.Generator) -> Floats:
    """Liquidated volume of each hour for a crowd of whole traders, ETH.

    Traders arrive as a Poisson process with independent distances, lifetimes and sizes, so that those
    liquidated at different crossings are independent Poisson numbers.
    """
    count = rng.poisson(_means(law, seen) / law.mean_size_eth)
    hour = np.repeat(seen.hour, count)
    sd = law.size_sd_log
    sizes = law.mean_size_eth * np.exp(sd * rng.standard_normal(len(hour)) - 0.5 * sd * sd)
    return by_hour(hour, sizes, n_hours)


def fit(recorded: Floats, seen: Crossings) -> CrowdLaw:
    """Fit a crowd to recorded volumes by hour: least squares of square roots, the total as recorded.

    Parameters
    ----------
    recorded : float64 ndarray, shape (n_hours,)
        ETH; later crossings are not looked at.
    seen : Crossings
    """
    n = len(recorded)
    now = seen.hour < n
    early = Crossings(seen.hour[now], seen.age_s[now], seen.near[now], seen.far[now])
    roots = np.sqrt(recorded)

    def law(x: Floats) -> CrowdLaw:
        shape = CrowdLaw(1.0, math.exp(x[0]), math.exp(x[1]), math.exp(x[2]))
        whole = expected(shape, early, n).sum()
        rate = recorded.sum() / whole if whole > 0.0 else 0.0
        return CrowdLaw(rate, shape.median_distance, shape.distance_sd_log, shape.lifetime_h)

    def loss(x: Floats) -> float:
        if np.abs(x - start).max() > 4.0:  # a factor of 50 either way
            return 1e18
        return float(((np.sqrt(expected(law(x), early, n)) - roots) ** 2).sum())

    start = np.log([0.05, 0.8, 24.0])
    found = minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-2, "maxiter": 400}
    )
    return law(found.x)


def by_hour(hour: Integers, volumes: Floats, n_hours: int) -> Floats:
    """Sum volumes by hour; those of later hours are left out."""
    return np.bincount(hour, volumes, n_hours)[:n_hours].astype(np.float64)


def _means(law: CrowdLaw, seen: Crossings) -> Floats:
    """Mean volume liquidated at each crossing, ETH."""
    with np.errstate(divide="ignore"):
        near, far = np.log(np.maximum(seen.near, 0.0)), np.log(seen.far)
    centre, sd = math.log(law.median_distance), law.distance_sd_log
    share = norm.cdf((far - centre) / sd) - norm.cdf((near - centre) / sd)
    opened = law.rate_eth_per_h * ENTRY_S / 3600.0
    return np.asarray(opened * np.exp(-seen.age_s / (3600.0 * law.lifetime_h)) * share)
