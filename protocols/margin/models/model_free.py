"""Model-free implied volatility: the variance that a strip of options replicates (MODEL 2.3).

The construction is that of the volatility index: forward from the pair of quotes that are closest, options
out of the money, variances interpolated in total between two expiries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .inputs import Floats, ParameterError, check_parameter


class Strip(NamedTuple):
    """What the options of one expiry say.

    Attributes
    ----------
    forward
        From put-call parity where call and put are closest.
    total_variance
        Of the log price until expiry, not annualised.
    """

    forward: float
    total_variance: float


def strip_variance(strike: ArrayLike, call: ArrayLike, put: ArrayLike) -> Strip:
    """Total variance of one expiry, at a rate of 0.

    ``sigma^2 T = 2 sum (dK / K^2) Q(K) - (F/K0 - 1)^2`` with ``Q`` the put below ``K0``, the call above and
    their mean at ``K0``, the highest strike not above the forward; ``dK`` is half the distance between the
    neighbours, at the ends the whole distance to the only one.

    Parameters
    ----------
    strike, call, put : array_like, shape (n,)
        Strikes in the quote asset, not ordered, and prices of their options; NaN where there is no price.

    Raises
    ------
    ParameterError
        If no strike has both prices, there are fewer than 3, or none lies at or below the forward.
    """
    k, calls, puts = (np.asarray(each, np.float64) for each in (strike, call, put))
    order = np.argsort(k)
    k, calls, puts = k[order], calls[order], puts[order]
    gap = np.abs(calls - puts)
    if k.size < 3 or np.isnan(gap).all() or not (k > 0.0).all() or not (np.diff(k) > 0.0).all():
        raise ParameterError(
            "a strip needs 3 different strikes above 0 or more, one of them with call and put; "
            f"got {k.tolist()}"
        )
    nearest = int(np.nanargmin(gap))
    forward = float(k[nearest] + calls[nearest] - puts[nearest])
    if forward < k[0]:
        raise ParameterError(f"no strike lies at or below the forward {forward:g}; the lowest is {k[0]:g}")
    central = int(np.searchsorted(k, forward, side="right")) - 1
    q: Floats = np.where(np.arange(k.size) < central, puts, calls)
    q[central] = 0.5 * (calls[central] + puts[central])
    width = np.empty(k.size)
    width[1:-1] = 0.5 * (k[2:] - k[:-2])
    width[0], width[-1] = k[1] - k[0], k[-1] - k[-2]
    priced = np.isfinite(q)
    total = 2.0 * float(np.sum((width / k**2 * q)[priced])) - (forward / float(k[central]) - 1.0) ** 2
    return Strip(forward, total)


def interpolated_volatility(near: tuple[float, float], following: tuple[float, float], years: float) -> float:
    """Volatility at a time between two expiries, linear in total variance.

    Parameters
    ----------
    near, following : tuple of float
        Years and total variance of each.
    years : float
        Not before the first and not after the second.

    Returns
    -------
    float
        Per square root of a year.

    Raises
    ------
    ParameterError
        If the time does not lie between them, or the variance there is negative.
    """
    (t1, w1), (t2, w2) = near, following
    check_parameter("years", years, above=0.0)
    if not t1 <= years <= t2 or t1 == t2:
        raise ParameterError(f"years must lie between two expiries; got {years:g} for {t1:g} and {t2:g}")
    total = w1 + (years - t1) / (t2 - t1) * (w2 - w1)
    if total < 0.0:
        raise ParameterError(f"total variance at {years:g} years must not be negative; got {total:g}")
    return float(np.sqrt(total / years))
