"""Adapter: Aave interest-rate strategy and index accrual vectors, v3.0.2 and v3.6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...protocols.interest import KinkedCurve, StableCurve, rates_v3_0_2, rates_v3_6, stable_rate_v3_0_2
from ...protocols.lending.aave.parameters import Market, ReserveParameters
from ...protocols.lending.aave.presets import V3_0_2_MECHANISM
from ...protocols.lending.aave.state import Account
from ...protocols.lending.aave.versions import V3_0_2, V3_6, AaveVersion
from ...protocols.revert import Revert
from .aave_records import V3_0_2_FIELDS, V3_6_FIELDS, read_curve, read_state, write_state
from .compare import Check, compare

BASIS_POINT_IN_RAY = 10**23


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Send one case through the rules and list every checked field.

    Parameters
    ----------
    case, header : mapping
        As in the vector file.

    Raises
    ------
    ValueError
        If the case's ``kind`` is unknown.
    """
    kind = case["kind"]
    if kind == "strategy_v3_0_2":
        return compare(case["out"], _answer(_strategy_v3_0_2, case))
    if kind == "strategy_v3_6":
        return compare(case["out"], _answer(_strategy_v3_6, case))
    if kind == "accrual_v3_0_2":
        return compare(case["out"], _accrual(case, V3_0_2, V3_0_2_FIELDS))
    if kind == "accrual_v3_6":
        return compare(case["out"], _accrual(case, V3_6, V3_6_FIELDS))
    raise ValueError(f"kind {kind!r}; known kinds: strategy_ or accrual_ with v3_0_2 or v3_6")


def _answer(strategy: Any, case: Mapping[str, Any]) -> dict[str, Any]:
    params = {key: int(value) for key, value in case["params"].items()}
    state = {key: int(value) for key, value in case["state"].items()}
    try:
        return {"revert": None, **strategy(params, state)}
    except Revert as error:
        return {"revert": error.reason}


def _strategy_v3_0_2(params: Mapping[str, int], state: Mapping[str, int]) -> dict[str, int]:
    curve = _curve(params, 1)
    stable = StableCurve(
        params["baseStableRateOffset"],
        params["stableRateSlope1"],
        params["stableRateSlope2"],
        params["stableRateExcessOffset"],
        params["optimalStableToTotalDebtRatio"],
    )
    available = state["aTokenUnderlyingBalance"] + state["liquidityAdded"] - state["liquidityTaken"]
    liquidity, variable = rates_v3_0_2(
        curve,
        available,
        state["totalVariableDebt"],
        state["reserveFactor"],
        stable_debt=state["totalStableDebt"],
        average_stable_rate=state["averageStableBorrowRate"],
        unbacked=state["unbacked"],
    )
    stable_rate = stable_rate_v3_0_2(
        curve, stable, available, state["totalVariableDebt"], state["totalStableDebt"]
    )
    return {"liquidityRate": liquidity, "stableBorrowRate": stable_rate, "variableBorrowRate": variable}


def _strategy_v3_6(params: Mapping[str, int], state: Mapping[str, int]) -> dict[str, int]:
    available = state["virtualUnderlyingBalance"] + state["liquidityAdded"] - state["liquidityTaken"]
    liquidity, variable = rates_v3_6(
        _curve(params, BASIS_POINT_IN_RAY),
        available,
        state["totalDebt"],
        state["reserveFactor"],
        state["unbacked"],
    )
    return {"liquidityRate": liquidity, "variableBorrowRate": variable}


def _curve(params: Mapping[str, int], unit: int) -> KinkedCurve:
    names = ("optimalUsageRatio", "baseVariableBorrowRate", "variableRateSlope1", "variableRateSlope2")
    return KinkedCurve(*(params[name] * unit for name in names))


def _accrual(case: Mapping[str, Any], rules: AaveVersion, fields: Mapping[str, str]) -> dict[str, Any]:
    state = read_state(case["before"], fields)
    parameters = ReserveParameters(
        "vector",
        decimals=18,
        ltv=0,
        liquidation_threshold=0,
        liquidation_bonus=0,
        liquidation_protocol_fee=0,
        reserve_factor=int(case["reserveFactor"]),
        curve=read_curve(case["irm"]),
    )
    market = Market("vector", (parameters,), V3_0_2_MECHANISM)
    now = int(case["timestamp"])
    supplier = Account([int(case["supplierScaledBefore"])], [0])
    income, growth = rules.normalized_income(state, now), rules.normalized_debt(state, now)
    got: dict[str, Any] = {
        "normalizedIncome": income,
        "normalizedVariableDebt": growth,
        "totalVariableDebt": rules.debt_balance(state.scaled_variable_debt, growth),
        "totalAToken": rules.atoken_balance(state.scaled_supply, income),
        "revert": None,
    }
    try:
        rules.supply([state], market, now, supplier, reserve=0, amount=int(case["supplyAmount"]))
    except Revert as error:
        return got | {"revert": error.reason}
    return got | {"after": write_state(state, fields), "supplierScaledAfter": supplier.supplied[0]}
