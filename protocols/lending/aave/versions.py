"""The rules of one Aave version as one value, so that callers need not know which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import accounting_v3_0_2, accounting_v3_6, operations_v3_0_2, operations_v3_6
from .liquidation_v3_0_2 import liquidation_call as liquidation_call_v3_0_2
from .liquidation_v3_6 import liquidation_call as liquidation_call_v3_6
from .parameters import ReserveParameters
from .state import AccountData, LiquidationResult, ReserveState


@dataclass(frozen=True, slots=True)
class AaveVersion:
    """Functions of one version; those of equal name have equal signatures in all versions.

    Parameters
    ----------
    name : str
        For messages.
    normalized_income, normalized_debt : callable
        ``(state, now) -> index``, ray.
    atoken_balance, debt_balance : callable
        ``(scaled, index) -> base units``.
    accrue : callable
        ``(state, parameters, now)``.
    update_rates : callable
        ``(state, parameters, added, taken)``.
    account_totals, account_data : callable
        ``(reserves, market, prices, now, account)``.
    supply, repay : callable
        ``(reserves, market, now, account, *, reserve, amount)``.
    withdraw, borrow : callable
        ``(reserves, market, prices, now, account, *, reserve, amount)``.
    liquidation_call : callable
        See `liquidation_v3_0_2.liquidation_call`.
    floors_average_threshold : bool
        Whether health counts an account's average threshold, floored to a basis point.
    """

    name: str
    normalized_income: Callable[[ReserveState, int], int]
    normalized_debt: Callable[[ReserveState, int], int]
    atoken_balance: Callable[[int, int], int]
    debt_balance: Callable[[int, int], int]
    accrue: Callable[[ReserveState, ReserveParameters, int], object]
    update_rates: Callable[[ReserveState, ReserveParameters, int, int], None]
    account_totals: Callable[..., tuple[int, int, int, int, int]]
    account_data: Callable[..., AccountData]
    supply: Callable[..., int]
    withdraw: Callable[..., int]
    borrow: Callable[..., int]
    repay: Callable[..., int]
    liquidation_call: Callable[..., LiquidationResult]
    floors_average_threshold: bool


V3_0_2 = AaveVersion(
    name="Aave v3.0.2",
    normalized_income=accounting_v3_0_2.normalized_income,
    normalized_debt=accounting_v3_0_2.normalized_debt,
    atoken_balance=accounting_v3_0_2.balance_of,
    debt_balance=accounting_v3_0_2.balance_of,
    accrue=accounting_v3_0_2.accrue,
    update_rates=accounting_v3_0_2.update_rates,
    account_totals=accounting_v3_0_2.account_totals,
    account_data=accounting_v3_0_2.account_data,
    supply=operations_v3_0_2.supply,
    withdraw=operations_v3_0_2.withdraw,
    borrow=operations_v3_0_2.borrow,
    repay=operations_v3_0_2.repay,
    liquidation_call=liquidation_call_v3_0_2,
    floors_average_threshold=True,
)
"""Also runs v2 markets, whose differences are parameters (`presets.V2_MECHANISM`)."""

V3_6 = AaveVersion(
    name="Aave v3.6",
    normalized_income=accounting_v3_6.normalized_income,
    normalized_debt=accounting_v3_6.normalized_debt,
    atoken_balance=accounting_v3_6.atoken_balance,
    debt_balance=accounting_v3_6.debt_balance,
    accrue=accounting_v3_6.accrue,
    update_rates=accounting_v3_6.update_rates,
    account_totals=accounting_v3_6.account_totals,
    account_data=accounting_v3_6.account_data,
    supply=operations_v3_6.supply,
    withdraw=operations_v3_6.withdraw,
    borrow=operations_v3_6.borrow,
    repay=operations_v3_6.repay,
    liquidation_call=liquidation_call_v3_6,
    floors_average_threshold=False,
)
