"""Correlation between assets: checked, and factored so that earlier assets stay as they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .reference import Floats

_TOLERANCE = 1e-9


class CorrelationError(ValueError):
    """A matrix that is no correlation matrix."""


def correlation_entries(correlation: ArrayLike, symbols: Sequence[str]) -> Floats:
    """Return a symmetric matrix within [-1, 1] with ones on the diagonal; it may not be semidefinite.

    Raises
    ------
    CorrelationError
        With the entry at fault.
    """
    n = len(symbols)
    matrix = np.array(correlation, np.float64)
    if matrix.shape != (n, n):
        raise CorrelationError(f"correlation must have shape ({n}, {n}) for {n} assets, got {matrix.shape}")
    wrong = ~(np.abs(matrix) <= 1.0 + _TOLERANCE)
    np.fill_diagonal(wrong, np.abs(np.diag(matrix) - 1.0) > _TOLERANCE)
    wrong |= np.isnan(matrix) | (np.abs(matrix - matrix.T) > _TOLERANCE)
    if wrong.any():
        i, j = (int(at[0]) for at in np.nonzero(wrong))
        raise CorrelationError(
            f"correlation of {symbols[i]} and {symbols[j]} is {matrix[i, j]} one way and {matrix[j, i]} the "
            "other; a correlation matrix is symmetric, within [-1, 1], with ones on the diagonal"
        )
    return matrix


def smallest_eigenvalue(matrix: Floats) -> float:
    """Smallest eigenvalue of a symmetric matrix, 0 if rounding alone brings it below."""
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    return 0.0 if -_TOLERANCE <= smallest < 0.0 else smallest


def check_correlation(correlation: ArrayLike, symbols: Sequence[str]) -> Floats:
    """Return the matrix if it is a correlation matrix, which may be singular.

    Raises
    ------
    CorrelationError
        With the entry or the eigenvalue at fault.
    """
    matrix = correlation_entries(correlation, symbols)
    smallest = smallest_eigenvalue(matrix)
    if smallest < 0.0:
        raise CorrelationError(
            f"correlation matrix of {', '.join(symbols)} is not positive semidefinite: "
            f"its smallest eigenvalue is {smallest:.3g}"
        )
    return matrix


def correlation_factor(correlation: ArrayLike | None, symbols: Sequence[str]) -> Floats:
    """Lower triangular factor of a correlation matrix that may be singular.

    Row ``i`` uses the shocks of assets ``0..i`` only, so that an asset added at the
    end changes no path before it.

    Parameters
    ----------
    correlation : array_like, shape (n, n), or None
        None means uncorrelated.
    symbols : sequence of str
        Names of the assets, for messages.

    Returns
    -------
    float64 ndarray, shape (n, n)
        ``factor @ factor.T`` is the matrix.

    Raises
    ------
    CorrelationError
        If the matrix is not a correlation matrix, with the entry or the eigenvalue at fault.
    """
    n = len(symbols)
    if correlation is None:
        return np.eye(n)
    matrix = check_correlation(correlation, symbols)
    factor = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j] - factor[i, :j] @ factor[j, :j]
            if i == j:
                factor[i, i] = np.sqrt(max(rest, 0.0))
            elif factor[j, j] > np.sqrt(_TOLERANCE):
                factor[i, j] = rest / factor[j, j]
    return factor
