"""A game whose payoffs were measured: immutable arrays of paired samples.

Holds numbers and says how certain they are; simulating them is `sampling`'s work,
judging profiles `certificate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student_t

from .count_game import CountGame, describe_payoff
from .outcomes import Outcomes
from .profiles import MEMORY_LIMIT_BYTES, FloatArray, GameError, IntArray, ProfileSpace, Role

_CHUNK = 4_000_000
"""Bootstrap weights held at once."""


@dataclass(frozen=True, eq=False)
class EmpiricalGame:
    """Payoff samples over count profiles.

    Parameters
    ----------
    space : ProfileSpace
    samples : ndarray, shape (n_samples, space.size)
        ``samples[b]`` are the payoffs with the draws of block b (common random numbers): entries of one
        sample may depend on each other, samples may not. A profile that was sampled less often has NaN
        from ``counts`` on.
    counts : ndarray of int, shape (n_profiles,), optional
        Samples of each profile in `space.simulated`; all of them if left out. Different numbers differ
        by two at least, as the samples between them are a stratum of the bootstrap.
    outcomes : Outcomes, optional
        What the same plays meant for others.

    Raises
    ------
    GameError
        If shapes do not fit, a payoff is not finite, or there are fewer than two samples.
    """

    space: ProfileSpace
    samples: FloatArray
    counts: IntArray | None = None
    outcomes: Outcomes | None = None

    def __post_init__(self) -> None:
        samples = np.array(self.samples, np.float64)
        space = self.space
        if samples.ndim != 2 or samples.shape[1] != space.size:
            raise GameError(f"samples must have shape (n_samples, {space.size}), got {samples.shape}")
        profiles = len(space.simulated)
        counts = np.full(profiles, len(samples)) if self.counts is None else np.array(self.counts, np.int64)
        if counts.shape != (profiles,) or counts.max(initial=0) != len(samples):
            raise GameError(f"counts must have shape ({profiles},) and reach {len(samples)}, got {counts}")
        if counts.min() < 2:
            raise GameError(f"an interval needs at least 2 samples of each profile, got {counts.min()}")
        if (np.diff(np.unique(counts)) < 2).any():
            raise GameError("numbers of samples must be equal or differ by 2 at least")
        taken = np.arange(len(samples))[:, None] < counts[space.profile]
        bad = np.argwhere(taken & ~np.isfinite(samples))
        if len(bad):
            block, entry = bad[0].tolist()
            what, value = describe_payoff(space, entry), samples[block, entry]
            raise GameError(f"payoffs must be finite: {what} is {value} in sample {block}")
        samples[~taken] = np.nan
        if self.outcomes is not None and self.outcomes.samples.shape[:2] != (len(samples), profiles):
            raise GameError(
                f"outcomes must have shape ({len(samples)}, {profiles}, ...), "
                f"got {self.outcomes.samples.shape}"
            )
        for array in (samples, counts):
            array.flags.writeable = False
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "counts", counts)

    @classmethod
    def two_players(cls, strategies: Sequence[str], samples: ArrayLike) -> EmpiricalGame:
        """Make a symmetric game of two from matrices, shape (n_samples, k, k): row against column."""
        values = np.asarray(samples, np.float64)
        k = len(strategies)
        if values.shape[1:] != (k, k):
            raise GameError(f"samples must have shape (n_samples, {k}, {k}), got {values.shape}")
        return cls(ProfileSpace([Role("player", 2, tuple(strategies))]), values.reshape(len(values), -1))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def taken(self) -> IntArray:
        """Samples of each payoff, shape (space.size,)."""
        assert self.counts is not None
        return np.asarray(self.counts[self.space.profile])

    @cached_property
    def mean(self) -> CountGame:
        """The game of mean payoffs."""
        complete = bool((self.taken == len(self.samples)).all())
        return CountGame(
            self.space, self.samples.mean(axis=0) if complete else np.nanmean(self.samples, axis=0)
        )

    def intervals(self, level: float = 0.95) -> FloatArray:
        """Student's t intervals of the mean payoffs, shape (space.size, 2)."""
        n = self.taken
        error = np.nanstd(self.samples, axis=0, ddof=1) / np.sqrt(n)
        width = student_t.ppf(0.5 + level / 2.0, n - 1) * error
        return np.stack((self.mean.payoffs - width, self.mean.payoffs + width), axis=-1)

    def covariance(self, entries: ArrayLike | None = None) -> FloatArray:
        """Covariance of mean payoffs, with what paired samples share.

        Two payoffs with m and n samples, m <= n, share m of them, so their means have the covariance of
        the shared samples divided by n.

        Parameters
        ----------
        entries : array_like of int, optional
            Places in the flat array; all if left out.

        Returns
        -------
        ndarray, shape (n, n)

        Raises
        ------
        GameError
            If the matrix does not fit into memory.
        """
        chosen = np.arange(self.space.size) if entries is None else np.asarray(entries, np.int64)
        if 8 * len(chosen) ** 2 > MEMORY_LIMIT_BYTES:
            raise GameError(f"a covariance of {len(chosen):,} payoffs does not fit into memory; name entries")
        values, n = self.samples[:, chosen], self.taken[chosen]
        result = np.empty((len(chosen), len(chosen)))
        for m in np.unique(n):
            longer = n >= m
            shared = values[:m, longer]
            cross = np.cov(shared, rowvar=False).reshape(len(shared.T), -1)
            cross /= np.maximum.outer(n[longer], n[longer])
            # Pairs whose smaller number is m; those with more are written in later rounds.
            result[np.ix_(longer, longer)] = cross
        return result

    def resampled_payoffs(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Bootstrap means of all payoffs, shape (n, space.size); see `resampled_values`."""
        return self._resampled(np.nan_to_num(self.samples), self.taken, n, rng)

    def resampled_values(self, coefficients: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        """Bootstrap linear functions of the mean payoffs.

        Blocks are drawn again, all payoffs of a block together; what profiles have more than others is
        drawn in strata of its own. Deviations from the mean are stretched by ``sqrt(s / (s - 1))`` for s
        samples, so that their variance is unbiased (Davison and Hinkley 1997, section 2.3).

        Parameters
        ----------
        coefficients : ndarray, shape (n_values, space.size)
        n : int
            Resamples.
        rng : numpy Generator

        Returns
        -------
        ndarray, shape (n, n_values)
        """
        shares = coefficients.T / self.taken[:, None]
        values = np.zeros((len(self.samples), len(coefficients)))
        for blocks in self._strata():
            alive = self.taken >= blocks.stop
            values[blocks] = self.samples[blocks][:, alive] @ shares[alive]
        return self._resampled(values, np.ones(len(coefficients)), n, rng)

    def _resampled(
        self, values: FloatArray, divisor: FloatArray | IntArray, n: int, rng: np.random.Generator
    ) -> FloatArray:
        out = np.tile(values.sum(axis=0) / divisor, (n, 1))
        for blocks in self._strata():
            s = blocks.stop - blocks.start
            part = values[blocks]
            step = max(1, _CHUNK // s)
            for low in range(0, n, step):
                size = min(step, n - low)
                drawn = rng.multinomial(s, np.full(s, 1.0 / s), size=size)
                change = (drawn @ part - part.sum(axis=0)) / divisor
                out[low : low + size] += change * np.sqrt(s / (s - 1.0))
        return out

    def _strata(self) -> Iterator[slice]:
        assert self.counts is not None
        for low, high in pairwise([0, *np.unique(self.counts).tolist()]):
            yield slice(low, high)
