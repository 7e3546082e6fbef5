"""Background order flow: how many orders arrive, and the draws that shape them.

Two arrival processes share one interface: Poisson arrivals (zero intelligence)
and Hawkes arrivals, where each order may trigger more. What an order does is
decided in `trading_kernels` from the uniforms handed over here. Each book has
its own streams, so that adding a book leaves the others' flow as it was.

References
----------
Farmer, Patelli, Zovko (2005) for zero-intelligence flow; Hawkes (1971), cluster
form by Hawkes and Oakes (1974); MODEL 5.4, cases B03 and B07.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS_PER_ORDER = 5
"""Uniforms per order: kind, side, price, quantity, cancellation."""

GeneratorByName = Callable[[str], np.random.Generator]


@dataclass(frozen=True, slots=True)
class PoissonArrivals:
    """Orders arrive independently at a constant mean rate.

    Parameters
    ----------
    per_block : float
        Mean number of orders per block.

    Raises
    ------
    ValueError
        If the mean is negative.
    """

    per_block: float

    def __post_init__(self) -> None:
        if not self.per_block >= 0:
            raise ValueError(f"per_block must not be negative, got {self.per_block}")

    def counts(self, n_blocks: int, block_time_s: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Orders in each block, shape (n_blocks,)."""
        return rng.poisson(self.per_block, n_blocks)


@dataclass(frozen=True, slots=True)
class HawkesArrivals:
    """Orders that trigger more orders, with an exponential memory.

    Parameters
    ----------
    per_block : float
        Mean number of orders per block, offspring included.
    branching_ratio : float
        Mean number of orders one order triggers, in [0, 1).
    decay_per_s : float
        Rate at which the excitation fades, per second.

    Raises
    ------
    ValueError
        If the mean, the branching ratio or the decay is out of range.
    """

    per_block: float
    branching_ratio: float
    decay_per_s: float

    def __post_init__(self) -> None:
        if not self.per_block >= 0:
            raise ValueError(f"per_block must not be negative, got {self.per_block}")
        if not 0 <= self.branching_ratio < 1:
            raise ValueError(f"branching_ratio must be in [0, 1), got {self.branching_ratio}")
        if not self.decay_per_s > 0:
            raise ValueError(f"decay_per_s must be positive, got {self.decay_per_s}")

    def counts(self, n_blocks: int, block_time_s: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Orders in each block, shape (n_blocks,), by simulating the clusters.

        Immigrants arrive at rate ``(1 - n) * mean``; each order has a Poisson(n)
        number of children at exponential delays. A lead of 20 memory times
        before the first block makes the process stationary at its start.
        """
        lead = 20.0 / (self.decay_per_s * (1.0 - self.branching_ratio))
        horizon = n_blocks * block_time_s
        rate = self.per_block / block_time_s * (1.0 - self.branching_ratio)
        times = rng.uniform(-lead, horizon, rng.poisson(rate * (horizon + lead)))
        total = np.zeros(n_blocks, np.int64)
        edges = np.arange(n_blocks + 1) * block_time_s
        while len(times):
            total += np.histogram(times, edges)[0]
            children = rng.poisson(self.branching_ratio, len(times))
            times = np.repeat(times, children)
            times = times + rng.exponential(1.0 / self.decay_per_s, len(times))
            times = times[times < horizon]
        return total


class OrderFlow:
    """Arrival counts of every book and their draws, handed out in chunks of blocks.

    Parameters
    ----------
    arrivals : PoissonArrivals or HawkesArrivals
    books : sequence of str
        Names of the books, which name the streams.
    n_blocks : int
    block_time_s : float
    streams : callable
        Maps a name to a generator.
    chunk : int
        Blocks drawn at a time.
    """

    def __init__(
        self,
        arrivals: PoissonArrivals | HawkesArrivals,
        books: Sequence[str],
        n_blocks: int,
        block_time_s: float,
        streams: GeneratorByName,
        chunk: int = 64,
    ) -> None:
        self.counts = np.zeros((n_blocks, len(books)), np.int64)
        for column, book in enumerate(books):
            self.counts[:, column] = arrivals.counts(n_blocks, block_time_s, streams(f"flow/arrivals/{book}"))
        self._rngs = [streams(f"flow/orders/{b}") for b in books]
        self._chunk = chunk
        self._end = 0
        self._next = 0
        self.draws: NDArray[np.float64] = np.empty((len(books), 0, DRAWS_PER_ORDER))
        self.cursors: NDArray[np.int64] = np.zeros(len(books), np.int64)

    def advance(self, block: int) -> None:
        """Make sure the draws of `block` are at hand.

        Raises
        ------
        ValueError
            If blocks are not asked for one by one from 0 to the last: draws would
            be used twice or be left out.
        """
        if block != self._next or block >= len(self.counts):
            raise ValueError(f"block {block} of {len(self.counts)} asked for, the next is {self._next}")
        self._next += 1
        if block < self._end:
            return
        counts = self.counts[self._end : self._end + self._chunk]
        self._end += self._chunk
        totals = counts.sum(axis=0)
        need = int(totals.max(initial=0))
        if need > self.draws.shape[1]:
            self.draws = np.zeros((len(self._rngs), need, DRAWS_PER_ORDER))
        for book, rng in enumerate(self._rngs):
            rng.random(out=self.draws[book, : totals[book]])
        self.cursors[:] = 0
