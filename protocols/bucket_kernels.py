"""Accounts in buckets: doubly linked lists over arrays, compiled.

An account has a record of 32 bytes, half a cache line, seen as two arrays over the same
memory: `marks` (float64, shape (n_accounts, 4), the first two columns free for use) and
`links` (int32, shape (n_accounts, 8): the next account in its bucket, the previous one,
and the bucket's slot). An account is in one bucket at most, so nothing is ever allocated.
What a bucket means is for the caller to say; the sleepers' buckets, by the logarithm of a
worth in USD, stand here too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NEXT = 4
PREVIOUS = 5
SLOT = 6

NOWHERE = -1
"""Slot of an account in no bucket; also the end of a list."""

N_WORTH_SLOTS = 840
WORTH_WIDTH = 0.05
LOWEST_WORTH_LOG = math.log(1e-6)


@njit(cache=True)
def link(links, heads, account, slot):
    """Put an account that is in no bucket first into the bucket `slot`.

    Parameters
    ----------
    links : int32 ndarray, shape (n_accounts, 8)
    heads : int32 ndarray, shape (n_slots,)
    account, slot : int
    """
    first = heads[slot]
    links[account, NEXT] = first
    links[account, PREVIOUS] = NOWHERE
    links[account, SLOT] = slot
    if first >= 0:
        links[first, PREVIOUS] = account
    heads[slot] = account


@njit(cache=True)
def unlink(links, heads, account):
    """Take an account out of the bucket it is in."""
    following = links[account, NEXT]
    previous = links[account, PREVIOUS]
    if previous >= 0:
        links[previous, NEXT] = following
    else:
        heads[links[account, SLOT]] = following
    if following >= 0:
        links[following, PREVIOUS] = previous
    links[account, SLOT] = NOWHERE


@njit(cache=True)
def worth_slot(worth_usd):
    """Bucket of a worth: 5 % wide each, from a millionth of a dollar up, all else at the ends."""
    if worth_usd <= 0.0:
        return 0
    position = (math.log(worth_usd) - LOWEST_WORTH_LOG) / WORTH_WIDTH
    return int(min(max(position, 0.0), N_WORTH_SLOTS - 1.0))


@njit(cache=True)
def sleep(links, heads, marks, accounts, worths_usd):
    """Put accounts into the buckets of their worth, whether or not they are in one.

    Parameters
    ----------
    marks : float64 ndarray, shape (n_accounts, 4)
        The first column receives the worth of each account.
    accounts : int64 ndarray
    worths_usd : float64 ndarray
        One for each of `accounts`.

    Returns
    -------
    int
        How many were not asleep before; -1 if an account does not exist or a worth is not
        a number, and nothing was changed.
    """
    for i in range(len(accounts)):
        if not 0 <= accounts[i] < len(links) or math.isnan(worths_usd[i]):
            return -1
    added = 0
    for i in range(len(accounts)):
        account = accounts[i]
        if links[account, SLOT] >= 0:
            unlink(links, heads, account)
        else:
            added += 1
        marks[account, 0] = worths_usd[i]
        link(links, heads, account, worth_slot(worths_usd[i]))
    return added


@njit(cache=True)
def wake(links, heads, marks, gas_cost_usd, highest, out):
    """Pop the accounts worth at least `gas_cost_usd`, given that none is worth over `highest`.

    Returns
    -------
    count : int
        Accounts popped, the first of `out` (int64 ndarray).
    highest : float
        Worth that no account left exceeds; below `gas_cost_usd`.
    """
    count = 0
    first = worth_slot(gas_cost_usd)
    left = -np.inf
    for slot in range(first, worth_slot(highest) + 1):
        account = heads[slot]
        heads[slot] = NOWHERE
        while account >= 0:
            following = links[account, NEXT]
            if marks[account, 0] >= gas_cost_usd:
                links[account, SLOT] = NOWHERE
                out[count] = account
                count += 1
            else:
                link(links, heads, account, slot)
                left = max(left, marks[account, 0])
            account = following
    if left == -np.inf and first > 0:
        left = np.nextafter(gas_cost_usd, -np.inf)
    return count, left
