"""What a protocol believes: published prices, each as late and as coarse as its feed makes it.

`Oracle` decides when an observed price is published; the sources decide what is
observed (reference price, book mid, time-weighted pool price, a median of them).
Nothing here reacts to a price.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import inf, isfinite, isnan, nan, nextafter
from operator import ge, le
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

ANSWER_DECIMALS = 8
_SCALE = 10**ANSWER_DECIMALS
_LARGEST_ANSWER = 2**63 - 1
_NOTHING: NDArray[np.intp] = np.empty(0, np.intp)
_NOTHING.flags.writeable = False

DEVIATION = "deviation"
HEARTBEAT = "heartbeat"


class OracleUpdate(NamedTuple):
    """One row of the table ``oracle_updates``.

    Attributes
    ----------
    t_s : float
        Seconds from the start at which the price was published.
    asset : int
        Index in the oracle's symbols.
    price : float
        What was published, numeraire per token.
    observed : float
        What the source says at `t_s`; it differs from `price` by delay and limits.
    reason : str
        ``deviation`` or ``heartbeat``.
    """

    t_s: float
    asset: int
    price: float
    observed: float
    reason: str


class Oracle:
    """Published prices of several assets, updated by deviation and heartbeat.

    A price is reported when it has moved by `deviation` from the last report or
    `heartbeat_s` seconds have passed since then, and published `delay_s` later. A
    delayed medianiser that is read once an hour is ``heartbeat_s=3600,
    deviation=inf, delay_s=3600, aligned=True``.

    Parameters
    ----------
    symbols : sequence of str
        Assets, in the order of all arrays.
    initial : array_like, shape (n_assets,)
        Prices reported and published at time 0, numeraire per token.
    heartbeat_s, deviation, delay_s : float or array_like, shape (n_assets,)
        Seconds; fraction of the last report; seconds. An infinite heartbeat or
        deviation switches that trigger off; a deviation of 0 reports every change.
    aligned : bool
        Beats fall due at whole multiples of the heartbeat instead of one heartbeat after the last report.
    min_answer, max_answer : float or array_like, shape (n_assets,)
        Limits of what a feed can publish (MODEL F2); prices beyond them are cut.
    drop_probability : float
        Chance that a report is lost (MODEL F1); it is tried again at the next update.
    rng : numpy.random.Generator, optional
        Needed, and used, only to lose reports.

    Attributes
    ----------
    price : float64 ndarray, shape (n_assets,)
        ``answer / 1e8``.
    answer : int64 ndarray, shape (n_assets,)
        Published prices with 8 decimals.
    updated_at : float64 ndarray, shape (n_assets,)
        Seconds at which each price was published.
    halted : bool ndarray, shape (n_assets,)
        Set an entry to stop a feed from reporting (a fault); what is under way still arrives.
    updates : list of OracleUpdate
        Everything published since time 0, in order.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        initial: ArrayLike,
        *,
        heartbeat_s: ArrayLike = np.inf,
        deviation: ArrayLike = 0.0,
        delay_s: ArrayLike = 0.0,
        aligned: bool = False,
        min_answer: ArrayLike = 0.0,
        max_answer: ArrayLike = np.inf,
        drop_probability: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.symbols = tuple(symbols)
        n = len(self.symbols)
        self._heartbeat_s = self._parameter("heartbeat_s", heartbeat_s, positive=True)
        self._deviation = self._parameter("deviation", deviation)
        self._delay_s = self._parameter("delay_s", delay_s, finite=True)
        self._min_answer = self._parameter("min_answer", min_answer, finite=True)
        self._max_answer = self._parameter("max_answer", max_answer, positive=True)
        if not 0.0 <= drop_probability < 1.0:
            raise ValueError(f"drop_probability must be in [0, 1), got {drop_probability}")
        if drop_probability and rng is None:
            raise ValueError("drop_probability needs rng, the generator that decides what is lost")
        self._drop_probability, self._rng = drop_probability, rng
        self._aligned = aligned
        start = self._parameter("initial price", initial, positive=True, finite=True)
        self.answer: NDArray[np.int64] = np.array(
            [self._answer(i, start[i], 0.0) for i in range(n)], np.int64
        )
        self.price: Floats = self.answer / _SCALE
        self.updated_at: Floats = np.zeros(n)
        self.halted: NDArray[np.bool_] = np.zeros(n, np.bool_)
        self.updates: list[OracleUpdate] = []
        self._low, self._high, self._beat_s = [0.0] * n, [0.0] * n, [0.0] * n
        for i, price in enumerate(start):
            self._expect(i, price, 0.0)
        self._next_beat_s = min(self._beat_s, default=inf)
        self._under_way: list[tuple[float, int, int, int, str]] = []  # due, nth report, asset, answer, reason
        self._n_reports = 0

    def update(self, now_s: float, observed: Floats) -> NDArray[np.intp]:
        """Report what is due and publish what has arrived.

        Parameters
        ----------
        now_s : float
            Seconds since the start, increasing from call to call.
        observed : float64 ndarray, shape (n_assets,)
            What the sources say now; NaN where a source has nothing to say.

        Returns
        -------
        intp ndarray
            Assets whose published price changed, in increasing order.

        Raises
        ------
        ValueError
            If a price to report is not positive or too large for a feed.
        """
        prices: list[float] = observed.tolist()
        moved = any(map(le, prices, self._low)) or any(map(ge, prices, self._high))
        if moved or now_s >= self._next_beat_s:
            self._report(now_s, prices)
        if self._under_way and self._under_way[0][0] <= now_s:
            return self._publish(now_s, prices)
        return _NOTHING

    def upcoming(self, asset: int) -> tuple[float, float] | None:
        """Time and price of the next publication already on its way, which anybody may know."""
        ahead = [(due_s, nth, answer) for due_s, nth, i, answer, _ in self._under_way if i == asset]
        if not ahead:
            return None
        due_s, _, answer = min(ahead)
        return due_s, answer / _SCALE

    def _report(self, now_s: float, observed: list[float]) -> None:
        for i, price in enumerate(observed):
            moved = price <= self._low[i] or price >= self._high[i]
            if not (moved or self._beat_s[i] <= now_s) or self.halted[i] or isnan(price):
                continue
            if self._rng is not None and self._rng.random() < self._drop_probability:
                continue
            arrival = (now_s + self._delay_s[i], self._n_reports, i, self._answer(i, price, now_s))
            heappush(self._under_way, (*arrival, DEVIATION if moved else HEARTBEAT))
            self._n_reports += 1
            self._expect(i, price, now_s)
        self._next_beat_s = min(self._beat_s)

    def _publish(self, now_s: float, observed: list[float]) -> NDArray[np.intp]:
        before = self.answer.tolist()
        while self._under_way and self._under_way[0][0] <= now_s:
            _, _, i, answer, reason = heappop(self._under_way)
            self._set(now_s, i, answer, observed[i], reason)
        after = self.answer.tolist()
        return np.array([i for i, old in enumerate(before) if after[i] != old], np.intp)

    def _set(self, now_s: float, i: int, answer: int, observed: float, reason: str) -> None:
        price = answer / _SCALE
        self.answer[i] = answer
        self.price[i] = price
        self.updated_at[i] = now_s
        self.updates.append(OracleUpdate(now_s, i, price, observed, reason))

    def _expect(self, i: int, price: float, now_s: float) -> None:
        """Set what the next report of an asset waits for, after `price` was reported."""
        deviation, heartbeat_s = self._deviation[i], self._heartbeat_s[i]
        width = price * deviation if deviation else nextafter(price, inf) - price
        self._low[i], self._high[i] = price - width, price + width
        if self._aligned and isfinite(heartbeat_s):
            self._beat_s[i] = (now_s // heartbeat_s + 1.0) * heartbeat_s
        else:
            self._beat_s[i] = now_s + heartbeat_s

    def _answer(self, i: int, price: float, now_s: float) -> int:
        if not 0.0 < price < inf:
            raise ValueError(
                f"oracle of {self.symbols[i]} at {now_s:g} s: price must be positive, got {price}"
            )
        cut = min(max(price, self._min_answer[i]), self._max_answer[i])
        answer: int = round(cut * _SCALE)
        if not 0 < answer <= _LARGEST_ANSWER:
            raise ValueError(
                f"oracle of {self.symbols[i]} at {now_s:g} s: price {price} has no answer with "
                f"{ANSWER_DECIMALS} decimals in int64"
            )
        return answer

    def _parameter(
        self, name: str, value: ArrayLike, *, positive: bool = False, finite: bool = False
    ) -> list[float]:
        values = np.asarray(value, np.float64)
        if values.shape not in {(), (len(self.symbols),)}:
            raise ValueError(
                f"{name} must be one number or one per asset ({len(self.symbols)}), got {value!r}"
            )
        each: list[float] = np.broadcast_to(values, (len(self.symbols),)).tolist()
        for symbol, one in zip(self.symbols, each, strict=True):
            if not ((one > 0 if positive else one >= 0) and (np.isfinite(one) or not finite)):
                limits = ("positive" if positive else "not negative") + (" and finite" if finite else "")
                raise ValueError(f"{name} of {symbol} must be {limits}, got {one}")
        return each


class Source(Protocol):
    """Where an oracle looks."""

    def observe(self, block: int) -> float:
        """Price at a block, numeraire per token; NaN if there is none."""
        ...


class PathSource:
    """A precomputed price per block, such as one column of a reference price.

    Parameters
    ----------
    path : array_like, shape (n_blocks + 1,)
    """

    def __init__(self, path: ArrayLike) -> None:
        self._path = np.asarray(path, np.float64)

    def observe(self, block: int) -> float:
        """Price of the path at `block`."""
        return float(self._path[block])


class CallableSource:
    """Whatever a function says now, such as the mid of a book.

    Parameters
    ----------
    read : callable
        Called without arguments; NaN if there is no price.
    """

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read

    def observe(self, block: int) -> float:
        """Price read now; `block` is the block being built."""
        return self._read()


class MedianSource:
    """Median of several sources; those that say nothing are left out.

    Parameters
    ----------
    sources : sequence of Source
        With three of them, one that is wrong moves the median no further than the other two.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        if not sources:
            raise ValueError("a median needs at least one source")
        self._sources = tuple(sources)

    def observe(self, block: int) -> float:
        """Median at `block`; NaN if no source has a price."""
        prices = sorted(p for p in (source.observe(block) for source in self._sources) if not isnan(p))
        if not prices:
            return nan
        middle = len(prices) // 2
        return prices[middle] if len(prices) % 2 else 0.5 * (prices[middle - 1] + prices[middle])
