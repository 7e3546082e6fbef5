"""Aave v3.0.2 pool operations other than liquidation: supply, withdraw, borrow, repay.

Variable debt only; caps, isolation and siloed borrowing are not modelled. Like
the liquidation rule, these move scaled balances and count the underlying, and
leave every token transfer to the caller; a `Revert` leaves all as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...fixed_point import ARITHMETIC_PANIC, HALF_RAY, MAX_UINT256, RAY, WAD, percent_div
from ...revert import Revert
from .accounting_v3_0_2 import account_totals, accrue, normalized_debt, normalized_income, update_rates
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
        ``INVALID_AMOUNT`` or ``INVALID_MINT_AMOUNT`` (too small to count).
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    if amount <= 0:
        raise Revert("INVALID_AMOUNT")
    index = normalized_income(state, now)
    minted = (amount * RAY + index // 2) // index
    if minted == 0:
        raise Revert("INVALID_MINT_AMOUNT")
    accrue(state, parameters, now)
    update_rates(state, parameters, amount, 0)
    state.available += amount
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
    balance = (held * index + HALF_RAY) // RAY
    if amount == MAX_UINT256:
        amount = balance
    if amount <= 0:
        raise Revert("INVALID_AMOUNT")
    if amount > balance:
        raise Revert("NOT_ENOUGH_AVAILABLE_USER_BALANCE")
    burned = (amount * RAY + index // 2) // index
    if amount > state.available:
        raise Revert(ARITHMETIC_PANIC)
    if burned == 0:
        raise Revert("INVALID_BURN_AMOUNT")
    if burned > held or burned > state.scaled_supply:
        raise Revert(ARITHMETIC_PANIC)
    mask = account.collateral_mask
    account.supplied[reserve] = held - burned
    if amount == balance:
        account.collateral_mask = mask & ~(1 << reserve)
    if mask >> reserve & 1 and account.borrowing_mask:
        reason = None
        if account_totals(reserves, market, prices, now, account)[4] < WAD:
            reason = "HEALTH_FACTOR_LOWER_THAN_LIQUIDATION_THRESHOLD"
        elif parameters.ltv and _has_zero_ltv_collateral(market, account):
            reason = "LTV_VALIDATION_FAILED"
        if reason is not None:
            account.supplied[reserve], account.collateral_mask = held, mask
            raise Revert(reason)
    accrue(state, parameters, now)
    update_rates(state, parameters, 0, amount)
    state.available -= amount
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
        If the account's collateral does not carry the new debt at its LTV, the
        pool lacks the liquidity, or the reserve is closed to the borrower.
    """
    state, parameters = reserves[reserve], market.reserves[reserve]
    if amount <= 0:
        raise Revert("INVALID_AMOUNT")
    if not parameters.borrowing_enabled:
        raise Revert("BORROWING_NOT_ENABLED")
    price = prices[reserve]
    if account.emode:
        if parameters.emode_category != account.emode:
            raise Revert("INCONSISTENT_EMODE_CATEGORY")
        price = market.emode_categories[account.emode].price or price
    collateral, debt, ltv, _, health_factor = account_totals(reserves, market, prices, now, account)
    if collateral == 0:
        raise Revert("COLLATERAL_BALANCE_IS_ZERO")
    if ltv == 0:
        raise Revert("LTV_VALIDATION_FAILED")
    if health_factor <= WAD:
        raise Revert("HEALTH_FACTOR_LOWER_THAN_LIQUIDATION_THRESHOLD")
    if percent_div(debt + price * amount // parameters.unit, ltv) > collateral:
        raise Revert("COLLATERAL_CANNOT_COVER_NEW_BORROW")
    index = normalized_debt(state, now) if state.scaled_variable_debt else state.variable_borrow_index
    minted = (amount * RAY + index // 2) // index
    if minted == 0:
        raise Revert("INVALID_MINT_AMOUNT")
    if amount > state.available:
        raise Revert(ARITHMETIC_PANIC)
    accrue(state, parameters, now)
    state.scaled_variable_debt += minted
    account.borrowed[reserve] += minted
    account.borrowing_mask |= 1 << reserve
    update_rates(state, parameters, 0, amount)
    state.available -= amount
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
        raise Revert("INVALID_AMOUNT")
    index = normalized_debt(state, now)
    held = account.borrowed[reserve]
    owed = (held * index + HALF_RAY) // RAY
    if owed == 0:
        raise Revert("NO_DEBT_OF_SELECTED_TYPE")
    amount = min(amount, owed)
    burned = (amount * RAY + index // 2) // index
    if burned == 0:
        raise Revert("INVALID_BURN_AMOUNT")
    if burned > held or burned > state.scaled_variable_debt:
        raise Revert(ARITHMETIC_PANIC)
    accrue(state, parameters, now)
    state.scaled_variable_debt -= burned
    account.borrowed[reserve] = held - burned
    if amount == owed:
        account.borrowing_mask &= ~(1 << reserve)
    update_rates(state, parameters, amount, 0)
    state.available += amount
    return amount


def _has_zero_ltv_collateral(market: Market, account: Account) -> bool:
    """Whether a reserve that lends no borrowing power backs the account."""
    return any(
        account.collateral_mask >> i & 1 and reserve.liquidation_threshold and not reserve.ltv
        for i, reserve in enumerate(market.reserves)
    )
