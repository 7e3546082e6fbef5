"""Merton's jump diffusion: Black-Scholes values weighted by the number of jumps (Merton 1976; CASES O04)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, pdtr, pdtrik, xlogy

from . import merton_kernels as kernels
from .inputs import Floats, book, check_parameter

_TAIL = 1e-13
"""Probability of all numbers of jumps that are left out."""


@dataclass(frozen=True, slots=True)
class MertonJumps:
    """Parameters, as `market.prices.MertonJumpDiffusion` has them.

    Parameters
    ----------
    volatility : float
        Of the diffusion, per square root of a year.
    intensity : float
        Jumps per year.
    jump_mean, jump_sd : float
        Mean and standard deviation of the log jump.

    Raises
    ------
    ParameterError
        If one is outside its range.
    """

    volatility: float
    intensity: float
    jump_mean: float
    jump_sd: float

    def __post_init__(self) -> None:
        check_parameter("volatility", self.volatility, at_least=0.0)
        check_parameter("intensity", self.intensity, at_least=0.0, at_most=1e4)
        check_parameter("jump_mean", self.jump_mean, at_least=-10.0, at_most=10.0)
        check_parameter("jump_sd", self.jump_sd, at_least=0.0, at_most=10.0)

    @property
    def mean_jump(self) -> float:
        """Mean relative jump, ``exp(mu_J + delta^2 / 2) - 1``."""
        return math.expm1(self.jump_mean + 0.5 * self.jump_sd**2)

    @property
    def total_volatility(self) -> float:
        """Volatility of the log price, jumps included."""
        return math.sqrt(self.volatility**2 + self.intensity * (self.jump_mean**2 + self.jump_sd**2))

    def price(
        self,
        spot: ArrayLike,
        strike: ArrayLike,
        years: ArrayLike,
        is_call: ArrayLike,
        rate: float = 0.0,
    ) -> Floats:
        """Values of European options, as `black_scholes.price`; the terms of an expiry are shared."""
        s, k, t, call, _ = book(spot, strike, years, is_call)
        expiries, expiry = np.unique(t, return_inverse=True)
        terms = [self._terms(each, rate) for each in expiries.tolist()]
        first = np.cumsum([0, *(len(one[0]) for one in terms)])
        weights, growth, deviation = (np.concatenate(column) for column in zip(*terms, strict=True))
        out = np.empty(s.size)
        discount = np.exp(-rate * expiries)
        flat = (s.ravel(), k.ravel(), call.ravel(), expiry.ravel())
        kernels.prices(*flat, first, weights, weights * np.exp(growth), growth, deviation, discount, out)
        return out.reshape(s.shape)

    def _terms(self, years: float, rate: float) -> tuple[Floats, Floats, Floats]:
        """Weights, log forward over spot and deviations by the number of jumps.

        The weights are those of the physical intensity, so that asset and cash need no second series.
        """
        mean = self.intensity * years
        # a jump multiplies the asset's leg, whose numbers of jumps are Poisson around another mean
        means = (mean, mean * (1.0 + self.mean_jump))
        lowest = min(_quantile(_TAIL, each) for each in means)
        highest = max(_quantile(1.0 - _TAIL, each) for each in means) + 1
        n = np.arange(max(lowest, 0), highest + 1)
        mean_log = self.jump_mean + 0.5 * self.jump_sd**2
        growth: Floats = np.asarray(
            (rate - self.intensity * self.mean_jump) * years + n * mean_log, np.float64
        )
        deviation: Floats = np.sqrt(self.volatility**2 * years + n * self.jump_sd**2)
        weights: Floats = np.exp(xlogy(n, mean) - gammaln(n + 1) - mean)
        return weights, growth, deviation


def _quantile(probability: float, mean: float) -> int:
    """Least number of jumps that is not exceeded with a probability; `scipy.stats` takes long to import."""
    above = math.ceil(pdtrik(probability, mean))
    below = max(above - 1, 0)
    return below if pdtr(below, mean) >= probability else above
