"""A symmetric two-player game whose payoffs were measured: one sample for each seed.

Holds numbers and says how certain they are; simulating them is
`liquidation_game`'s work, judging profiles `regret`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EmpiricalGame:
    """Payoff samples of a symmetric game between two players.

    Parameters
    ----------
    strategies : tuple of str
        Names, in the order of the arrays.
    samples : ndarray, shape (n_samples, k, k)
        ``samples[s, i, j]``: payoff of strategy i against strategy j with the draws of seed s.
        Entries of one sample may depend on each other (common random numbers), samples may not.

    Raises
    ------
    ValueError
        If the shape does not fit, a payoff is not finite, or there are fewer than two samples.
    """

    strategies: tuple[str, ...]
    samples: FloatArray

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float64)
        k = len(self.strategies)
        if k == 0 or len(set(self.strategies)) < k:
            raise ValueError(f"strategies must be distinct names, got {self.strategies}")
        if samples.shape[1:] != (k, k):
            raise ValueError(f"samples must have shape (n_samples, {k}, {k}), got {samples.shape}")
        if len(samples) < 2:
            raise ValueError(f"an interval needs at least 2 samples, got {len(samples)}")
        if not np.isfinite(samples).all():
            raise ValueError("samples must be finite")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def payoffs(self) -> FloatArray:
        """Mean payoff of row against column, shape (k, k)."""
        means = np.asarray(self.samples.mean(axis=0))
        means.flags.writeable = False
        return means

    def intervals(self, level: float = 0.95) -> FloatArray:
        """Student's t intervals of the means, shape (k, k, 2)."""
        n = len(self.samples)
        error = self.samples.std(axis=0, ddof=1) / np.sqrt(n)
        width = student_t.ppf(0.5 + level / 2.0, n - 1) * error
        return np.stack((self.payoffs - width, self.payoffs + width), axis=-1)

    def resampled(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Bootstrap means, shape (n, k, k): seeds are drawn again, all payoffs of a seed together.

        Deviations from the mean are stretched by ``sqrt(s / (s - 1))`` for s samples, so that their
        variance is unbiased (Davison and Hinkley 1997, section 2.3).
        """
        s = len(self.samples)
        drawn = rng.multinomial(s, np.full(s, 1.0 / s), size=n) / s
        means = np.einsum("bs,sij->bij", drawn, self.samples)
        return np.asarray(self.payoffs + (means - self.payoffs) * np.sqrt(s / (s - 1.0)))
