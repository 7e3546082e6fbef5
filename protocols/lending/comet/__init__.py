"""Compound v3 "Comet": one lent asset, whole-account absorption, a storefront for what was absorbed.

The rules are pure: they take settings (`CometParams`), the stored market
(`CometState`), one account (`CometAccount`) and `Prices`, and return new states
or raise `Revert`. Who calls, when, and where the money goes is the business of
the simulation.
"""

from __future__ import annotations

from .absorb import AbsorbedCollateral, Absorption, absorb
from .account import (
    Health,
    account_health,
    balance_of,
    borrow_health,
    is_borrow_collateralized,
    is_liquidatable,
)
from .operations import Change, supply_base, supply_collateral, withdraw_base, withdraw_collateral
from .params import (
    FACTOR_SCALE,
    INDEX_SCALE,
    PRICE_SCALE,
    SECONDS_PER_YEAR,
    AssetParams,
    CometParams,
    RateCurve,
)
from .presets import COMET_MARKETS, comet_market
from .rates import accrue, present_value, rate_per_second, reserves, utilization
from .state import CometAccount, CometState, Prices, empty_market
from .storefront import (
    Purchase,
    buy_collateral,
    collateral_reserves,
    most_payment,
    quote_collateral,
    store_price,
)

__all__ = [
    "COMET_MARKETS",
    "FACTOR_SCALE",
    "INDEX_SCALE",
    "PRICE_SCALE",
    "SECONDS_PER_YEAR",
    "AbsorbedCollateral",
    "Absorption",
    "AssetParams",
    "Change",
    "CometAccount",
    "CometParams",
    "CometState",
    "Health",
    "Prices",
    "Purchase",
    "RateCurve",
    "absorb",
    "account_health",
    "accrue",
    "balance_of",
    "borrow_health",
    "buy_collateral",
    "collateral_reserves",
    "comet_market",
    "empty_market",
    "is_borrow_collateralized",
    "is_liquidatable",
    "most_payment",
    "present_value",
    "quote_collateral",
    "rate_per_second",
    "reserves",
    "store_price",
    "supply_base",
    "supply_collateral",
    "utilization",
    "withdraw_base",
    "withdraw_collateral",
]
