"""Adapter: Aave v3.0.2 `liquidationCall` vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...protocols.lending.aave.accounting_v3_0_2 import (
    account_data,
    balance_of,
    normalized_debt,
    normalized_income,
)
from ...protocols.lending.aave.liquidation_v3_0_2 import liquidation_call
from ...protocols.lending.aave.parameters import EModeCategory, Market
from ...protocols.lending.aave.presets import V3_0_2_MECHANISM
from ...protocols.lending.aave.state import Account
from ...protocols.revert import Revert
from .aave_records import (
    V3_0_2_FIELDS,
    read_account,
    read_parameters,
    read_state,
    write_account,
    write_account_data,
    write_state,
)
from .compare import Check, compare


def replay(case: Mapping[str, Any], header: Mapping[str, Any]) -> list[Check]:
    """Send one case through the rules and list every checked field.

    Parameters
    ----------
    case, header : mapping
        As in the vector file.
    """
    ids = sorted(case["reserves"], key=int)
    reserves = [read_state(case["reserves"][key], V3_0_2_FIELDS) for key in ids]
    prices = [int(case["reserves"][key]["price"]) for key in ids]
    now, call = int(case["timestamp"]), case["call"]
    account = read_account(ids, case["user"], int(case["userEMode"]))
    market = Market(
        "vector",
        tuple(read_parameters(key, case["reserves"][key]) for key in ids),
        V3_0_2_MECHANISM,
        {} if case["emode"] is None else {account.emode: _category(case["emode"])},
    )
    collateral, debt = ids.index(call["collateral"]), ids.index(call["debt"])
    liquidator = Account.empty(len(ids))
    liquidator.supplied[collateral] = int(case["liquidatorScaledATokenBefore"])
    reserves[collateral].treasury_scaled = int(case["treasuryScaledATokenBefore"])

    def solvency() -> dict[str, int]:
        return write_account_data(account_data(reserves, market, prices, now, account))

    got: dict[str, Any] = {"accountBefore": solvency(), "revert": None}
    try:
        result = liquidation_call(
            reserves,
            market,
            prices,
            now,
            account,
            collateral=collateral,
            debt=debt,
            debt_to_cover=int(call["debtToCover"]),
            receive_atoken=call["receiveAToken"],
            liquidator=liquidator,
        )
    except Revert as error:
        got["revert"] = error.reason
        return compare(case["out"], got)
    incomes = [normalized_income(state, now) for state in reserves]
    growths = [normalized_debt(state, now) for state in reserves]
    got |= {
        "debtRepaid": result.debt_repaid,
        "collateralToLiquidator": result.collateral_to_liquidator,
        "treasuryATokenDelta": result.protocol_fee,
        "treasuryScaledATokenAfter": reserves[collateral].treasury_scaled,
        "liquidatorScaledATokenAfter": liquidator.supplied[collateral],
        "accountAfter": solvency(),
        "userAfter": write_account(
            ids,
            account,
            list(map(balance_of, account.supplied, incomes)),
            list(map(balance_of, account.borrowed, growths)),
        ),
        "reservesAfter": {ids[i]: write_state(reserves[i], V3_0_2_FIELDS) for i in (collateral, debt)},
    }
    return compare(case["out"], got)


def _category(record: Mapping[str, Any]) -> EModeCategory:
    return EModeCategory(
        int(record["ltv"]), int(record["lt"]), int(record["bonus"]), int(record["price"]), unsafe=True
    )
