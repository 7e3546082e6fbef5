"""Double-entry ledger over accounts and assets, in whole base units.

Every movement has a source, a target and a reason. Account 0 is the rest of the
world: what enters the simulation is moved out of it, so each asset sums to zero
over all accounts at any time. The ledger does not know what balances are for;
whoever holds funds for others (books, pools, protocols) proves against the
ledger that it still does.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .assets import Asset
from .ledger_kernels import move

LARGEST_ENDOWMENT = 2**59
"""Base units of an asset that one account of a world brings in at most, so that all fit in int64."""

OUTSIDE = 0
"""Account index of the rest of the world, the only one that may go below zero."""

_LIMIT = 2**63  # of int64; balances that wrap around would still sum to zero


class Reason(IntEnum):
    """Why money moved."""

    ENDOWMENT = 0
    ESCROW = 1
    RELEASE = 2
    TRADE = 3
    GAS = 4
    SWAP = 5
    LIQUIDITY = 6
    SUPPLY = 7
    WITHDRAW = 8
    REPAY = 9
    SEIZE = 10
    FLASH_LOAN = 11
    TRANSFER = 12
    MINT = 13
    BURN = 14
    REDEMPTION = 15


class InsufficientFundsError(Exception):
    """An account does not hold what a movement would take from it."""


class Ledger:
    """Balances of all accounts in all assets.

    Parameters
    ----------
    assets : sequence of Asset
        Columns of the ledger.
    capacity : int
        Accounts to make room for; grows when more are opened.

    Attributes
    ----------
    balances : int64 ndarray, shape (capacity, n_assets)
        Base units; kernels write to it through `ledger_kernels.move`.
    volumes : int64 ndarray, shape (n_reasons, n_assets)
        Base units moved so far for each `Reason`.
    """

    def __init__(self, assets: Sequence[Asset], capacity: int = 64) -> None:
        symbols = [asset.symbol for asset in assets]
        if len(set(symbols)) != len(symbols):
            raise ValueError(f"assets must be distinct, got {symbols}")
        self.assets = tuple(assets)
        self.asset_index = {symbol: i for i, symbol in enumerate(symbols)}
        self.balances: NDArray[np.int64] = np.zeros((max(capacity, 1), len(symbols)), np.int64)
        self.volumes: NDArray[np.int64] = np.zeros((len(Reason), len(symbols)), np.int64)
        self._blocks: list[tuple[int, str]] = []  # first index and name of each run of accounts
        self._journal: list[tuple[int, int, int, int, int]] | None = None
        self.n_accounts = 0
        self.open_account("outside")

    def open_account(self, name: str) -> int:
        """Open one account and return its index."""
        return self.open_accounts(name, 1)

    def open_accounts(self, name: str, count: int) -> int:
        """Open `count` accounts of one kind in a row; return the first index."""
        if count < 1:
            raise ValueError(f"accounts to open for {name!r} must be at least 1, got {count}")
        first = self.n_accounts
        self.n_accounts += count
        if self.n_accounts > len(self.balances):
            grown = np.zeros((max(self.n_accounts, 2 * len(self.balances)), len(self.assets)), np.int64)
            grown[:first] = self.balances[:first]
            self.balances = grown
        self._blocks.append((first, name))
        return first

    def name(self, account: int) -> str:
        """Name of an account; accounts opened together are numbered from 0."""
        if not 0 <= account < self.n_accounts:
            raise IndexError(f"account {account} is not open; there are {self.n_accounts}")
        first, count, name = next(run for run in reversed(self.runs()) if run[0] <= account)
        return name if count == 1 else f"{name}-{account - first}"

    def runs(self) -> list[tuple[int, int, str]]:
        """Accounts as they were opened: first index, how many, name."""
        ends = [first for first, _ in self._blocks[1:]] + [self.n_accounts]
        return [(first, end - first, name) for (first, name), end in zip(self._blocks, ends, strict=True)]

    def balance(self, account: int, asset: int) -> int:
        """Return the base units of `asset` that `account` holds."""
        held: int = self.balances.item(account, asset)
        return held

    def endow(self, asset: int, account: int, amount: int) -> None:
        """Bring `amount` base units in from the rest of the world."""
        self.transfer(asset, OUTSIDE, account, amount, Reason.ENDOWMENT)

    def transfer(self, asset: int, source: int, target: int, amount: int, reason: Reason) -> None:
        """Move base units between two accounts.

        Raises
        ------
        ValueError
            If `amount` is negative or `reason` is none of `Reason`.
        IndexError
            If an account is not open.
        InsufficientFundsError
            If `source` holds less than `amount` (the outside world may owe).
        OverflowError
            If a balance would not fit in int64.
        """
        if amount < 0:
            raise ValueError(f"amount of {self.assets[asset].symbol} must not be negative, got {amount}")
        if not 0 <= reason < len(self.volumes):  # compiled code does not check its indices
            raise ValueError(f"reason {reason} is none of Reason, 0 to {len(self.volumes) - 1}")
        if not (0 <= source < self.n_accounts and 0 <= target < self.n_accounts):
            raise IndexError(f"accounts {source} and {target} must be below {self.n_accounts}, those open")
        held: int = self.balances.item(source, asset)
        if source != OUTSIDE and held < amount:
            raise InsufficientFundsError(
                f"{self.name(source)} holds {held} base units of {self.assets[asset].symbol}, {amount} needed"
            )
        after = self.balances.item(target, asset) + amount
        if after >= _LIMIT or amount - held > _LIMIT:
            raise self._out_of_range(asset, amount - held, after)
        code = int(reason)
        move(self.balances, self.volumes, asset, source, target, amount, code)
        if self._journal is not None:
            self._journal.append((asset, source, target, amount, code))

    def endow_each(self, asset: int, first: int, amounts: NDArray[np.int64]) -> None:
        """Bring in `amounts[k]` base units for account ``first + k``, all accounts at once.

        Raises
        ------
        ValueError
            If an amount is negative.
        IndexError
            If an account is not open.
        OverflowError
            If a balance would not fit in int64.
        RuntimeError
            If a transaction is open: this cannot be undone.
        """
        if self._journal is not None:
            raise RuntimeError("endow_each cannot be undone, so it must not be part of a transaction")
        if not len(amounts):
            return
        symbol, last = self.assets[asset].symbol, first + len(amounts) - 1
        if amounts.min() < 0:
            raise ValueError(f"amounts of {symbol} must not be negative, got {amounts.min()}")
        if not 0 <= first <= last < self.n_accounts:
            raise IndexError(f"accounts {first} to {last} must be below {self.n_accounts}, those open")
        total = sum(amounts.tolist())
        held = self.balances[first : last + 1, asset].tolist()
        largest = max(map(sum, zip(held, amounts.tolist(), strict=True)))
        owed = total - int(self.balances[OUTSIDE, asset])
        if largest >= _LIMIT or owed > _LIMIT:
            raise self._out_of_range(asset, owed, largest)
        self.balances[first : last + 1, asset] += amounts
        self.balances[OUTSIDE, asset] -= total
        self.volumes[Reason.ENDOWMENT, asset] += total

    def begin(self) -> None:
        """Start to remember transfers, so that `rollback` can undo them."""
        if self._journal is not None:
            raise RuntimeError("a transaction is open already")
        self._journal = []

    def commit(self) -> None:
        """Keep what was moved since `begin`."""
        if self._journal is None:
            raise RuntimeError("no transaction is open")
        self._journal = None

    def rollback(self) -> None:
        """Undo what `transfer` moved since `begin`, newest first.

        What compiled code moved since then, a trade on a book, is not undone.
        """
        if self._journal is None:
            raise RuntimeError("no transaction is open")
        journal, self._journal = self._journal, None
        for asset, source, target, amount, reason in reversed(journal):
            move(self.balances, self.volumes, asset, target, source, amount, reason)
            self.volumes[reason, asset] -= 2 * amount

    def imbalance(self) -> NDArray[np.int64]:
        """Sum of each asset over all accounts; zero unless a leg was lost."""
        sums: NDArray[np.int64] = self.balances[: self.n_accounts].sum(axis=0)
        return sums

    def _out_of_range(self, asset: int, owed: int, held: int) -> OverflowError:
        return OverflowError(
            f"a balance of {max(owed, held)} base units of {self.assets[asset].symbol} does not fit in "
            f"int64; give the asset fewer decimals"
        )
