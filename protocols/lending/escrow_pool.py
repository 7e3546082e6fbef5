"""Pools whose collateral is not lent: it lies apart from what lenders supply, and counts one to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...market.ledger import Ledger
from .pool import Floats, LendingPool


class EscrowPool(LendingPool):
    """What such pools share: prices as the oracle says them, and a count of the collateral that they hold.

    Parameters
    ----------
    ledger : Ledger
    name : str
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, s.

    Attributes
    ----------
    prices : list of int
        USD with 8 decimals per whole token, by asset.
    held : list of int
        Collateral that calls have moved in less what they have moved out, base units by asset.
    """

    def __init__(self, ledger: Ledger, name: str, n_borrowers: int, start_s: int) -> None:
        super().__init__(ledger, name, n_borrowers, start_s)
        self.prices = [0] * len(ledger.assets)
        self.held = [0] * len(ledger.assets)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""
        self.prices = list(answers)

    def lent_usd(self, now_s: int) -> Floats:
        """Return what lenders may claim, by asset, USD; see `LendingPool.lent_usd`."""
        _, _, value = self.weights(now_s)
        return self.claims(now_s)["lenders"] * value

    def _owned(self, asset: int) -> int:
        """Return what the pool should hold of an asset, base units; pools that lend it add their cash."""
        return self.held[asset]

    def _fund(self) -> None:
        """Bring in what the pool owns at the start."""
        for asset in range(len(self.held)):
            if owned := self._owned(asset):
                self.ledger.endow(asset, self.account, owned)

    def _put_collateral(self, row: int, asset: int, change: int) -> None:
        """Add to what an account has put up."""
        self.positions.collateral[row, asset] += change
        self.held[asset] += change
        self.positions.touched.add(row)

    def _values(self) -> Floats:
        """Return what a base unit of each asset is worth, USD."""
        return np.array([p / (1e8 * a.unit) for p, a in zip(self.prices, self.ledger.assets, strict=True)])
