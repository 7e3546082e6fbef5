"""The one place where money moves, compiled."""

from __future__ import annotations

from numba import njit


@njit(cache=True, _nrt=False)
def move(balances, volumes, asset, source, target, amount, reason):
    """Move `amount` base units of `asset` from one account to another.

    Both legs are written, and the amount is added to what has moved for this
    reason. The caller has checked that `source` holds the amount.

    Parameters
    ----------
    balances : int64 ndarray, shape (n_accounts, n_assets)
    volumes : int64 ndarray, shape (n_reasons, n_assets)
    asset, source, target, amount, reason : int
    """
    balances[source, asset] -= amount
    balances[target, asset] += amount
    volumes[reason, asset] += amount
