"""Comet's interest: utilisation, the two kinked curves, accrual, and the indices' arithmetic.

Per-second simple interest on stored utilisation. Source: Comet.sol and
CometCore.sol of compound-finance/comet @ d5a30b0; MODEL 1.9, CASES L14.
"""

from __future__ import annotations

from .params import FACTOR_SCALE, INDEX_SCALE, SECONDS_PER_YEAR, CometParams, RateCurve
from .state import CometState


def present_value(index: int, principal: int) -> int:
    """Balance of a principal that is not negative: principal x index, floored."""
    return principal * index // INDEX_SCALE


def signed_present_value(state: CometState, principal: int) -> int:
    """Balance of an account at stored indices, negative for a debt; its size is floored either way."""
    if principal >= 0:
        return principal * state.base_supply_index // INDEX_SCALE
    return -(-principal * state.base_borrow_index // INDEX_SCALE)


def signed_principal(state: CometState, balance: int) -> int:
    """Principal of a balance: floored for a supply, its size rounded up for a debt."""
    if balance >= 0:
        return balance * INDEX_SCALE // state.base_supply_index
    return -((-balance * INDEX_SCALE + state.base_borrow_index - 1) // state.base_borrow_index)


def utilization(state: CometState) -> int:
    """Debt over supply at stored indices, 1e18; 0 without supply, and it may exceed 1."""
    supplied = state.total_supply_base * state.base_supply_index // INDEX_SCALE
    if supplied == 0:
        return 0
    owed = state.total_borrow_base * state.base_borrow_index // INDEX_SCALE
    return owed * FACTOR_SCALE // supplied


def rate_per_second(curve: RateCurve, utilization: int) -> int:
    """Rate at a utilisation, 1e18 per second: base + low slope to the kink, then the high slope."""
    base, low = curve.base // SECONDS_PER_YEAR, curve.slope_low // SECONDS_PER_YEAR
    if utilization <= curve.kink:
        return base + low * utilization // FACTOR_SCALE
    high = curve.slope_high // SECONDS_PER_YEAR
    return base + low * curve.kink // FACTOR_SCALE + high * (utilization - curve.kink) // FACTOR_SCALE


def accrue(params: CometParams, state: CometState, timestamp: int) -> CometState:
    """Bring both indices to `timestamp`.

    Parameters
    ----------
    params : CometParams
        The two rate curves.
    state : CometState
        As stored; its own utilisation sets the rates for the whole interval.
    timestamp : int
        Unix seconds; a second accrual in one second changes nothing.

    Raises
    ------
    ValueError
        If `timestamp` lies before the last accrual.
    """
    seconds = timestamp - state.last_accrual_time
    if seconds == 0:
        return state
    if seconds < 0:
        raise ValueError(f"time {timestamp} lies before the last accrual at {state.last_accrual_time}")
    used = utilization(state)
    supply, borrow = state.base_supply_index, state.base_borrow_index
    return CometState(
        supply + supply * (rate_per_second(params.supply_curve, used) * seconds) // FACTOR_SCALE,
        borrow + borrow * (rate_per_second(params.borrow_curve, used) * seconds) // FACTOR_SCALE,
        state.total_supply_base,
        state.total_borrow_base,
        timestamp,
        state.base_balance,
        state.total_supply_asset,
        state.asset_balance,
    )


def reserves(params: CometParams, state: CometState, timestamp: int) -> int:
    """Return base tokens held, minus what suppliers own, plus what borrowers owe; may be negative.

    Parameters
    ----------
    params, state, timestamp
        See `accrue`.
    """
    now = accrue(params, state, timestamp)
    supplied = present_value(now.base_supply_index, now.total_supply_base)
    owed = present_value(now.base_borrow_index, now.total_borrow_base)
    return now.base_balance - supplied + owed
