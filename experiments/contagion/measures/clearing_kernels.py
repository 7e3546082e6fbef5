"""Payments of a set of defaulters, all other payments given: sweeps over sparse rows, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def inflow_of(indptr, indices, shares, payments, node):
    """Return what a node receives: column `node` of the relative liabilities times payments."""
    received = 0.0
    for k in range(indptr[node], indptr[node + 1]):
        received += shares[k] * payments[indices[k]]
    return received


@njit(cache=True)
def settle(indptr, indices, shares, own, owed, keep, defaulters, payments, tolerance, max_sweeps):
    """Let `defaulters` pay what they have until nothing changes; others' payments stay.

    A defaulter pays ``clip(own + keep * received, 0, owed)``. `payments` is changed in place, one
    node after another, so that each uses the newest payments of the others.

    Returns
    -------
    int
        Sweeps made, or -1 if something still changed after `max_sweeps`.
    """
    for sweep in range(max_sweeps):
        moved = False
        for node in defaulters:
            paid = own[node] + keep * inflow_of(indptr, indices, shares, payments, node)
            paid = min(max(paid, 0.0), owed[node])
            if abs(paid - payments[node]) > tolerance * owed[node]:
                moved = True
            payments[node] = paid
        if not moved:
            return sweep + 1
    return -1


@njit(cache=True)
def ascend(indptr, indices, shares, external, own, owed, keep, payments, tolerance, max_sweeps):
    """Raise payments from below to the least vector that clears; in place.

    A node that can pay all does (up to `tolerance`), any other pays
    ``clip(own + keep * received, 0, owed)``.

    Returns
    -------
    int
        Sweeps made, or -1 if something still changed after `max_sweeps`.
    """
    for sweep in range(max_sweeps):
        moved = False
        for node in range(len(owed)):
            if payments[node] >= owed[node]:
                continue
            received = inflow_of(indptr, indices, shares, payments, node)
            if external[node] + received >= owed[node] * (1.0 - 100.0 * tolerance):
                paid = owed[node]
            else:
                paid = min(max(own[node] + keep * received, 0.0), owed[node])
            if paid > payments[node]:
                if paid - payments[node] > tolerance * owed[node]:
                    moved = True
                payments[node] = paid
        if not moved:
            return sweep + 1
    return -1


@njit(cache=True)
def received_by_all(indptr, indices, shares, payments):
    """Return what every node receives."""
    received = np.empty(len(payments))
    for node in range(len(payments)):
        received[node] = inflow_of(indptr, indices, shares, payments, node)
    return received
