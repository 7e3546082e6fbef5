"""Replays the `compound_v3_comet` vectors: absorb, then buyCollateral in the same second.

Checks reserves, debt and the stored liquidation flag before; every output of the
absorption; and of the purchase the quote, what is for sale and the reserves, on
a revert too. A donation of base tokens before the purchase is a plain transfer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...market.revert import Revert
from ...protocols.lending.comet import (
    Absorption,
    AssetParams,
    CometAccount,
    CometParams,
    CometState,
    Prices,
    RateCurve,
    absorb,
    accrue,
    balance_of,
    buy_collateral,
    collateral_reserves,
    is_liquidatable,
    quote_collateral,
    reserves,
)
from .compare import Check, compare

_CHECKED_BEFORE = ("reservesBefore", "isLiquidatableStored", "borrowBalanceOf")


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Replay one case through the rules of the simulation.

    Parameters
    ----------
    case, header : mapping
        As in the file.
    """
    ids = tuple(sorted(case["assets"], key=int))
    params = _params(case, ids)
    prices = Prices(int(case["base"]["price"]), tuple(int(case["assets"][i]["price"]) for i in ids))
    state = _state(case, ids)
    account = CometAccount(
        int(case["user"]["principal"]), tuple(int(case["assets"][i]["userBalance"]) for i in ids)
    )
    now = int(case["timestamp"])
    got: dict[str, Any] = {
        "reservesBefore": reserves(params, state, now),
        "isLiquidatableStored": is_liquidatable(params, state, account, prices),
        "borrowBalanceOf": max(0, -balance_of(accrue(params, state, now), account)),
        "absorb": {"revert": None},
    }
    try:
        result = absorb(params, state, account, prices, now)
    except Revert as error:
        got["absorb"]["revert"] = error.reason
    else:
        state = result.state
        got["absorb"] |= _absorbed(params, result, ids, now)
    expected = {name: case[name] for name in (*_CHECKED_BEFORE, "absorb")}
    checks = compare(expected, got)
    purchase = case.get("buyCollateral")
    if purchase is not None:
        checks += _replay_purchase(params, state, prices, now, purchase=purchase, ids=ids)
    return checks


def _replay_purchase(
    params: CometParams,
    state: CometState,
    prices: Prices,
    now: int,
    *,
    purchase: Mapping[str, Any],
    ids: tuple[str, ...],
) -> list[Check]:
    inputs = ("baseDonatedBefore", "asset", "baseAmount", "minAmount")
    asset, paid = ids.index(purchase["asset"]), int(purchase["baseAmount"])
    state = replace(state, base_balance=state.base_balance + int(purchase["baseDonatedBefore"]))
    got: dict[str, Any] = {
        "quote": quote_collateral(params, asset, paid, prices),
        "collateralReserves": collateral_reserves(state, asset),
        "reserves": reserves(params, state, now),
        "revert": None,
    }
    try:
        bought = buy_collateral(
            params, state, prices, now, asset=asset, base_amount=paid, min_amount=int(purchase["minAmount"])
        )
    except Revert as error:
        got["revert"] = error.reason
    else:
        got |= {"collateralOut": bought.collateral, "reservesAfter": bought.reserves}
    expected = {name: value for name, value in purchase.items() if name not in inputs}
    return compare(expected, got, "buyCollateral")


def _absorbed(params: CometParams, result: Absorption, ids: tuple[str, ...], now: int) -> dict[str, Any]:
    after = result.state
    return {
        "basePaidOut": result.base_paid_out,
        "usdValue": result.value_paid_out,
        "collateral": {
            ids[taken.asset]: {"amount": taken.amount, "usdValue": taken.value} for taken in result.collateral
        },
        "principalAfter": result.account.principal,
        "assetsInAfter": sum(1 << k for k, held in enumerate(result.account.collateral) if held),
        "supplyBalanceAfter": balance_of(after, result.account),
        "after": {
            "baseSupplyIndex": after.base_supply_index,
            "baseBorrowIndex": after.base_borrow_index,
            "totalSupplyBase": after.total_supply_base,
            "totalBorrowBase": after.total_borrow_base,
            "lastAccrualTime": after.last_accrual_time,
            "cometBaseBalance": after.base_balance,
        },
        "reservesAfter": reserves(params, after, now),
    }


def _params(case: Mapping[str, Any], ids: tuple[str, ...]) -> CometParams:
    """Parse the settings; the contract has accepted them, so they are not checked again."""
    curve = case["irmPerYear"]

    def read(side: str) -> RateCurve:
        return RateCurve(*(int(curve[side + part]) for part in ("Kink", "Low", "High", "Base")))

    return CometParams(
        base_symbol="base",
        base_decimals=int(case["base"]["decimals"]),
        supply_curve=read("supply"),
        borrow_curve=read("borrow"),
        store_front_price_factor=int(case["storeFrontPriceFactor"]),
        target_reserves=int(case["targetReserves"]),
        base_borrow_min=0,
        assets=tuple(_asset(i, case["assets"][i]) for i in ids),
        unsafe=True,
    )


def _asset(symbol: str, data: Mapping[str, Any]) -> AssetParams:
    return AssetParams(
        symbol,
        int(data["decimals"]),
        int(data["borrowCollateralFactor"]),
        int(data["liquidateCollateralFactor"]),
        int(data["liquidationFactor"]),
    )


def _state(case: Mapping[str, Any], ids: tuple[str, ...]) -> CometState:
    before = case["before"]
    return CometState(
        int(before["baseSupplyIndex"]),
        int(before["baseBorrowIndex"]),
        int(before["totalSupplyBase"]),
        int(before["totalBorrowBase"]),
        int(before["lastAccrualTime"]),
        int(before["cometBaseBalance"]),
        tuple(int(case["assets"][i]["totalSupplyAsset"]) for i in ids),
        tuple(int(case["assets"][i]["cometBalance"]) for i in ids),
    )
