"""Morpho Blue: isolated markets, liquidated in any size at a bonus set by the threshold.

`market` keeps the books (shares, accrual), `operations` what lenders and borrowers
do, `liquidation` what liquidators do, `parameters` what a market may be, `rates` what
borrowing costs; `pool` puts a crowd on a set of markets. Amounts are whole base units
of the two tokens. Only the pool moves money and knows accounts.
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
from .parameters import ENABLED_LLTVS, PRESETS, MarketParameters, incentive_factor
from .rates import AdaptiveRate, adaptive_rate

__all__ = [
    "ENABLED_LLTVS",
    "PRESETS",
    "Accrual",
    "AdaptiveRate",
    "Liquidation",
    "Market",
    "MarketParameters",
    "Operation",
    "Position",
    "accrue",
    "adaptive_rate",
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
