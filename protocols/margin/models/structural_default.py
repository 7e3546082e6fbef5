"""Merton's structural model of default: equity is a call on the assets (Merton 1974; CASES O11)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from .black_scholes import price
from .inputs import Floats, ParameterError, book


class StructuralDefault(NamedTuple):
    """Each of the common shape.

    Attributes
    ----------
    equity
        Value of the call, in the unit of the assets.
    distance
        Distance to default d2, in standard deviations.
    probability
        Of assets below debt at the horizon, ``N(-d2)``.
    """

    equity: Floats
    distance: Floats
    probability: Floats


def structural_default(
    assets: ArrayLike, debt: ArrayLike, volatility: ArrayLike, years: ArrayLike, rate: ArrayLike = 0.0
) -> StructuralDefault:
    """Probability that assets do not cover the debt at a horizon (MODEL 2.4).

    Applied to a lending pool: assets are collateral.

    Parameters
    ----------
    assets, debt : array_like
        Positive, in one unit. All arguments broadcast.
    volatility : array_like
        Of the assets, per square root of a year, positive.
    years : array_like
        Horizon, positive.
    rate : array_like
        Continuous per year; also the drift of the assets.

    Raises
    ------
    ExpiredOptionError, InstrumentError, ParameterError
        If an argument is outside its range.
    """
    v, d, t, _, (sigma, r) = book(assets, debt, years, True, volatility, rate)
    if not (sigma > 0.0).all():
        raise ParameterError(f"volatility must be above 0; got {float(sigma.min()):g}")
    distance: Floats = (np.log(v / d) + (r - 0.5 * sigma**2) * t) / (sigma * np.sqrt(t))
    return StructuralDefault(price(v, d, t, True, sigma, r), distance, ndtr(-distance))
