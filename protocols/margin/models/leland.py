"""Volatility at which a hedger who pays trading costs breaks even (Leland 1985; MODEL 2.4, CASES O07)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .inputs import Floats, ParameterError


def leland_volatility(
    volatility: ArrayLike, cost: float, rehedge_years: float, *, short_gamma: bool = True
) -> Floats:
    """Volatility corrected for the cost of rehedging, ``sigma sqrt(1 +- sqrt(2/pi) k / (sigma sqrt(dt)))``.

    Parameters
    ----------
    volatility : array_like
        Per square root of a year, positive.
    cost : float
        Of a round trip, as a fraction of the amount traded, not negative.
    rehedge_years : float
        Time between two hedges, positive.
    short_gamma : bool
        The seller of an option pays more than the volatility, the buyer earns less.

    Returns
    -------
    ndarray

    Raises
    ------
    ParameterError
        If an argument is outside its range, or costs eat up all that a long position earns.
    """
    sigma = np.asarray(volatility, np.float64)
    if not (np.all(sigma > 0.0) and cost >= 0.0 and rehedge_years > 0.0):
        raise ParameterError(
            "Leland needs volatility above 0, cost at least 0 and rehedge_years above 0; "
            f"got {sigma.tolist()}, {cost:g}, {rehedge_years:g}"
        )
    number = np.sqrt(2.0 / np.pi) * cost / (sigma * np.sqrt(rehedge_years))
    factor = 1.0 + number if short_gamma else 1.0 - number
    if np.any(factor < 0.0):
        raise ParameterError(
            f"cost {cost:g} with a hedge every {rehedge_years:g} years eats up all that long gamma earns; "
            "hedge less often"
        )
    corrected: Floats = sigma * np.sqrt(factor)
    return corrected
