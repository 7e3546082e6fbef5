"""Raw SVI slices: values, checks, and the least-squares fit, compiled.

A slice is ``w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))``, five numbers in this order. The fit
works on ``(a, ln b, atanh rho, m, ln sigma)``, so that b, rho and sigma stay in their ranges.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

N_PARAMETERS = 5
N_CHECKS = 121
"""Points at which the fit looks for arbitrage, denser near the vertex of the slice."""
_REACH = 5.0
"""They lie within ``sinh(5)`` = 74 sigma."""
_MARGIN = 1e-3
"""By how much a repaired slice stays clear of its bounds."""


@njit(cache=True)
def total_variance(p, k):
    """Total variance at a log-moneyness."""
    y = k - p[3]
    return p[0] + p[1] * (p[2] * y + math.sqrt(y * y + p[4] * p[4]))


@njit(cache=True)
def density_factor(p, k):
    """Durrleman's ``g(k)``: the implied density is negative where it is."""
    y = k - p[3]
    root = math.sqrt(y * y + p[4] * p[4])
    w = p[0] + p[1] * (p[2] * y + root)
    slope = p[1] * (p[2] + y / root)
    bend = p[1] * p[4] * p[4] / (root * root * root)
    if w <= 0.0:
        return -1.0
    first = 1.0 - 0.5 * k * slope / w
    return first * first - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend


@njit(cache=True)
def plain(x, p):
    """Write the slice that the numbers of the fit stand for into `p`."""
    p[0], p[1], p[2], p[3], p[4] = x[0], math.exp(x[1]), math.tanh(x[2]), x[3], math.exp(x[4])


@njit(cache=True)
def _residuals(x, p, k, w, weights, before, strength, out):
    """Weighted misses, then what the slice violates; `before` is the slice of the expiry before."""
    plain(x, p)
    n = k.size
    for i in range(n):
        out[i] = weights[i] * (total_variance(p, k[i]) - w[i])
    lowest = p[0] + p[1] * p[4] * math.sqrt(1.0 - p[2] * p[2])
    out[n] = 100.0 * min(lowest, 0.0)
    out[n + 1] = 100.0 * max(p[1] * (1.0 + abs(p[2])) - (2.0 - _MARGIN), 0.0)
    for j in range(n + 2, out.size):
        out[j] = 0.0
    if strength <= 0.0:
        return
    later = before.size > 0
    if later:
        right = before[1] * (1.0 + before[2]) - p[1] * (1.0 + p[2])
        left = before[1] * (1.0 - before[2]) - p[1] * (1.0 - p[2])
        out[n + 2] = strength * max(right + _MARGIN * before[1], 0.0)
        out[n + 3] = strength * max(left + _MARGIN * before[1], 0.0)
    for j in range(N_CHECKS):
        y = math.sinh(_REACH * (2.0 * j / (N_CHECKS - 1) - 1.0))
        at = p[3] + p[4] * y
        out[n + 4 + j] = strength * max(_MARGIN - density_factor(p, at), 0.0)
        if later:
            for which in range(2):
                if which == 1:
                    at = before[3] + before[4] * y
                earlier = total_variance(before, at)
                short = earlier * (1.0 + _MARGIN) - total_variance(p, at)
                # relative to the variance, as misses are relative to volatility
                out[n + 4 + (1 + which) * N_CHECKS + j] = strength * max(short / earlier, 0.0)


@njit(cache=True)
def _solve(matrix, right):
    """Solve a symmetric positive definite system in place, by elimination without pivots."""
    n = right.size
    for c in range(n):
        for r in range(c + 1, n):
            factor = matrix[r, c] / matrix[c, c]
            for d in range(c, n):
                matrix[r, d] -= factor * matrix[c, d]
            right[r] -= factor * right[c]
    for c in range(n - 1, -1, -1):
        for d in range(c + 1, n):
            right[c] -= matrix[c, d] * right[d]
        right[c] /= matrix[c, c]


@njit(cache=True)
def _half_square(values):
    total = 0.0
    for i in range(values.size):
        total += values[i] * values[i]
    return 0.5 * total


@njit(cache=True)
def descend(x, k, w, weights, before, strength, steps):
    """Fit by Levenberg and Marquardt from `x`, in place.

    Returns half the weighted sum of squares, penalties of that strength included.
    """
    size = k.size + 4 + 3 * N_CHECKS
    here, there = np.empty(size), np.empty(size)
    jacobian = np.empty((N_PARAMETERS, size))
    gradient, normal = np.empty(N_PARAMETERS), np.empty((N_PARAMETERS, N_PARAMETERS))
    p, trial, step, damped = np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(normal)
    _residuals(x, p, k, w, weights, before, strength, here)
    cost = _half_square(here)
    damping = 1e-3
    for _ in range(steps):
        for c in range(N_PARAMETERS):
            for d in range(N_PARAMETERS):
                trial[d] = x[d]
            nudge = 1e-7 * max(abs(x[c]), 0.01)
            trial[c] += nudge
            _residuals(trial, p, k, w, weights, before, strength, there)
            for r in range(size):
                jacobian[c, r] = (there[r] - here[r]) / nudge
        for c in range(N_PARAMETERS):
            total = 0.0
            for r in range(size):
                total += jacobian[c, r] * here[r]
            gradient[c] = total
            for d in range(c + 1):
                total = 0.0
                for r in range(size):
                    total += jacobian[c, r] * jacobian[d, r]
                normal[c, d] = normal[d, c] = total
        new = cost
        for _ in range(12):
            for c in range(N_PARAMETERS):
                for d in range(N_PARAMETERS):
                    damped[c, d] = normal[c, d]
                damped[c, c] += damping * normal[c, c] + 1e-12
                step[c] = gradient[c]
            _solve(damped, step)
            for c in range(N_PARAMETERS):
                trial[c] = x[c] - step[c]
            trial[1] = min(max(trial[1], -20.0), 5.0)
            trial[2] = min(max(trial[2], -6.0), 6.0)
            trial[4] = min(max(trial[4], -9.0), 3.0)
            _residuals(trial, p, k, w, weights, before, strength, there)
            new = _half_square(there)
            if new < cost:
                break
            damping *= 4.0
        if not new < cost:
            break
        gain = cost - new
        for c in range(N_PARAMETERS):
            x[c] = trial[c]
        for r in range(size):
            here[r] = there[r]
        cost = new
        damping = max(damping * 0.2, 1e-9)
        if gain <= 1e-10 * cost:
            break
    return cost
