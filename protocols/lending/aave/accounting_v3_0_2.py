"""Aave v3.0.2 accounting: indices, accrual, rates of a reserve, and the health of an account.

All functions are exact to the contract (ReserveLogic, GenericLogic). Reading
functions never write: an index is carried forward to `now` without storing it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...fixed_point import (
    HALF_PERCENTAGE_FACTOR,
    HALF_RAY,
    MAX_UINT256,
    PERCENTAGE_FACTOR,
    RAY,
    WAD,
)
from ...interest import compounded_index_v3_0_2, linear_index, rates_v3_0_2
from .parameters import Market, ReserveParameters
from .state import Account, AccountData, ReserveState


def normalized_income(state: ReserveState, now: int) -> int:
    """Supply index carried forward to `now`; ray.

    Parameters
    ----------
    state : ReserveState
    now : int
        Seconds since the epoch, not before the state's last update.
    """
    return linear_index(state.liquidity_index, state.liquidity_rate, now - state.last_update)


def normalized_debt(state: ReserveState, now: int) -> int:
    """Variable debt index carried forward to `now`; ray.

    Parameters
    ----------
    state : ReserveState
    now : int
        Seconds since the epoch, not before the state's last update.
    """
    return compounded_index_v3_0_2(
        state.variable_borrow_index, state.variable_borrow_rate, now - state.last_update
    )


def balance_of(scaled: int, index: int) -> int:
    """Unscale an aToken or debt balance, rounding half up; base units.

    Parameters
    ----------
    scaled : int
        Scaled base units.
    index : int
        Normalised income or debt; ray.
    """
    return (scaled * index + HALF_RAY) // RAY


def accrue(state: ReserveState, parameters: ReserveParameters, now: int) -> None:
    """Store both indices as of `now` and book the treasury's share of interest.

    Parameters
    ----------
    state : ReserveState
        Changed in place; untouched if already updated at `now`.
    parameters : ReserveParameters
    now : int
        Seconds since the epoch.

    Raises
    ------
    Revert
        If `now` lies before the last update.
    """
    store_indices(state, parameters, now, normalized_income(state, now), normalized_debt(state, now))


def store_indices(
    state: ReserveState, parameters: ReserveParameters, now: int, income: int, debt_index: int
) -> None:
    """Accrue with indices that are known already.

    Parameters
    ----------
    state, parameters, now
        As in `accrue`.
    income, debt_index : int
        `normalized_income` and `normalized_debt` at `now`; ray.
    """
    if now == state.last_update:
        return
    state.last_update = now
    state.liquidity_index = income
    debt = state.scaled_variable_debt
    if debt:
        old = state.variable_borrow_index
        state.variable_borrow_index = debt_index
        if parameters.reserve_factor:
            interest = (debt * debt_index + HALF_RAY) // RAY - (debt * old + HALF_RAY) // RAY
            share = (interest * parameters.reserve_factor + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
            state.accrued_to_treasury += (share * RAY + income // 2) // income


def update_rates(state: ReserveState, parameters: ReserveParameters, added: int, taken: int) -> None:
    """Store the rates that follow from the debt and the liquidity after a movement.

    The underlying itself is not moved.

    Parameters
    ----------
    state : ReserveState
        Accrued; changed in place.
    parameters : ReserveParameters
    added, taken : int
        Underlying about to enter and leave; base units.
    """
    debt = (state.scaled_variable_debt * state.variable_borrow_index + HALF_RAY) // RAY
    state.liquidity_rate, state.variable_borrow_rate = rates_v3_0_2(
        parameters.curve, state.available + added - taken, debt, parameters.reserve_factor
    )


def account_totals(
    reserves: Sequence[ReserveState],
    market: Market,
    prices: Sequence[int],
    now: int,
    account: Account,
) -> tuple[int, int, int, int, int]:
    """Return collateral, debt (base currency), ltv, threshold (basis points) and health factor (wad).

    Only reserves that the account uses are looked at.

    Parameters
    ----------
    reserves : sequence of ReserveState
    market : Market
    prices : sequence of int
        Base currency per whole token, by reserve.
    now : int
        Seconds since the epoch.
    account : Account
    """
    emode = account.emode
    category = market.emode_categories[emode] if emode else None
    parameters = market.reserves
    collateral = debt = ltv_sum = threshold_sum = 0
    collateral_mask = account.collateral_mask
    rest = collateral_mask | account.borrowing_mask
    while rest:
        bit = rest & -rest
        rest ^= bit
        i = bit.bit_length() - 1
        state = reserves[i]
        risk = parameters[i]
        elapsed = now - state.last_update
        price = prices[i]
        ltv = risk.ltv
        threshold = risk.liquidation_threshold
        member = category is not None and risk.emode_category == emode
        if member and category is not None and category.price:
            price = category.price
        if bit & collateral_mask and threshold:
            index = state.liquidity_index
            if elapsed and state.liquidity_rate:
                index = linear_index(index, state.liquidity_rate, elapsed)
            value = (account.supplied[i] * index + HALF_RAY) // RAY * price // risk.unit
            if member and category is not None:
                threshold = category.liquidation_threshold
                if ltv:
                    ltv = category.ltv
            collateral += value
            ltv_sum += value * ltv
            threshold_sum += value * threshold
        if bit & account.borrowing_mask:
            index = state.variable_borrow_index
            if elapsed:
                index = compounded_index_v3_0_2(index, state.variable_borrow_rate, elapsed)
            debt += (account.borrowed[i] * index + HALF_RAY) // RAY * price // risk.unit
    if collateral:
        ltv_sum //= collateral
        threshold_sum //= collateral
    if debt == 0:
        return collateral, 0, ltv_sum, threshold_sum, MAX_UINT256
    weighted = (collateral * threshold_sum + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
    return collateral, debt, ltv_sum, threshold_sum, (weighted * WAD + debt // 2) // debt


def account_data(
    reserves: Sequence[ReserveState],
    market: Market,
    prices: Sequence[int],
    now: int,
    account: Account,
) -> AccountData:
    """Solvency of an account as the contract's `getUserAccountData` reports it.

    Parameters
    ----------
    reserves, market, prices, now, account
        As in `account_totals`.
    """
    collateral, debt, ltv, threshold, health_factor = account_totals(reserves, market, prices, now, account)
    capacity = (collateral * ltv + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
    return AccountData(collateral, debt, max(0, capacity - debt), threshold, ltv, health_factor)
