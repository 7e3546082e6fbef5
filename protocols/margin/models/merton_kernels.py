"""Merton's series over many options of few expiries, compiled."""

from __future__ import annotations

import math

from numba import njit

from .black_scholes_kernels import ROOT_HALF


@njit(cache=True)
def prices(spot, strike, is_call, expiry, first, weights, asset_weights, growth, deviation, discount, out):
    """Sum Black-Scholes values over the number of jumps.

    Terms ``first[e] .. first[e + 1]`` belong to expiry e: the weight of n jumps, that weight times the
    forward over spot given n, the log of that forward, and the deviation of the log price given n.
    """
    for i in range(out.size):
        e = expiry[i]
        sign = 1.0 if is_call[i] else -1.0
        scale = -sign * ROOT_HALF
        moneyness = math.log(spot[i] / strike[i])
        asset = cash = 0.0
        for j in range(first[e], first[e + 1]):
            s = deviation[j]
            if s > 0.0:
                d1 = (moneyness + growth[j]) / s + 0.5 * s
                above, below = 0.5 * math.erfc(scale * d1), 0.5 * math.erfc(scale * (d1 - s))
            else:
                above = below = 1.0 if sign * (moneyness + growth[j]) > 0.0 else 0.0
            asset += asset_weights[j] * above
            cash += weights[j] * below
        out[i] = discount[e] * sign * (spot[i] * asset - strike[i] * cash)
