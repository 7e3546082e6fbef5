"""Black-Scholes values without a branch or a call, so that a processor can work on several options at once.

With Mills' ratio ``R(x) = (1 - N(x)) / phi(x)`` the normal distribution is ``phi(x) R(-x)`` below 0 and
``1 - phi(x) R(x)`` above. As ``F phi(d1) = K phi(d2)``, an option needs two ratios and one exponential.
Results do not depend on how many options are worked on at once; processors that multiply and add in one go
may differ from others in the last bit. The polynomials are those of `tools/fit_mills_ratio.py`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CENTRE = 5.0
MILLS = (
    1.9280810471531578, -1.667866595188962, 1.241547061573868, -0.7859110755463757,
    0.41364471573254236, -0.17325473409151876, 0.05212550241608068, -0.007503282768653042,
    -0.001999962021267729, 0.0013658588163496476, -0.00014883274148516504, -0.0001247342626600514,
    4.181331469574555e-05, 9.971148298923085e-06, -6.941700609564945e-06, -8.298689394855559e-07,
    1.0879424939523628e-06, 8.978341548404004e-08, -1.7001344922544334e-07, -1.2572369954898982e-08,
    2.367968496638553e-08, 1.262664393784261e-09, -2.046960932847683e-09,
)  # fmt: skip
"""Mills' ratio times ``x + CENTRE``, by powers of ``(x - CENTRE) / (x + CENTRE)``."""
REST = (
    0.5000000000000001, 0.16666666666666669, 0.041666666666624164, 0.008333333333330065,
    0.0013888888917196719, 0.00019841269863040545, 2.4801521322368692e-05, 2.7557268480310024e-06,
    2.7620075879983367e-07, 2.5100375832561234e-08,
)  # fmt: skip
"""``(exp(r) - 1 - r) / r^2``, by powers of r."""
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""Their sum is ln 2; the first ends in zeros, so that its product with a whole number is exact."""
ROUNDER = 1.5 * 2.0**52
"""Added and taken off again it rounds to a whole number, which the last bits of the sum are."""
EXPONENT_BIAS, EXPONENT_SHIFT = 1023, 52
LEAST_EXPONENT = -708.0
ROOT_TWO_PI_INVERSE = 0.3989422804014327


@njit(cache=True, error_model="numpy", forceinline=True, fastmath={"contract"})
def exponential(x):
    """Return ``exp(x)`` for x up to 0, and ``exp(-708)`` below -708."""
    x = max(x, LEAST_EXPONENT)
    shifted = x * LOG2_E + ROUNDER
    whole = shifted - ROUNDER
    r = (x - whole * LN2_HIGH) - whole * LN2_LOW
    bits = np.int64((np.float64(shifted).view(np.int64) + EXPONENT_BIAS) << EXPONENT_SHIFT)
    rest = REST[-1]
    for k in range(len(REST) - 2, -1, -1):
        rest = rest * r + REST[k]
    return bits.view(np.float64) * (1.0 + (r + r * r * rest))


@njit(cache=True, error_model="numpy", forceinline=True, fastmath={"contract"})
def mills_ratio(x):
    """Return ``(1 - N(x)) / phi(x)`` for x from 0 on."""
    q = 1.0 / (x + CENTRE)
    t = 1.0 - 2.0 * CENTRE * q
    ratio = MILLS[-1]
    for k in range(len(MILLS) - 2, -1, -1):
        ratio = ratio * t + MILLS[k]
    return q * ratio


@njit(cache=True, error_model="numpy", forceinline=True, fastmath={"contract"})
def option_value(forward, strike, moneyness, deviation, sign):
    """Undiscounted value of a call (sign 1) or a put (-1).

    Parameters
    ----------
    forward, strike : float
    moneyness : float
        ``ln(forward / strike)``.
    deviation : float
        ``sigma sqrt(T)``, above 0.
    sign : float
    """
    d1 = moneyness / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = forward * (ROOT_TWO_PI_INVERSE * exponential(-0.5 * d1 * d1))
    above, below = density * mills_ratio(abs(d1)), density * mills_ratio(abs(d2))
    asset = forward - above if sign * d1 > 0.0 else above
    cash = strike - below if sign * d2 > 0.0 else below
    return sign * (asset - cash)
