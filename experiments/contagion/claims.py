"""From what a caller has (a table, a dense or a sparse matrix, shares) to checked sparse liabilities.

``L[i, j]`` is what node *i* owes node *j*; nobody owes itself, and nothing is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .errors import (
    ContagionError,
    EmptyGraphError,
    NegativeClaimError,
    NotSquareError,
    RelativeLiabilitiesError,
    SelfClaimError,
    UnknownNodeError,
)

Floats = NDArray[np.float64]
Matrix = Any
"""A dense array or any sparse array of scipy."""

SHARES_TOLERANCE = 1e-9
"""How far the shares of one node's debts may be from adding up to one."""


def square_matrix(matrix: Matrix, what: str = "liabilities", *, diagonal: bool = False) -> sparse.csr_array:
    """Check a matrix between nodes and return it as a CSR array of float64.

    Parameters
    ----------
    matrix : array_like or sparse array, shape (n, n)
    what : str
        Name of the matrix in errors.
    diagonal : bool
        Whether entries on the diagonal are allowed.

    Raises
    ------
    NotSquareError, EmptyGraphError, NegativeClaimError, SelfClaimError, ContagionError
        If it is not square, empty, has a negative entry, one on the diagonal, or one that is no number.
    """
    checked: sparse.csr_array
    if sparse.issparse(matrix):
        given: Any = matrix
        checked = sparse.csr_array(given, dtype=np.float64)
    else:
        dense = np.asarray(matrix, dtype=np.float64)
        if dense.ndim != 2:
            raise NotSquareError(f"{what} must be a square matrix, got an array of {dense.ndim} dimensions")
        checked = sparse.csr_array(dense)
    rows, columns = checked.shape
    if rows != columns:
        raise NotSquareError(f"{what} must be a square matrix, got {rows} rows and {columns} columns")
    if rows == 0:
        raise EmptyGraphError(f"{what} has no nodes; at least 1 is needed")
    if not checked.has_canonical_format:
        checked = checked.copy()
        checked.sum_duplicates()
    if len(checked.data) and not 0.0 <= checked.data.min() <= checked.data.max() < np.inf:
        at = int(np.argmax(~(checked.data >= 0.0) | np.isinf(checked.data)))
        row = int(np.searchsorted(checked.indptr, at, side="right")) - 1
        value, column = float(checked.data[at]), int(checked.indices[at])
        kind = NegativeClaimError if value < 0.0 else ContagionError
        raise kind(f"{what}[{row}, {column}] = {value:g}; allowed: finite numbers from 0")
    if not diagonal:
        own = checked.diagonal()
        if own.any():
            node = int(np.flatnonzero(own)[0])
            raise SelfClaimError(f"{what}[{node}, {node}] = {own[node]:g}; a node cannot owe itself")
    return checked


def vector(
    values: ArrayLike, n: int, what: str, *, low: float = -np.inf, above: float | None = None
) -> Floats:
    """Check one number per node; a single number stands for all nodes.

    Raises
    ------
    ContagionError
        If the length differs, a value is not finite, below `low`, or not above `above`.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim == 0:
        numbers = np.full(n, float(numbers))
    if numbers.shape != (n,):
        raise ContagionError(f"{what} has shape {numbers.shape}; needed: one number for each of {n} nodes")
    wrong = ~np.isfinite(numbers) | (numbers < low)
    allowed = "finite numbers" if low == -np.inf else f"finite numbers from {low:g}"
    if above is not None:
        wrong |= numbers <= above
        allowed = f"finite numbers above {above:g}"
    if wrong.any():
        at = int(wrong.argmax())
        raise ContagionError(f"{what}[{at}] = {numbers[at]:g}; allowed: {allowed}")
    return numbers


def share(value: float, what: str) -> float:
    """Check a number from 0 to 1.

    Raises
    ------
    ContagionError
        If it is outside.
    """
    if not 0.0 <= value <= 1.0:
        raise ContagionError(f"{what} = {value:g}; allowed: 0 to 1")
    return float(value)


def liabilities_from_claims(
    nodes: Sequence[str], claims: Iterable[tuple[str, str, float]]
) -> sparse.csr_array:
    """Build liabilities from named debts; several between the same two nodes add up.

    Parameters
    ----------
    nodes : sequence of str
        Distinct names; their order is that of rows and columns.
    claims : iterable of (debtor, creditor, amount)

    Returns
    -------
    csr_array, shape (n, n)

    Raises
    ------
    UnknownNodeError
        If a claim names a node that is not in `nodes`.
    EmptyGraphError, NegativeClaimError, SelfClaimError, ContagionError
        As for every matrix of liabilities, or if a name is repeated.

    Examples
    --------
    >>> liabilities_from_claims(["a", "b"], [("a", "b", 10.0)]).toarray().tolist()
    [[0.0, 10.0], [0.0, 0.0]]
    """
    place = {name: k for k, name in enumerate(nodes)}
    if len(place) < len(nodes):
        raise ContagionError(f"nodes repeat a name: {len(nodes)} names, {len(place)} of them distinct")
    rows, columns, amounts = [], [], []
    for debtor, creditor, amount in claims:
        for name in (debtor, creditor):
            if name not in place:
                raise UnknownNodeError(
                    f"claim of {creditor!r} on {debtor!r}: node {name!r} is not in the graph"
                )
        if amount < 0.0:
            raise NegativeClaimError(f"claim of {creditor!r} on {debtor!r} is {amount:g}; allowed: from 0")
        rows.append(place[debtor])
        columns.append(place[creditor])
        amounts.append(float(amount))
    n = len(nodes)
    matrix = sparse.coo_array((amounts, (rows, columns)), shape=(n, n), dtype=np.float64)
    return square_matrix(matrix)


def liabilities_from_relative(relative: Matrix, total: ArrayLike) -> sparse.csr_array:
    """Build liabilities from what each node owes in all and to whom in shares.

    Parameters
    ----------
    relative : array_like or sparse array, shape (n, n)
        ``relative[i, j]``: share of the debts of *i* owed to *j*.
    total : array_like, shape (n,)
        All that each node owes, from 0.

    Raises
    ------
    RelativeLiabilitiesError
        If the shares of a node that owes something do not add up to one.
    """
    shares = square_matrix(relative, "relative liabilities")
    n = shares.shape[0]
    owed = vector(total, n, "total", low=0.0)
    sums = np.asarray(shares.sum(axis=1)).ravel()
    wrong = (owed > 0.0) & (np.abs(sums - 1.0) > SHARES_TOLERANCE)
    if wrong.any():
        node = int(wrong.argmax())
        raise RelativeLiabilitiesError(
            f"relative liabilities of node {node} add up to {sums[node]:.12g}; needed: 1, as it owes"
            f" {owed[node]:g}"
        )
    return sparse.csr_array(sparse.diags_array(owed) @ shares)
