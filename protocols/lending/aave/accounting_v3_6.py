"""Aave v3.6 accounting: as v3.0.2, with directed rounding and the virtual balance.

aToken balances round down, debt rounds up, always against the user. The
reserve's `available` is the virtual underlying balance, which moves with every
update of the rates. Exact to the contract (ReserveLogic, GenericLogic).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...fixed_point import (
    HALF_PERCENTAGE_FACTOR,
    MAX_UINT256,
    PERCENTAGE_FACTOR,
    RAY,
    WAD,
)
from ...interest import compounded_index_v3_6, linear_index, rates_v3_6
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
    return compounded_index_v3_6(
        state.variable_borrow_index, state.variable_borrow_rate, now - state.last_update
    )


def atoken_balance(scaled: int, index: int) -> int:
    """Unscale an aToken balance, rounding down; base units.

    Parameters
    ----------
    scaled : int
        Scaled base units.
    index : int
        Normalised income; ray.
    """
    return scaled * index // RAY


def debt_balance(scaled: int, index: int) -> int:
    """Unscale a debt, rounding up; base units.

    Parameters
    ----------
    scaled : int
        Scaled base units.
    index : int
        Normalised debt; ray.
    """
    return -(-scaled * index // RAY)


def accrue(state: ReserveState, parameters: ReserveParameters, now: int) -> int:
    """Store both indices as of `now` and book the treasury's share of interest.

    Parameters
    ----------
    state : ReserveState
        Changed in place; untouched if already updated at `now`.
    parameters : ReserveParameters
    now : int
        Seconds since the epoch.

    Returns
    -------
    int
        Scaled base units booked for the treasury.

    Raises
    ------
    Revert
        If `now` lies before the last update.
    """
    return store_indices(state, parameters, now, normalized_income(state, now), normalized_debt(state, now))


def store_indices(
    state: ReserveState, parameters: ReserveParameters, now: int, income: int, debt_index: int
) -> int:
    """Accrue with indices that are known already.

    Parameters
    ----------
    state, parameters, now
        As in `accrue`.
    income, debt_index : int
        `normalized_income` and `normalized_debt` at `now`; ray.

    Returns
    -------
    int
        Scaled base units booked for the treasury.
    """
    if now == state.last_update:
        return 0
    state.last_update = now
    state.liquidity_index = income
    debt = state.scaled_variable_debt
    if debt == 0:
        return 0
    interest = debt * (debt_index - state.variable_borrow_index) // RAY
    state.variable_borrow_index = debt_index
    share = (interest * parameters.reserve_factor + HALF_PERCENTAGE_FACTOR) // PERCENTAGE_FACTOR
    booked = share * RAY // income
    state.accrued_to_treasury += booked
    return booked


def update_rates(state: ReserveState, parameters: ReserveParameters, added: int, taken: int) -> None:
    """Move liquidity through the virtual balance and store the rates that follow.

    Parameters
    ----------
    state : ReserveState
        Accrued; changed in place.
    parameters : ReserveParameters
    added, taken : int
        Underlying that enters and leaves; base units.
    """
    debt = -(-state.scaled_variable_debt * state.variable_borrow_index // RAY)
    available = state.available + added - taken
    state.liquidity_rate, state.variable_borrow_rate = rates_v3_6(
        parameters.curve, available, debt, parameters.reserve_factor, state.deficit
    )
    state.available = available


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
    category = market.emode_categories[account.emode] if account.emode else None
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
        if bit & collateral_mask:
            index = linear_index(state.liquidity_index, state.liquidity_rate, elapsed)
            value = account.supplied[i] * index // RAY * prices[i] // risk.unit
            collateral += value
            if category is not None and risk.emode_collateral:
                threshold_sum += value * category.liquidation_threshold
                if not risk.emode_ltv_zero:
                    ltv_sum += value * category.ltv
            else:
                threshold_sum += value * risk.liquidation_threshold
                ltv_sum += value * risk.ltv
        if bit & account.borrowing_mask:
            index = compounded_index_v3_6(state.variable_borrow_index, state.variable_borrow_rate, elapsed)
            owed = -(-account.borrowed[i] * index // RAY)
            debt += -(-owed * prices[i] // risk.unit)
    health_factor = MAX_UINT256
    if debt:
        health_factor = (threshold_sum * WAD + debt // 2) // debt // PERCENTAGE_FACTOR
    if collateral:
        ltv_sum //= collateral
        threshold_sum //= collateral
    return collateral, debt, ltv_sum, threshold_sum, health_factor


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
    available = max(0, collateral * ltv // PERCENTAGE_FACTOR - debt)
    return AccountData(collateral, debt, available, threshold, ltv, health_factor)
