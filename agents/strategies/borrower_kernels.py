"""What a borrower does about a falling health factor, compiled: one row of numbers for each account."""

from __future__ import annotations

from numba import njit

HEALTH, COLLATERAL, DEBT, THRESHOLD, BONUS, WEALTH, TARGET, N_STATE = range(8)
"""Rows of `states`: the fields of `BorrowerState`, in their order."""

REPAY, SELL, N_REACTION = range(3)


@njit(cache=True, _nrt=False)
def react(states, least_usd, deleverages, panic, sale_cost, reactions):
    """Decide for every account what it repays from wealth and what collateral it sells; USD.

    Parameters
    ----------
    states : float64 ndarray, shape (N_STATE, n)
    least_usd : float
        Half of the debt times the bonus must exceed this for the account to act.
    deleverages : bool
    panic, sale_cost : float
        As in `BorrowerPolicy`.
    reactions : float64 ndarray, shape (N_REACTION, n)
        Filled.
    """
    kept = 1.0 - sale_cost
    for i in range(states.shape[1]):
        reactions[REPAY, i] = reactions[SELL, i] = 0.0
        health, debt, target = states[HEALTH, i], states[DEBT, i], states[TARGET, i]
        if not (0.5 * states[BONUS, i] * debt > least_usd and health < target):
            continue
        backed = states[THRESHOLD, i] * states[COLLATERAL, i]
        need = max(debt - backed / target, 0.0)
        need += panic * (debt - need)
        repay = min(need, states[WEALTH, i])
        reactions[REPAY, i] = repay
        if not (deleverages and need - repay > 0.01 * debt and health > 1.0):
            continue
        left, gain = debt - repay, target * kept - states[THRESHOLD, i]
        sell = (target * left - backed) / gain if gain > 1e-9 else 0.0
        sell = max(sell, panic * left / kept, 0.0)
        reactions[SELL, i] = min(sell, 0.95 * states[COLLATERAL, i])
