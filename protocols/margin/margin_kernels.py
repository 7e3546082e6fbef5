"""Compiled screening of margin accounts: who is below maintenance after the marks have moved.

An account's headroom is its equity less its maintenance, exact in whole base units. Since a move of
the marks by ``d`` (the largest change of a logarithm) costs no more than ``gross * (exp(d) - 1)``, with
``gross`` the sum of notional times one plus the highest margin rate, an account whose headroom is
``H`` cannot fall below zero before the marks have travelled ``log(1 + H / gross)``. Each account
therefore sleeps until a clock that adds up what marks travel has come that far: an account with
one position has the clock of its adverse direction, others have one that adds the largest move of any.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

INVERSE = 1
"""Code of `contracts.Shape.INVERSE`."""
SHAPE, MULTIPLIER = 0, 1
"""Columns of the contracts' terms."""
UPPER, RATE, CUM = 0, 1, 2
"""Layers of a margin table; shape (n_contracts, 3, n_tiers)."""
NANO = 1_000_000_000
LARGEST = float(2**62)
"""Base units that the gross value of an account may not reach: sums stay inside int64."""
SLACK = 1e-9
"""Rounding of logarithms and, as a share of it, of a clock; taken off the distance an account may sleep."""
OUT_OF_RANGE = -1


@njit(cache=True, _nrt=False)
def contract_value(terms, contract, lots, ticks):
    """Return the base units that a position is worth, as the contracts compute it."""
    if terms[contract, SHAPE] == INVERSE:
        size = (2 * abs(lots) * terms[contract, MULTIPLIER] + ticks) // (2 * ticks)
        return -size if lots > 0 else size
    return lots * ticks * terms[contract, MULTIPLIER]


@njit(cache=True, _nrt=False)
def exposure(terms, contract, lots, ticks):
    """Size of a position at a price in base units, as a float that cannot wrap around."""
    size = abs(float(lots)) * terms[contract, MULTIPLIER]
    if terms[contract, SHAPE] == INVERSE:
        return np.inf if 2.0 * size >= LARGEST else size / ticks
    return size * ticks


@njit(cache=True, _nrt=False)
def contract_values(terms, contract, lots, ticks, out):
    """Write what positions in one contract are worth to `out`; returns 0, or `OUT_OF_RANGE`."""
    for i in range(len(lots)):
        if exposure(terms, contract, lots[i], ticks) >= LARGEST:
            return OUT_OF_RANGE
        out[i] = contract_value(terms, contract, lots[i], ticks)
    return 0


@njit(cache=True, _nrt=False)
def required(table, contract, notional):
    """Margin of a position, rounded up, as `MarginTiers.required` computes it."""
    tier = 0
    while tier < table.shape[2] - 1 and notional > table[contract, UPPER, tier]:
        tier += 1
    rate = table[contract, RATE, tier]
    whole = notional // NANO
    rest = notional - whole * NANO
    return whole * rate - (-rest * rate) // NANO - table[contract, CUM, tier]


@njit(cache=True, _nrt=False)
def account_state(account, balances, lots, entry, ticks, terms, table, state):
    """Write equity and requirement of an account to `state`; returns its weighted gross value.

    The value is negative if the numbers leave the range of 64 bits.
    """
    equity = balances[account]
    requirement = np.int64(0)
    reach = abs(float(equity))
    gross = 0.0
    top = table.shape[2] - 1
    for contract in range(lots.shape[1]):
        held = lots[account, contract]
        if held == 0:
            continue
        size = exposure(terms, contract, held, ticks[contract])
        reach += size + abs(float(entry[account, contract]))
        if reach >= LARGEST:
            return -1.0
        value = contract_value(terms, contract, held, ticks[contract])
        equity += value - entry[account, contract]
        requirement += required(table, contract, abs(value))
        gross += size * (1.0 + table[contract, RATE, top] / NANO)
    state[0] = equity
    state[1] = requirement
    return gross


@njit(cache=True, _nrt=False)
def account_states(accounts, balances, lots, entry, ticks, terms, table, states):
    """Equity and requirement of many accounts; returns 0, or `OUT_OF_RANGE`.

    Parameters
    ----------
    states : int64 ndarray, shape (n, 2)
    """
    for i in range(len(accounts)):
        if account_state(accounts[i], balances, lots, entry, ticks, terms, table, states[i]) < 0.0:
            return OUT_OF_RANGE
    return 0


@njit(cache=True, _nrt=False)
def advance(ticks, last, clocks):
    """Add what the marks have travelled since `last` to the clocks, and remember them.

    Parameters
    ----------
    ticks : int64 ndarray, shape (n_contracts,)
    last : int64 ndarray, shape (n_contracts,)
        Marks before, 0 if there were none.
    clocks : float64 ndarray, shape (2 * n_contracts + 1,)
        Falls and rises of each contract, and the largest move of any.
    """
    largest = 0.0
    for contract in range(len(ticks)):
        if ticks[contract] != last[contract]:
            if last[contract] > 0:
                move = math.log(ticks[contract] / last[contract])
                clocks[2 * contract + (move > 0.0)] += abs(move)
                largest = max(largest, abs(move))
            last[contract] = ticks[contract]
    clocks[len(clocks) - 1] += largest


@njit(cache=True, _nrt=False)
def screen(balances, lots, entry, ticks, terms, table, wake, basket, clocks, out, state, counts):
    """Look at the accounts that are due, give them their next distance, and list the unsafe.

    Parameters
    ----------
    balances : int64 ndarray, shape (n_accounts,)
    lots, entry : int64 ndarray, shape (n_accounts, n_contracts)
    ticks : int64 ndarray, shape (n_contracts,)
    terms : int64 ndarray, shape (n_contracts, 2)
    table : int64 ndarray, shape (n_contracts, 3, n_tiers)
    wake : float64 ndarray, shape (n_accounts,)
        Reading of the account's clock at which it must be looked at.
    basket : int32 ndarray, shape (n_accounts,)
        Its clock.
    clocks : float64 ndarray, shape (2 * n_contracts + 1,)
    out : int64 ndarray, shape (n_accounts,)
    state : int64 ndarray, shape (2,)
        Scratch.
    counts : int64 ndarray, shape (1,)
        Looks so far.

    Returns
    -------
    int
        Unsafe accounts, the first of `out`; `OUT_OF_RANGE` if one leaves the range of 64 bits, and
        `out` begins with it.
    """
    found = 0
    n_contracts = lots.shape[1]
    for account in range(len(balances)):
        if wake[account] > clocks[basket[account]]:
            continue
        counts[0] += 1
        held = 0
        clock = 2 * n_contracts
        for contract in range(n_contracts):
            if lots[account, contract] != 0:
                held += 1
                clock = 2 * contract + (lots[account, contract] < 0)
        if held > 1:
            clock = 2 * n_contracts
        basket[account] = clock
        gross = account_state(account, balances, lots, entry, ticks, terms, table, state)
        if gross < 0.0:
            out[0] = account
            return OUT_OF_RANGE
        if held == 0:
            wake[account] = np.inf
            continue
        headroom = state[0] - state[1]
        if headroom < 0:
            out[found] = account
            found += 1
        free = float(headroom - 4 * held)  # values, requirements and tiers are rounded to the unit
        wake[account] = -np.inf
        if free > 0.0:
            wake[account] = clocks[clock] + math.log1p(free / gross) - SLACK * (1.0 + clocks[clock])
    return found
