"""Trade-offs: which designs are not beaten in everything, and where the front bends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pareto_front(costs: ArrayLike) -> NDArray[np.int64]:
    """Return the rows that no other row beats.

    Parameters
    ----------
    costs : array_like, shape (n, objectives)
        All to be made small; rows with NaN are never on the front.

    Returns
    -------
    int64 ndarray
        Ascending by the first objective. Of equal rows all are kept.

    Examples
    --------
    >>> pareto_front([[1, 5], [2, 2], [3, 3], [5, 1]]).tolist()
    [0, 1, 3]
    """
    table = np.atleast_2d(np.asarray(costs, np.float64))
    rows = np.flatnonzero(~np.isnan(table).any(axis=1))
    kept = [
        row
        for row in rows
        if not ((table[rows] <= table[row]).all(axis=1) & (table[rows] < table[row]).any(axis=1)).any()
    ]
    front = np.array(kept, np.int64)
    return front[np.lexsort(table[front].T[::-1])]


def knee(costs: ArrayLike) -> int:
    """Return the row of a two-objective front that lies farthest below the line between its ends.

    Objectives are scaled to the front's range first, so that units do not matter; where the
    front has no more than two points, or does not bend towards the origin, it is the row with
    the least sum.

    Parameters
    ----------
    costs : array_like, shape (n, 2)

    Raises
    ------
    ValueError
        If there are not two objectives or no row without NaN.

    Examples
    --------
    >>> knee([[0, 10], [1, 2], [10, 0]])
    1
    """
    table = np.asarray(costs, np.float64)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(f"costs must have shape (n, 2), got {table.shape}")
    front = pareto_front(table)
    if not len(front):
        raise ValueError("no row without NaN")
    points = table[front]
    span = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(span > 0, span, 1.0)
    return int(front[np.argmin(scaled.sum(axis=1))])
