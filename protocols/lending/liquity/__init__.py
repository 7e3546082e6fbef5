"""Liquity: troves paid off by a stability pool, the rest redistributed to other troves.

`troves` keeps the books, `borrowing` says what borrowers may do, `stability_pool` what
depositors gain and lose, `liquidation` who is closed on v1, `redemption` who is redeemed
against, `v2` and `v2_borrowing` the same on a branch of v2 (BOLD), `parameters` the terms of
both. Amounts are wei, prices stablecoin per collateral as a wad. `pool_v1` and `pool_v2` put
a crowd on these rules, with what `pool`, `books`, `crowd` and `journal` share.
"""

from __future__ import annotations

from .borrowing import adjust_trove, close_trove, open_trove
from .liquidation import (
    LiquidationBatch,
    TroveLiquidation,
    batch_liquidate,
    liquidate,
    liquidate_troves,
    settle,
)
from .parameters import BRANCH_PRESETS, BranchParameters, LiquityParameters
from .stability_pool import Deposit, StabilityPool
from .troves import LiquitySystem, Trove, collateral_ratio, withdraw_deposit
from .v2 import UrgentRedemption, is_shut_down, liquidate_branch, split_liquidation, urgent_redemption

__all__ = [
    "BRANCH_PRESETS",
    "BranchParameters",
    "Deposit",
    "LiquidationBatch",
    "LiquityParameters",
    "LiquitySystem",
    "StabilityPool",
    "Trove",
    "TroveLiquidation",
    "UrgentRedemption",
    "adjust_trove",
    "batch_liquidate",
    "close_trove",
    "collateral_ratio",
    "is_shut_down",
    "liquidate",
    "liquidate_branch",
    "liquidate_troves",
    "open_trove",
    "settle",
    "split_liquidation",
    "urgent_redemption",
    "withdraw_deposit",
]
