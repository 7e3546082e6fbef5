"""Health factors of a crowd, and the screening that leaves safe accounts alone, compiled.

How the screening works. Let ``y`` be the adverse log weight of each column: minus
``log cw`` for collateral, plus ``log dw`` for debt. Accounts of one kind, which depend on
the same columns, share a *lane*. A lane keeps an anchor, the ``y`` of some past moment, and

    adversity(t) = offset + max over collateral columns of (y - anchor)
                          + max over debt columns of (y - anchor)

Since it was looked at, no account of the lane has lost more of its log health than
adversity rose, apart from how far the columns had spread from each other by then; ``base``,
the same with min for max, takes that into account. So an account looked at now,
``margin = log(HF / level)`` away from its level, is safe while adversity stays below
``key = base + margin``. Accounts sit in buckets by key, and a price move pops only those
that adversity has passed.

* Maxima are subadditive, so an anchor may be replaced at any time (``offset`` takes the
  adversity reached) at the cost of the spread of that moment. A lane does it when its
  spread exceeds its tolerance.
* One collateral and one debt cannot spread: their key is exact, however prices go up and
  down.
* The log of a sum is convex in the logs of its terms, so it lies above its tangent: log
  collateral moves by no less than the average move of its columns by value when looked at.
  Accounts with similar shares make a kind: a share is rounded down to ``1 / PARTS``, that
  much of the move is fixed, and the max is over the loose rest only.

A key is correct for any lane that depends on at least what its account depends on; a
better lane only means longer sleep.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .bucket_kernels import NOWHERE, SLOT, before, drop_last, link, unlink

# Columns of `marks` (see `bucket_kernels`).
KEY = 0
LEVEL = 1

# Slots of `links` below zero: why an account is in no bucket.
WAITS = -1
DUE = -2
NO_INTEREST = -3

# Rows of `weights`: in force, adverse logs of those in force, about to come into force.
NOW = 0
ADVERSE = 1
INCOMING = 2

# Columns of `lanes`; then one anchor per column, then one fixed share per column.
OFFSET = 0
ADVERSITY = 1
BASE = 2
WAKE = 3
TOLERANCE = 4
LOOSE = 5
ANCHOR = 6

# Columns of `lane_sets`.
ASSETS = 0
MEMBERS = 1

# Entries of `counts`.
LOOKS = 0
N_LANES = 1
N_GROUPS = 2
PRIMED = 3
PARTS = 4

# Columns of `groups`, a hash table: what the accounts of a group depend on, one lane per tolerance.
KIND = 0
LANES = 1

TOLERANCES = (0.004, 0.032)
"""Spread (log units) at which the lanes of a basket take a new anchor, finest first."""
SHARE_GROUPS = 3000
"""Kinds told apart by shares; once there are so many, new ones go by their columns alone."""
MAX_GROUPS = 4000
"""Kinds in all; the accounts of any further ones share lanes that depend on every column."""
CATCH_ALL = 1 << 13
"""Last row of `groups`, after the hash table."""
HASH = 0x9E3779B97F4A7C1
MAX_LANES = (MAX_GROUPS + 1) * len(TOLERANCES)
PART_BITS = 5
"""A kind is one bit per column, then one column number (from 1) of this size per fixed part."""

N_BUCKETS = 1024
BUCKET_WIDTH = 0.0025
"""Log units of key; narrower for less sorting at the front, wider for fewer buckets to walk."""
ROOM_BELOW = 0.64
"""Log units between the lowest bucket and adversity when a lane starts."""
ROOM_ABOVE = 1.6
"""Adversity at which a lane starts afresh, before its highest bucket is reached."""

BATCH = 64
SLACK = 1e-9
"""Log units given away by every key, far more than floats can be wrong."""
ANCHOR_SLACK = 1e-12
FAR = 30.0
"""Largest margin, also of accounts whose debt is worth nothing or whose level is 0."""
SMALLEST = 1e-200
LARGEST = 1e200
ZERO_ADVERSE = 800.0
"""Adverse log of a collateral without value; farther than `FAR` from that of `SMALLEST`."""


@njit(cache=True, _nrt=False)
def account_health(amounts, weights, account):
    """Health factor of one account; infinite where it owes nothing of value."""
    n_assets = amounts.shape[1] // 2
    collateral = 0.0
    debt = 0.0
    for asset in range(n_assets):
        collateral += amounts[account, asset] * weights[NOW, asset]
        debt += amounts[account, n_assets + asset] * weights[NOW, n_assets + asset]
    return collateral / debt if debt > 0.0 else np.inf


@njit(cache=True, _nrt=False)
def health_of(amounts, weights, accounts, out):
    """Write the health factors of the given accounts to `out`; return whether all of them exist."""
    for i in range(len(accounts)):
        if not 0 <= accounts[i] < len(amounts):
            return False
        out[i] = account_health(amounts, weights, accounts[i])
    return True


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _bucket(key):
    position = (key + ROOM_BELOW) * (1.0 / BUCKET_WIDTH)
    if position >= N_BUCKETS - 1:
        return N_BUCKETS - 1
    return int(position) if position > 0.0 else 0


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _start(row, tier, heads, lanes, lane_sets, groups, weights, counts):
    """Let a lane that is new or empty begin here: no adversity yet, anchored at the present weights."""
    lane = groups[row, LANES + tier]
    if lane < 0:
        lane = counts[N_LANES]
        counts[N_LANES] += 1
        groups[row, LANES + tier] = lane
        heads[lane * N_BUCKETS : (lane + 1) * N_BUCKETS] = NOWHERE
    n_columns = weights.shape[1]
    lanes[lane, OFFSET] = 0.0
    lanes[lane, ADVERSITY] = 0.0
    lanes[lane, BASE] = 0.0
    lanes[lane, WAKE] = np.inf
    lanes[lane, TOLERANCE] = TOLERANCES[tier]
    lanes[lane, LOOSE] = 1.0
    for column in range(n_columns):
        lanes[lane, ANCHOR + column] = weights[ADVERSE, column]
        lanes[lane, ANCHOR + n_columns + column] = 0.0
    kind = groups[row, KIND]
    lane_sets[lane, ASSETS] = kind & (1 << n_columns) - 1
    lane_sets[lane, MEMBERS] = 0
    fixed = kind >> n_columns
    while fixed > 0:
        column = (fixed & (1 << PART_BITS) - 1) - 1
        lanes[lane, ANCHOR + n_columns + column] += 1.0 / counts[PARTS]
        lanes[lane, LOOSE] -= 1.0 / counts[PARTS]
        fixed >>= PART_BITS
    return lane


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _look(
    n_looks, out, amounts, marks, links, heads, pool, lanes, lane_sets, groups, weights, counts, sums, sets
):
    """Look at the first `n_looks` accounts of `out`, all in no bucket; return how many are due.

    Those due come first in `out` then; the others are put to sleep. The sums of a batch
    are taken before anything is decided, so that its rows are fetched side by side.

    A lane is chosen for the longest sleep: the distance between prices grows like a random
    walk, so the time until it uses up a margin grows with the square of it, and a tighter
    tolerance gives away more on the way.
    """
    n_columns = amounts.shape[1]
    n_assets = n_columns // 2
    parts = counts[PARTS]
    counts[LOOKS] += n_looks
    n_due = 0
    for first in range(0, n_looks, BATCH):
        last = min(first + BATCH, n_looks)
        for i in range(first, last):  # so that memory is waited for once, not account by account
            sums[i - first, 0] = amounts[out[i], 0]
            sums[i - first, 2] = marks[out[i], LEVEL]
        for i in range(first, last):
            account = out[i]
            collateral = 0.0
            debt = 0.0
            held = 0
            for asset in range(n_assets):
                amount = amounts[account, asset]
                collateral += amount * weights[NOW, asset]
                held |= (amount != 0) << asset
            for column in range(n_assets, n_columns):
                amount = amounts[account, column]
                debt += amount * weights[NOW, column]
                held |= (amount != 0) << column
            sums[i - first, 0] = collateral
            sums[i - first, 1] = debt
            sets[i - first] = held
        for i in range(first, last):
            account = out[i]
            collateral = sums[i - first, 0]
            debt = sums[i - first, 1]
            kind = sets[i - first]
            owed = kind >> n_assets
            owned = kind & (1 << n_assets) - 1
            level = sums[i - first, 2]
            if owed == 0 or level < 0.0:
                links[account, SLOT] = NO_INTEREST
                continue
            health = collateral / debt if debt > 0.0 else np.inf
            if health <= level:
                links[account, SLOT] = DUE
                out[n_due] = account
                n_due += 1
                continue
            margin = min(FAR, math.log(health / level)) if level > 0.0 else FAR
            several = owned & owned - 1
            if several and collateral > 0.0:
                fixed = 0
                scale = parts / collateral
                for asset in range(n_assets):
                    if owned >> asset & 1:
                        for _ in range(int(amounts[account, asset] * weights[NOW, asset] * scale)):
                            fixed = fixed << PART_BITS | asset + 1
                kind |= fixed << n_columns
            row = kind * HASH >> 40 & CATCH_ALL - 1
            while groups[row, KIND] != kind:
                if groups[row, KIND] >= 0:
                    row = row + 1 & CATCH_ALL - 1
                elif counts[N_GROUPS] < (SHARE_GROUPS if kind >> n_columns else MAX_GROUPS):
                    counts[N_GROUPS] += 1
                    groups[row, KIND] = kind
                elif kind >> n_columns:
                    kind &= (1 << n_columns) - 1
                    row = kind * HASH >> 40 & CATCH_ALL - 1
                else:
                    kind = (1 << n_columns) - 1
                    row = CATCH_ALL
                    groups[row, KIND] = kind
            tier = np.int64(0)
            if several | owed & owed - 1 or row == CATCH_ALL:
                best = -np.inf
                for candidate in range(len(TOLERANCES)):
                    left = margin
                    lane = groups[row, LANES + candidate]
                    if lane >= 0 and lane_sets[lane, MEMBERS] > 0:
                        left -= lanes[lane, ADVERSITY] - lanes[lane, BASE]
                    score = left * min(TOLERANCES[candidate], abs(left))
                    if score > best:
                        best = score
                        tier = np.int64(candidate)
            lane = groups[row, LANES + tier]
            if lane < 0 or lane_sets[lane, MEMBERS] == 0:
                lane = _start(row, tier, heads, lanes, lane_sets, groups, weights, counts)
            key = lanes[lane, BASE] + margin - SLACK
            marks[account, KEY] = key
            lanes[lane, WAKE] = min(lanes[lane, WAKE], key)
            lane_sets[lane, MEMBERS] += 1
            link(links, heads, pool, account, lane * N_BUCKETS + _bucket(key))
    return n_due


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _advance(changed, woken, lanes, lane_sets, weights, counts):
    """Move the adversity of the lanes that depend on the `changed` columns to the present weights.

    A lane takes a new anchor if it has spread. Those with something to pop are written to
    the first column of `woken`, and to the second the key up to which; returns how many.
    """
    n_columns = weights.shape[1]
    n_assets = n_columns // 2
    n_woken = 0
    for lane in range(counts[N_LANES]):
        assets = lane_sets[lane, ASSETS]
        if lane_sets[lane, MEMBERS] == 0 or assets & changed == 0:
            continue
        worst = lanes[lane, OFFSET]
        best = worst
        for side in range(2):
            fixed = 0.0
            high = -np.inf
            low = np.inf
            for column in range(side * n_assets, side * n_assets + n_assets):
                if assets >> column & 1:
                    move = weights[ADVERSE, column] - lanes[lane, ANCHOR + column]
                    fixed += move * lanes[lane, ANCHOR + n_columns + column]
                    high = max(high, move)
                    low = min(low, move)
            if high >= low:
                share = lanes[lane, LOOSE] if side == 0 else 1.0
                worst += fixed + share * high
                best += fixed + share * low
        if worst - best > lanes[lane, TOLERANCE]:
            worst += ANCHOR_SLACK
            best = worst
            lanes[lane, OFFSET] = worst
            for column in range(n_columns):
                lanes[lane, ANCHOR + column] = weights[ADVERSE, column]
        lanes[lane, ADVERSITY] = worst
        lanes[lane, BASE] = best
        within = -ROOM_BELOW < worst < ROOM_ABOVE
        if worst >= lanes[lane, WAKE] or not within:
            woken[n_woken, 0] = lane
            woken[n_woken, 1] = worst if within else np.inf
            n_woken += 1
    return n_woken


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _pop(n_woken, woken, found, out, marks, links, heads, pool, lanes, lane_sets):
    """Take the accounts of the woken lanes up to their limits; append them to the `found` first of `out`.

    Keys are read in the bucket of the limit only: all in the buckets below are below it.
    What is popped is to be looked at, which gives it a slot or a reason to have none.
    """
    for i in range(n_woken):
        lane = int(woken[i, 0])
        limit = woken[i, 1]
        already = found
        last = _bucket(limit)
        for slot in range(lane * N_BUCKETS + _bucket(lanes[lane, WAKE]), lane * N_BUCKETS + last):
            while heads[slot] >= 0:
                out[found] = pool[heads[slot]]
                found += 1
                drop_last(heads, pool, slot)
        wake = np.inf
        place = np.int64(heads[lane * N_BUCKETS + last])
        while place >= 0:
            account = np.int64(pool[place])
            place = before(pool, place)
            key = marks[account, KEY]
            if key <= limit:
                unlink(links, heads, pool, account)
                out[found] = account
                found += 1
            else:
                wake = min(wake, key)
        lane_sets[lane, MEMBERS] -= found - already
        if lane_sets[lane, MEMBERS] > 0 and wake == np.inf:
            wake = (last + 1) * BUCKET_WIDTH - ROOM_BELOW - SLACK
        lanes[lane, WAKE] = wake
    return found


@njit(cache=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _take_incoming(weights):
    """Put the incoming weights into force; the changed columns as bits, -1 if one is not allowed."""
    n_columns = weights.shape[1]
    n_assets = n_columns // 2
    changed = 0
    for column in range(n_columns):
        weight = weights[INCOMING, column]
        if weight != weights[NOW, column]:
            if not (weight == 0.0 or SMALLEST <= weight <= LARGEST):
                return -1
            changed |= 1 << column
    for column in range(n_columns):
        if changed >> column & 1:
            weight = weights[INCOMING, column]
            value = math.log(weight) if weight > 0.0 else -ZERO_ADVERSE
            weights[NOW, column] = weight
            weights[ADVERSE, column] = -value if column < n_assets else value
    return changed


@njit(cache=True, _nrt=False)
def reprice(
    amounts,
    marks,
    links,
    heads,
    pool,
    lanes,
    lane_sets,
    groups,
    weights,
    counts,
    out,
    sums,
    sets,
    woken,
    n_forced,
):
    """Put the incoming weights into force and find the accounts that are due.

    Parameters
    ----------
    amounts : int64 ndarray, shape (n_accounts, 2 * n_assets)
    marks : float64 ndarray, shape (n_accounts, 4)
    links : int32 ndarray, shape (n_accounts, 8)
    heads : int32 ndarray, shape (MAX_LANES * N_BUCKETS,)
    pool : int32 ndarray
        See `bucket_kernels`.
    lanes : float64 ndarray, shape (MAX_LANES, ANCHOR + 4 * n_assets)
    lane_sets : int64 ndarray, shape (MAX_LANES, 2)
    groups : int64 ndarray, shape (CATCH_ALL + 1, LANES + len(TOLERANCES))
    weights : float64 ndarray, shape (3, 2 * n_assets)
    counts : int64 ndarray, shape (5,)
    out : int64 ndarray, shape (n_accounts,)
        On entry, first the accounts to look at in any case; on return, first those due.
    sums : float64 ndarray, shape (BATCH, 3)
        Scratch.
    sets : int64 ndarray, shape (BATCH,)
        Scratch.
    woken : float64 ndarray, shape (MAX_LANES, 2)
        Scratch.
    n_forced : int

    Returns
    -------
    int
        Number of accounts due; -1 if a weight is not allowed, and nothing was changed.
    """
    changed = _take_incoming(weights)
    if changed < 0:
        return -1
    found = n_forced
    if counts[PRIMED] == 0:
        counts[PRIMED] = 1
        found = len(out)
        for account in range(found):
            out[account] = account
    else:
        for i in range(n_forced):
            slot = links[out[i], SLOT]
            if slot >= 0:
                lane_sets[slot // N_BUCKETS, MEMBERS] -= 1
                unlink(links, heads, pool, out[i])
        n_woken = _advance(changed, woken, lanes, lane_sets, weights, counts)
        found = _pop(n_woken, woken, found, out, marks, links, heads, pool, lanes, lane_sets)
    if found == 0:
        return 0
    return _look(
        found, out, amounts, marks, links, heads, pool, lanes, lane_sets, groups, weights, counts, sums, sets
    )


@njit(cache=True, _nrt=False)
def touch(
    amounts,
    marks,
    links,
    heads,
    pool,
    lanes,
    lane_sets,
    groups,
    weights,
    counts,
    out,
    sums,
    sets,
    accounts,
    levels,
):
    """Give accounts new levels (if `levels` is not empty) and look at them now.

    Returns
    -------
    int
        Number of accounts due, the first of `out`; -1 if an account does not exist or a
        level is not a number, and nothing was changed.
    """
    for i in range(len(accounts)):
        if not 0 <= accounts[i] < len(out):
            return -1
    for i in range(len(levels)):
        if math.isnan(levels[i]):
            return -1
    for i in range(len(accounts)):
        account = accounts[i]
        slot = links[account, SLOT]
        if slot >= 0:
            lane_sets[slot // N_BUCKETS, MEMBERS] -= 1
            unlink(links, heads, pool, account)
        links[account, SLOT] = WAITS
        if len(levels) > 0:
            marks[account, LEVEL] = levels[i]
    if counts[PRIMED] == 0:
        return 0
    found = np.int64(0)  # typed, so that `_look` is compiled once
    for i in range(len(accounts)):
        if links[accounts[i], SLOT] == WAITS:  # an account named twice is looked at once
            links[accounts[i], SLOT] = NO_INTEREST
            out[found] = accounts[i]
            found += 1
    return _look(
        found, out, amounts, marks, links, heads, pool, lanes, lane_sets, groups, weights, counts, sums, sets
    )


@njit(cache=True, _nrt=False)
def opportunities(amounts, weights, accounts, terms, closing, out, pairs):
    """Best (collateral, debt) pair of each account by gross bonus.

    The bonus of a pair never falls with the size of the debt, so the largest debt is as
    good as any; the collateral is then the best one for it. Ties go to the lower column.

    Parameters
    ----------
    terms : float64 ndarray, shape (2, n_assets)
        USD per base unit of collateral; bonus.
    closing : float64 ndarray, shape (4,)
        Share of a debt that may be repaid; the health factor at or below which all may; the value
        of debt or collateral below which all may; 1 if the share counts all debts together, else 0.
    out : float64 ndarray, shape (3, n)
        Health factor, USD repaid, USD of bonus.
    pairs : int64 ndarray, shape (2, n)
        Collateral and debt column; -1 where an account has not both.

    Returns
    -------
    bool
        Whether all accounts exist.
    """
    n_assets = amounts.shape[1] // 2
    close_factor, full_below, small_usd, whole_position = closing
    for i in range(len(accounts)):
        account = accounts[i]
        if not 0 <= account < len(amounts):
            return False
        health = account_health(amounts, weights, account)
        debt_asset = -1
        debt_usd = -1.0
        total_usd = 0.0
        for asset in range(n_assets):
            amount = amounts[account, n_assets + asset]
            if amount > 0:
                owed_usd = amount * weights[NOW, n_assets + asset]
                total_usd += owed_usd
                if owed_usd > debt_usd:
                    debt_asset = asset
                    debt_usd = owed_usd
        base_usd = total_usd if whole_position else debt_usd
        part_usd = min(close_factor * base_usd, debt_usd)
        if health <= full_below or debt_usd < small_usd:
            part_usd = debt_usd
        collateral_asset = -1
        repay_usd = 0.0
        bonus_usd = -1.0
        if debt_asset >= 0:
            for asset in range(n_assets):
                amount = amounts[account, asset]
                if amount > 0:
                    bonus = terms[1, asset]
                    held_usd = amount * terms[0, asset]
                    repay = min(debt_usd if held_usd < small_usd else part_usd, held_usd / (1.0 + bonus))
                    if repay * bonus > bonus_usd:
                        collateral_asset = asset
                        repay_usd = repay
                        bonus_usd = repay * bonus
        out[0, i] = health
        out[1, i] = repay_usd
        out[2, i] = max(bonus_usd, 0.0)
        pairs[0, i] = collateral_asset
        pairs[1, i] = debt_asset if collateral_asset >= 0 else -1
    return True
