"""The Lewis integral over many options of few expiries, compiled."""

from __future__ import annotations

import math

from numba import njit

from .black_scholes_kernels import forward_value


@njit(cache=True)
def prices(forward, strike, is_call, expiry, first, step, nodes, deviation, discount, out):
    """Black-Scholes value at the expected variance, and the integral of what differs.

    Nodes ``first[e] .. first[e + 1]`` belong to expiry e: the difference of the two characteristic functions
    over ``u^2 + 1/4`` at ``u = 0, step[e], 2 step[e] ..``, so that one complex product moves to the next
    node.
    """
    for i in range(out.size):
        e = expiry[i]
        f, k = forward[i], strike[i]
        angle = step[e] * math.log(f / k)
        turn = complex(math.cos(angle), math.sin(angle))
        phase = complex(1.0, 0.0)
        total = 0.5 * nodes[first[e]].real
        for j in range(first[e] + 1, first[e + 1]):
            phase *= turn
            total += phase.real * nodes[j].real - phase.imag * nodes[j].imag
        known = forward_value(f, k, deviation[e], 1.0 if is_call[i] else -1.0)
        value = known - math.sqrt(f * k) * step[e] * total / math.pi
        out[i] = discount[e] * max(value, f - k if is_call[i] else k - f, 0.0)
