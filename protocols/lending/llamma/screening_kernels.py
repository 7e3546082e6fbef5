"""Health of many loans at once, compiled: numbers in floats that say whom the exact rule must look at.

The formulas are those of `valuation` and `health`. Prices are borrowed token per collateral, amounts
have 18 decimals.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, _nrt=False)
def band_worth(a, root_ratio, price, up, x, y):
    """Return what a band yields once the price has run through it, borrowed token; see `band_value`.

    Parameters
    ----------
    a, root_ratio : float
        The amplification A and ``sqrt(A / (A - 1))``.
    price, up : float
        Oracle price, and the upper oracle price of the band.
    x, y : float
        Borrowed token and collateral in the band.
    """
    if x <= 0.0 and y <= 0.0:
        return 0.0
    down = up * (a - 1.0) / a
    one_coin = x <= 0.0 or y <= 0.0
    cubed = price / down * price / up * price
    if one_coin and price > up:
        return (y if y > 0.0 else x / cubed) * up / root_ratio
    if one_coin and price < down:
        return x if x > 0.0 else y * cubed
    b = up / price * (a - 1.0) * x + a * price / up * price * y
    y0 = (b + math.sqrt(b * b + 4.0 * a * price * y * x)) / (2.0 * a * price)
    f, g = a * y0 * price / up * price, (a - 1.0) * y0 * up / price
    invariant = (f + x) * (g + y)
    if price > up:
        return max(invariant / f - g, 0.0) * up / root_ratio
    if price < down:
        return max(invariant / g - f, 0.0)
    y_there = a * y0 * (price - down) / price
    return max(invariant / (g + y_there) - f, 0.0) + y_there * math.sqrt(down * price)


@njit(cache=True, _nrt=False)
def rate_bands(a, root_ratio, price, active, lowest, ups, contents, per_share):
    """Work out what a share of each band is worth.

    Parameters
    ----------
    a, root_ratio, price : float
        The amplification A, ``sqrt(A / (A - 1))``, and the oracle's price.
    active, lowest : int
        Active band, and the band that arrays begin with.
    ups : float64 ndarray, shape (n,)
        Upper oracle prices.
    contents : float64 ndarray, shape (3, n)
        Borrowed token, collateral and shares, dead ones included.
    per_share : float64 ndarray, shape (2, n)
        On return, what a share yields once the price has run through its band, and its collateral.
    """
    for k in range(len(ups)):
        x = contents[0, k] if lowest + k <= active else 0.0
        y = contents[1, k] if lowest + k >= active else 0.0
        per_share[0, k] = band_worth(a, root_ratio, price, ups[k], x, y) / contents[2, k]
        per_share[1, k] = contents[1, k] / contents[2, k]


@njit(cache=True, _nrt=False)
def rate_loans(
    places, slots, crowd_first, crowd_each, first, shares, owed,
    kept, price, active, deepest, lowest, ups, per_share, health,
):  # fmt: skip
    """Work out the full health of loans; see `full_health`.

    Parameters
    ----------
    places, slots : int64 ndarray, shape (n,)
        Where each loan stands in the crowd, and among those that have been touched; -1 for untouched.
    crowd_first, crowd_each : int64 and float64 ndarray
        First band of loans in the crowd, and their shares of each band.
    first, shares : int64 ndarray, shape (m,), and float64 ndarray, shape (m, bands)
        The same of touched loans, band by band.
    owed : float64 ndarray, shape (n,)
        Debts, 18 decimals.
    kept : float
        What the liquidation discount leaves.
    price : float
        The oracle's.
    active, deepest : int
        Active band, and the last one that a loan may begin in to be looked at.
    lowest, ups, per_share : int, float64 ndarray, float64 ndarray
        As given to `rate_bands`, and as it left them.
    health : float64 ndarray, shape (n,)
        On return, health; infinite for loans that begin below `deepest`.
    """
    for i in range(len(places)):
        slot, place = slots[i], places[i]
        begin = crowd_first[place] if slot < 0 else first[slot]
        if begin > deepest:
            health[i] = math.inf
            continue
        worth = collateral = 0.0
        for k in range(shares.shape[1]):
            held = crowd_each[place] if slot < 0 else shares[slot, k]
            worth += held * per_share[0, begin + k - lowest]
            collateral += held * per_share[1, begin + k - lowest]
        worth *= kept
        if begin > active:
            worth += max(price - ups[begin - lowest], 0.0) * collateral
        health[i] = worth / max(owed[i], 1e-9) - 1.0
