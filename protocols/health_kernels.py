"""Health factors of a crowd, and the screening that leaves safe accounts alone, compiled.

How the screening works. Let ``y`` be the adverse log weight of each column: minus
``log cw`` for collateral, plus ``log dw`` for debt. Accounts that depend on the same
columns share *lanes*. A lane keeps an anchor, the ``y`` of some past moment, and

    adversity(t) = offset + max over collateral columns of (y - anchor)
                          + max over debt columns of (y - anchor)

No account of the lane can have lost more of its log health since it was looked at than
adversity rose, apart from how far the columns had spread from the anchor when it was
looked at; ``base(t)``, the same with min for max, takes that into account. So an account
looked at now, ``margin = log(HF / level)`` away from its level, is safe while adversity
stays below ``key = base + margin``. Accounts sit in buckets by key and a price move pops
only those that adversity has passed. Maxima are subadditive, so an anchor may be replaced
at any time (``offset`` takes the adversity reached) at the cost of the spread of that
moment; a lane does it when its spread exceeds its tolerance. One collateral and one debt
never spread: their key is exact and one lane serves them. A basket picks, among lanes of
several tolerances, the one that promises it the longest sleep.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .bucket_kernels import NEXT, NOWHERE, SLOT, link, unlink

# Columns of `marks`, one row per account.
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

# Columns of `lanes`; the anchors follow.
OFFSET = 0
ADVERSITY = 1
BASE = 2
WAKE = 3
TOLERANCE = 4
ANCHOR = 5

# Columns of `lane_sets`.
ASSETS = 0
MEMBERS = 1

# Entries of `counts`.
LOOKS = 0
N_LANES = 1
N_GROUPS = 2
PRIMED = 3

# Columns of `groups`, a hash table: the set of assets, then one lane per tolerance.
ASSET_SET = 0
LANES = 1

TOLERANCES = (0.002, 0.008, 0.032, 0.128)
"""Spread (log units) at which a basket's lanes take a new anchor, finest first."""
MAX_GROUPS = 256
"""Sets of assets that get lanes of their own; the rest share lanes that depend on everything."""
GROUP_SLOTS = 1024
MAX_LANES = (MAX_GROUPS + 1) * len(TOLERANCES)

N_BUCKETS = 1024
BUCKET_WIDTH = 0.0025
ROOM_BELOW = 0.64
"""Log units between the lowest bucket and adversity when a lane starts."""
ROOM_ABOVE = 1.6
"""Adversity at which a lane starts afresh, before its highest bucket is reached."""

SLACK = 1e-9
ANCHOR_SLACK = 1e-12
FAR = 30.0
ZERO_ADVERSE = 800.0
SMALLEST = 1e-200
LARGEST = 1e200


@njit(cache=True)
def account_health(amounts, weights, account):
    """Health factor of one account; infinite where it owes nothing of value."""
    n_assets = amounts.shape[1] // 2
    collateral = 0.0
    debt = 0.0
    for asset in range(n_assets):
        collateral += amounts[account, asset] * weights[NOW, asset]
        debt += amounts[account, n_assets + asset] * weights[NOW, n_assets + asset]
    return collateral / debt if debt > 0.0 else np.inf


@njit(cache=True)
def health_of(amounts, weights, accounts, out):
    """Health factors of the given accounts, written to `out`."""
    for i in range(len(accounts)):
        out[i] = account_health(amounts, weights, accounts[i])


@njit(cache=True)
def _bucket(key):
    position = (key + ROOM_BELOW) / BUCKET_WIDTH
    if position >= N_BUCKETS - 1:
        return N_BUCKETS - 1
    return int(position) if position > 0.0 else 0


@njit(cache=True)
def _start(lane, asset_set, tolerance, lanes, lane_sets, weights):
    """Let an empty lane begin here: no adversity yet, anchored at the present weights."""
    lanes[lane, OFFSET] = 0.0
    lanes[lane, ADVERSITY] = 0.0
    lanes[lane, BASE] = 0.0
    lanes[lane, WAKE] = np.inf
    lanes[lane, TOLERANCE] = tolerance
    for column in range(weights.shape[1]):
        lanes[lane, ANCHOR + column] = weights[ADVERSE, column]
    lane_sets[lane, ASSETS] = asset_set
    lane_sets[lane, MEMBERS] = 0


@njit(cache=True)
def _group(asset_set, groups, counts, n_columns):
    """Row of `groups` for a set of assets; the last row, everything, once all are taken."""
    slot = (asset_set * 2654435761 >> 7) % (GROUP_SLOTS - 1)
    while groups[slot, ASSET_SET] != asset_set:
        if groups[slot, ASSET_SET] < 0:
            if counts[N_GROUPS] == MAX_GROUPS:
                groups[GROUP_SLOTS - 1, ASSET_SET] = (1 << n_columns) - 1
                return GROUP_SLOTS - 1
            counts[N_GROUPS] += 1
            groups[slot, ASSET_SET] = asset_set
            return slot
        slot = (slot + 1) % (GROUP_SLOTS - 1)
    return slot


@njit(cache=True)
def _choose_lane(asset_set, margin, lanes, lane_sets, groups, weights, counts):
    """Lane in which an account with this margin can sleep longest, started if need be.

    The distance between prices grows like a random walk, so the time until it uses up a
    margin grows with the square of it; a tighter tolerance gives away more on the way.
    """
    group = _group(asset_set, groups, counts, weights.shape[1])
    asset_set = groups[group, ASSET_SET]
    n_assets = weights.shape[1] // 2
    collateral = asset_set & ((1 << n_assets) - 1)
    debt = asset_set >> n_assets
    best = 0
    if collateral & (collateral - 1) or debt & (debt - 1):
        best_score = -np.inf
        for tier in range(len(TOLERANCES)):
            lane = groups[group, LANES + tier]
            left = margin
            if lane >= 0 and lane_sets[lane, MEMBERS] > 0:
                left -= lanes[lane, ADVERSITY] - lanes[lane, BASE]
            score = left * min(TOLERANCES[tier], abs(left))
            if score > best_score:
                best_score = score
                best = tier
    lane = groups[group, LANES + best]
    if lane < 0:
        lane = counts[N_LANES]
        counts[N_LANES] += 1
        groups[group, LANES + best] = lane
        lane_sets[lane, MEMBERS] = 0
    if lane_sets[lane, MEMBERS] == 0:
        _start(lane, asset_set, TOLERANCES[best], lanes, lane_sets, weights)
    return lane


@njit(cache=True)
def _look(account, amounts, marks, links, heads, lanes, lane_sets, groups, weights, counts):
    """Look at an account that is in no bucket: True if it is due, else it is put to sleep."""
    counts[LOOKS] += 1
    n_assets = amounts.shape[1] // 2
    collateral = 0.0
    debt = 0.0
    owned = 0
    owed = 0
    for asset in range(n_assets):
        amount = amounts[account, asset]
        if amount != 0:
            collateral += amount * weights[NOW, asset]
            owned |= 1 << asset
        amount = amounts[account, n_assets + asset]
        if amount != 0:
            debt += amount * weights[NOW, n_assets + asset]
            owed |= 1 << asset
    level = marks[account, LEVEL]
    if owed == 0 or level < 0.0:
        links[account, SLOT] = NO_INTEREST
        return False
    health = collateral / debt if debt > 0.0 else np.inf
    if health <= level:
        links[account, SLOT] = DUE
        return True
    margin = FAR
    if level > 0.0:
        margin = min(FAR, math.log(health / level))
    lane = _choose_lane(owned | owed << n_assets, margin, lanes, lane_sets, groups, weights, counts)
    key = lanes[lane, BASE] + margin - SLACK
    marks[account, KEY] = key
    if key < lanes[lane, WAKE]:
        lanes[lane, WAKE] = key
    lane_sets[lane, MEMBERS] += 1
    link(links, heads, account, lane * N_BUCKETS + _bucket(key))
    return False


@njit(cache=True)
def _pop(lane, limit, found, out, marks, links, heads, lanes, lane_sets):
    """Take the accounts of a lane whose key is not above `limit`; append them to `out`."""
    last = _bucket(limit)
    wake = np.inf
    for bucket in range(_bucket(lanes[lane, WAKE]), last + 1):
        slot = lane * N_BUCKETS + bucket
        account = heads[slot]
        heads[slot] = NOWHERE
        while account >= 0:
            following = links[account, NEXT]
            key = marks[account, KEY]
            if key <= limit:
                links[account, SLOT] = WAITS
                lane_sets[lane, MEMBERS] -= 1
                out[found] = account
                found += 1
            else:
                link(links, heads, account, slot)
                wake = min(wake, key)
            account = following
    if lane_sets[lane, MEMBERS] > 0 and wake == np.inf:
        wake = (last + 1) * BUCKET_WIDTH - ROOM_BELOW - SLACK
    lanes[lane, WAKE] = wake
    return found


@njit(cache=True)
def _advance(lane, lanes, lane_sets, weights):
    """Move a lane's adversity to the present weights; take a new anchor if they have spread."""
    n_columns = weights.shape[1]
    n_assets = n_columns // 2
    asset_set = lane_sets[lane, ASSETS]
    worst = 0.0
    best = 0.0
    for first in (0, n_assets):
        high = -np.inf
        low = np.inf
        for column in range(first, first + n_assets):
            if asset_set >> column & 1:
                move = weights[ADVERSE, column] - lanes[lane, ANCHOR + column]
                high = max(high, move)
                low = min(low, move)
        if high >= low:
            worst += high
            best += low
    lanes[lane, ADVERSITY] = lanes[lane, OFFSET] + worst
    lanes[lane, BASE] = lanes[lane, OFFSET] + best
    if worst - best > lanes[lane, TOLERANCE]:
        offset = lanes[lane, ADVERSITY] + ANCHOR_SLACK
        lanes[lane, OFFSET] = offset
        lanes[lane, ADVERSITY] = offset
        lanes[lane, BASE] = offset
        for column in range(n_columns):
            lanes[lane, ANCHOR + column] = weights[ADVERSE, column]


@njit(cache=True)
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
            weights[NOW, column] = weight
            if column < n_assets:
                weights[ADVERSE, column] = -math.log(weight) if weight > 0.0 else ZERO_ADVERSE
            else:
                weights[ADVERSE, column] = math.log(weight) if weight > 0.0 else -ZERO_ADVERSE
    return changed


@njit(cache=True)
def reprice(amounts, marks, links, heads, lanes, lane_sets, groups, weights, counts, out, n_forced):
    """Put the incoming weights into force and find the accounts that are due.

    Parameters
    ----------
    amounts : int64 ndarray, shape (n_accounts, 2 * n_assets)
    marks : float64 ndarray, shape (n_accounts, 2)
    links : int32 ndarray, shape (n_accounts, 3)
    heads : int32 ndarray, shape (MAX_LANES * N_BUCKETS,)
    lanes : float64 ndarray, shape (MAX_LANES, ANCHOR + 2 * n_assets)
    lane_sets : int64 ndarray, shape (MAX_LANES, 2)
    groups : int64 ndarray, shape (GROUP_SLOTS, LANES + len(TOLERANCES))
    weights : float64 ndarray, shape (3, 2 * n_assets)
    counts : int64 ndarray, shape (4,)
    out : int64 ndarray, shape (n_accounts,)
        On entry, first the accounts to look at in any case; on return, first those due.
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
                unlink(links, heads, out[i])
        for lane in range(counts[N_LANES]):
            if lane_sets[lane, MEMBERS] == 0 or lane_sets[lane, ASSETS] & changed == 0:
                continue
            _advance(lane, lanes, lane_sets, weights)
            adversity = lanes[lane, ADVERSITY]
            if not -ROOM_BELOW < adversity < ROOM_ABOVE:
                found = _pop(lane, np.inf, found, out, marks, links, heads, lanes, lane_sets)
            elif adversity >= lanes[lane, WAKE]:
                found = _pop(lane, adversity, found, out, marks, links, heads, lanes, lane_sets)
    due = 0
    for i in range(found):
        if _look(out[i], amounts, marks, links, heads, lanes, lane_sets, groups, weights, counts):
            out[due] = out[i]
            due += 1
    return due


@njit(cache=True)
def touch(
    amounts, marks, links, heads, lanes, lane_sets, groups, weights, counts, out, accounts, levels
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
            unlink(links, heads, account)
        links[account, SLOT] = WAITS
        if len(levels) > 0:
            marks[account, LEVEL] = levels[i]
    due = 0
    if counts[PRIMED] == 1:
        for i in range(len(accounts)):
            account = accounts[i]
            if links[account, SLOT] == WAITS and _look(
                account, amounts, marks, links, heads, lanes, lane_sets, groups, weights, counts
            ):
                out[due] = account
                due += 1
    return due


@njit(cache=True)
def opportunities(amounts, weights, accounts, terms, close_factor, full_below, out, pairs):
    """Best (collateral, debt) pair of each account by gross bonus.

    The bonus of a pair never falls with the size of the debt, so the largest debt is as
    good as any; the collateral is then the best one for it. Ties go to the lower column.

    Parameters
    ----------
    terms : float64 ndarray, shape (2, n_assets)
        USD per base unit of collateral; bonus.
    close_factor, full_below : float
        Share of a debt that may be repaid, and the health factor at or below which all may.
    out : float64 ndarray, shape (3, n)
        Health factor, USD repaid, USD of bonus.
    pairs : int64 ndarray, shape (2, n)
        Collateral and debt column; -1 where an account has not both.
    """
    n_assets = amounts.shape[1] // 2
    for i in range(len(accounts)):
        account = accounts[i]
        health = account_health(amounts, weights, account)
        share = 1.0 if health <= full_below else close_factor
        debt_asset = -1
        debt_usd = -1.0
        for asset in range(n_assets):
            amount = amounts[account, n_assets + asset]
            if amount > 0 and amount * weights[NOW, n_assets + asset] > debt_usd:
                debt_asset = asset
                debt_usd = amount * weights[NOW, n_assets + asset]
        collateral_asset = -1
        repay_usd = 0.0
        bonus_usd = -1.0
        if debt_asset >= 0:
            for asset in range(n_assets):
                amount = amounts[account, asset]
                if amount > 0:
                    bonus = terms[1, asset]
                    repay = min(share * debt_usd, amount * terms[0, asset] / (1.0 + bonus))
                    if repay * bonus > bonus_usd:
                        collateral_asset = asset
                        repay_usd = repay
                        bonus_usd = repay * bonus
        out[0, i] = health
        out[1, i] = repay_usd
        out[2, i] = max(bonus_usd, 0.0)
        pairs[0, i] = collateral_asset
        pairs[1, i] = debt_asset if collateral_asset >= 0 else -1
