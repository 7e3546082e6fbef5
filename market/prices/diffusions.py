"""Reference prices drawn from processes: GBM, Merton jump diffusion and Heston.

Rates and volatilities are per year of 365 days and may differ by asset. Shocks are
correlated through `correlation`. The step from one block time to the next is exact
for GBM and Merton; Heston's variance is stepped by full-truncation Euler.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from .correlation import correlation_factor
from .reference import YEAR_S, Floats, Streams, check_times


class _Diffusion:
    """What the processes share: assets, starting prices and correlated shocks."""

    def __init__(self, initial: Mapping[str, float], drift: ArrayLike, correlation: ArrayLike | None) -> None:
        if not initial:
            raise ValueError("a price process needs the starting price of at least one asset")
        self._symbols = tuple(initial)
        self._initial = self._per_asset("initial price", list(initial.values()), above=0.0)
        self._drift = self._per_asset("drift", drift)
        self._factor = correlation_factor(correlation, self._symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Assets priced, in the order given."""
        return self._symbols

    def _per_asset(
        self,
        name: str,
        value: ArrayLike,
        *,
        above: float = -np.inf,
        at_least: float = -np.inf,
        at_most: float = np.inf,
    ) -> Floats:
        try:
            values = np.broadcast_to(np.asarray(value, np.float64), (len(self._symbols),))
        except ValueError:
            raise ValueError(
                f"{name} must be one number or one for each of {len(self._symbols)} assets, got {value!r}"
            ) from None
        for symbol, one in zip(self._symbols, values.tolist(), strict=True):
            if not (np.isfinite(one) and one > above and at_least <= one <= at_most):
                bound = f"above {above:g}" if np.isfinite(above) else f"in [{at_least:g}, {at_most:g}]"
                raise ValueError(f"{name} of {symbol} must be finite and {bound}, got {one}")
        return values

    def _steps(self, times_s: ArrayLike) -> Floats:
        """Years between block times; the first price holds at the first block time."""
        return np.diff(check_times(times_s)) / YEAR_S

    def _prices(self, log_steps: Floats) -> Floats:
        path = np.zeros((len(log_steps) + 1, len(self._symbols)))
        np.cumsum(log_steps, axis=0, out=path[1:])
        np.exp(path, out=path)
        return path * self._initial


class GeometricBrownianMotion(_Diffusion):
    """Prices with constant drift and volatility, ``dS = mu S dt + sigma S dW``.

    Parameters
    ----------
    initial : mapping of str to float
        Asset symbol and its price at block time 0.
    volatility : float or array_like, shape (n_assets,)
        Per square root of a year, not negative.
    drift : float or array_like, shape (n_assets,)
        Expected growth rate per year.
    correlation : array_like, shape (n_assets, n_assets), optional
        Positive semidefinite; by default uncorrelated.
    """

    def __init__(
        self,
        initial: Mapping[str, float],
        *,
        volatility: ArrayLike,
        drift: ArrayLike = 0.0,
        correlation: ArrayLike | None = None,
    ) -> None:
        super().__init__(initial, drift, correlation)
        self._volatility = self._per_asset("volatility", volatility, at_least=0.0)

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Prices at block times, as `ReferencePrice.path`; exact at any step."""
        years = self._steps(times_s)[:, None]
        shocks = [streams(f"price.{symbol}").standard_normal(len(years)) for symbol in self.symbols]
        return self._prices(self._log_steps(years, np.column_stack(shocks) @ self._factor.T))

    def _log_steps(self, years: Floats, shocks: Floats) -> Floats:
        sigma = self._volatility
        return (self._drift - 0.5 * sigma**2) * years + sigma * np.sqrt(years) * shocks


class MertonJumpDiffusion(GeometricBrownianMotion):
    """GBM with jumps of normally distributed log size at Poisson times (MODEL 2.4; Merton 1976).

    Parameters
    ----------
    initial, volatility, drift, correlation
        As `GeometricBrownianMotion`; `drift` is the expected growth with jumps included.
    intensity : float or array_like, shape (n_assets,)
        Jumps per year of each asset on its own.
    jump_mean, jump_sd : float or array_like, shape (n_assets,)
        Mean and standard deviation of the log jump.
    common_intensity : float
        Jumps per year that hit all assets at the same time, each with its own size.
    """

    def __init__(
        self,
        initial: Mapping[str, float],
        *,
        volatility: ArrayLike,
        intensity: ArrayLike,
        jump_mean: ArrayLike,
        jump_sd: ArrayLike,
        drift: ArrayLike = 0.0,
        correlation: ArrayLike | None = None,
        common_intensity: float = 0.0,
    ) -> None:
        super().__init__(initial, volatility=volatility, drift=drift, correlation=correlation)
        self._intensity = self._per_asset("intensity", intensity, at_least=0.0)
        self._jump_mean = self._per_asset("jump_mean", jump_mean)
        self._jump_sd = self._per_asset("jump_sd", jump_sd, at_least=0.0)
        self._common = float(self._per_asset("common_intensity", common_intensity, at_least=0.0)[0])

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Prices at block times, as `ReferencePrice.path`; exact at any step."""
        years = self._steps(times_s)
        shocks = np.empty((len(years), len(self.symbols)))
        jumps = np.zeros_like(shocks)
        together = streams("price.common-jumps").poisson(self._common * years) if self._common else 0
        for i, symbol in enumerate(self.symbols):
            rng = streams(f"price.{symbol}")
            shocks[:, i] = rng.standard_normal(len(years))
            count = rng.poisson(self._intensity[i] * years) + together
            # the sum of n normal jumps is normal
            spread = self._jump_sd[i] * np.sqrt(count) * rng.standard_normal(len(years))
            jumps[:, i] = self._jump_mean[i] * count + spread
        mean_jump = np.expm1(self._jump_mean + 0.5 * self._jump_sd**2)
        compensator = (self._intensity + self._common) * mean_jump * years[:, None]
        return self._prices(self._log_steps(years[:, None], shocks @ self._factor.T) + jumps - compensator)


class HestonPrice(_Diffusion):
    """Stochastic volatility: ``dv = kappa (theta - v) dt + xi sqrt(v) dB`` (MODEL 2.4; Heston 1993).

    The variance is stepped at block times by full-truncation Euler (Lord, Koekkoek
    and van Dijk 2010), which needs `mean_reversion` times the step to be small; at
    blocks of seconds it is. Given the variance, the price step has the right mean.

    Parameters
    ----------
    initial : mapping of str to float
        Asset symbol and its price at block time 0.
    variance : float or array_like, shape (n_assets,)
        Variance per year at block time 0.
    long_run_variance : float or array_like, shape (n_assets,)
        Level the variance returns to, per year.
    mean_reversion : float or array_like, shape (n_assets,)
        Speed of the return, per year.
    vol_of_variance : float or array_like, shape (n_assets,)
        The factor xi, per year.
    leverage : float or array_like, shape (n_assets,)
        Correlation of price and variance shocks of an asset, -1 to 1.
    drift, correlation
        As `GeometricBrownianMotion`; `correlation` is that of the price shocks.
    """

    def __init__(
        self,
        initial: Mapping[str, float],
        *,
        variance: ArrayLike,
        long_run_variance: ArrayLike,
        mean_reversion: ArrayLike,
        vol_of_variance: ArrayLike,
        leverage: ArrayLike = 0.0,
        drift: ArrayLike = 0.0,
        correlation: ArrayLike | None = None,
    ) -> None:
        super().__init__(initial, drift, correlation)
        self._variance = self._per_asset("variance", variance, at_least=0.0)
        self._theta = self._per_asset("long_run_variance", long_run_variance, at_least=0.0)
        self._kappa = self._per_asset("mean_reversion", mean_reversion, at_least=0.0)
        self._xi = self._per_asset("vol_of_variance", vol_of_variance, at_least=0.0)
        self._rho = self._per_asset("leverage", leverage, at_least=-1.0, at_most=1.0)

    def path(self, times_s: ArrayLike, streams: Streams) -> Floats:
        """Prices at block times, as `ReferencePrice.path`."""
        years = self._steps(times_s)
        draws = [streams(f"price.{symbol}").standard_normal((len(years), 2)) for symbol in self.symbols]
        shocks = np.column_stack([pair[:, 0] for pair in draws]) @ self._factor.T
        own = np.column_stack([pair[:, 1] for pair in draws])
        variance_shocks = self._rho * shocks + np.sqrt(1.0 - self._rho**2) * own
        spot = np.column_stack(
            [self._variance_path(i, years, variance_shocks[:, i]) for i in range(len(self.symbols))]
        )
        step = years[:, None]
        return self._prices((self._drift - 0.5 * spot) * step + np.sqrt(spot * step) * shocks)

    def _variance_path(self, asset: int, years: Floats, shocks: Floats) -> Floats:
        """Step the variance and return it, cut at zero, at the beginning of each step."""
        kappa, theta = float(self._kappa[asset]), float(self._theta[asset])
        variance = float(self._variance[asset])
        kicks = (float(self._xi[asset]) * np.sqrt(years) * shocks).tolist()
        spot = []
        for pull, kick in zip((kappa * years).tolist(), kicks, strict=True):
            level = variance if variance > 0.0 else 0.0
            spot.append(level)
            variance += pull * (theta - level) + kick * level**0.5
        return np.array(spot)
