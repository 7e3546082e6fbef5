"""The set of bundles that pays a builder most: a small knapsack with conflicts, solved exactly."""

from __future__ import annotations

from numba import njit

MOST_EXACT = 20
"""Bundles up to which the best set is found by looking at all that could be it."""


@njit(cache=True)
def best_set(payments, gas, conflicts, gas_limit):
    """Find the set with the highest payment that has no conflicts and fits into the block.

    Goes through the sets depth first, taking a bundle before leaving it out, and turns back
    where all that is left could not beat the best set so far. Among equal sets it keeps
    the one that comes first in the order of the bundles.

    Parameters
    ----------
    payments : float64 ndarray, shape (n,)
        What each bundle pays, not negative; highest first makes the search short.
    gas : int64 ndarray, shape (n,)
    conflicts : int64 ndarray, shape (n,)
        Bit j of entry i says that i and j cannot both be included.
    gas_limit : int

    Returns
    -------
    int
        Bit i says that bundle i is included.
    """
    n = len(payments)
    left = [0.0] * (n + 1)
    for i in range(n - 1, -1, -1):
        left[i] = left[i + 1] + payments[i]
    taken = [False] * n
    best, best_paid = 0, -1.0
    chosen, paid, used = 0, 0.0, 0
    i = 0
    while True:
        if i < n and paid + left[i] > best_paid:
            taken[i] = conflicts[i] & chosen == 0 and used + gas[i] <= gas_limit
            if taken[i]:
                chosen |= 1 << i
                paid += payments[i]
                used += gas[i]
            i += 1
            continue
        if i == n and paid > best_paid:
            best, best_paid = chosen, paid
        i -= 1
        while i >= 0 and not taken[i]:
            i -= 1
        if i < 0:
            return best
        taken[i] = False
        chosen ^= 1 << i
        used -= gas[i]
        paid = 0.0
        for j in range(i):
            if taken[j]:
                paid += payments[j]
        i += 1
