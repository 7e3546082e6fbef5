"""Every extreme Nash equilibrium of a two-player game, by enumerating supports.

For small games given exactly; how sure one may be of payoffs that were measured
is `regret`'s business. The number of supports grows as ``C(m + n, n)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-9
"""Payoffs closer than this share of their range count as equal."""


class MixedProfile(NamedTuple):
    """Probabilities with which the row and the column player choose their strategies."""

    row: FloatArray
    column: FloatArray


@dataclass(frozen=True, eq=False)
class Solution:
    """Equilibria of a bimatrix game.

    Attributes
    ----------
    equilibria : tuple of MixedProfile
        Extreme equilibria; pure ones first.
    degenerate : bool
        Some mixed strategy has more pure best replies than it has strategies in use. Then there
        may be a continuum of equilibria, spanned by those listed; otherwise the list is complete.
    """

    equilibria: tuple[MixedProfile, ...]
    degenerate: bool


class _Vertex(NamedTuple):
    """A mixed strategy that the opponent's best replies determine."""

    mix: FloatArray
    support: frozenset[int]
    best_replies: frozenset[int]


def support_enumeration(row_payoffs: ArrayLike, column_payoffs: ArrayLike) -> Solution:
    """Find the extreme Nash equilibria of a bimatrix game.

    1. Bring each player's payoffs to the range [0, 1], which changes no best reply.
    2. For every pair of supports of equal size, find the column mix that makes the rows of one
       support equally good; keep it if it is unique, positive and no other row is better.
    3. The same for row mixes.
    4. A pair of mixes is an equilibrium if each uses only best replies to the other.

    Without degeneracy this is von Stengel (2002), "Computing equilibria for two-person games",
    Handbook of Game Theory 3, algorithm 3.4. Pairing mixes in step 4 by *all* their best replies,
    as in his vertex enumeration (section 3.4), gives every extreme equilibrium of a degenerate
    game too; all its equilibria are mixtures of those (Mangasarian 1964).

    Parameters
    ----------
    row_payoffs, column_payoffs : array_like, shape (m, n)
        Payoff of each player when the row player chooses the first index.

    Raises
    ------
    ValueError
        If the shapes differ, are empty, or a payoff is not finite.

    Examples
    --------
    >>> hawk_dove = [[-1, 4], [0, 2]]  # V = 4, C = 6: CASES G19
    >>> solution = support_enumeration(hawk_dove, [[-1, 0], [4, 2]])
    >>> len(solution.equilibria), solution.equilibria[-1].row.round(4).tolist()
    (3, [0.6667, 0.3333])
    """
    rows, columns = _scaled(row_payoffs), _scaled(column_payoffs)
    if rows.shape != columns.shape:
        raise ValueError(f"payoffs must have one shape, got {rows.shape} and {columns.shape}")
    column_mixes = _vertices(rows)
    row_mixes = _vertices(columns.T)
    found = [
        MixedProfile(row.mix, column.mix)
        for row in row_mixes
        for column in column_mixes
        if row.support <= column.best_replies and column.support <= row.best_replies
    ]
    found.sort(key=lambda e: (np.count_nonzero(e.row) + np.count_nonzero(e.column), (-e.row).tolist()))
    degenerate = any(len(v.best_replies) > len(v.support) for v in (*row_mixes, *column_mixes))
    return Solution(tuple(found), degenerate)


def _scaled(payoffs: ArrayLike) -> FloatArray:
    """Payoffs with the range [0, 1]; zeros if they are all the same."""
    values = np.asarray(payoffs, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(
            f"payoffs must be a matrix with a row and a column at least, got shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("payoffs must be finite")
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.zeros_like(values)
    # Halves first: the difference of two huge payoffs may overflow.
    return np.asarray((values / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0))


def _vertices(payoffs: FloatArray) -> list[_Vertex]:
    """Column mixes that are pinned down by the rows which are best replies to them."""
    found: dict[tuple[frozenset[int], frozenset[int]], _Vertex] = {}
    for vertex in _candidates(payoffs):
        found.setdefault((vertex.support, vertex.best_replies), vertex)
    return list(found.values())


def _candidates(payoffs: FloatArray) -> Iterator[_Vertex]:
    m, n = payoffs.shape
    for size in range(1, min(m, n) + 1):
        target = np.zeros(size + 1)
        target[-1] = 1.0
        system = np.zeros((size + 1, size + 1))
        system[:-1, -1] = -1.0
        system[-1, :-1] = 1.0
        for support in combinations(range(n), size):
            for replies in combinations(range(m), size):
                system[:-1, :-1] = payoffs[np.ix_(replies, support)]
                if np.linalg.matrix_rank(system, tol=TOLERANCE) <= size:
                    continue
                *shares, value = np.linalg.solve(system, target)
                if min(shares) <= TOLERANCE:
                    continue
                mix = np.zeros(n)
                mix[list(support)] = shares
                gains = payoffs @ mix - value
                if gains.max() > TOLERANCE:
                    continue
                best = frozenset(np.flatnonzero(gains >= -TOLERANCE).tolist())
                yield _Vertex(mix, frozenset(support), best)
