"""Morpho Blue: isolated markets, liquidated in any size at a bonus set by the threshold.

`market` keeps the books (shares, accrual), `operations` what lenders and borrowers
do, `liquidation` what liquidators do, `parameters` what a market may be. Amounts are
whole base units of the two tokens. Nothing here moves money or knows accounts.
"""

from __future__ import annotations

from .liquidation import Liquidation, liquidate
from .market import (
    Accrual,
    Market,
    Position,
    accrue,
    borrowed_assets,
    is_healthy,
    price_scale,
    utilisation_rate,
)
from .operations import (
    Operation,
    borrow,
    repay,
    supply,
    supply_collateral,
    withdraw,
    withdraw_collateral,
)
from .parameters import PRESETS, MarketParameters, incentive_factor

__all__ = [
    "PRESETS",
    "Accrual",
    "Liquidation",
    "Market",
    "MarketParameters",
    "Operation",
    "Position",
    "accrue",
    "borrow",
    "borrowed_assets",
    "incentive_factor",
    "is_healthy",
    "liquidate",
    "price_scale",
    "repay",
    "supply",
    "supply_collateral",
    "utilisation_rate",
    "withdraw",
    "withdraw_collateral",
]
