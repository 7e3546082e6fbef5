"""Volatility of every strike and expiry from one level at the money: skew, curvature and a term structure.

The surface of Gatheral and Jacquier (2014, "Arbitrage-free SVI volatility surfaces") with a power of one
half: with total variance ``theta`` at the money and ``z = k / sqrt(theta)``, ``k = ln(K/F)``,

    w = theta / 2 * (1 + rho eta z + sqrt((eta z + rho)^2 + 1 - rho^2)).

It keeps its shape in standardised log-moneyness while the level moves. Each expiry is a slice of `SviSlice`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from .inputs import ArbitrageError, Floats, ParameterError, check_parameter
from .svi import SviSlice

YEAR_DAYS = 365.0
_LEAST_YEARS = 1e-9
_FLAT = 1e-9
_CURVED = 4.0
"""Bound of ``eta^2 (1 + |rho|)`` and of ``eta sqrt(theta) (1 + |rho|)``."""


@dataclass(frozen=True, slots=True)
class Smile:
    """A surface whose level is given from outside; `volatility` applies it.

    Parameters
    ----------
    rho : float
        Tilt, between -1 and 1: below 0 low strikes are dear.
    eta : float
        Curvature, not negative; 0 is flat.
    long_run : float, optional
        Volatility at the money to which the level returns; without it all expiries have the level.
    half_life_days : float
        In which the variance comes half of the way back.

    Raises
    ------
    ParameterError
        If a number is out of range.
    ArbitrageError
        If wings are so steep that butterflies cost less than nothing: ``eta^2 (1 + |rho|) > 4``.

    Examples
    --------
    >>> smile = Smile(rho=-0.4, eta=0.8)
    >>> smile.volatility(0.9, [-0.2, 0.0, 0.2], 0.1).round(3).tolist()
    [1.017, 0.9, 0.831]
    """

    rho: float = 0.0
    eta: float = 0.0
    long_run: float | None = None
    half_life_days: float = 30.0

    def __post_init__(self) -> None:
        check_parameter("rho", self.rho, above=-1.0, at_most=math.nextafter(1.0, 0.0))
        check_parameter("eta", self.eta, at_least=0.0)
        check_parameter("half_life_days", self.half_life_days, above=0.0)
        if self.long_run is not None:
            check_parameter("long_run", self.long_run, above=0.0)
        steep = self.eta**2 * (1.0 + abs(self.rho))
        if steep > _CURVED:
            raise ArbitrageError(
                f"rho = {self.rho:g} and eta = {self.eta:g} admit butterfly arbitrage: eta^2 (1 + |rho|) is "
                f"{steep:.3g}; allowed: up to {_CURVED:g}"
            )

    def variance(self, level: ArrayLike, years: ArrayLike) -> Floats:
        """Variance at the money until expiry, ``theta``; not annualised."""
        t = np.maximum(np.asarray(years, np.float64), _LEAST_YEARS)
        now = np.square(np.asarray(level, np.float64))
        if self.long_run is None:
            return now * t
        decay = math.log(2.0) / self.half_life_days * YEAR_DAYS * t
        return t * (self.long_run**2 + (now - self.long_run**2) * -np.expm1(-decay) / decay)

    def volatility(self, level: ArrayLike, log_moneyness: ArrayLike, years: ArrayLike) -> Floats:
        """Implied volatility per square root of a year.

        Parameters
        ----------
        level : array_like
            Volatility at the money for an expiry that is near.
        log_moneyness : array_like
            ``ln(K/F)``.
        years : array_like
            To expiry; what has none left has the volatility of an instant.
        """
        t = np.maximum(np.asarray(years, np.float64), _LEAST_YEARS)
        theta = self.variance(level, t)
        bent = self.eta * np.asarray(log_moneyness, np.float64) / np.sqrt(theta)
        w = 0.5 * theta * (1.0 + self.rho * bent + np.hypot(bent + self.rho, math.sqrt(1.0 - self.rho**2)))
        return np.sqrt(w / t)

    def check(self, highest_level: float, longest_years: float) -> None:
        """Refuse levels and expiries at which the surface admits arbitrage.

        Raises
        ------
        ArbitrageError
            If ``eta sqrt(theta) (1 + |rho|)`` reaches 4.
        """
        root = math.sqrt(float(self.variance(highest_level, longest_years)))
        steep = self.eta * root * (1.0 + abs(self.rho))
        if steep >= _CURVED:
            raise ArbitrageError(
                f"rho = {self.rho:g} and eta = {self.eta:g} admit butterfly arbitrage at a volatility of "
                f"{highest_level:g} and {longest_years:.3g} years: eta sqrt(theta) (1 + |rho|) is "
                f"{steep:.3g}; allowed: below {_CURVED:g}"
            )

    def slice(self, level: float, years: float) -> SviSlice:
        """Return the slice of one expiry; a flat one where `eta` is next to 0."""
        theta = float(self.variance(level, years))
        if self.eta < _FLAT:
            return SviSlice(years, theta, 0.0, self.rho, 0.0, 1.0)
        phi, flat = self.eta / math.sqrt(theta), math.sqrt(1.0 - self.rho**2)
        return SviSlice(
            years, 0.5 * theta * flat**2, 0.5 * theta * phi, self.rho, -self.rho / phi, flat / phi
        )


@dataclass(frozen=True, slots=True)
class SmileFit:
    """A surface with its level and how well it fits.

    Attributes
    ----------
    smile : Smile
    level : float
    rms_volatility : float
        Root of the weighted mean square miss, in volatility.
    n_quotes : int
    """

    smile: Smile
    level: float
    rms_volatility: float
    n_quotes: int


def fit_smile(
    log_moneyness: ArrayLike, volatility: ArrayLike, years: ArrayLike, weights: ArrayLike | None = None
) -> SmileFit:
    """Fit a surface and its level to quoted volatilities of all expiries at once.

    Parameters
    ----------
    log_moneyness, volatility, years : array_like, shape (n,)
        At least 5 quotes.
    weights : array_like, shape (n,), optional
        Of the errors of volatility; only their ratios matter.

    Returns
    -------
    SmileFit
        With a term structure if there are several expiries; free of arbitrage at its level.

    Raises
    ------
    ParameterError
        If shapes differ, quotes are too few, or one is not finite or not above 0.
    """
    k, sigma, t = (np.asarray(given, np.float64) for given in (log_moneyness, volatility, years))
    share = np.ones(k.shape) if weights is None else np.asarray(weights, np.float64)
    if k.ndim != 1 or not k.shape == sigma.shape == t.shape == share.shape or len(k) < 5:
        raise ParameterError(
            "log_moneyness, volatility, years and weights must have one shape (n,), n at least 5; got "
            f"{k.shape}, {sigma.shape}, {t.shape}, {share.shape}"
        )
    usable = np.isfinite(k) & (sigma > 0.0) & (t > 0.0) & (share >= 0.0) & np.isfinite(sigma * t * share)
    if not (usable.all() and share.sum() > 0.0):
        raise ParameterError(
            "quotes must be finite, with volatility and years above 0 and weights not all 0; quote "
            f"{int(np.argmin(usable))} is not"
        )
    root = np.sqrt(share / share.sum())
    several, furthest = len(np.unique(t)) > 1, float(t.max())

    def surface(x: Floats) -> tuple[Smile, float]:
        rho, level, far = math.tanh(x[0]), math.exp(x[2]), math.exp(x[3])
        long_run, days = (far, math.exp(x[4])) if several else (None, 30.0)
        at_most = math.sqrt(_CURVED / (1.0 + abs(rho)))
        theta = float(Smile(0.0, 0.0, long_run, days).variance(level, furthest))
        at_most = min(at_most, 0.999 * _CURVED / (math.sqrt(theta) * (1.0 + abs(rho))))
        return Smile(rho, at_most / (1.0 + math.exp(-x[1])), long_run, days), level

    def miss(x: Floats) -> Floats:
        smile, level = surface(x)
        missed: Floats = root * (smile.volatility(level, k, t) - sigma)
        return missed

    middle = math.log(float(np.median(sigma)))
    low = np.array([-4.0, -12.0, middle - 4.0, middle - 4.0, 0.0])
    start = np.array([-0.1, 0.0, middle, middle, math.log(30.0)])
    found = least_squares(
        miss, start, bounds=(low, [4.0, 12.0, middle + 4.0, middle + 4.0, math.log(3650.0)])
    )
    smile, level = surface(found.x)
    return SmileFit(smile, level, float(np.sqrt(2.0 * found.cost)), len(k))
