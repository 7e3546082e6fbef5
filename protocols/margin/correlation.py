"""Margin that nets by correlations, and what it misses when they move to one (MODEL 2.3).

A correlation matrix must be positive semidefinite, or netting could make a portfolio's variance negative.
One that is not, as estimates pair by pair often are not, is refused, or replaced by the nearest that is,
with a notice that says how far away it was.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-10
"""Eigenvalues above its negative count as zero."""


class CorrelationError(ValueError):
    """A matrix that is not a correlation matrix."""


class Repaired(NamedTuple):
    """A correlation matrix, and what was done to get it.

    Attributes
    ----------
    matrix : float64 ndarray, shape (n, n)
    notice : str
        Empty if nothing had to be done.
    """

    matrix: Floats
    notice: str


def check_correlation(matrix: ArrayLike) -> Floats:
    """Return the matrix if it is a correlation matrix.

    Raises
    ------
    CorrelationError
        If it is not square, symmetric, with ones on the diagonal and entries from -1 to 1, or if it is
        not positive semidefinite.
    """
    table = _shaped(matrix)
    lowest = float(np.linalg.eigvalsh(table)[0]) if len(table) else 0.0
    if lowest < -TOLERANCE:
        raise CorrelationError(
            f"correlation matrix: must be positive semidefinite, its lowest eigenvalue is {lowest:.4g}; "
            f"repair_correlation gives the nearest that is"
        )
    return table


def repair_correlation(matrix: ArrayLike, sweeps: int = 2_000) -> Repaired:
    """Return the matrix, or the nearest correlation matrix by alternating projections (Higham 2002).

    1. Subtract Dykstra's correction, and set negative eigenvalues to zero.
    2. Keep the correction, and set the diagonal to one.
    3. Repeat until a sweep changes no entry by more than 1e-12; clip what is left of negative eigenvalues.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
    sweeps : int
        Most repetitions.

    Raises
    ------
    CorrelationError
        If it is not square, symmetric, with ones on the diagonal and entries from -1 to 1.
    """
    table = _shaped(matrix)
    if not len(table) or np.linalg.eigvalsh(table)[0] >= -TOLERANCE:
        return Repaired(table, "")
    near, correction = table.copy(), np.zeros_like(table)
    for _ in range(sweeps):
        shifted = near - correction
        projected = _positive_part(shifted)
        correction = projected - shifted
        before = near
        near = projected.copy()
        np.fill_diagonal(near, 1.0)
        if np.abs(near - before).max() <= 1e-12:
            break
    near = _positive_part(near)
    scale = np.sqrt(np.diag(near))
    near = near / np.outer(scale, scale)
    np.fill_diagonal(near, 1.0)
    moved = float(np.abs(near - table).max())
    lowest = float(np.linalg.eigvalsh(table)[0])
    return Repaired(
        near,
        f"correlation matrix repaired: it was not positive semidefinite (lowest eigenvalue {lowest:.4g}); "
        f"the nearest that is differs by at most {moved:.4g}",
    )


def stressed_correlation(matrix: ArrayLike, weight: float) -> Floats:
    """Move all correlations towards one: ``(1 - w) R + w 11'``.

    Raises
    ------
    CorrelationError
        If the weight is not from 0 to 1, or the matrix is no correlation matrix.
    """
    if not 0.0 <= weight <= 1.0:
        raise CorrelationError(f"correlation stress: weight must be from 0 to 1, got {weight:g}")
    return (1.0 - weight) * check_correlation(matrix) + weight


def correlated_margin(exposures: ArrayLike, volatilities: ArrayLike, matrix: ArrayLike, z: float) -> Floats:
    """Margin that covers a portfolio's loss with probability ``Phi(z)``: ``z sqrt(x' S R S x)``.

    Parameters
    ----------
    exposures : array_like, shape (..., n)
        Signed notional of each account in each asset.
    volatilities : array_like, shape (n,)
        Over the margin's horizon.
    matrix : array_like, shape (n, n)
        Correlations.
    z : float

    Returns
    -------
    float64 ndarray, shape (...)
    """
    scaled = np.asarray(exposures, np.float64) * np.asarray(volatilities, np.float64)
    variance = np.einsum("...i,ij,...j->...", scaled, check_correlation(matrix), scaled)
    margin: Floats = z * np.sqrt(np.maximum(variance, 0.0))
    return margin


def under_margin(
    exposures: ArrayLike, volatilities: ArrayLike, matrix: ArrayLike, weight: float, z: float
) -> Floats:
    """Return what margin by a matrix lacks when losses follow the stressed one, not below 0; shape (...)."""
    asked = correlated_margin(exposures, volatilities, matrix, z)
    lost = correlated_margin(exposures, volatilities, stressed_correlation(matrix, weight), z)
    return np.maximum(lost - asked, 0.0)


def _shaped(matrix: ArrayLike) -> Floats:
    table = np.array(matrix, np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise CorrelationError(f"correlation matrix: must be square, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise CorrelationError("correlation matrix: entries must be finite numbers")
    if not np.allclose(table, table.T, rtol=0.0, atol=1e-12):
        raise CorrelationError("correlation matrix: must be symmetric")
    if not np.allclose(np.diag(table), 1.0, rtol=0.0, atol=1e-12) or (np.abs(table) > 1.0 + 1e-12).any():
        raise CorrelationError(
            "correlation matrix: must have ones on the diagonal and entries from -1 to 1, "
            f"got a largest entry of {math.inf if not table.size else float(np.abs(table).max()):.4g}"
        )
    return table


def _positive_part(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    part: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return (part + part.T) / 2.0
