"""Replays the `venus_core` vectors: liquidateBorrow of the Venus core pool.

The engine and the schema are Compound v2's; what differs is where a market
keeps its threshold and incentive, that there is no seize share, and that the
account has a liquidity (thresholds) beside its borrowing power (factors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...protocols.lending.compound_v2 import (
    Fork,
    Holding,
    MarketParams,
    MarketState,
    account_liquidity,
    borrowing_power,
)
from .compare import Check
from .compound_v2 import Situation, read_market_params, replay_liquidation


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case through the rules of the simulation.

    Parameters
    ----------
    case, header : mapping
        As in the file.
    """
    return replay_liquidation(case, Fork.VENUS_CORE, "vTokens", _market_params, _liquidities)


def _market_params(data: Mapping[str, Any]) -> MarketParams:
    return read_market_params(
        data,
        int(data["collateralFactor"]),
        int(data["liquidationThreshold"]),
        int(data["liquidationIncentive"]),
        0,
    )


def _liquidities(
    situation: Situation, markets: Sequence[MarketState], holdings: Sequence[Holding]
) -> dict[str, int]:
    safety = account_liquidity(situation.params, markets, holdings, situation.prices)
    power = borrowing_power(situation.params, markets, holdings, situation.prices)
    return {
        "liquidity": safety.liquidity,
        "shortfall": safety.shortfall,
        "borrowingPower": power.liquidity,
        "borrowingShortfall": power.shortfall,
    }
