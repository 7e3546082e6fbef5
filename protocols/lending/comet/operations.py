"""What an account does in a Comet apart from being absorbed: supply and withdraw, base or collateral.

Supplying the base token repays a debt first; withdrawing more than is supplied
borrows. Moves of collateral store no accrual. No pauses, rewards or transfers
between accounts. Source: supplyBase, withdrawBase, supplyCollateral and
withdrawCollateral of Comet.sol @ d5a30b0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....market.revert import Revert
from .account import is_borrow_collateralized
from .params import CometParams
from .rates import accrue, signed_present_value, signed_principal
from .state import CometAccount, CometState, Prices, replaced


@dataclass(frozen=True, slots=True)
class Change:
    """What a call did: base units that moved (in for a supply, out for a withdrawal), and the new states."""

    amount: int
    state: CometState
    account: CometAccount


def supply_base(
    params: CometParams, state: CometState, account: CometAccount, timestamp: int, *, amount: int | None
) -> Change:
    """Pay in base tokens: a repayment as far as there is a debt, a supply beyond it.

    Parameters
    ----------
    amount : int or None
        Base units; None pays the whole debt (0 without one).
    """
    state = accrue(params, state, timestamp)
    balance = signed_present_value(state, account.principal)
    paid = max(0, -balance) if amount is None else amount
    _not_negative("amount", paid)
    principal = signed_principal(state, balance + paid)
    repaid, supplied = _repaid_and_supplied(account.principal, principal)
    after = replace(
        state,
        total_supply_base=state.total_supply_base + supplied,
        total_borrow_base=_subtract(state.total_borrow_base, repaid),
        base_balance=state.base_balance + paid,
    )
    return Change(paid, after, replace(account, principal=principal))


def withdraw_base(
    params: CometParams,
    state: CometState,
    account: CometAccount,
    prices: Prices,
    timestamp: int,
    *,
    amount: int | None,
) -> Change:
    """Take out base tokens: what is supplied first, borrowing the rest.

    Parameters
    ----------
    amount : int or None
        Base units; None takes all that is supplied (0 for a borrower).

    Raises
    ------
    Revert
        ``BorrowTooSmall``, ``NotCollateralized`` (borrow collateral factors), or ``TransferOutFailed``
        when the contract holds too few base tokens.
    """
    state = accrue(params, state, timestamp)
    balance = signed_present_value(state, account.principal)
    taken = max(0, balance) if amount is None else amount
    _not_negative("amount", taken)
    left = balance - taken
    principal = signed_principal(state, left)
    withdrawn, borrowed = _withdrawn_and_borrowed(account.principal, principal)
    after = replace(
        state,
        total_supply_base=_subtract(state.total_supply_base, withdrawn),
        total_borrow_base=state.total_borrow_base + borrowed,
        base_balance=state.base_balance - taken,
    )
    changed = replace(account, principal=principal)
    if left < 0:
        if -left < params.base_borrow_min:
            raise Revert("BorrowTooSmall")
        if not is_borrow_collateralized(params, after, changed, prices):
            raise Revert("NotCollateralized")
    if after.base_balance < 0:
        raise Revert("TransferOutFailed")
    return Change(taken, after, changed)


def supply_collateral(
    params: CometParams, state: CometState, account: CometAccount, *, asset: int, amount: int
) -> Change:
    """Pay in collateral.

    Parameters
    ----------
    asset : int
        Place in the listing.
    amount : int
        Base units.

    Raises
    ------
    Revert
        ``SupplyCapExceeded``.
    """
    _not_negative("amount", amount)
    total, cap = state.total_supply_asset[asset] + amount, params.assets[asset].supply_cap
    if cap is not None and total > cap:
        raise Revert("SupplyCapExceeded")
    return _move_collateral(state, account, asset, amount)


def withdraw_collateral(
    params: CometParams,
    state: CometState,
    account: CometAccount,
    prices: Prices,
    *,
    asset: int,
    amount: int,
) -> Change:
    """Take out collateral, checked at stored indices.

    Raises
    ------
    Revert
        If more is taken than is held, or ``NotCollateralized`` (borrow collateral factors).
    """
    _not_negative("amount", amount)
    _subtract(account.collateral[asset], amount)
    _subtract(state.total_supply_asset[asset], amount)
    change = _move_collateral(state, account, asset, -amount)
    if not is_borrow_collateralized(params, change.state, change.account, prices):
        raise Revert("NotCollateralized")
    return change


def _repaid_and_supplied(old: int, new: int) -> tuple[int, int]:
    """Split a risen principal into debt repaid and supply added; lowered by rounding, it is neither."""
    if new < old:
        return 0, 0
    if new <= 0:
        return new - old, 0
    return (0, new - old) if old >= 0 else (-old, new)


def _withdrawn_and_borrowed(old: int, new: int) -> tuple[int, int]:
    """Split a fallen principal into supply withdrawn and debt added; raised by rounding, it is neither."""
    if new > old:
        return 0, 0
    if new >= 0:
        return old - new, 0
    return (0, old - new) if old <= 0 else (old, -new)


def _move_collateral(state: CometState, account: CometAccount, asset: int, into: int) -> Change:
    after = replace(
        state,
        total_supply_asset=replaced(state.total_supply_asset, asset, state.total_supply_asset[asset] + into),
        asset_balance=replaced(state.asset_balance, asset, state.asset_balance[asset] + into),
    )
    held = replaced(account.collateral, asset, account.collateral[asset] + into)
    return Change(abs(into), after, replace(account, collateral=held))


def _subtract(a: int, b: int) -> int:
    if b > a:
        raise Revert("Panic(0x11 arithmetic)")
    return a - b


def _not_negative(name: str, value: int) -> None:
    if value < 0:
        raise ValueError(f"{name} must be 0 or more base units, got {value}")
