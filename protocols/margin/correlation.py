"""Margin that nets by correlations, and what it misses when they move to one (MODEL 2.3).

A correlation matrix must be positive semidefinite, or netting could make a portfolio's variance negative.
One that is not, as estimates pair by pair often are not, is refused (`market.prices.correlation`), or
replaced by the nearest that is, with a notice that says how far away it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...market.prices.correlation import (
    CorrelationError,
    correlation_entries,
    smallest_eigenvalue,
)

Floats = NDArray[np.float64]


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


def repair_correlation(matrix: ArrayLike, symbols: Sequence[str], sweeps: int = 2_000) -> Repaired:
    """Return the matrix, or the nearest correlation matrix by alternating projections (Higham 2002).

    1. Subtract Dykstra's correction, and set negative eigenvalues to zero.
    2. Keep the correction, and set the diagonal to one.
    3. Repeat until a sweep changes no entry by more than 1e-12; clip what is left of negative eigenvalues.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
    symbols : sequence of str
        Names of the assets, for messages.
    sweeps : int
        Most repetitions.

    Raises
    ------
    CorrelationError
        If it is not symmetric, with ones on the diagonal and entries from -1 to 1.
    """
    table = correlation_entries(matrix, symbols)
    lowest = smallest_eigenvalue(table)
    if lowest >= 0.0:
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
    return Repaired(
        near,
        f"correlation matrix of {', '.join(symbols)} was not positive semidefinite (smallest eigenvalue "
        f"{lowest:.3g}) and is replaced by the nearest that is; entries differ by at most {moved:.3g}",
    )


def stressed_correlation(matrix: ArrayLike, weight: float, target: float = 1.0) -> Floats:
    """Move all correlations towards one, ``(1 - w) R + w 11'``, or towards another number, as 0.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        A correlation matrix, as of `check_correlation`.
    weight : float
        0 to 1.
    target : float
        Correlation that all move to, 0 to 1.

    Raises
    ------
    CorrelationError
        If the weight or the target is not from 0 to 1.
    """
    if not 0.0 <= weight <= 1.0:
        raise CorrelationError(f"correlation stress: weight must be from 0 to 1, got {weight:g}")
    if not 0.0 <= target <= 1.0:
        raise CorrelationError(f"correlation stress: target must be from 0 to 1, got {target:g}")
    table = np.asarray(matrix, np.float64)
    towards = np.full_like(table, target)
    np.fill_diagonal(towards, 1.0)
    stressed: Floats = (1.0 - weight) * table + weight * towards
    return stressed


def correlated_margin(exposures: ArrayLike, volatilities: ArrayLike, matrix: ArrayLike, z: float) -> Floats:
    """Margin that covers a portfolio's loss with probability ``Phi(z)``: ``z sqrt(x' S R S x)``.

    Parameters
    ----------
    exposures : array_like, shape (..., n)
        Signed notional of each account in each asset.
    volatilities : array_like, shape (n,)
        Over the margin's horizon.
    matrix : array_like, shape (n, n)
        A correlation matrix, as of `check_correlation`.
    z : float

    Returns
    -------
    float64 ndarray, shape (...)
    """
    scaled = np.asarray(exposures, np.float64) * np.asarray(volatilities, np.float64)
    variance = np.einsum("...i,ij,...j->...", scaled, np.asarray(matrix, np.float64), scaled)
    margin: Floats = z * np.sqrt(np.maximum(variance, 0.0))
    return margin


def under_margin(
    exposures: ArrayLike, volatilities: ArrayLike, matrix: ArrayLike, weight: float, z: float
) -> Floats:
    """Return what margin by a matrix lacks when losses follow the stressed one, not below 0; shape (...)."""
    asked = correlated_margin(exposures, volatilities, matrix, z)
    lost = correlated_margin(exposures, volatilities, stressed_correlation(matrix, weight), z)
    return np.maximum(lost - asked, 0.0)


def _positive_part(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    part: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return (part + part.T) / 2.0
