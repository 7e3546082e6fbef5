"""Fluid: positions on ticks of 1.0015, liquidated in whole ranges down to the threshold.

`ticks` is the grid, `vault` what happens to positions on it, `parameters` what a vault may be,
`liquidity` the books of an asset that is lent; `parts` takes parts of many amounts at once, `crowd`
keeps who is on which tick, and `pool` puts a crowd on a set of vaults. Amounts are whole base units;
raw debt grows with the exchange price.
"""

from __future__ import annotations

from .liquidity import Liquidity, accrue, repay
from .parameters import FluidParameters
from .ticks import ratio_at_tick, tick_at_ratio
from .vault import (
    FluidVault,
    Group,
    Limits,
    Liquidation,
    Merged,
    absorb,
    debt_on_tick,
    join,
    limits,
    liquidate,
    most,
    tick_of,
    with_totals,
)

__all__ = [
    "FluidParameters",
    "FluidVault",
    "Group",
    "Limits",
    "Liquidation",
    "Liquidity",
    "Merged",
    "absorb",
    "accrue",
    "debt_on_tick",
    "join",
    "limits",
    "liquidate",
    "most",
    "ratio_at_tick",
    "repay",
    "tick_at_ratio",
    "tick_of",
    "with_totals",
]
