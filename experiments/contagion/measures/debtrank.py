"""DebtRank: how distress travels before anybody defaults.

Original: Battiston, Puliga, Kaushik, Tasca and Caldarelli (2012), DebtRank: too central to fail?,
Scientific Reports 2, 541; each node passes its distress on once. Linear: Bardoscia, Battiston,
Caccioli and Caldarelli (2015), DebtRank: a microscopic foundation for shock propagation, PLoS ONE
10, e0130406; every new increment travels on (MODEL 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..claims import Floats, Matrix, square_matrix, vector
from ..errors import ContagionError, NotConvergedError

STILL = 1e-14
"""Increments of distress below this are none."""

MAX_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Distress:
    """Relative losses of equity, 0 to 1.

    Attributes
    ----------
    initial, final : float64 ndarray, shape (n,)
    debtrank : float
        Distress that the network added, weighted by economic value.
    steps : int
    """

    initial: Floats
    final: Floats
    debtrank: float
    steps: int


def impact_matrix(liabilities: Matrix, equity: ArrayLike) -> sparse.csr_array:
    """Return ``W[i, j]``: share of the equity of *j* that is lost if *i* pays nothing, 1 at most.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*.
    equity : array_like, shape (n,)
        Above 0: who has none is in default already and has no place here.
    """
    owes = square_matrix(liabilities)
    buffer = vector(equity, int(owes.shape[0]), "equity", above=0.0)
    weights = owes.copy()
    with np.errstate(over="ignore"):
        weights.data = np.minimum(owes.data / buffer[owes.indices], 1.0)
    return weights


def debtrank(weights: Matrix, shock: ArrayLike, value: ArrayLike | None = None) -> Distress:
    """Compute the original DebtRank: a node passes its distress on once, when it first has any.

    Parameters
    ----------
    weights : array_like or sparse array, shape (n, n)
        ``W[i, j]``: share of its distress that *i* passes to *j*; see `impact_matrix`.
    shock : array_like, shape (n,)
        Initial distress, 0 to 1.
    value : array_like, shape (n,), optional
        Economic value of nodes; equal parts of 1 if left out. It is not rescaled.

    Examples
    --------
    >>> ring = [[0, 0.5, 0], [0, 0, 0.4], [0.3, 0, 0]]
    >>> debtrank(ring, 0.1).final.round(12).tolist()
    [0.13, 0.15, 0.14]
    """
    to_creditors, distress, worth = _prepare(weights, shock, value)
    initial = distress.copy()
    active = distress > 0.0
    passed = np.zeros(len(distress), bool)
    steps = 0
    while active.any():
        distress = np.minimum(1.0, distress + to_creditors @ np.where(active, distress, 0.0))
        passed |= active
        active = (distress > 0.0) & ~passed
        steps += 1
    return Distress(initial, distress, float((distress - initial) @ worth), steps)


def debtrank_linear(weights: Matrix, shock: ArrayLike, value: ArrayLike | None = None) -> Distress:
    """Compute the linear DebtRank: every increment travels on, ``h <- min(1, h + W' dh)``.

    Parameters are those of `debtrank`. Below the cap the result is ``(I - W')^-1 h0``.

    Raises
    ------
    NotConvergedError
        If distress still grows after `MAX_STEPS` steps, as at a spectral radius of one.

    Examples
    --------
    >>> ring = [[0, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0]]
    >>> debtrank_linear(ring, 0.5).final.round(12).tolist()
    [1.0, 1.0, 1.0]
    """
    to_creditors, distress, worth = _prepare(weights, shock, value)
    initial, increment = distress.copy(), distress
    for steps in range(MAX_STEPS):
        grown = np.minimum(1.0, distress + to_creditors @ increment)
        increment, distress = grown - distress, grown
        if not increment.max(initial=0.0) > STILL:
            return Distress(initial, distress, float((distress - initial) @ worth), steps)
    raise NotConvergedError(
        f"distress still grows after {MAX_STEPS:,} steps: the spectral radius of the weights is about 1"
    )


def _prepare(
    weights: Matrix, shock: ArrayLike, value: ArrayLike | None
) -> tuple[sparse.csr_array, Floats, Floats]:
    matrix = square_matrix(weights, "weights")
    n = int(matrix.shape[0])
    if len(matrix.data) and matrix.data.max() > 1.0:
        raise ContagionError(f"weights hold {matrix.data.max():g}; allowed: 0 to 1, see impact_matrix")
    distress = vector(shock, n, "shock", low=0.0).copy()
    if distress.max() > 1.0:
        raise ContagionError(f"shock[{distress.argmax()}] = {distress.max():g}; allowed: 0 to 1")
    worth = np.full(n, 1.0 / n) if value is None else vector(value, n, "value", low=0.0)
    return matrix.T.tocsr(), distress, worth
