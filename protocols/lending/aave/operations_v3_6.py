"""Aave v3.6 pool operations other than liquidation: supply, withdraw, borrow, repay.

As `operations_v3_0_2`, with v3.6's directed rounding, virtual balance and
error names, and with a borrow checked on the account it leaves behind. E-mode
does not limit what may be borrowed here; caps and isolation are not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from ...fixed_point import ARITHMETIC_PANIC, MAX_UINT256, PERCENTAGE_FACTOR, RAY, WAD, ceil_div
from ...revert import Revert
from .accounting_v3_6 import account_totals, accrue, normalized_debt, normalized_income, update_rates
from .parameters import Market
from .state import Account, ReserveState


def supply(
    reserves: Sequence[ReserveState], market: Market, now: int, account: Account, *, reserve: int, amount: int
) -> int:
    """Supply an asset; the first supply of it is used as collateral.

    Parameters
    ----------
    reserves : sequence of ReserveState
        The reserve's own is changed in place.
    market : Market
    now : int
        Seconds since the epoch.
    account : Account
        Supplier; changed in place.
    reserve : int
        Reserve index.
    amount : int
        Base units.

    Returns
    -------
    int
        aTokens minted; scaled base units.

    Raises
    ------
    Revert
        ``InvalidAmount`` if the amount is nothing or too small to count.
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    minted = amount * RAY // normalized_income(state, now)
    if minted <= 0:
        raise Revert("InvalidAmount")
    accrue(state, parameters, now)
    update_rates(state, parameters, amount, 0)
    state.scaled_supply += minted
    if account.supplied[reserve] == 0 and parameters.ltv:
        account.collateral_mask |= 1 << reserve
    account.supplied[reserve] += minted
    return minted


def withdraw(
    reserves: Sequence[ReserveState],
    market: Market,
    prices: Sequence[int],
    now: int,
    account: Account,
    *,
    reserve: int,
    amount: int,
) -> int:
    """Withdraw supplied assets, all of them if `amount` is ``MAX_UINT256``.

    Parameters
    ----------
    reserves : sequence of ReserveState
        The reserve's own is changed in place.
    market, prices, now, account
        As in `liquidation_call`.
    reserve : int
        Reserve index.
    amount : int
        Base units.

    Returns
    -------
    int
        Base units withdrawn.

    Raises
    ------
    Revert
        If nothing or more than the balance is asked for, the pool lacks the
        liquidity, or the account would be liquidatable or past its LTV.
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    index = normalized_income(state, now)
    held = account.supplied[reserve]
    if amount == MAX_UINT256:
        burned, amount = held, held * index // RAY
    else:
        burned = ceil_div(amount * RAY, index)
    if burned <= 0:
        raise Revert("InvalidAmount")
    if burned > held:
        raise Revert("NotEnoughAvailableUserBalance")
    if amount > state.available or burned > state.scaled_supply:
        raise Revert(ARITHMETIC_PANIC)
    mask = account.collateral_mask
    account.supplied[reserve] = held - burned
    if burned == held:
        account.collateral_mask = mask & ~(1 << reserve)
    if mask >> reserve & 1 and account.borrowing_mask:
        reason = None
        if account_totals(reserves, market, prices, now, account)[4] < WAD:
            reason = "HealthFactorLowerThanLiquidationThreshold"
        elif parameters.ltv and any(
            mask >> i & 1 and other.ltv == 0 for i, other in enumerate(market.reserves)
        ):
            reason = "LtvValidationFailed"
        if reason is not None:
            account.supplied[reserve], account.collateral_mask = held, mask
            raise Revert(reason)
    accrue(state, parameters, now)
    update_rates(state, parameters, 0, amount)
    state.scaled_supply -= burned
    return amount


def borrow(
    reserves: Sequence[ReserveState],
    market: Market,
    prices: Sequence[int],
    now: int,
    account: Account,
    *,
    reserve: int,
    amount: int,
) -> int:
    """Borrow at the variable rate.

    Parameters
    ----------
    reserves, market, prices, now, account, reserve
        As in `withdraw`.
    amount : int
        Base units.

    Returns
    -------
    int
        Debt tokens minted; scaled base units.

    Raises
    ------
    Revert
        If the account's collateral does not carry its debt afterwards, the pool
        lacks the liquidity, or the reserve is closed to borrowers.
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    index = normalized_debt(state, now) if state.scaled_variable_debt else state.variable_borrow_index
    minted = ceil_div(amount * RAY, index)
    if minted <= 0:
        raise Revert("InvalidAmount")
    if not parameters.borrowing_enabled:
        raise Revert("BorrowingNotEnabled")
    if amount > state.available:
        raise Revert(ARITHMETIC_PANIC)
    before = copy(state)
    accrue(state, parameters, now)  # first, as debt of an idle reserve starts at its stored index
    held, mask = account.borrowed[reserve], account.borrowing_mask
    account.borrowed[reserve] = held + minted
    account.borrowing_mask = mask | 1 << reserve
    collateral, debt, ltv, _, health_factor = account_totals(reserves, market, prices, now, account)
    reason = None
    if ltv == 0:
        reason = "LtvValidationFailed"
    elif health_factor < WAD:
        reason = "HealthFactorLowerThanLiquidationThreshold"
    elif ceil_div(debt * PERCENTAGE_FACTOR, ltv) > collateral:
        reason = "CollateralCannotCoverNewBorrow"
    if reason is not None:
        account.borrowed[reserve], account.borrowing_mask = held, mask
        for name in ReserveState.__slots__:
            setattr(state, name, getattr(before, name))
        raise Revert(reason)
    state.scaled_variable_debt += minted
    update_rates(state, parameters, 0, amount)
    return minted


def repay(
    reserves: Sequence[ReserveState], market: Market, now: int, account: Account, *, reserve: int, amount: int
) -> int:
    """Repay variable debt, all of it if `amount` is larger.

    Parameters
    ----------
    reserves, market, now, account, reserve, amount
        As in `supply`.

    Returns
    -------
    int
        Base units repaid.

    Raises
    ------
    Revert
        If there is no debt, or the amount is nothing or too small to count.
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    if amount <= 0:
        raise Revert("InvalidAmount")
    index = normalized_debt(state, now)
    held = account.borrowed[reserve]
    owed = ceil_div(held * index, RAY)
    if owed == 0:
        raise Revert("NoDebtOfSelectedType")
    amount = min(amount, owed)
    burned = amount * RAY // index
    if burned == 0:
        raise Revert("InvalidBurnAmount")
    if burned > held or burned > state.scaled_variable_debt:
        raise Revert(ARITHMETIC_PANIC)
    accrue(state, parameters, now)
    state.scaled_variable_debt -= burned
    account.borrowed[reserve] = held - burned
    if burned == held:
        account.borrowing_mask &= ~(1 << reserve)
    update_rates(state, parameters, amount, 0)
    return amount
