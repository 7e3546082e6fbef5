"""Through how many ways a node can be hit by failures that exceed a buffer.

Silva, Souza and Tabak (2017), Monitoring vulnerability and impact diffusion in financial
networks, Journal of Economic Dynamics and Control 76, 109-135 (MODEL 4.4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from ..claims import Floats, Matrix, square_matrix, vector


def impact_susceptibility(exposures: Matrix, buffers: ArrayLike) -> Floats:
    """Return how much of what can hit a node reaches it indirectly.

    A link leads from *i* to *j* where the exposure of *i* to *j* is at least the buffer of *i*. With
    ``B`` these links, the susceptibility is ``(row sum of exp(B) - 1) / (row sum of B)``: 0 without
    links, 1 if only direct links count.

    Parameters
    ----------
    exposures : array_like or sparse array, shape (n, n)
        ``[i, j]``: what *i* loses if *j* fails. The transpose of liabilities.
    buffers : array_like, shape (n,)
        Above 0.

    Examples
    --------
    >>> impact_susceptibility([[0, 1, 0], [10, 0, 3], [3, 2, 0]], [2, 5, 2]).round(12).tolist()
    [0.0, 1.0, 1.25]
    """
    held = square_matrix(exposures, "exposures")
    n = int(held.shape[0])
    limit = vector(buffers, n, "buffers", above=0.0)
    rows = np.repeat(np.arange(n), np.diff(held.indptr))
    linked = held.data >= limit[rows]
    links = sparse.csr_array((np.ones(linked.sum()), (rows[linked], held.indices[linked])), shape=(n, n))
    degree = np.asarray(links.sum(axis=1)).ravel()
    walks = expm_multiply(links, np.ones(n), traceA=0.0) - 1.0 if linked.any() else np.zeros(n)
    return np.asarray(np.where(degree > 0.0, walks / np.where(degree > 0.0, degree, 1.0), 0.0))


def impact_fluidity(exposures: Matrix, buffers: ArrayLike) -> float:
    """Return the mean susceptibility of all nodes."""
    return float(impact_susceptibility(exposures, buffers).mean())
