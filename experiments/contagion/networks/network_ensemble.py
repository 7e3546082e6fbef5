"""Many networks that have the same margins, to see what the margins leave open.

Gandy and Veraart (2017), A Bayesian methodology for systemic risk assessment in financial networks,
Management Science 63, 4428-4446. Before the margins are known each debt exists with the same
probability and is then exponential; a Gibbs sampler moves amounts around cycles of four or six debts,
which changes no margin.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..claims import Floats
from ..errors import ContagionError
from .minimum_density import minimum_density
from .network_ensemble_kernels import shift_around_cycles


def network_ensemble(
    owed: ArrayLike,
    held: ArrayLike,
    size: int,
    rng: np.random.Generator,
    density: float = 0.3,
    thinning: int = 10,
    warm_up: int = 100,
) -> Iterator[Floats]:
    """Draw networks, one after another.

    Parameters
    ----------
    owed, held : array_like, shape (n,)
        Row and column sums, from 0, with the same total.
    size : int
        Number of networks, from 1.
    rng : Generator
    density : float
        Probability of a link before the margins are known, above 0 to 1. Margins speak for or against
        links, too, so that the networks' own density may differ.
    thinning, warm_up : int
        Sweeps between networks, and before the first; a sweep is as many moves as there are places
        for a link.

    Yields
    ------
    float64 ndarray, shape (n, n)
        ``[i, j]``: what *i* owes *j*.

    Raises
    ------
    ContagionError
        If no network has these margins, or a parameter is out of range.
    """
    if not 0.0 < density <= 1.0:
        raise ContagionError(f"density = {density:g}; allowed: above 0, up to 1")
    for name, value in (("size", size), ("thinning", thinning), ("warm_up", warm_up)):
        if value < 1:
            raise ContagionError(f"{name} = {value}; allowed: from 1")
    return _draws(minimum_density(owed, held), size, rng, density, thinning, warm_up)


def _draws(
    matrix: Floats, size: int, rng: np.random.Generator, density: float, thinning: int, warm_up: int
) -> Iterator[Floats]:
    for _ in range(warm_up):  # without a wish for empty places debts spread quickly
        _sweep(matrix, rng, 1.0)
    for draw in range(size):
        for _ in range(warm_up if draw == 0 else thinning):
            _sweep(matrix, rng, density)
        yield matrix.copy()


def _sweep(matrix: Floats, rng: np.random.Generator, density: float) -> None:
    n = len(matrix)
    total = float(matrix.sum())
    rate = density * n * max(n - 1, 1) / total if total else 1.0
    cycles, lengths = _cycles(n, rng)
    shift_around_cycles(matrix, cycles, lengths, rng.random(len(lengths)), density * rate, 1.0 - density)


def _cycles(n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw cycles of two or three debtors and creditors; those that need a self-claim get length 0."""
    m = max(n * (n - 1), 1)
    lengths = rng.integers(2, 4, m) if n > 3 else np.full(m, 3)
    picks = rng.integers(0, n, (m, 6))
    debtors, creditors = picks[:, :3], picks[:, 3:].copy()
    two = lengths == 2
    cycles = np.column_stack([debtors, creditors])
    cycles[two, 2:4] = creditors[two, :2]
    valid = np.ones(m, bool)
    for a in range(3):
        used = (a < 2) | ~two
        for b in range(a + 1, 3):
            both = used & ((b < 2) | ~two)
            valid &= ~both | ((debtors[:, a] != debtors[:, b]) & (creditors[:, a] != creditors[:, b]))
        after = np.where(two, (a + 1) % 2, (a + 1) % 3)
        reached = creditors[np.arange(m), after]
        valid &= ~used | ((debtors[:, a] != creditors[:, a]) & (debtors[:, a] != reached))
    return cycles.astype(np.int64), np.where(valid, lengths, 0).astype(np.int64)
