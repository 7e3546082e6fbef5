"""Adapter: Aave v3.6 `liquidationCall` vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...protocols.lending.aave.accounting_v3_6 import (
    account_data,
    atoken_balance,
    debt_balance,
    normalized_debt,
    normalized_income,
)
from ...protocols.lending.aave.liquidation_v3_6 import liquidation_call
from ...protocols.lending.aave.parameters import EModeCategory, Market
from ...protocols.lending.aave.presets import V3_6_MECHANISM
from ...protocols.lending.aave.state import Account
from ...protocols.revert import Revert
from .aave_records import (
    V3_6_FIELDS,
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
    reserves = [read_state(case["reserves"][key], V3_6_FIELDS) for key in ids]
    prices = [int(case["reserves"][key]["price"]) for key in ids]
    now, call = int(case["timestamp"]), case["call"]
    account = read_account(ids, case["user"], int(case["userEMode"]))
    market = Market(
        "vector",
        tuple(read_parameters(key, case["reserves"][key]) for key in ids),
        V3_6_MECHANISM,
        {} if case["emode"] is None else {account.emode: _category(case["emode"])},
    )
    collateral, debt = ids.index(call["collateral"]), ids.index(call["debt"])
    liquidator = account if call["selfLiquidation"] else Account.empty(len(ids))
    if not call["selfLiquidation"]:
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
    touched = dict.fromkeys((collateral, debt, *(i for i, _ in result.deficits)))
    got |= {
        "debtRepaid": result.debt_repaid,
        "collateralToLiquidator": result.collateral_to_liquidator,
        "treasuryScaledATokenAfter": reserves[collateral].treasury_scaled,
        "liquidatorScaledATokenAfter": liquidator.supplied[collateral],
        "deficitCreated": {ids[i]: amount for i, amount in result.deficits},
        "accountAfter": solvency(),
        "userAfter": write_account(
            ids,
            account,
            list(map(atoken_balance, account.supplied, incomes)),
            list(map(debt_balance, account.borrowed, growths)),
        ),
        "reservesAfter": {ids[i]: write_state(reserves[i], V3_6_FIELDS) for i in touched},
    }
    return compare(case["out"], got)


def _category(record: Mapping[str, Any]) -> EModeCategory:
    return EModeCategory(int(record["ltv"]), int(record["lt"]), int(record["bonus"]), unsafe=True)
