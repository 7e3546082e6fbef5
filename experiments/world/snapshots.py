"""Positions of the crowd at one moment, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from .credit import CreditMarket


def position_table(world: LiquidationMarket, snapshot: int) -> pd.DataFrame:
    """One row per borrower with collateral or debt, valued at the oracle's prices."""
    return pd.concat([_positions(world, market, snapshot) for market in world.credit], ignore_index=True)


def _positions(world: LiquidationMarket, market: CreditMarket, snapshot: int) -> pd.DataFrame:
    pool = market.pool
    _, debt_value, value = pool.weights(int(world.time_s))
    positions = pool.positions
    debt = positions.debt[:-1] @ debt_value
    collateral = positions.collateral[:-1] * value
    worth, main = collateral.sum(axis=1), collateral.argmax(axis=1)
    backed = collateral @ pool.thresholds
    del collateral  # the largest part of a large crowd's memory
    rows = np.flatnonzero((worth > 0) | (debt > 0))
    with np.errstate(divide="ignore"):
        health = np.where(debt > 0, backed / np.where(debt > 0, debt, 1.0), np.inf)
    symbols = [asset.symbol for asset in world.assets]
    names = [other.pool.name for other in world.credit]
    return pd.DataFrame(
        {
            "snapshot": np.full(len(rows), snapshot, np.int32),
            "t_s": np.full(len(rows), world.time_s),
            "protocol": pd.Categorical.from_codes(np.full(len(rows), market.number), pd.Index(names)),
            "account": rows.astype(np.int32),
            "health_factor": health[rows],
            "collateral_usd": worth[rows],
            "debt_usd": debt[rows],
            "eligible_since_s": market.watch.eligible_since[rows],
            "main_collateral": pd.Categorical.from_codes(main[rows], pd.Index(symbols)),
        }
    )
