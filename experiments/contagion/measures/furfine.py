"""Sequential defaults with a given loss rate.

Furfine (2003), Interbank exposures: quantifying the risk of contagion, Journal of Money, Credit
and Banking 35, 111-128. A node fails once its losses reach its equity, and each creditor of a
failed node writes off the same share of its claim: threshold contagion (MODEL 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..claims import Floats, Matrix, share, square_matrix, vector


@dataclass(frozen=True, eq=False)
class Cascade:
    """What a sequence of defaults did.

    Attributes
    ----------
    losses : float64 ndarray, shape (n,)
        Initial loss and write-offs of each node.
    defaulted : bool ndarray, shape (n,)
    default_round : int64 ndarray, shape (n,)
        1 for those whom the initial loss fells, then upwards; 0 for survivors.
    rounds : int
        Rounds in which somebody defaulted.
    """

    losses: Floats
    defaulted: NDArray[np.bool_]
    default_round: NDArray[np.int64]
    rounds: int


def furfine(
    liabilities: Matrix, equity: ArrayLike, initial_loss: ArrayLike, loss_given_default: float
) -> Cascade:
    """Write off claims on failed nodes round by round until nobody else fails.

    Parameters
    ----------
    liabilities : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* owes *j*, so what *j* may lose.
    equity : array_like, shape (n,)
        From 0; a node fails when its loss is at least its equity, and above 0.
    initial_loss : array_like, shape (n,)
    loss_given_default : float
        Share of a claim that is lost, 0 to 1.

    Examples
    --------
    >>> furfine([[0, 5, 0], [0, 0, 5], [0, 0, 0]], [1, 2, 9], [1, 0, 0], 0.6).default_round.tolist()
    [1, 2, 0]
    """
    owes = square_matrix(liabilities)
    n = int(owes.shape[0])
    buffer = vector(equity, n, "equity", low=0.0)
    losses = vector(initial_loss, n, "initial loss", low=0.0).copy()
    rate = share(loss_given_default, "loss_given_default")
    to_creditors = owes.T.tocsr()
    rounds = np.zeros(n, np.int64)
    count = 0
    while True:
        fresh = (losses >= buffer) & (losses > 0.0) & (rounds == 0)
        if not fresh.any():
            return Cascade(losses, rounds > 0, rounds, count)
        count += 1
        rounds[fresh] = count
        losses += rate * (to_creditors @ fresh.astype(np.float64))
