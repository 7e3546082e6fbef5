"""Heston's stochastic volatility by the Lewis integral (Heston 1993; Lewis 2001; MODEL 2.4, CASES O05).

1. The value is that of Black and Scholes at the expected variance of the life of the option, less the
   integral of the difference of the two characteristic functions. That difference vanishes at the poles of
   the Lewis integrand, which leaves a function as smooth as the density is narrow.
2. It is summed at equal steps from 0, which converges exponentially for such functions; the step is set by
   the range of log prices that matter, the number of steps by where the characteristic function has vanished.
3. All strikes of an expiry share the nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import heston_kernels as kernels
from .inputs import Floats, NotConvergedError, book, check_parameter

_RANGE = 60.0
"""Range of log prices in standard deviations, beyond what the strikes need themselves."""
_VANISHED = 1e-13
_MOST_NODES = 1 << 15


@dataclass(frozen=True, slots=True)
class HestonVolatility:
    """Parameters, as `market.prices.HestonPrice` has them.

    Parameters
    ----------
    variance, long_run_variance : float
        Now and in the long run, per year; not both 0.
    mean_reversion : float
        Per year, positive.
    vol_of_variance : float
        The factor xi, per year, positive.
    leverage : float
        Correlation of price and variance, above -1 and below 1.

    Raises
    ------
    ParameterError
        If one is outside its range.
    """

    variance: float
    long_run_variance: float
    mean_reversion: float
    vol_of_variance: float
    leverage: float

    def __post_init__(self) -> None:
        check_parameter("variance", self.variance, at_least=0.0)
        check_parameter("long_run_variance", self.long_run_variance, above=-self.variance, at_least=0.0)
        check_parameter("mean_reversion", self.mean_reversion, above=0.0)
        check_parameter("vol_of_variance", self.vol_of_variance, above=0.0)
        check_parameter("leverage", self.leverage, above=-1.0, at_most=math.nextafter(1.0, 0.0))

    def expected_variance(self, years: float) -> float:
        """Return the expected variance of the log price from now until then, not annualised."""
        kappa, theta = self.mean_reversion, self.long_run_variance
        return theta * years - (self.variance - theta) * math.expm1(-kappa * years) / kappa

    def characteristic(self, u: Any, years: float) -> Any:
        """Return the expectation of ``exp(i u ln(S_T / F))``, without jumps between branches.

        Parameters
        ----------
        u : complex or ndarray
        years : float
        """
        kappa, theta, xi = self.mean_reversion, self.long_run_variance, self.vol_of_variance
        a = kappa - 1j * self.leverage * xi * u
        d = np.sqrt(a * a + xi * xi * (1j * u + u * u))
        g = (a - d) / (a + d)
        fade = np.exp(-d * years)
        long_run = kappa * theta / xi**2 * ((a - d) * years - 2.0 * np.log((1.0 - g * fade) / (1.0 - g)))
        now = self.variance / xi**2 * (a - d) * (1.0 - fade) / (1.0 - g * fade)
        return np.exp(long_run + now)

    def price(
        self,
        spot: ArrayLike,
        strike: ArrayLike,
        years: ArrayLike,
        is_call: ArrayLike,
        rate: float = 0.0,
    ) -> Floats:
        """Values of European options, as `black_scholes.price`.

        Raises
        ------
        NotConvergedError
            If the variance is so certain to vanish that the characteristic function does not fade.
        """
        s, k, t, call, _ = book(spot, strike, years, is_call)
        expiries, expiry = np.unique(t, return_inverse=True)
        expiry = expiry.ravel()
        forward = (s * np.exp(rate * t)).ravel()
        reach = np.zeros(len(expiries))
        np.maximum.at(reach, expiry, np.abs(np.log(forward / k.ravel())))
        tables = [self._nodes(*each) for each in zip(expiries.tolist(), reach.tolist(), strict=True)]
        first = np.cumsum([0, *(len(values) for _, values in tables)])
        out = np.empty(s.size)
        kernels.prices(
            forward,
            k.ravel(),
            call.ravel(),
            expiry,
            first,
            np.array([step for step, _ in tables]),
            np.concatenate([values for _, values in tables]),
            np.sqrt([self.expected_variance(each) for each in expiries.tolist()]),
            np.exp(-rate * expiries),
            out,
        )
        return out.reshape(s.shape)

    def _nodes(self, years: float, reach: float) -> tuple[float, np.ndarray]:
        """Step between nodes and what the integrand is at each of them, but for the strike."""
        variance = self.expected_variance(years)
        step = 2.0 * math.pi / (2.0 * reach + _RANGE * math.sqrt(variance))
        parts, start, size = [], 0, 128
        while start < _MOST_NODES:
            u = step * np.arange(start, start + size)
            square = u * u + 0.25
            here = self.characteristic(u - 0.5j, years)
            parts.append((here - np.exp(-0.5 * variance * square)) / square)
            faded = np.flatnonzero(np.abs(here) < _VANISHED * (1.0 + square) / math.sqrt(variance))
            if len(faded):
                parts[-1] = parts[-1][: int(faded[0]) + 1]
                return step, np.concatenate(parts)
            start += size
        raise NotConvergedError(
            f"the characteristic function of {self} does not vanish within {_MOST_NODES} nodes; "
            f"years = {years:g} is too short for it"
        )
