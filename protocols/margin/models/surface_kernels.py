"""Whole books of options on one volatility surface, compiled."""

from __future__ import annotations

import math

from numba import njit

from .black_scholes_kernels import ROOT_HALF
from .svi_kernels import total_variance


@njit(cache=True)
def _variance(years, parameters, k, t):
    """Total variance: linear in time between slices, of constant volatility outside of them."""
    last = years.size - 1
    if t <= years[0]:
        return total_variance(parameters[0], k) * (t / years[0])
    if t >= years[last]:
        return total_variance(parameters[last], k) * (t / years[last])
    j = 1
    while years[j] < t:
        j += 1
    share = (t - years[j - 1]) / (years[j] - years[j - 1])
    earlier = total_variance(parameters[j - 1], k)
    return earlier + share * (total_variance(parameters[j], k) - earlier)


@njit(cache=True)
def _log_forward(years, log_forwards, t):
    """Log forward: linear in time between slices, flat outside of them."""
    last = years.size - 1
    if t <= years[0]:
        return log_forwards[0]
    if t >= years[last]:
        return log_forwards[last]
    j = 1
    while years[j] < t:
        j += 1
    share = (t - years[j - 1]) / (years[j] - years[j - 1])
    return log_forwards[j - 1] + share * (log_forwards[j] - log_forwards[j - 1])


@njit(cache=True)
def variances(years, parameters, k, t, out):
    """Total variance at each log-moneyness and time."""
    for i in range(out.size):
        out[i] = _variance(years, parameters, k[i], t[i])


@njit(cache=True)
def log_forwards(years, logs, t, out):
    """Log forward at each time."""
    for i in range(out.size):
        out[i] = _log_forward(years, logs, t[i])


@njit(cache=True)
def prices(years, log_forwards, parameters, strike, t, is_call, out):
    """Value each option, undiscounted."""
    for i in range(out.size):
        log_forward = _log_forward(years, log_forwards, t[i])
        strike_now = strike[i]
        k = math.log(strike_now) - log_forward
        s = math.sqrt(max(_variance(years, parameters, k, t[i]), 0.0))
        forward = math.exp(log_forward)
        sign = 1.0 if is_call[i] else -1.0
        if s > 0.0:
            scale = -sign * ROOT_HALF
            d1 = 0.5 * s - k / s
            above, below = 0.5 * math.erfc(scale * d1), 0.5 * math.erfc(scale * (d1 - s))
            out[i] = sign * (forward * above - strike_now * below)
        else:
            out[i] = max(sign * (forward - strike_now), 0.0)
