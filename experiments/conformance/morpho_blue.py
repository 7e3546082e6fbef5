"""Replay of Morpho Blue liquidations (set ``morpho_blue``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.morpho import (
    Market,
    MarketParameters,
    Position,
    accrue,
    liquidate,
    utilisation_rate,
)
from .compare import Check, compare


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case: accrual at its timestamp, then the liquidation.

    Parameters
    ----------
    case : Mapping
        One case of the file.
    header : Mapping
        The file's header; the rules need nothing of it.

    Returns
    -------
    list of Check
    """
    del header
    stored, held, call = case["market"], case["position"], case["call"]
    market = Market(
        total_supply_assets=int(stored["totalSupplyAssets"]),
        total_supply_shares=int(stored["totalSupplyShares"]),
        total_borrow_assets=int(stored["totalBorrowAssets"]),
        total_borrow_shares=int(stored["totalBorrowShares"]),
        last_update=int(stored["lastUpdate"]),
    )
    position = Position(int(held["supplyShares"]), int(held["borrowShares"]), int(held["collateral"]))
    parameters = MarketParameters(lltv=int(case["lltv"]), fee=int(stored["fee"]))
    try:
        accrual = accrue(market, parameters, _borrow_rate(case["irm"], market), int(case["timestamp"]))
        result = liquidate(
            accrual.market,
            position,
            parameters,
            int(case["price"]),
            seized_assets=int(call["seizedAssets"]),
            repaid_shares=int(call["repaidShares"]),
        )
    except Revert as error:
        return compare(case["out"], {"revert": error.reason})
    return compare(
        case["out"],
        {
            "revert": None,
            "seizedAssets": result.seized_assets,
            "repaidAssets": result.repaid_assets,
            "repaidShares": result.repaid_shares,
            "badDebtAssets": result.bad_debt_assets,
            "badDebtShares": result.bad_debt_shares,
            "market": {
                "totalSupplyAssets": result.market.total_supply_assets,
                "totalSupplyShares": result.market.total_supply_shares,
                "totalBorrowAssets": result.market.total_borrow_assets,
                "totalBorrowShares": result.market.total_borrow_shares,
                "lastUpdate": result.market.last_update,
                "fee": parameters.fee,
            },
            "position": {
                "supplyShares": result.position.supply_shares,
                "borrowShares": result.position.borrow_shares,
                "collateral": result.position.collateral,
            },
            "feeRecipientSupplyShares": int(case["feeRecipientSupplyShares"]) + accrual.fee_shares,
        },
    )


def _borrow_rate(model: str | None, market: Market) -> int:
    if model is None:
        return 0
    if model == "utilisation":
        return utilisation_rate(market)
    raise ValueError(f"irm must be null or 'utilisation', got {model!r}")
