"""What may have happened inside price bars: a seeded path that honours each of them.

Within a bar the path starts at the open, goes to one extreme, to the other and
to the close, and wanders between these points as a Brownian bridge in logarithms
that is reflected at high and low. It never leaves the bar's range. The wandering
makes up for the variance that the straight legs lack against the Parkinson
variance of the bar. Extremes are put on sampled times, so that a simulation that
looks at blocks only still sees them; with few blocks a bar, the legs alone then
have more variance than the bar itself (about 2.4 times at 13 s in bars of 60 s).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bars import Bars
from .reference import Floats

_PARKINSON = 4.0 * np.log(2.0)  # range squared over this estimates a bar's variance (Parkinson 1980)


def sample_bars(bars: Bars, at_s: Floats, rng: np.random.Generator) -> Floats:
    """Draw prices at given times inside bars.

    Parameters
    ----------
    bars : Bars
        Bars that cover all times; see `Bars.window`.
    at_s : float64 ndarray, shape (n,)
        Unix seconds, increasing.
    rng : numpy.random.Generator

    Returns
    -------
    float64 ndarray, shape (n,)
        At a bar's first instant its open; at the end of the last bar its close. A
        bar with at least two times after its first instant shows its high and its
        low; with fewer they may fall between the times.
    """
    starts, n_bars = bars.ts, len(bars)
    ends = np.append(starts[1:], bars.end_s)
    bar = np.clip(np.searchsorted(starts, at_s, "right") - 1, 0, n_bars - 1)

    high_first = _high_comes_first(bars, rng)
    extreme1 = np.where(high_first, bars.high, bars.low)
    extreme2 = np.where(high_first, bars.low, bars.high)
    time1, time2 = _extreme_times(bars, extreme1 == bars.open, at_s, bar, rng=rng)

    knots = np.append(np.column_stack((starts, time1, time2)).ravel(), bars.end_s)
    leg_from = np.column_stack((bars.open, extreme1, extreme2)).ravel()
    leg_to = np.column_stack((extreme1, extreme2, bars.close)).ravel()
    leg = np.clip(np.searchsorted(knots, at_s, "right") - 1, 0, 3 * n_bars - 1)
    left, right = np.log(leg_from[leg]), np.log(leg_to[leg])
    elapsed = at_s - knots[leg]
    length = np.maximum(knots[leg + 1] - knots[leg], np.finfo(np.float64).tiny)
    straight = left + (right - left) * (elapsed / length)

    low, width = np.log(bars.low), np.log(bars.high / bars.low)
    wanted = width**2 / _PARKINSON
    same_bar = bar[1:] == bar[:-1]
    present = np.bincount(bar[1:][same_bar], np.diff(straight)[same_bar] ** 2, minlength=n_bars)
    rate = np.sqrt(np.maximum(wanted - present, 0.0) / (ends - starts))
    wandering = straight + _bridge_noise(knots, at_s, bar, rate, rng)
    prices = np.exp(_reflect(wandering, low[bar], width[bar]))
    prices = np.clip(prices, bars.low[bar], bars.high[bar])
    prices = np.where(elapsed == 0, leg_from[leg], prices)
    return np.where(at_s >= bars.end_s, bars.close[-1], prices)


def _high_comes_first(bars: Bars, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Order of the extremes, by the likelihood of three equally long Brownian legs.

    With the Parkinson variance the odds of low before high are
    ``2 ** (12 * (close - open) / (high - low))``: a coin flip for a bar that ends
    where it began, high first almost surely for one that falls all the way.
    """
    width = bars.high - bars.low
    body = np.divide(bars.close - bars.open, width, out=np.zeros(len(bars)), where=width > 0)
    return rng.random(len(bars)) < 1.0 / (1.0 + np.exp2(12.0 * body))


def _extreme_times(
    bars: Bars, at_open: NDArray[np.bool_], at_s: Floats, bar: NDArray[np.intp], *, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw when each bar has its first and its second extreme, on sampled times where it has enough.

    `at_open` says that the first extreme is the open; `bar` is the bar of each of `at_s`.
    """
    starts, n_bars = bars.ts, len(bars)
    lengths = np.append(starts[1:], bars.end_s) - starts
    times = starts[:, None] + np.sort(rng.random((n_bars, 2)), axis=1) * lengths[:, None]
    time1, time2 = times[:, 0], times[:, 1]
    position = np.flatnonzero((at_s > starts[bar]) & (at_s < bars.end_s))
    count = np.bincount(bar[position], minlength=n_bars)
    first = np.concatenate(([0], np.cumsum(count)[:-1]))
    # two different ranks out of `count`, each pair equally likely
    ranks = (rng.random((n_bars, 2)) * np.column_stack((count, count - 1))).astype(np.intp)
    ranks[:, 1] += ranks[:, 1] >= ranks[:, 0]
    ranks.sort(axis=1)
    two = count >= 2
    time1[two] = at_s[position[first[two] + ranks[two, 0]]]
    time2[two] = at_s[position[first[two] + ranks[two, 1]]]
    one = (count == 1) & at_open
    time2[one] = at_s[position[first[one]]]
    # an open that is itself an extreme needs no second visit if somebody sees it
    seen = np.zeros(n_bars, np.bool_)
    seen[bar[at_s == starts[bar]]] = True
    stays = at_open & (seen | ~two)
    time1[stays] = starts[stays]
    return time1, time2


def _bridge_noise(
    knots: Floats, at_s: Floats, bar: NDArray[np.intp], volatility: Floats, rng: np.random.Generator
) -> Floats:
    """Brownian bridges of log price, zero at every knot, at the sampled times."""
    times = np.concatenate((knots, at_s))
    order = np.argsort(times, kind="stable")
    bars_of_knots = np.append(np.repeat(np.arange(len(volatility)), 3), len(volatility) - 1)
    # an interval belongs to the bar of the point that begins it
    owner = np.concatenate((bars_of_knots, bar))[order]
    ordered = times[order]
    steps = rng.standard_normal(len(times) - 1) * volatility[owner[:-1]] * np.sqrt(np.diff(ordered))
    walk = np.empty(len(times))
    walk[order] = np.concatenate(([0.0], np.cumsum(steps)))
    return walk[len(knots) :] - np.interp(at_s, knots, walk[: len(knots)])


def _reflect(values: Floats, low: Floats, width: Floats) -> Floats:
    """Fold values back into [low, low + width], as a mirror at both ends would."""
    period = np.where(width > 0, 2.0 * width, 1.0)
    folded = np.mod(values - low, period)
    return low + np.where(width > 0, np.minimum(folded, period - folded), 0.0)
