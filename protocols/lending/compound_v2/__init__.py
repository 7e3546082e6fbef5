"""Compound v2 and Venus core: one engine, integer rules, stale indices of other markets, no clamp.

The rules are pure: they take settings (`PoolParams`), stored states
(`MarketState`), one account (`Holding` per market) and price mantissas, and
return new states or raise `Revert`. Who calls, when, and where the money goes
is the business of the simulation.
"""

from __future__ import annotations

from .account import (
    Health,
    Liquidity,
    PriceMissing,
    account_health,
    account_liquidity,
    borrowing_power,
    borrowing_power_after,
    check_liquidation,
    largest_repay,
)
from .interest import accrue_interest, borrow_balance, borrow_rate, exchange_rate, supply_rate, utilization
from .liquidation import Liquidation, best_repay, liquidate_borrow, seizable_tokens, seize_ratio
from .operations import Change, borrow, enter_market, exit_market, mint, redeem, repay_borrow
from .params import WAD, Fork, JumpRateModel, MarketParams, PoolParams, compound_pool, venus_pool
from .presets import COMPOUND_V2_MAINNET, COMPOUND_V2_MAY_2021, VENUS_CORE_BNB
from .state import Holding, MarketState

__all__ = [
    "COMPOUND_V2_MAINNET",
    "COMPOUND_V2_MAY_2021",
    "VENUS_CORE_BNB",
    "WAD",
    "Change",
    "Fork",
    "Health",
    "Holding",
    "JumpRateModel",
    "Liquidation",
    "Liquidity",
    "MarketParams",
    "MarketState",
    "PoolParams",
    "PriceMissing",
    "account_health",
    "account_liquidity",
    "accrue_interest",
    "best_repay",
    "borrow",
    "borrow_balance",
    "borrow_rate",
    "borrowing_power",
    "borrowing_power_after",
    "check_liquidation",
    "compound_pool",
    "enter_market",
    "exchange_rate",
    "exit_market",
    "largest_repay",
    "liquidate_borrow",
    "mint",
    "redeem",
    "repay_borrow",
    "seizable_tokens",
    "seize_ratio",
    "supply_rate",
    "utilization",
    "venus_pool",
]
