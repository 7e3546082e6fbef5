"""What every pool of two assets has on the ledger: an account of its own, and movements that are whole."""

from __future__ import annotations

from typing import ClassVar

from ..ledger import OUTSIDE, InsufficientFundsError, Ledger, Reason
from ..revert import Revert

INT64_MAX = 2**63 - 1
"""Most base units of an asset that the ledger can hold."""


class LedgerPool:
    """Base of the pools that worlds hold.

    Parameters
    ----------
    ledger : Ledger
        Where the pool opens an account of its own.
    asset0, asset1 : int
        Ledger indices of its two assets.
    name : str
        Name of the ledger account.

    Raises
    ------
    ValueError
        If the assets are one.
    """

    unpaid: ClassVar[str]
    """Why the contract reverts when an account holds too little."""

    def __init__(self, ledger: Ledger, asset0: int, asset1: int, name: str) -> None:
        if asset0 == asset1:
            raise ValueError(f"pool {name}: needs two different assets, got {asset0} twice")
        self.name = name
        self.assets = (asset0, asset1)
        self.account = ledger.open_account(name)
        self._ledger = ledger
        unit0, unit1 = (ledger.assets[asset].unit for asset in self.assets)
        self._units = (float(unit0), float(unit1))

    def _direction(self, asset_in: int) -> bool:
        """Whether an asset that comes in is asset 0."""
        if asset_in == self.assets[0]:
            return True
        if asset_in == self.assets[1]:
            return False
        raise ValueError(f"pool {self.name} trades assets {self.assets}, got {asset_in}")

    def _take_in(self, account: int, amounts: tuple[int, int]) -> None:
        """Move liquidity from an account into the pool, both assets or none."""
        for asset, amount in zip(self.assets, amounts, strict=True):
            if account != OUTSIDE and self._ledger.balance(account, asset) < amount:
                raise Revert(self.unpaid)
        for asset, amount in zip(self.assets, amounts, strict=True):
            if amount:
                self._ledger.transfer(asset, account, self.account, amount, Reason.LIQUIDITY)

    def _pay_out(self, account: int, amounts: tuple[int, int]) -> None:
        """Move liquidity out of the pool to an account."""
        for asset, amount in zip(self.assets, amounts, strict=True):
            if amount:
                self._ledger.transfer(asset, self.account, account, amount, Reason.LIQUIDITY)

    def _trade(self, account: int, zero_for_one: bool, taken: int, paid: int) -> None:
        """Exchange one asset of an account against the other."""
        asset_in, asset_out = self.assets if zero_for_one else self.assets[::-1]
        try:
            self._ledger.transfer(asset_in, account, self.account, taken, Reason.SWAP)
        except InsufficientFundsError:
            raise Revert(self.unpaid) from None
        if paid:
            self._ledger.transfer(asset_out, self.account, account, paid, Reason.SWAP)
