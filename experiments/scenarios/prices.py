"""The [prices] section: where the reference price of each asset comes from.

One class for each kind, so that a key that this kind does not read is an error.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Rows, Section

Drift = Annotated[float, Field(ge=-100_000, le=100_000)]
Volatility = Annotated[float, Field(ge=0, le=100)]
Correlation = Annotated[float, Field(ge=-1, le=1)]


class EpisodePrices(Section):
    """Prices of a packaged episode, from `clock.start` on."""

    kind: Literal["episode"]
    episode: str = Field(min_length=1, description="name of a packaged episode")


class FilePrices(Section):
    """Prices from the user's own files, from `clock.start` on."""

    kind: Literal["file"]
    path: dict[str, str] = Field(
        min_length=1,
        description="CSV or Parquet file of each asset, columns ts (Unix s or ISO 8601, UTC) and close (USD)",
    )


class ProcessPrices(Section):
    """What the price processes share; stable assets keep their price."""

    drift_per_year: Drift | dict[str, Drift] = Field(
        default=0.0, description="expected log growth of the price a year, one for all or by symbol"
    )
    correlation: Correlation | Rows[Rows[Correlation]] = Field(
        default=0.0,
        description="correlation of log returns: one number for all pairs, or the matrix in the order of the "
        "assets that are not stable",
    )


class GbmPrices(ProcessPrices):
    """Geometric Brownian motion."""

    kind: Literal["gbm"]
    volatility_per_year: Volatility | dict[str, Volatility] = Field(
        description="standard deviation of log returns a year (0.8 = 80 %), one for all or by symbol"
    )


class MertonPrices(ProcessPrices):
    """Geometric Brownian motion with lognormal jumps (MODEL 2.4)."""

    kind: Literal["merton"]
    volatility_per_year: Volatility | dict[str, Volatility] = Field(
        description="standard deviation of the diffusion a year, one for all or by symbol"
    )
    jumps_per_year: float = Field(ge=0, le=100_000, description="expected jumps a year and asset")
    jump_mean_log: float = Field(ge=-5, le=5, description="mean of the log jump (-0.05 = 5 % down)")
    jump_sd_log: float = Field(ge=0, le=5, description="standard deviation of the log jump")


class HestonPrices(ProcessPrices):
    """Stochastic variance that returns to its mean (MODEL 2.4)."""

    kind: Literal["heston"]
    variance_start: float = Field(ge=0, le=10_000, description="variance of log returns a year, at the start")
    variance_mean: float = Field(ge=0, le=10_000, description="variance a year that it returns to")
    variance_reversion_per_year: float = Field(ge=0, le=1e6, description="speed of the return, a year")
    volatility_of_variance: float = Field(ge=0, le=1_000, description="xi, a year")
    price_variance_correlation: Correlation = Field(
        default=0.0, description="correlation of price and variance shocks"
    )


PricesConfig = Annotated[
    EpisodePrices | FilePrices | GbmPrices | MertonPrices | HestonPrices, Field(discriminator="kind")
]
