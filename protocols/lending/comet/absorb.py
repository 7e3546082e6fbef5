"""Absorption: a Comet takes over an account whole, its collateral against its debt.

There is no partial liquidation and no liquidator's bonus. If the collateral is
worth less than the debt at the liquidation factors, the reserves take the loss.
Source: absorbInternal of Comet.sol @ d5a30b0; MODEL 1.3, CASES L11, L12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ....market.revert import Revert
from .account import is_liquidatable
from .params import FACTOR_SCALE, CometParams
from .rates import accrue, signed_present_value, signed_principal
from .state import CometAccount, CometState, Prices


class AbsorbedCollateral(NamedTuple):
    """One asset taken: its place in the listing, base units, and full value in USD with 8 decimals."""

    asset: int
    amount: int
    value: int


@dataclass(frozen=True, slots=True)
class Absorption:
    """What an absorption did.

    Parameters
    ----------
    base_paid_out : int
        Debt cancelled plus any credit left to the account, base units: what reserves paid.
    value_paid_out : int
        The same in USD with 8 decimals.
    collateral : tuple of AbsorbedCollateral
        Assets that were held, in listing order.
    state : CometState
        The market, accrued.
    account : CometAccount
        Without collateral; its principal is 0 or a credit.
    """

    base_paid_out: int
    value_paid_out: int
    collateral: tuple[AbsorbedCollateral, ...]
    state: CometState
    account: CometAccount


def absorb(
    params: CometParams, state: CometState, account: CometAccount, prices: Prices, timestamp: int
) -> Absorption:
    """Take over an account that is liquidatable at accrued indices.

    All collateral goes to the protocol. The account is credited the collateral at its liquidation
    factors minus its debt, but not less than 0.

    Parameters
    ----------
    params, state, account, prices
        The market, its stored state, one account, and oracle prices over the assets.
    timestamp : int
        Unix seconds.

    Raises
    ------
    Revert
        ``NotLiquidatable``.
    """
    state = accrue(params, state, timestamp)
    if not is_liquidatable(params, state, account, prices):
        raise Revert("NotLiquidatable")
    taken = []
    credit_value = 0
    for index, (asset, held, price) in enumerate(
        zip(params.assets, account.collateral, prices.assets, strict=True)
    ):
        if held:
            value = held * price // asset.scale
            credit_value += value * asset.liquidation_factor // FACTOR_SCALE
            taken.append(AbsorbedCollateral(index, held, value))
    balance = signed_present_value(state, account.principal)
    new_balance = max(0, balance + credit_value * params.base_scale // prices.base)
    principal = signed_principal(state, new_balance)
    paid_out = new_balance - balance
    if state.total_borrow_base < -account.principal:
        raise Revert("Panic(0x11 arithmetic)")
    after = CometState(
        state.base_supply_index,
        state.base_borrow_index,
        state.total_supply_base + principal,
        state.total_borrow_base + account.principal,
        state.last_accrual_time,
        state.base_balance,
        _released(state.total_supply_asset, account.collateral),
        state.asset_balance,
    )
    return Absorption(
        paid_out,
        paid_out * prices.base // params.base_scale,
        tuple(taken),
        after,
        CometAccount(principal, (0,) * len(account.collateral)),
    )


def _released(totals: tuple[int, ...], collateral: tuple[int, ...]) -> tuple[int, ...]:
    left = tuple([total - held for total, held in zip(totals, collateral, strict=True)])
    if left and min(left) < 0:
        raise Revert("Panic(0x11 arithmetic)")
    return left
