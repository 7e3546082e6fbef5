"""Aave v2, v3.0.2 and v3.6: rules, parameters and the pool of the simulation.

`versions.V3_0_2` (which also runs v2 markets) and `versions.V3_6` bundle the
rules of one version: pure functions over `ReserveState`, `Account` and `Market`.
"""

from __future__ import annotations

from .parameters import EModeCategory, Market, ReserveParameters
from .presets import V2_MECHANISM, V3_0_2_MECHANISM, V3_6_MECHANISM, aave_v2_main_may_2021
from .state import Account, AccountData, LiquidationResult, ReserveState
from .versions import V3_0_2, V3_6, AaveVersion

__all__ = [
    "V2_MECHANISM",
    "V3_0_2",
    "V3_0_2_MECHANISM",
    "V3_6",
    "V3_6_MECHANISM",
    "AaveVersion",
    "Account",
    "AccountData",
    "EModeCategory",
    "LiquidationResult",
    "Market",
    "ReserveParameters",
    "ReserveState",
    "aave_v2_main_may_2021",
]
