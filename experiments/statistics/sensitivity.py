"""Sobol indices: which factor the spread of a result comes from (Saltelli et al. 2010)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1_000


class SobolIndices(NamedTuple):
    """First-order and total indices, each float64, shape (factors,), with the ends of bootstrap intervals."""

    first: Floats
    first_low: Floats
    first_high: Floats
    total: Floats
    total_low: Floats
    total_high: Floats


def saltelli_runs(factors: int, base: int, second_order: bool = False) -> int:
    """Return the runs that Saltelli's design takes (case B12).

    Examples
    --------
    >>> saltelli_runs(8, 1024), saltelli_runs(8, 1024, second_order=True)
    (10240, 18432)
    """
    return base * (2 * factors + 2 if second_order else factors + 2)


def sobol_indices(values: ArrayLike, factors: int, level: float = 0.95, seed: int = 0) -> SobolIndices:
    """Estimate Sobol indices from the results at Saltelli's points.

    Parameters
    ----------
    values : array_like, shape (base * (factors + 2),)
        Results in the order of `sweeps.designs.unit_cube`: A, B, then A with each column from B.
    factors : int
    level : float
        Of the bootstrap intervals.
    seed : int
        Of the resampling.

    Raises
    ------
    ValueError
        If the number of results does not fit, or one of them is NaN.
    """
    results = np.asarray(values, np.float64)
    base, rest = divmod(len(results), factors + 2)
    if rest or base < 2:
        raise ValueError(f"values must be base * {factors + 2} results, got {len(results)}")
    if np.isnan(results).any():
        raise ValueError(f"{int(np.isnan(results).sum())} results are NaN; indices need all of them")
    blocks = results.reshape(factors + 2, base)
    first, total = _indices(blocks[None])
    picks = np.random.default_rng(seed).integers(base, size=(RESAMPLES, base))
    firsts, totals = _indices(np.moveaxis(blocks[:, picks], 1, 0))
    ends = [0.5 - level / 2, 0.5 + level / 2]
    first_low, first_high = np.nanquantile(firsts, ends, axis=0)
    total_low, total_high = np.nanquantile(totals, ends, axis=0)
    return SobolIndices(first[0], first_low, first_high, total[0], total_low, total_high)


def _indices(blocks: Floats) -> tuple[Floats, Floats]:
    """Return indices of samples, shape (samples, factors + 2, base); estimators of Saltelli and of Jansen."""
    pooled = blocks[:, :2].reshape(len(blocks), -1)
    blocks = blocks - pooled.mean(axis=1)[:, None, None]  # centred: a large mean costs digits
    variance = pooled.var(axis=1)[:, None]
    a, b, mixed = blocks[:, 0, None], blocks[:, 1, None], blocks[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (b * (mixed - a)).mean(axis=2) / variance
        total = 0.5 * ((a - mixed) ** 2).mean(axis=2) / variance
    return first, total
