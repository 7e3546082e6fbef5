"""Moments of a run that targets are stated for, by name: of a book, of an hour, or any metric.

``volatility_bps.ETH`` is a moment of a book, ``liquidations.hour-3`` one of the fourth hour
of a run. A moment that a run does not have counts as 0 where it is a number of events, and is
nan else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ..runs.metrics import METRICS, Function, find_metric
from ..runs.result import RunResult
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.scenario import nearest

OfBook = Callable[[RunResult, str], float]


def volatility_bps(result: RunResult, asset: str) -> float:
    """Root mean square of the mid's log returns, basis points per square root of a minute."""
    quotes = result.quotes[result.quotes.asset == asset]
    returns = np.diff(np.log(quotes.mid.to_numpy(float)))
    minutes = result.scenario.clock.block_time_s / 60.0
    return float(1e4 * np.sqrt(np.mean(returns**2) / minutes))


def spread_bps(result: RunResult, asset: str) -> float:
    """Mean quoted spread over the mid, basis points."""
    quotes = result.quotes[result.quotes.asset == asset]
    return float(((quotes.ask - quotes.bid) / quotes.mid).mean() * 1e4)


def depth_usd(result: RunResult, asset: str) -> float:
    """Mean depth within 1 % of the mid, both sides together, USD."""
    quotes = result.quotes[result.quotes.asset == asset]
    return float((quotes.depth_bid_usd + quotes.depth_ask_usd).mean())


def volume_usd(result: RunResult, asset: str) -> float:
    """Mean volume a minute, USD."""
    trades = result.trades[result.trades.asset == asset]
    clock = result.scenario.clock
    return float((trades.price * trades.quantity).sum() / (clock.n_blocks * clock.block_time_s / 60.0))


def liquidations(result: RunResult, hour: int) -> float:
    """Liquidations in an hour of the run, from 0."""
    return float((result.liquidations.t_done_s // 3600 == hour).sum())


def debt_repaid_usd(result: RunResult, hour: int) -> float:
    """Debt liquidated in an hour of the run, from 0; USD."""
    done = result.liquidations
    return float(done.repaid_usd[done.t_done_s // 3600 == hour].sum())


BOOK_MOMENTS: dict[str, OfBook] = {
    "volatility_bps": volatility_bps,
    "spread_bps": spread_bps,
    "depth_usd": depth_usd,
    "volume_usd": volume_usd,
}
HOUR_MOMENTS: dict[str, Callable[[RunResult, int], float]] = {
    "liquidations": liquidations,
    "debt_repaid_usd": debt_repaid_usd,
}

MOMENTS = (
    *(f"{name}.SYMBOL" for name in BOOK_MOMENTS),
    *(f"{name}.hour-N" for name in HOUR_MOMENTS),
    *METRICS,
)
"""Forms that names of moments take, beside ``module:function``."""


def find_moment(name: str, scenario: Scenario) -> Function:
    """Return the function of a run that a name stands for.

    Raises
    ------
    ScenarioError
        If there is none of this name, the asset has no book, or the run does not last so long.
    """
    stem, dot, place = name.partition(".")
    if ":" in name or not dot:
        if ":" not in name and name not in METRICS:
            raise ScenarioError(
                f"targets: no moment {name!r}{nearest(name, list(MOMENTS))}; "
                f"allowed: {', '.join(MOMENTS)}, or module:function"
            )
        return find_metric(name, "targets").function
    if stem in BOOK_MOMENTS and not re.fullmatch(r"hour-\d+", place):
        books = [asset.symbol for asset in scenario.assets if asset.book is not None]
        if place not in books:
            raise ScenarioError(f"targets: {name!r}: no book {place!r}; allowed: {', '.join(books)}")
        of_book = BOOK_MOMENTS[stem]
        return lambda result: of_book(result, place)
    hour = re.fullmatch(r"hour-(\d{1,6})", place)
    if stem in HOUR_MOMENTS and hour:
        at, last = int(hour[1]), -(-int(scenario.clock.duration_s) // 3600) - 1
        if at > last:
            raise ScenarioError(f"targets: {name!r}; allowed: hour-0 to hour-{last}, as the run ends then")
        of_hour = HOUR_MOMENTS[stem]
        return lambda result: of_hour(result, at)
    raise ScenarioError(
        f"targets: no moment {name!r}{nearest(name, list(MOMENTS))}; allowed: {', '.join(MOMENTS)}, "
        "or module:function"
    )
