"""What an account of isolated pairs may hold: one collateral and one debt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def check_isolated(
    name: str,
    parameters: Sequence[object | None],
    collateral: Integers,
    debt: Integers,
    place: str,
    *,
    own_collateral: bool = True,
    hint: str = "",
) -> None:
    """Refuse a crowd of which an account does not fit into one pair.

    Parameters
    ----------
    name : str
        Of the pool, for the message.
    parameters : sequence
        By asset, None where it is not accepted as collateral.
    collateral, debt : int64 ndarray, shape (n_accounts, n_assets)
    place : str
        What the protocol calls a pair, for the message.
    own_collateral : bool
        Whether an account may owe what it has put up.
    hint : str
        End of the message.

    Raises
    ------
    ValueError
        If an account has two collaterals, two debts, a debt without collateral or a collateral that
        is not accepted, or owes its own collateral where it may not; the first such account is named.
    """
    held, owed = collateral > 0, debt > 0
    accepted = np.array([one is not None for one in parameters])
    for wrong, what in (
        (held.sum(axis=1) > 1, "has more than one collateral"),
        (owed.sum(axis=1) > 1, "owes more than one asset"),
        (owed.any(axis=1) & ~held.any(axis=1), "owes without collateral"),
        ((held & ~accepted).any(axis=1), f"has collateral that no {place} takes"),
        ((held & owed).any(axis=1) & (not own_collateral), "owes its own collateral"),
    ):
        if wrong.any():
            raise ValueError(f"{name}: account {int(wrong.argmax())} {what}{hint}")
