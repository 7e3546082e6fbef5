"""What becomes of accounts that are awake, compiled: listed, put to sleep, or let go."""

from __future__ import annotations

import math

from numba import njit

N_LISTED, N_POOR, N_HEALED, N_KEPT = range(4)
FRESH, ABOVE, ALERTED = range(3)


@njit(cache=True, _nrt=False)
def sort_due(due, health, levels, sorted_, counts):
    """Sort accounts that have come down to their level by where they go.

    Parameters
    ----------
    due : int64 ndarray, shape (n,)
    health : float64 ndarray, shape (n,)
    levels : float64 ndarray, shape (n_accounts,)
        Health factor at which each account is to be told, at most 1 for those who never want to be or
        have been; brought up to date.
    sorted_ : int64 ndarray, shape (3, n)
        On return, the accounts below 1, those that are not, and those to be alerted now.
    counts : int64 ndarray, shape (at least 3,)
        On return, how many there are of each.
    """
    fresh = above = alerted = 0
    for i in range(len(due)):
        account = due[i]
        if health[i] < 1.0:
            sorted_[FRESH, fresh] = account
            fresh += 1
        else:
            sorted_[ABOVE, above] = account
            above += 1
        if levels[account] > 1.0:
            levels[account] = 1.0
            sorted_[ALERTED, alerted] = account
            alerted += 1
    counts[FRESH], counts[ABOVE], counts[ALERTED] = fresh, above, alerted


@njit(cache=True, _nrt=False)
def doubtful(health, least, places):
    """Find health factors below 1 but above `least`; return how many there are, the first of `places`."""
    count = 0
    for i in range(len(health)):
        if least < health[i] < 1.0:
            places[count] = i
            count += 1
    return count


@njit(cache=True, _nrt=False)
def sort_out(accounts, health, rewards, spared, since, gas_usd, now_s, limit, places, counts):
    """Sort awake accounts by what becomes of them.

    Parameters
    ----------
    accounts : int64 ndarray, shape (n,)
    health, rewards : float64 ndarray, shape (n,)
        Health factor as the screen sees it, and what one call earns, USD.
    spared : bool ndarray, shape (n,)
        Accounts that the exact rule does not allow to be liquidated, though the screen would.
    since : float64 ndarray, shape (n_accounts,)
        Time from which each account may be liquidated, nan for those that may not; brought up to date.
    gas_usd, now_s : float
    limit : int
        Accounts to list at most.
    places : int64 ndarray, shape (4, n)
        On return, where in `accounts` those to list lie (the most rewarding first, ties in order),
        those not worth their gas, those that are healthy again, and those that stay awake.
    counts : int64 ndarray, shape (4,)
        On return, how many there are of each.
    """
    listed = poor = healed = kept = 0
    for i in range(len(accounts)):
        account = accounts[i]
        if not health[i] < 1.0:
            since[account] = math.nan
            places[N_HEALED, healed] = i
            healed += 1
            continue
        if not spared[i]:
            if math.isnan(since[account]):
                since[account] = now_s
            if rewards[i] < gas_usd:
                places[N_POOR, poor] = i
                poor += 1
                continue
            place = listed
            while place > 0 and rewards[places[N_LISTED, place - 1]] < rewards[i]:
                if place < limit:
                    places[N_LISTED, place] = places[N_LISTED, place - 1]
                place -= 1
            if place < limit:
                places[N_LISTED, place] = i
                listed = min(listed + 1, limit)
        places[N_KEPT, kept] = i
        kept += 1
    counts[N_LISTED] = listed
    counts[N_POOR] = poor
    counts[N_HEALED] = healed
    counts[N_KEPT] = kept
