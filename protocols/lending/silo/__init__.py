"""Silo v2: isolated pairs, liquidated down to a target loan-to-value at a fixed fee.

`parameters` says what a pair may be, `market` keeps the books of one silo that lends,
`liquidation` what liquidators do; `pool` puts a crowd on a set of pairs. Amounts are whole
base units, values units of account. Only the pool moves money and knows accounts.
"""

from __future__ import annotations

from .liquidation import (
    Liquidation,
    PositionValue,
    collateral_to_liquidate,
    liquidation_preview,
    loan_to_value,
    max_repay_value,
)
from .market import Silo, accrue, debt_assets, repay
from .parameters import SiloParameters

__all__ = [
    "Liquidation",
    "PositionValue",
    "Silo",
    "SiloParameters",
    "accrue",
    "collateral_to_liquidate",
    "debt_assets",
    "liquidation_preview",
    "loan_to_value",
    "max_repay_value",
    "repay",
]
