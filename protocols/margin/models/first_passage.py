"""Probability that a price falls to a barrier in time, by reflection (MODEL 2.4, CASES O10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from .inputs import Floats, ParameterError


def liquidation_probability(
    health: ArrayLike, volatility: ArrayLike, years: ArrayLike, drift: ArrayLike = 0.0
) -> Floats:
    """Probability that a geometric Brownian motion touches a barrier at ``1 / health`` of its price.

    ``N((-h - nu T)/(sigma sqrt T)) + exp(-2 nu h / sigma^2) N((-h + nu T)/(sigma sqrt T))`` with ``h =
    ln(health)`` and ``nu = drift - sigma^2 / 2``.

    Parameters
    ----------
    health : array_like
        Price over barrier, such as a health factor; at 1 or below the probability is 1.
    volatility : array_like
        Per square root of a year, positive.
    years : array_like
        Horizon, positive.
    drift : array_like
        Expected growth per year.

    Returns
    -------
    ndarray
        Of the common shape.

    Raises
    ------
    ParameterError
        If an argument is outside its range.
    """
    x, sigma, t, mu = np.broadcast_arrays(
        *(np.asarray(each, np.float64) for each in (health, volatility, years, drift))
    )
    for name, values in (("health", x), ("volatility", sigma), ("years", t)):
        if not np.all(values > 0.0):
            raise ParameterError(f"{name} must be above 0; got {float(np.nanmin(values)):g}")
    h = np.maximum(np.log(x), 0.0)
    nu, spread = mu - 0.5 * sigma**2, sigma * np.sqrt(t)
    # the exponential may overflow where the other factor vanishes
    reflected = np.exp(-2.0 * nu * h / sigma**2 + log_ndtr((-h + nu * t) / spread))
    hit: Floats = np.where(h > 0.0, np.minimum(ndtr((-h - nu * t) / spread) + reflected, 1.0), 1.0)
    return hit
