"""A volatility surface: SVI slices by expiry, free of arbitrage, and books of options valued on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import surface_kernels as kernels
from .inputs import ArbitrageError, Floats, ParameterError, book, check_parameter
from .svi import SliceFit, SviSlice, Violation, fit_slice


def violations(slices: Sequence[SviSlice]) -> list[Violation]:
    """Butterfly arbitrage of each slice and calendar arbitrage between neighbours, in order of expiry."""
    pairs = zip(slices, (None, *slices), strict=False)
    return [each for one, before in pairs for each in one.violations(before)]


class TermStructure(NamedTuple):
    """At-the-money figures by expiry, each of shape (n_expiries,).

    Attributes
    ----------
    years, forward
    volatility
        At the forward, per square root of a year.
    skew
        Derivative of volatility by log-moneyness there; negative when downside protection is dear.
    """

    years: Floats
    forward: Floats
    volatility: Floats
    skew: Floats


class VolatilitySurface:
    """Total variance by log-moneyness and time, and a forward by time.

    Between expiries total variance and the log of the forward are linear in time, which keeps the surface
    free of calendar arbitrage; before the first and after the last the volatility at each log-moneyness is
    constant, and so is the forward. Values are not discounted: multiply by a discount factor if money bears
    interest.

    Parameters
    ----------
    slices : sequence of SviSlice
        By increasing expiry.
    forwards : array_like, shape (n_slices,)
        Forward of each expiry, positive.

    Raises
    ------
    ArbitrageError
        If the slices admit arbitrage; `fit_surface` repairs.
    ParameterError
        If expiries do not increase or a forward is not positive.
    """

    def __init__(self, slices: Sequence[SviSlice], forwards: ArrayLike) -> None:
        self._years = np.array([one.years for one in slices])
        self._forwards = np.array(forwards, np.float64)
        if not slices or self._forwards.shape != self._years.shape:
            raise ParameterError(
                f"a surface needs one forward for each slice, and a slice at least; got {len(slices)} slices "
                f"and forwards of shape {self._forwards.shape}"
            )
        if not (np.all(np.diff(self._years) > 0.0) and np.all(self._forwards > 0.0)):
            raise ParameterError(
                "expiries of a surface must increase and forwards be above 0; got years "
                f"{self._years.tolist()} and forwards {self._forwards.tolist()}"
            )
        found = violations(slices)
        if found:
            raise ArbitrageError(f"the surface admits arbitrage: {found[0]}")
        self._parameters = np.array([one.parameters for one in slices])

    @property
    def slices(self) -> tuple[SviSlice, ...]:
        """The slices, by increasing expiry."""
        rows = zip(self._years.tolist(), self._parameters.tolist(), strict=True)
        return tuple(SviSlice(years, *row) for years, row in rows)

    @property
    def years(self) -> Floats:
        """Expiries of the slices."""
        return self._years.copy()

    def forward(self, years: ArrayLike) -> Floats:
        """Forward price at each time."""
        return np.exp(self._log_forward(np.asarray(years, np.float64)))

    def total_variance(self, log_moneyness: ArrayLike, years: ArrayLike) -> Floats:
        """Variance of the log price until each time; arguments broadcast."""
        k, t = map(np.array, np.broadcast_arrays(np.asarray(log_moneyness, float), np.asarray(years, float)))
        out = np.empty(k.shape)
        kernels.variances(self._years, self._parameters, k.ravel(), t.ravel(), out.reshape(-1))
        return out

    def volatility(self, strike: ArrayLike, years: ArrayLike) -> Floats:
        """Implied volatility at strikes and times, per square root of a year; arguments broadcast."""
        t = np.asarray(years, np.float64)
        k = np.log(np.asarray(strike, np.float64)) - self._log_forward(t)
        return np.sqrt(self.total_variance(k, t) / t)

    def _log_forward(self, years: Floats) -> Floats:
        out = np.empty(years.shape)
        kernels.log_forwards(self._years, np.log(self._forwards), years.reshape(-1), out.reshape(-1))
        return out

    def price(self, strike: ArrayLike, years: ArrayLike, is_call: ArrayLike) -> Floats:
        """Undiscounted values of European options.

        Parameters
        ----------
        strike, years : array_like
            In the quote asset and in years, positive; arguments broadcast.
        is_call : array_like of bool

        Returns
        -------
        ndarray
            Of the common shape, in the quote asset.

        Raises
        ------
        ExpiredOptionError, InstrumentError
            With the option at fault.
        """
        _, k, t, call, _ = book(1.0, strike, years, is_call)
        out = np.empty(k.shape)
        flat = (k.reshape(-1), t.reshape(-1), call.reshape(-1), out.reshape(-1))
        kernels.prices(self._years, np.log(self._forwards), self._parameters, *flat)
        return out

    def term_structure(self) -> TermStructure:
        """Volatility and skew at the forward of each expiry."""
        slices = self.slices
        level = np.array([float(one.volatility(0.0)) for one in slices])
        slope = np.array([float(one.slope(0.0)) for one in slices])
        return TermStructure(self.years, self._forwards.copy(), level, slope / (2.0 * level * self._years))

    def moved(self, forward_factor: float = 1.0, volatility_factor: float = 1.0) -> VolatilitySurface:
        """Move all forwards and all volatilities by a factor; smiles move with the forward.

        The surface of a stress scenario is not checked again: it is as shocking as it is.
        """
        check_parameter("forward_factor", forward_factor, above=0.0)
        check_parameter("volatility_factor", volatility_factor, above=0.0)
        other = object.__new__(VolatilitySurface)
        other._years = self._years
        other._forwards = self._forwards * forward_factor
        scale = np.array([volatility_factor**2, volatility_factor**2, 1.0, 1.0, 1.0])
        other._parameters = self._parameters * scale
        return other


@dataclass(frozen=True, slots=True)
class SurfaceFit:
    """A surface with how each of its slices was fitted, in order of expiry."""

    surface: VolatilitySurface
    slices: tuple[SliceFit, ...]

    @property
    def repaired(self) -> tuple[Violation, ...]:
        """What the best fits violated and the surface does not."""
        return tuple(each for fit in self.slices for each in fit.repaired)


def fit_surface(
    strike: ArrayLike,
    years: ArrayLike,
    forward: ArrayLike,
    volatility: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    repair: bool = True,
) -> SurfaceFit:
    """Fit one slice to the quotes of each expiry, nearest first, each bound by the one before.

    Parameters
    ----------
    strike, years, forward, volatility : array_like, shape (n_quotes,)
        Quotes of one expiry have equal `years`; the forward of a slice is the median of theirs. Volatility is
        NaN where there is none.
    weights : array_like, shape (n_quotes,), optional
        Of the errors of volatility.
    repair : bool
        Whether arbitrage is repaired or refused.

    Returns
    -------
    SurfaceFit
        Expiries with fewer than 5 quoted strikes have no slice.

    Raises
    ------
    ArbitrageError
        If a slice admits arbitrage and must not or cannot be repaired.
    ParameterError
        If no expiry has enough quotes.
    """
    k, t, f, sigma = np.broadcast_arrays(
        *(np.asarray(each, np.float64) for each in (strike, years, forward, volatility))
    )
    share = np.ones(k.shape) if weights is None else np.asarray(weights, np.float64)
    fits: list[SliceFit] = []
    forwards = []
    for expiry in np.unique(t).tolist():
        quoted: NDArray[np.bool_] = (t == expiry) & np.isfinite(sigma)
        if len(np.unique(k[quoted])) < 5:
            continue
        before = fits[-1].slice if fits else None
        moneyness = np.log(k[quoted] / f[quoted])
        fits.append(fit_slice(moneyness, sigma[quoted], expiry, share[quoted], before=before, repair=repair))
        forwards.append(float(np.median(f[quoted])))
    if not fits:
        raise ParameterError("no expiry has quotes at 5 strikes or more")
    return SurfaceFit(VolatilitySurface([fit.slice for fit in fits], forwards), tuple(fits))
