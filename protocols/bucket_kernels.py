"""Accounts in buckets that are filled, emptied and left in constant time, compiled.

An account has a record of 32 bytes, half a cache line, seen as two arrays over the same
memory: `marks` (float64, shape (n_accounts, 4), the first two columns free for use) and
`links` (int32, shape (n_accounts, 8): the place of the account and the slot of its bucket).
An account is in one bucket at most.

A bucket keeps its accounts in chunks, `CHUNK` words of one `pool` each: a link to the chunk
before, then accounts. All chunks but the last are full, so that a bucket is known by the
place of its last account (`heads`), and whoever leaves is replaced by that one. Reading a
bucket is reading words in a row; records are not fetched one after the other as in a linked
list. The first chunk of the pool keeps count of the others; there are enough for all accounts
in any order, so nothing is ever allocated and the kernels do without Numba's run time.

What kernels hand to each other is int64, as every type of argument is compiled anew.
What a bucket means is for the caller to say; the sleepers' buckets, by the logarithm of a
worth in USD, stand here too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

PLACE = 4
SLOT = 6

NOWHERE = -1
"""Slot of an account in no bucket; also the place of the last account of an empty bucket."""

CHUNK = 8
"""Words of a chunk, a power of two: a place that leaves this rest is the last of its chunk."""
LAST = CHUNK - 1
FREE = 0
"""Word of the pool with the chunk given back last, 0 when none."""
FRESH = 1
"""Word of the pool with the first chunk never used."""

N_WORTH_SLOTS = 840
WORTH_WIDTH = 0.05
LOWEST_WORTH_LOG = math.log(1e-6)


def new_pool(n_accounts: int, n_slots: int) -> NDArray[np.int32]:
    """Make a pool for the buckets of `n_accounts` accounts over `n_slots` slots.

    Raises
    ------
    ValueError
        If places would not fit in int32.
    """
    chunks = 1 + (n_accounts + (LAST - 1) * min(n_accounts, n_slots)) // LAST
    if chunks * CHUNK >= 2**31:
        raise ValueError(f"{n_accounts} accounts are too many: their places do not fit in int32")
    pool = np.empty(chunks * CHUNK, np.int32)
    pool[FREE], pool[FRESH] = 0, CHUNK
    return pool


@njit(cache=True, _nrt=False)
def link(links, heads, pool, account, slot):
    """Put an account that is in no bucket last into the bucket `slot`.

    Parameters
    ----------
    links : int32 ndarray, shape (n_accounts, 8)
    heads : int32 ndarray, shape (n_slots,)
    pool : int32 ndarray
        From `new_pool`.
    account, slot : int
    """
    place = np.int64(heads[slot])
    if place & LAST == LAST:  # also that of an empty bucket
        chunk = np.int64(pool[FREE])
        if chunk > 0:
            pool[FREE] = pool[chunk]
        else:
            chunk = np.int64(pool[FRESH])
            pool[FRESH] = chunk + CHUNK
        pool[chunk] = place
        place = chunk
    place += 1
    pool[place] = account
    heads[slot] = place
    links[account, PLACE] = place
    links[account, SLOT] = slot


@njit(cache=True, _nrt=False)
def before(pool, place):
    """Place before another of the same bucket; `NOWHERE` before the first."""
    return pool[place - 1] if place & LAST == 1 else place - 1


@njit(cache=True, _nrt=False)
def drop_last(heads, pool, slot):
    """Forget the last account of a bucket."""
    place = np.int64(heads[slot])
    heads[slot] = before(pool, place)
    if place & LAST == 1:
        chunk = place - 1
        pool[chunk] = pool[FREE]
        pool[FREE] = chunk


@njit(cache=True, _nrt=False)
def unlink(links, heads, pool, account):
    """Take an account out of the bucket it is in."""
    slot = np.int64(links[account, SLOT])
    place = links[account, PLACE]
    last = pool[heads[slot]]
    pool[place] = last
    links[last, PLACE] = place
    drop_last(heads, pool, slot)
    links[account, SLOT] = NOWHERE


@njit(cache=True, _nrt=False)
def unlink_all(links, heads, pool, accounts):
    """Take accounts out of the buckets they are in; return how many were in one."""
    count = 0
    for account in accounts:
        if links[account, SLOT] >= 0:
            unlink(links, heads, pool, account)
            count += 1
    return count


@njit(cache=True, _nrt=False)
def worth_slot(worth_usd):
    """Bucket of a worth: 5 % wide each, from a millionth of a dollar up, all else at the ends."""
    if worth_usd <= 0.0:
        return 0
    position = (math.log(worth_usd) - LOWEST_WORTH_LOG) / WORTH_WIDTH
    return int(min(max(position, 0.0), N_WORTH_SLOTS - 1.0))


@njit(cache=True, _nrt=False)
def sleep(links, heads, pool, marks, accounts, worths_usd):
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
            unlink(links, heads, pool, account)
        else:
            added += 1
        marks[account, 0] = worths_usd[i]
        link(links, heads, pool, account, worth_slot(worths_usd[i]))
    return added


@njit(cache=True, _nrt=False)
def wake(links, heads, pool, marks, gas_cost_usd, highest, out):
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
        place = np.int64(heads[slot])
        while place >= 0:
            account = np.int64(pool[place])
            place = before(pool, place)
            if marks[account, 0] >= gas_cost_usd:
                unlink(links, heads, pool, account)
                out[count] = account
                count += 1
            else:
                left = max(left, marks[account, 0])
    if left == -np.inf and first > 0:
        left = np.nextafter(gas_cost_usd, -np.inf)
    return count, left
