"""The network that spreads debts as evenly as the margins allow, with nobody owing itself.

Upper and Worms (2004), Estimating bilateral exposures in the German interbank market, European
Economic Review 48, 827-849; Upper (2011), Journal of Financial Stability 7, 111-125. The matrix of least
cross-entropy to ``rows x columns`` with an empty diagonal, found by iterative proportional fitting (RAS).
It has nearly all links, and so understates how far single failures reach: use it beside
`minimum_density` or an ensemble (MODEL 4.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..claims import Floats, vector
from ..errors import EmptyGraphError, MarginError, NotConvergedError, NotSquareError

MAX_STEPS = 100_000
BALANCE = 1e-9
"""How far the two totals may be apart, relative."""


def checked_margins(owed: ArrayLike, held: ArrayLike) -> tuple[Floats, Floats]:
    """Check that some network without self-claims has these margins.

    Parameters
    ----------
    owed, held : array_like, shape (n,)
        What each node owes and what it is owed in all, from 0.

    Returns
    -------
    owed, held : float64 ndarray, shape (n,)
        `held` with exactly the total of `owed`, up to rounding.

    Raises
    ------
    EmptyGraphError, NotSquareError, MarginError
        If there are no nodes, the lengths differ, the totals differ by more than `BALANCE`, or a
        node owes and is owed more than all together, so that it would have to owe itself.
    """
    n = int(np.atleast_1d(np.asarray(owed)).size)
    if n == 0:
        raise EmptyGraphError("margins are empty; at least 1 node is needed")
    if np.atleast_1d(np.asarray(held)).size != n:
        raise NotSquareError(
            f"owed has {n} nodes and held {np.atleast_1d(np.asarray(held)).size}; needed: as many"
        )
    rows = vector(owed, n, "owed", low=0.0)
    columns = vector(held, n, "held", low=0.0)
    total = float(rows.sum())
    if abs(total - columns.sum()) > BALANCE * max(total, float(columns.sum())):
        raise MarginError(f"owed adds up to {total:.12g} and held to {columns.sum():.12g}; needed: the same")
    if total == 0.0:
        return rows, columns
    columns = columns * (total / columns.sum())
    excess = rows + columns - total
    if excess.max() > BALANCE * total:
        node = int(excess.argmax())
        raise MarginError(
            f"node {node} owes {rows[node]:g} and is owed {columns[node]:g} of {total:g} in all:"
            " it would have to owe itself"
        )
    return rows, columns


def maximum_entropy(owed: ArrayLike, held: ArrayLike, tolerance: float = 1e-10) -> Floats:
    """Spread debts as evenly as the margins allow.

    1. Start from ``owed x held`` with an empty diagonal.
    2. Scale rows to `owed`, then columns to `held`.
    3. Repeat until the rows keep their sums.

    Parameters
    ----------
    owed, held : array_like, shape (n,)
        Row and column sums, from 0, with the same total.
    tolerance : float
        Largest error of a margin, relative to the largest margin.

    Returns
    -------
    float64 ndarray, shape (n, n)
        ``[i, j]``: what *i* owes *j*.

    Raises
    ------
    ContagionError
        If no network has these margins; `NotConvergedError` if one node is owed or owes nearly
        everything, where scaling hardly moves.
    """
    rows, columns = checked_margins(owed, held)
    matrix = np.outer(rows, columns)
    np.fill_diagonal(matrix, 0.0)
    scale = max(float(rows.max()), float(columns.max()))
    if scale == 0.0:
        return matrix
    for _ in range(MAX_STEPS):
        sums = matrix.sum(axis=1)
        matrix *= (rows / np.where(sums > 0.0, sums, 1.0))[:, None]
        sums = matrix.sum(axis=0)
        matrix *= columns / np.where(sums > 0.0, sums, 1.0)
        worst = max(np.abs(matrix.sum(axis=1) - rows).max(), np.abs(matrix.sum(axis=0) - columns).max())
        if worst <= tolerance * scale:
            return matrix
    raise NotConvergedError(
        f"margins are off by {worst:g} after {MAX_STEPS:,} rounds of scaling; one node has nearly everything"
    )
