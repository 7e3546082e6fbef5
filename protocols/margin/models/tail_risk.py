"""Value at risk and expected shortfall of a normal loss, and margin for a delay (CASES O13, P16)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ....market.prices.reference import YEAR_S
from .inputs import Floats, ParameterError, check_parameter


class TailRisk(NamedTuple):
    """Loss exceeded with the probability left over, and the mean loss when it is."""

    value_at_risk: float
    expected_shortfall: float


def normal_tail(level: float, mean: float = 0.0, sd: float = 1.0) -> TailRisk:
    """Value at risk and expected shortfall of a normal loss.

    Parameters
    ----------
    level : float
        Confidence, above 0 and below 1.
    mean, sd : float
        Of the loss; `sd` not negative.

    Raises
    ------
    ParameterError
        If an argument is outside its range.
    """
    z = _quantile(level)
    check_parameter("sd", sd, at_least=0.0)
    density = float(np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi))
    return TailRisk(mean + sd * z, mean + sd * density / (1.0 - level))


def delay_margin(volatility: ArrayLike, delay_s: ArrayLike, level: float = 0.99) -> Floats:
    """Margin that covers a position through a delay, ``z sigma sqrt(delay)`` (MODEL 2.8).

    Parameters
    ----------
    volatility : array_like
        Per square root of a year.
    delay_s : array_like
        Of settlement, finality or a message between chains.
    level : float
        Probability, one-sided, that the margin is enough.

    Returns
    -------
    ndarray
        Fractions of the notional.

    Raises
    ------
    ParameterError
        If an argument is outside its range.
    """
    sigma, delay = np.asarray(volatility, np.float64), np.asarray(delay_s, np.float64)
    if not (np.all(sigma >= 0.0) and np.all(delay >= 0.0)):
        raise ParameterError("volatility and delay_s must not be negative")
    margin: Floats = np.asarray(_quantile(level) * sigma * np.sqrt(delay / YEAR_S))
    return margin


def _quantile(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ParameterError(f"level must be above 0 and below 1; got {level}")
    return float(ndtri(level))
