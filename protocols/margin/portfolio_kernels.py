"""Compiled portfolio margin: the worst scenario of each account, exact in whole base units."""

from __future__ import annotations

import numpy as np
from numba import njit

NANO = 1_000_000_000
LARGEST = float(2**62)


@njit(cache=True, _nrt=False)
def worst_scenarios(account, contract, lots, moves, weights, gains, reach, scan, worst):
    """Add up what positions gain in each scenario, and find the largest weighted loss of each account.

    Parameters
    ----------
    account, contract, lots : int64 ndarray, shape (n_positions,)
    moves : int64 ndarray, shape (n_contracts, n_scenarios)
    weights : int64 ndarray, shape (n_scenarios,)
        Parts in `NANO`.
    gains : int64 ndarray, shape (n_accounts, n_scenarios)
        Zeros; on return, the gain of each account in each scenario.
    reach : float64 ndarray, shape (n_accounts,)
        Zeros; on return, a bound on what an account's sums can come to.
    scan, worst : int64 ndarray, shape (n_accounts,)
        On return, the largest weighted loss, rounded up and not below 0, and its scenario.

    Returns
    -------
    int
        The first account whose sums could leave 64 bits, -1 if there is none.
    """
    n_scenarios = moves.shape[1]
    for position in range(len(account)):
        row = account[position]
        column = contract[position]
        held = lots[position]
        low = high = np.int64(0)
        for scenario in range(n_scenarios):
            low = min(low, moves[column, scenario])
            high = max(high, moves[column, scenario])
        reach[row] += abs(float(held)) * max(-float(low), float(high))
        if reach[row] >= LARGEST:
            return row
        for scenario in range(n_scenarios):
            gains[row, scenario] += held * moves[column, scenario]
    for row in range(len(scan)):
        scan[row] = np.int64(0)
        worst[row] = np.int64(0)
        for scenario in range(n_scenarios):
            loss = -gains[row, scenario]
            if loss > scan[row]:
                whole = loss // NANO
                rest = loss - whole * NANO
                counted = whole * weights[scenario] - (-rest * weights[scenario]) // NANO
                if counted > scan[row]:
                    scan[row] = counted
                    worst[row] = scenario
    return -1
