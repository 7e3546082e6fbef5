"""Proof that no money was made or lost: holders of others' funds against the ledger.

The ledger alone proves nothing, as double entry balances by construction. What
is compared here is recomputed by those who hold funds: resting orders against
escrow, pool reserves, protocol totals and positions against the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...market.ledger import Ledger
from ...market.pools.pool import Pool
from ...market.trading import TradingFloor


class Holder(Protocol):
    """Who holds funds for others: a lending pool, a margin venue."""

    def residual(self) -> NDArray[np.int64]:
        """Disagreement with the ledger by asset, base units."""
        ...

    def residual_touched(self) -> NDArray[np.int64]:
        """Disagreement in what has changed since the last call."""
        ...


class ConservationCheck:
    """Sums up whatever disagrees, in base units by asset.

    Attributes
    ----------
    residual : int64 ndarray, shape (n_assets,)
        Absolute disagreements found so far; all zero in a correct run.
    """

    def __init__(
        self,
        ledger: Ledger,
        floor: TradingFloor,
        pools: Sequence[Pool],
        protocols: Sequence[Holder],
    ) -> None:
        self.ledger, self.floor = ledger, floor
        self.pools, self.protocols = tuple(pools), tuple(protocols)
        self.residual: NDArray[np.int64] = np.zeros(len(ledger.assets), np.int64)
        self._seen = [pool.state for pool in self.pools]

    def block(self) -> None:
        """Check what a block touches: every open order, pools, reserves and positions that changed."""
        if not self.floor.escrow_agrees():
            self.residual += np.abs(self.floor.residual())
        for protocol in self.protocols:
            self.residual += protocol.residual_touched()
        for i, pool in enumerate(self.pools):
            if pool.state is not self._seen[i]:
                self._seen[i] = pool.state
                self._check_pool(pool)

    def full(self) -> None:
        """Check everything: the ledger's sums, open orders, pools, all positions."""
        self.residual += np.abs(self.ledger.imbalance())
        self.residual += np.abs(self.floor.residual())
        for pool in self.pools:
            self._check_pool(pool)
        for protocol in self.protocols:
            self.residual += protocol.residual()

    def error_usd(self, prices: Sequence[float]) -> float:
        """Value of all disagreements, USD; exactly 0.0 when there is none."""
        units = [asset.unit for asset in self.ledger.assets]
        return float(sum(abs(int(r)) / u * p for r, u, p in zip(self.residual, units, prices, strict=True)))

    def _check_pool(self, pool: Pool) -> None:
        for asset, difference in zip(pool.assets, pool.residual(), strict=True):
            self.residual[asset] += abs(difference)
