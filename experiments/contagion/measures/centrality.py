"""Who matters by position: strength, eigenvector and Katz centrality, k-core, spectral radius.

``A[i, j]`` is the weight of the edge from *i* to *j*; a node is central if edges from central
nodes point to it. Graph algorithms that networkx has are taken from there (MODEL 4.4).
"""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigs

from ..claims import Floats, Matrix, square_matrix
from ..errors import NotConvergedError, SingularSystemError

DENSE = 200
"""Up to this many nodes eigenvalues are computed from the dense matrix."""

MAX_STEPS = 20_000
STILL = 1e-13


class Strength(NamedTuple):
    """Weighted degrees.

    Attributes
    ----------
    outward, inward : float64 ndarray, shape (n,)
        Weight of the edges that leave and that reach each node.
    """

    outward: Floats
    inward: Floats


def strength(matrix: Matrix) -> Strength:
    """Return weighted out- and in-degree of every node."""
    weights = square_matrix(matrix, "weights", diagonal=True)
    outward, inward = (np.asarray(weights.sum(axis=k), dtype=np.float64).ravel() for k in (1, 0))
    return Strength(outward, inward)


def spectral_radius(matrix: Matrix) -> float:
    """Return the largest absolute eigenvalue; distress that is passed on by `matrix` explodes above 1.

    Raises
    ------
    NotConvergedError
        If the eigenvalue solver gives up.
    """
    weights = square_matrix(matrix, "weights", diagonal=True)
    if _without_cycles(weights):
        return 0.0
    n = int(weights.shape[0])
    if n <= DENSE:
        return float(np.abs(np.linalg.eigvals(weights.toarray())).max())
    try:  # by Perron and Frobenius the largest is real and positive
        found = eigs(weights, k=1, which="LR", v0=np.ones(n), return_eigenvectors=False)
    except ArpackNoConvergence:
        raise NotConvergedError(f"the largest eigenvalue of {n:,} nodes was not found") from None
    return float(np.abs(found[0]))


def eigenvector_centrality(matrix: Matrix) -> Floats:
    """Return the dominant left eigenvector, with Euclidean length 1, from equal starting values.

    Where several separate parts of the graph have the same dominant eigenvalue, the equal start
    decides how much each of them counts, as in networkx.

    Raises
    ------
    SingularSystemError
        If the graph has no cycle: then no node is central in this sense.
    NotConvergedError
        If the power iteration does not settle.
    """
    weights = square_matrix(matrix, "weights", diagonal=True)
    if _without_cycles(weights):
        raise SingularSystemError("the graph has no cycle, so its eigenvector centrality is zero everywhere")
    n = int(weights.shape[0])
    inward = weights.T.tocsr() / spectral_radius(weights)
    scores = np.full(n, n**-0.5)
    for _ in range(MAX_STEPS):  # the added identity keeps cycles of even length from alternating
        new: Floats = inward @ scores + scores
        new /= np.linalg.norm(new)
        if np.abs(new - scores).max() <= STILL:
            return new
        scores = new
    raise NotConvergedError(f"eigenvector centrality did not settle in {MAX_STEPS:,} steps")


def katz_centrality(matrix: Matrix, alpha: float | None = None) -> Floats:
    """Return ``x = 1 + alpha A' x``: walks that end at a node, each step discounted.

    Katz (1953), A new status index derived from sociometric analysis, Psychometrika 18, 39-43.

    Parameters
    ----------
    matrix : array_like or sparse array, shape (n, n)
    alpha : float, optional
        Above 0 and below the inverse of the spectral radius; 0.85 of that if left out, 1 without cycles.

    Raises
    ------
    SingularSystemError
        If `alpha` is out of range: longer and longer walks would weigh more and more.
    """
    weights = square_matrix(matrix, "weights", diagonal=True)
    radius = spectral_radius(weights)
    if alpha is None:
        alpha = 0.85 / radius if radius else 1.0
    if not alpha > 0.0 or alpha * radius >= 1.0:
        limit = f"below {1.0 / radius:g}, the inverse of the spectral radius" if radius else "any"
        raise SingularSystemError(f"alpha = {alpha:g}; allowed: above 0, {limit}")
    inward = alpha * weights.T.tocsr()
    scores = np.ones(int(weights.shape[0]))
    for _ in range(MAX_STEPS):
        new: Floats = 1.0 + inward @ scores
        if np.abs(new - scores).max() <= STILL * new.max():
            return new
        scores = new
    raise NotConvergedError(f"alpha = {alpha:g} is too close to the inverse of the spectral radius")


def core_numbers(matrix: Matrix) -> NDArray[np.int64]:
    """Return the largest k for which each node is in the k-core of the undirected graph.

    Weights and directions are ignored, as are edges from a node to itself.
    """
    weights = square_matrix(matrix, "weights", diagonal=True)
    graph: nx.Graph[int] = nx.from_scipy_sparse_array(weights)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    numbers = nx.core_number(graph)
    return np.array([numbers[node] for node in range(int(weights.shape[0]))], dtype=np.int64)


def _without_cycles(weights: sparse.csr_array) -> bool:
    """Whether no walk ever returns."""
    positive = weights.copy()
    positive.eliminate_zeros()
    parts, _ = connected_components(positive, connection="strong")
    return bool(parts == positive.shape[0] and not positive.diagonal().any())
