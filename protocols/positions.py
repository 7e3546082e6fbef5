"""Positions of the crowd: what every account has put up and owes, as arrays.

Rows are accounts, columns are assets; amounts are whole base units, scaled by the
protocol's index where it has one. The class keeps the amounts and remembers which
accounts changed, so that whoever screens health must look at them. It knows no
prices and no rules, and it moves no money: the ledger does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ASSETS = 20
"""Most assets a set of positions may have: what it depends on has to fit in 63 bits."""

_LARGEST = 2**63 - 1


def aligned_zeros(rows: int, columns: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Zeros that begin at a cache line, so that a row is spread over no more lines than it must."""
    size = rows * columns * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(rows, columns)


class Positions:
    """Collateral and debt of `n_accounts` accounts in `n_assets` assets.

    Parameters
    ----------
    n_accounts : int
        Rows; fixed, at least 1.
    n_assets : int
        Columns on each side, 1 to `MAX_ASSETS`.

    Attributes
    ----------
    amounts : int64 ndarray, shape (n_accounts, 2 * n_assets)
        Collateral columns, then debt columns, so that one account is one run of memory.
    collateral, debt : int64 ndarray, shape (n_accounts, n_assets)
        The two halves of `amounts` (views), scaled base units. A kernel may write to
        them; its caller then reports the accounts through `mark`.
    touched : set of int
        Accounts that changed since the last screening.

    Raises
    ------
    ValueError
        If a size is out of range.
    """

    def __init__(self, n_accounts: int, n_assets: int) -> None:
        if not 1 <= n_accounts < 2**31:
            raise ValueError(f"n_accounts must be 1 to 2**31 - 1, got {n_accounts}")
        if not 1 <= n_assets <= MAX_ASSETS:
            raise ValueError(f"n_assets must be 1 to {MAX_ASSETS}, got {n_assets}")
        self.n_accounts = n_accounts
        self.n_assets = n_assets
        self.amounts: NDArray[np.int64] = aligned_zeros(n_accounts, 2 * n_assets, np.int64)
        self.collateral = self.amounts[:, :n_assets]
        self.debt = self.amounts[:, n_assets:]
        self.touched: set[int] = set()

    def rows(self, account: int) -> tuple[list[int], list[int]]:
        """Collateral and debt of one account as Python integers, one per asset."""
        self._check(account)
        row = self.amounts[account].tolist()
        return row[: self.n_assets], row[self.n_assets :]

    def set(self, account: int, collateral: Sequence[int], debt: Sequence[int]) -> None:
        """Replace the whole position of one account.

        Raises
        ------
        IndexError
            If there is no such account.
        ValueError
            If a sequence has the wrong length, or an amount is negative or beyond int64.
        """
        self._check(account)
        for side, amounts in (("collateral", collateral), ("debt", debt)):
            if len(amounts) != self.n_assets:
                raise ValueError(f"{side} needs {self.n_assets} amounts, one per asset, got {len(amounts)}")
            for asset, amount in enumerate(amounts):
                self._check_amount(side, account, asset, int(amount))
        self.amounts[account] = [*map(int, collateral), *map(int, debt)]
        self.touched.add(account)

    def add(self, account: int, asset: int, *, collateral: int = 0, debt: int = 0) -> None:
        """Add (or, if negative, take away) base units of one asset.

        Raises
        ------
        IndexError
            If there is no such account or asset.
        ValueError
            If an amount would become negative or exceed int64; nothing is changed then.
        """
        self._check(account)
        if not 0 <= asset < self.n_assets:
            raise IndexError(f"asset {asset} does not exist; there are {self.n_assets}")
        new_collateral = int(self.collateral[account, asset]) + int(collateral)
        new_debt = int(self.debt[account, asset]) + int(debt)
        self._check_amount("collateral", account, asset, new_collateral)
        self._check_amount("debt", account, asset, new_debt)
        self.collateral[account, asset] = new_collateral
        self.debt[account, asset] = new_debt
        self.touched.add(account)

    def mark(self, accounts: Iterable[int]) -> None:
        """Report accounts whose amounts were written to directly.

        Raises
        ------
        IndexError
            If there is no such account.
        """
        marked = accounts.tolist() if isinstance(accounts, np.ndarray) else list(map(int, accounts))
        if marked:
            self._check(min(marked))
            self._check(max(marked))
            self.touched.update(marked)

    def take_touched(self) -> NDArray[np.int64]:
        """Accounts that changed since this was last asked, ascending; they are then forgotten."""
        accounts = np.array(sorted(self.touched), np.int64)
        self.touched.clear()
        return accounts

    def asset_sets(self) -> NDArray[np.int64]:
        """Set of assets each account depends on, as bits.

        Returns
        -------
        int64 ndarray, shape (n_accounts,)
            Bit ``a`` is set where the account has collateral in asset ``a``, bit
            ``n_assets + a`` where it owes asset ``a``.
        """
        sets = np.zeros(self.n_accounts, np.int64)
        for column in range(2 * self.n_assets):
            sets |= (self.amounts[:, column] != 0).astype(np.int64) << column
        return sets

    def _check(self, account: int) -> None:
        if not 0 <= account < self.n_accounts:
            raise IndexError(f"account {account} does not exist; there are {self.n_accounts}")

    def _check_amount(self, side: str, account: int, asset: int, amount: int) -> None:
        if not 0 <= amount <= _LARGEST:
            raise ValueError(
                f"{side} of account {account} in asset {asset} must be 0 to 2**63 - 1, would be {amount}"
            )
