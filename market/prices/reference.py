"""What a reference price is: a whole run's prices of the outside world, known to no agent.

A `ReferencePrice` is asked once per run for the prices at all block times. Each
asset draws from a stream of its own, found by name, so that adding an asset
leaves the draws of the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Streams: TypeAlias = Callable[[str], np.random.Generator]
"""Gives the random generator that belongs to a name."""

Floats: TypeAlias = NDArray[np.float64]

YEAR_S = 365 * 86_400.0
"""Seconds in the year of rates and volatilities."""


class ReferencePrice(Protocol):
    """Source of prices in the numeraire, one column per asset."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Assets priced, in the order of the columns."""
        ...

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Prices at block times.

        Parameters
        ----------
        times_s : array_like, shape (n_blocks + 1,)
            Seconds since the start of the run, increasing, the first usually 0.
        streams : callable
            Generator for a name; asked for names that begin with ``price.``.

        Returns
        -------
        float64 ndarray, shape (n_blocks + 1, n_assets)
            Numeraire per whole token, all positive.
        """
        ...


class FixedPrice:
    """Prices that never change, as for the numeraire itself.

    Parameters
    ----------
    prices : mapping of str to float
        Numeraire per token, positive.
    """

    def __init__(self, prices: Mapping[str, float]) -> None:
        for symbol, price in prices.items():
            if not (np.isfinite(price) and price > 0):
                raise ValueError(f"fixed price of {symbol} must be positive and finite, got {price}")
        self._prices = dict(prices)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Assets priced, in the order given."""
        return tuple(self._prices)

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Repeat one row at all times; draws nothing from `streams`."""
        times = check_times(times_s)
        return np.tile(np.array(list(self._prices.values()), np.float64), (len(times), 1))


class JointPrice:
    """Columns of several reference prices side by side, independent of one another.

    Parameters
    ----------
    parts : sequence of ReferencePrice
        No asset may be priced twice.
    """

    def __init__(self, parts: Sequence[ReferencePrice]) -> None:
        names = [symbol for part in parts for symbol in part.symbols]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each asset needs one reference price, got more for {', '.join(twice)}")
        self._parts = tuple(parts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Assets of all parts, in order."""
        return tuple(symbol for part in self._parts for symbol in part.symbols)

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Paths of all parts, as `ReferencePrice.path`."""
        return np.column_stack([part.path(times_s, streams) for part in self._parts])


def check_times(times_s: ArrayLike) -> Floats:
    """Block times as float64, refused unless finite, increasing and not negative.

    Raises
    ------
    ValueError
        Naming the first offending position.
    """
    times = np.asarray(times_s, np.float64)
    if times.ndim != 1 or len(times) == 0:
        raise ValueError(f"block times must be a non-empty 1-d array, got shape {times.shape}")
    if not np.isfinite(times).all() or times[0] < 0:
        raise ValueError("block times must be finite seconds from the start, none negative")
    steps = np.diff(times)
    if (steps <= 0).any():
        at = int(np.argmax(steps <= 0)) + 1
        raise ValueError(f"block times must increase, got {times[at]} after {times[at - 1]} at position {at}")
    return times
