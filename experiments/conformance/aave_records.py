"""Turns the records of Aave vector files into reserves and accounts, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...protocols.interest import KinkedCurve
from ...protocols.lending.aave.parameters import ReserveParameters
from ...protocols.lending.aave.state import Account, ReserveState

Record = Mapping[str, Any]

_FIELDS = {
    "liquidityIndex": "liquidity_index",
    "liquidityRate": "liquidity_rate",
    "variableBorrowIndex": "variable_borrow_index",
    "variableBorrowRate": "variable_borrow_rate",
    "lastUpdate": "last_update",
    "accruedToTreasuryScaled": "accrued_to_treasury",
    "scaledATokenSupply": "scaled_supply",
    "scaledVariableDebt": "scaled_variable_debt",
}
V3_0_2_FIELDS = {**_FIELDS, "underlyingInAToken": "available"}
"""Names in v3.0.2 vectors -> attributes of `ReserveState`."""
V3_6_FIELDS = {**_FIELDS, "virtualUnderlyingBalance": "available", "deficit": "deficit"}
"""Names in v3.6 vectors -> attributes of `ReserveState`."""


def read_state(record: Record, fields: Mapping[str, str]) -> ReserveState:
    """Read a reserve's state.

    Parameters
    ----------
    record : mapping
        With the keys of `fields`, as decimal strings.
    fields : mapping
        `V3_0_2_FIELDS` or `V3_6_FIELDS`.
    """
    return ReserveState(**{attribute: int(record[key]) for key, attribute in fields.items()})


def write_state(state: ReserveState, fields: Mapping[str, str]) -> dict[str, int]:
    """Write a reserve's state under the names of the vectors.

    Parameters
    ----------
    state : ReserveState
    fields : mapping
        As in `read_state`.
    """
    return {key: getattr(state, attribute) for key, attribute in fields.items()}


def read_curve(record: Record) -> KinkedCurve:
    """Read the four numbers of a variable rate curve, ray.

    Parameters
    ----------
    record : mapping
        ``optimal``, ``base``, ``slope1``, ``slope2``.
    """
    return KinkedCurve(*(int(record[key]) for key in ("optimal", "base", "slope1", "slope2")))


def read_parameters(name: str, record: Record) -> ReserveParameters:
    """Read a reserve's parameters; vectors may hold risky ones.

    Parameters
    ----------
    name : str
        The reserve's id.
    record : mapping
        One entry of ``reserves``.
    """
    return ReserveParameters(
        symbol=name,
        decimals=int(record["decimals"]),
        ltv=int(record["ltv"]),
        liquidation_threshold=int(record["liquidationThreshold"]),
        liquidation_bonus=int(record["liquidationBonus"]),
        liquidation_protocol_fee=int(record["liquidationProtocolFee"]),
        reserve_factor=int(record["reserveFactor"]),
        curve=read_curve(record["irm"]),
        emode_category=int(record.get("emodeCategory", 0)),
        emode_collateral=record.get("emodeCollateral", False),
        emode_ltv_zero=record.get("emodeLtvZero", False),
        unsafe=True,
    )


def read_account(ids: Sequence[str], users: Record, emode: int) -> Account:
    """Read the liquidated user's position.

    Parameters
    ----------
    ids : sequence of str
        Reserve ids in the order of the pool.
    users : mapping
        ``user`` of the case.
    emode : int
        The user's category.
    """
    rows = [users[key] for key in ids]
    return Account(
        [int(row["scaledAToken"]) for row in rows],
        [int(row["scaledVariableDebt"]) for row in rows],
        sum(1 << i for i, row in enumerate(rows) if row["usedAsCollateral"]),
        sum(1 << i for i, row in enumerate(rows) if row["borrowing"]),
        emode,
    )


def write_account(
    ids: Sequence[str],
    account: Account,
    atoken_balances: Sequence[int],
    debt_balances: Sequence[int],
) -> dict[str, dict[str, int | bool]]:
    """Write a position under the names of the vectors.

    Parameters
    ----------
    ids : sequence of str
        Reserve ids in the order of the pool.
    account : Account
    atoken_balances, debt_balances : sequence of int
        Unscaled, by reserve.
    """
    return {
        key: {
            "scaledAToken": account.supplied[i],
            "aTokenBalance": atoken_balances[i],
            "scaledVariableDebt": account.borrowed[i],
            "variableDebtBalance": debt_balances[i],
            "usedAsCollateral": bool(account.collateral_mask >> i & 1),
            "borrowing": bool(account.borrowing_mask >> i & 1),
        }
        for i, key in enumerate(ids)
    }


def write_account_data(values: Sequence[int]) -> dict[str, int]:
    """Write an `AccountData` under the names of the vectors.

    Parameters
    ----------
    values : AccountData
    """
    names = (
        "totalCollateralBase",
        "totalDebtBase",
        "availableBorrowsBase",
        "currentLiquidationThreshold",
        "ltv",
        "healthFactor",
    )
    return dict(zip(names, values, strict=True))
