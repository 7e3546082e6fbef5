"""Slices of a volatility surface: raw SVI, fitted to quotes, checked and repaired (Gatheral 2004; CASES O06).

The fit minimises weighted errors of volatility by Levenberg and Marquardt from several starts. A slice that
admits butterfly or calendar arbitrage is fitted again with the violations as further errors, heavier each
time and at last from a start that has none, until the checks find nothing (Gatheral and Jacquier 2014 for
the conditions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import svi_kernels as kernels
from .inputs import ArbitrageError, Floats, InstrumentError, ParameterError, check_parameter

_CHECKS = np.sinh(np.linspace(-8.0, 8.0, 801))
"""Where a slice is checked, in sigmas from its vertex: up to 1,490; its wings are lines beyond."""
_STRENGTHS = (1.0, 10.0, 100.0, 1e3, 1e4)
_STRENGTHS_FROM_CLEAN = (1e4, 1e6, 1e8)
_ROUNDING = 1e-12


class Violation(NamedTuple):
    """One way in which a slice or a pair of slices admits arbitrage.

    Attributes
    ----------
    kind : {"butterfly", "calendar", "wing", "negative"}
        Negative density; less total variance than the expiry before; wings steeper than 2 (Lee 2004), or
        flatter than those of the expiry before; negative variance.
    years : float
        Of the slice, the later of two.
    log_moneyness : float
        Where it is worst; infinite for wings.
    amount : float
        By how much, positive.
    """

    kind: str
    years: float
    log_moneyness: float
    amount: float

    def __str__(self) -> str:
        where = f"log-moneyness {self.log_moneyness:.3g}, {self.years:.4g} years"
        return f"{self.kind} violated by {self.amount:.3g} at {where}"


@dataclass(frozen=True, slots=True)
class SviSlice:
    """Total variance of one expiry by log-moneyness ``k = ln(K/F)``.

    ``w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))``. A slice may admit arbitrage: ask `violations`.

    Parameters
    ----------
    years : float
        To expiry, positive.
    a, b, rho, m, sigma : float
        Level, slope of the wings (not negative), tilt (-1 to 1, exclusive), place of the vertex, its width
        (positive).

    Raises
    ------
    ParameterError
        If one is outside its range.
    """

    years: float
    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        check_parameter("years", self.years, above=0.0)
        check_parameter("a", self.a)
        check_parameter("b", self.b, at_least=0.0)
        check_parameter("rho", self.rho, above=-1.0, at_most=math.nextafter(1.0, 0.0))
        check_parameter("m", self.m)
        check_parameter("sigma", self.sigma, above=0.0)

    @property
    def parameters(self) -> Floats:
        """The five numbers a, b, rho, m, sigma."""
        return np.array([self.a, self.b, self.rho, self.m, self.sigma])

    def total_variance(self, log_moneyness: ArrayLike) -> Floats:
        """Variance of the log price until expiry, not annualised."""
        y = np.asarray(log_moneyness, np.float64) - self.m
        w: Floats = self.a + self.b * (self.rho * y + np.hypot(y, self.sigma))
        return w

    def volatility(self, log_moneyness: ArrayLike) -> Floats:
        """Implied volatility per square root of a year."""
        return np.sqrt(self.total_variance(log_moneyness) / self.years)

    def slope(self, log_moneyness: ArrayLike) -> Floats:
        """Return the derivative of total variance by log-moneyness."""
        y = np.asarray(log_moneyness, np.float64) - self.m
        slope: Floats = self.b * (self.rho + y / np.hypot(y, self.sigma))
        return slope

    def density_factor(self, log_moneyness: ArrayLike) -> Floats:
        """Durrleman's g, not negative where the implied density is not (MODEL 2.4)."""
        k = np.asarray(log_moneyness, np.float64)
        w, slope = self.total_variance(k), self.slope(k)
        bend = self.b * self.sigma**2 / np.hypot(k - self.m, self.sigma) ** 3
        g: Floats = (1.0 - 0.5 * k * slope / w) ** 2 - 0.25 * slope**2 * (1.0 / w + 0.25) + 0.5 * bend
        return g

    def violations(self, before: SviSlice | None = None) -> list[Violation]:
        """Arbitrage within the slice, and against the slice of an earlier expiry.

        Points up to 1,490 sigmas from the vertex of each are looked at, and the slopes of the wings beyond.
        """
        found = []
        k = self.m + self.sigma * _CHECKS
        w = self.total_variance(k)
        if w.min() <= 0.0:
            return [Violation("negative", self.years, float(k[w.argmin()]), float(-w.min()))]
        g = self.density_factor(k)
        if g.min() < -_ROUNDING:
            found.append(Violation("butterfly", self.years, float(k[g.argmin()]), float(-g.min())))
        steep = self.b * (1.0 + abs(self.rho)) - 2.0
        if steep > 0.0:
            found.append(Violation("wing", self.years, math.copysign(math.inf, self.rho), steep))
        if before is not None:
            found += self._against(before, k)
        return found

    def _against(self, before: SviSlice, own: Floats) -> list[Violation]:
        found = []
        k = np.concatenate([own, before.m + before.sigma * _CHECKS])
        short = before.total_variance(k) - self.total_variance(k)
        if short.max() > _ROUNDING * (1.0 + abs(self.a)):
            found.append(Violation("calendar", self.years, float(k[short.argmax()]), float(short.max())))
        for side in (-1.0, 1.0):
            flat = before.b * (1.0 + side * before.rho) - self.b * (1.0 + side * self.rho)
            if flat > _ROUNDING:
                found.append(Violation("wing", self.years, side * math.inf, flat))
        return found


@dataclass(frozen=True, slots=True)
class SliceFit:
    """A slice with how well it fits.

    Attributes
    ----------
    slice : SviSlice
        Free of arbitrage, also against the expiry before.
    rms_volatility : float
        Root of the weighted mean square miss, in volatility.
    n_quotes : int
    repaired : tuple of Violation
        What the best fit violated and this one does not; empty if it was clean.
    """

    slice: SviSlice
    rms_volatility: float
    n_quotes: int
    repaired: tuple[Violation, ...]


def fit_slice(
    log_moneyness: ArrayLike,
    volatility: ArrayLike,
    years: float,
    weights: ArrayLike | None = None,
    *,
    before: SviSlice | None = None,
    repair: bool = True,
) -> SliceFit:
    """Fit a slice to quoted volatilities.

    Parameters
    ----------
    log_moneyness, volatility : array_like, shape (n,)
        ``ln(K/F)`` and implied volatility of at least 5 quotes.
    years : float
        To expiry.
    weights : array_like, shape (n,), optional
        Of the errors of volatility, such as one over the quoted spread; only their ratios matter.
    before : SviSlice, optional
        Of the expiry before, for calendar arbitrage.
    repair : bool
        Whether a fit that admits arbitrage is repaired or refused.

    Returns
    -------
    SliceFit

    Raises
    ------
    ArbitrageError
        If the fit admits arbitrage and must not or cannot be repaired.
    InstrumentError, ParameterError
        For quotes that are not positive, or too few.
    """
    check_parameter("years", years, above=0.0)
    k, sigma = np.asarray(log_moneyness, np.float64), np.asarray(volatility, np.float64)
    share = np.ones(k.shape) if weights is None else np.asarray(weights, np.float64)
    if k.ndim != 1 or not k.shape == sigma.shape == share.shape:
        raise ParameterError(
            "log_moneyness, volatility and weights must have one shape (n,); "
            f"got {k.shape}, {sigma.shape}, {share.shape}"
        )
    if len(np.unique(k)) < kernels.N_PARAMETERS:
        raise ParameterError(
            f"a slice needs quotes at {kernels.N_PARAMETERS} strikes or more; got {len(np.unique(k))}"
        )
    bad = ~(np.isfinite(k) & np.isfinite(sigma) & (sigma > 0.0) & np.isfinite(share) & (share >= 0.0))
    if bad.any() or not share.sum() > 0.0:
        at = int(np.argmax(bad))
        raise InstrumentError(
            f"quote {at} must have finite log-moneyness, volatility above 0 and a weight not negative; "
            f"got {k[at]:g}, {sigma[at]:g}, {share[at]:g}"
        )
    share = share / share.sum()
    w = sigma**2 * years
    # an error of total variance as one of volatility
    errors = np.sqrt(share) / (2.0 * np.sqrt(w * years))
    earlier = np.empty(0) if before is None else before.parameters
    starts = _guesses(k, w)
    costs = [kernels.descend(start, k, w, errors, earlier, 0.0, 100) for start in starts]
    x = starts[int(np.argmin(costs))]
    fitted = _slice(years, x)
    best = fitted.violations(before)
    left: Sequence[Violation] = best
    if best and repair:
        tries = [(x, strength) for strength in _STRENGTHS]
        tries += [(_clean(w, before), strength) for strength in _STRENGTHS_FROM_CLEAN]
        for start, strength in tries:
            kernels.descend(start, k, w, errors, earlier, strength, 200)
            fitted = _slice(years, start)
            left = fitted.violations(before)
            if not left:
                break
    if left:
        what = "could not be repaired" if repair else "is refused"
        raise ArbitrageError(f"the fitted slice {what}: {left[0]}")
    miss = np.sqrt(np.sum(share * (fitted.volatility(k) - sigma) ** 2))
    return SliceFit(fitted, float(miss), len(k), tuple(best))


def _slice(years: float, x: Floats) -> SviSlice:
    p = np.empty(kernels.N_PARAMETERS)
    kernels.plain(x, p)
    return SviSlice(years, *p.tolist())


def _clean(w: Floats, before: SviSlice | None) -> Floats:
    """Return a start without arbitrage: nearly flat, or a little above the slice of the expiry before."""
    if before is None:
        return np.array([float(w.mean()), math.log(1e-3 * float(w.mean())), 0.0, 0.0, 0.0])
    lifted = (1.01 * before.a, math.log(max(1.01 * before.b, 1e-9)), math.atanh(before.rho))
    return np.array([*lifted, before.m, math.log(before.sigma)])


def _guesses(k: Floats, w: Floats) -> list[Floats]:
    """Return starts of a fit, in the numbers of the kernel: vertex low or at the forward, blunt or sharp."""
    low, high = float(k.min()), float(k.max())
    width, bottom = high - low, float(w.min())
    starts = []
    for vertex in (float(k[w.argmin()]), 0.0):
        left = max((w[k.argmin()] - bottom) / max(vertex - low, 0.1 * width), 1e-4)
        right = max((w[k.argmax()] - bottom) / max(high - vertex, 0.1 * width), 1e-4)
        rho, b = float(np.clip((right - left) / (right + left), -0.9, 0.9)), 0.5 * float(left + right)
        for sigma in (0.1 * width, 0.4 * width):
            a = bottom - b * sigma * math.sqrt(1.0 - rho * rho)
            starts.append(np.array([a, math.log(b), math.atanh(rho), vertex, math.log(sigma)]))
    return starts
