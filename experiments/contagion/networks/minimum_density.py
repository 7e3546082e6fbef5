"""A network with few links that has given margins.

Anand, Craig and von Peter (2015), Filling in the blanks: network structure and interbank
contagion, Quantitative Finance 15, 625-636. Finding the very fewest links is a hard combinatorial
problem; as there, links are placed one by one, each as large as the margins still allow, so that each
one satisfies a row or a column. What the last node would then owe itself is routed through a link
that exists. At most ``2 n`` links come out, near the least possible (MODEL 4.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..claims import Floats
from ..errors import MarginError
from .maximum_entropy import checked_margins

DUST = 1e-12
"""Share of the total below which a remainder counts as nothing."""


def minimum_density(owed: ArrayLike, held: ArrayLike, rng: np.random.Generator | None = None) -> Floats:
    """Place few and large debts.

    Parameters
    ----------
    owed, held : array_like, shape (n,)
        Row and column sums, from 0, with the same total.
    rng : Generator, optional
        If given, the next link is drawn in proportion to the amount that it could carry; else the
        largest is taken.

    Returns
    -------
    float64 ndarray, shape (n, n)
        ``[i, j]``: what *i* owes *j*.

    Raises
    ------
    ContagionError
        If no network has these margins.

    Examples
    --------
    >>> minimum_density([7, 3, 0], [0, 3, 7]).tolist()
    [[0.0, 3.0, 4.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]
    """
    rows, columns = checked_margins(owed, held)
    n, dust = len(rows), DUST * float(rows.sum())
    matrix = np.zeros((n, n))
    left, wanted = rows.copy(), columns.copy()
    while True:
        room = np.minimum.outer(left, wanted)
        np.fill_diagonal(room, 0.0)
        if not room.max(initial=0.0) > dust:
            break
        place = room.argmax() if rng is None else rng.choice(n * n, p=room.ravel() / room.sum())
        i, j = divmod(int(place), n)
        amount = room[i, j]
        matrix[i, j] += amount
        left[i] -= amount
        wanted[j] -= amount
    _reroute(matrix, left, wanted, dust)
    return matrix


def _reroute(matrix: Floats, left: Floats, wanted: Floats, dust: float) -> None:
    """Send what a node would owe itself through links between others, in place."""
    node = int(np.minimum(left, wanted).argmax())
    rest = float(min(left[node], wanted[node]))
    while rest > dust:
        others = matrix.copy()
        others[node], others[:, node] = 0.0, 0.0
        i, j = divmod(int(others.argmax()), len(left))
        amount = min(rest, float(others[i, j]))
        if amount <= 0.0:
            raise MarginError(f"node {node} would have to owe itself {rest:g}")
        matrix[i, j] -= amount
        matrix[i, node] += amount
        matrix[node, j] += amount
        rest -= amount
