"""Compiled revaluation of whole books of options in all scenarios of a grid."""

from __future__ import annotations

import numpy as np
from numba import njit

from .models.normal_kernels import option_value

LARGEST = 2.0**62
AT_ONCE = 8
"""Scenarios are worked on in groups of so many."""
SMALLEST_DEVIATION = 1e-300


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def option_moves(
    underlying, strike, moneyness, root_years, is_call, volatility, stretch, unit, shocks, mark, moves
):
    """Value each option now and in each scenario.

    What depends on the option alone is worked out once: the logarithm of its moneyness, the root of its time.
    The inner loop has no branch and no call, so that a processor works on several scenarios at once.

    Parameters
    ----------
    underlying, strike, moneyness, root_years, volatility : float64 ndarray, shape (n,)
        Moneyness is the logarithm of underlying over strike.
    is_call : bool ndarray, shape (n,)
    stretch : float64 ndarray, shape (n,)
        Shock of the volatility over the same shock at 30 days.
    unit : float64 ndarray, shape (n,)
        Base units that a lot is worth at a price of 1.
    shocks : float64 ndarray, shape (4, width)
        Price over the price now, its logarithm, shock of the volatility at 30 days, least volatility. The
        first column moves nothing, the next are those of `moves`, further ones are not used.
    mark : float64 ndarray, shape (n,)
    moves : int64 ndarray, shape (n, n_scenarios)
        On return, values now, and what a lot gains in each scenario, base units.
    """
    width = shocks.shape[1]
    values = np.empty(width)
    for i in range(mark.size):
        now, k, x, root, sigma = underlying[i], strike[i], moneyness[i], root_years[i], volatility[i]
        bend, scale = stretch[i], unit[i]
        sign = 1.0 if is_call[i] else -1.0
        for j in range(width):
            shocked = max(sigma * max(1.0 + shocks[2, j] * bend, 0.0), shocks[3, j])
            deviation = max(shocked * root, SMALLEST_DEVIATION)
            values[j] = option_value(now * shocks[0, j], k, x + shocks[1, j], deviation, sign)
        mark[i] = values[0]
        for j in range(moves.shape[1]):
            gain = (values[j + 1] - values[0]) * scale
            moves[i, j] = np.int64(np.rint(min(max(gain, -LARGEST), LARGEST)))
