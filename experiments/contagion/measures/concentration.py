"""How much hangs on how few: HHI, effective number, Gini, common collateral, claims as collateral."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import norm

from ..claims import Floats, Matrix
from ..errors import ContagionError, EmptyGraphError, NegativeClaimError


def herfindahl(amounts: ArrayLike) -> float:
    """Return the Herfindahl-Hirschman index, the sum of squared shares: 1/n to 1."""
    values = _amounts(amounts)
    return float(np.square(values / values.sum()).sum())


def effective_number(amounts: ArrayLike) -> float:
    """Return how many equal parts would be as concentrated, ``1 / HHI``.

    Examples
    --------
    >>> round(effective_number([10_000] * 100), 6), effective_number([500_000, 500_000, 0])
    (100.0, 2.0)
    """
    return 1.0 / herfindahl(amounts)


def gini(amounts: ArrayLike) -> float:
    """Return the Gini coefficient: 0 if all are equal, towards 1 if one has everything.

    Examples
    --------
    >>> gini([1, 1, 1]), gini([0, 0, 0, 1])
    (0.0, 0.75)
    """
    values = np.sort(_amounts(amounts))
    n = len(values)
    ranks = np.arange(1, n + 1)
    return max(float(2.0 * (ranks @ values) / (n * values.sum()) - (n + 1.0) / n), 0.0)


def portfolio_overlap(holdings: Matrix) -> Floats:
    """Return the cosine between the portfolios of every two holders.

    Parameters
    ----------
    holdings : array_like or sparse array, shape (n, k)
        Value of each asset in each portfolio, from 0.

    Returns
    -------
    float64 ndarray, shape (n, n)
        1 for the same mix, 0 for nothing in common or an empty portfolio.
    """
    table = sparse.csr_array(holdings, dtype=np.float64)
    if table.shape[0] == 0:
        raise EmptyGraphError("holdings have no rows; at least 1 holder is needed")
    if len(table.data) and not 0.0 <= table.data.min() <= table.data.max() < np.inf:
        raise NegativeClaimError("holdings hold a number that is negative or not finite; allowed: from 0")
    lengths = np.asarray(norm(table, axis=1))
    scaled = sparse.diags_array(1.0 / np.where(lengths > 0.0, lengths, 1.0)) @ table
    return np.minimum(np.asarray((scaled @ scaled.T).toarray()), 1.0)


def share_backed_by_claims(
    debt: ArrayLike, collateral: ArrayLike, is_claim: NDArray[np.bool_] | list[bool]
) -> float:
    """Return the share of debt whose collateral is a liability of somebody else.

    A debt counts by the share of such assets (stablecoins, staked tokens, receipts) in its collateral.

    Parameters
    ----------
    debt : array_like, shape (n,)
        From 0, and not all of it 0.
    collateral : array_like, shape (n, k)
        Value of each asset that backs each debt, from 0. Debt without any collateral counts as not
        backed by claims.
    is_claim : array_like of bool, shape (k,)

    Examples
    --------
    >>> share_backed_by_claims([100, 100], [[50, 50], [100, 0]], [False, True])
    0.25
    """
    owed = _amounts(debt)
    table = np.asarray(collateral, dtype=np.float64)
    claims = np.asarray(is_claim, dtype=bool)
    if table.shape != (len(owed), len(claims)):
        raise ContagionError(
            f"collateral has shape {table.shape}; needed: {len(owed)} debts and {len(claims)} assets"
        )
    if not (table >= 0.0).all():
        raise NegativeClaimError("collateral holds a negative number or none; allowed: from 0")
    total = table.sum(axis=1)
    shares = table[:, claims].sum(axis=1) / np.where(total > 0.0, total, 1.0)
    return float(owed @ shares / owed.sum())


def _amounts(amounts: ArrayLike) -> Floats:
    values = np.atleast_1d(np.asarray(amounts, dtype=np.float64))
    if values.ndim != 1 or not len(values):
        raise EmptyGraphError("amounts are empty; at least 1 is needed")
    if not np.isfinite(values).all():
        raise ContagionError("amounts hold a number that is not finite")
    if values.min() < 0.0:
        raise NegativeClaimError(f"amounts[{values.argmin()}] = {values.min():g}; allowed: from 0")
    if not values.sum() > 0.0:
        raise ContagionError("amounts are all 0; needed: at least one above 0")
    return values
