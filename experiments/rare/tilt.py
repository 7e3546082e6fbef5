"""Tilted prices: the same geometric Brownian motion with another drift, and the likelihood ratio.

The tilt shifts the log price of some assets at the end of the run by so many standard
deviations, spread evenly over time; assets correlated with them move along as far as the
correlation says, which is the least change of the law that does it. By Girsanov's theorem
the ratio of the densities of two such paths depends on the shifted assets' last prices alone:

    ln dP/dQ = -c' R^-1 z - c' R^-1 c / 2

with c the shifts, R the correlation of the shifted assets and z their last log prices under
the tilted law Q, standardised. It is known for this process only: others are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...market.prices.reference import YEAR_S
from ...market.streams import Streams
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError, per_asset
from ..scenarios.prices import GbmPrices
from ..scenarios.scenario import correlation_matrix
from ..world.assembly import build_outside

Floats = NDArray[np.float64]

MAX_SHIFT = 20.0
"""Standard deviations beyond which a shift is a slip of the pen."""


@dataclass(frozen=True, slots=True, eq=False)
class Tilt:
    """A scenario, its tilted twin, and how likely one's paths are under the other.

    Attributes
    ----------
    scenario, tilted : Scenario
        Equal but for the drift.
    shift_sd : dict of str to float
        Shift of the log price at the end, in standard deviations, by symbol.
    """

    scenario: Scenario
    tilted: Scenario
    shift_sd: dict[str, float]

    def log_ratio(self, seed: int, *, from_tilted: bool) -> float:
        """Return the log of the true density over the tilted one at the path of a seed.

        Parameters
        ----------
        seed : int
        from_tilted : bool
            Whether the path was drawn from the tilted law.
        """
        drawn = self.tilted if from_tilted else self.scenario
        path = build_outside(drawn, Streams(seed)).path
        columns = [self.scenario.symbols.index(symbol) for symbol in self.shift_sd]
        moved = np.log(path[-1, columns] / path[0, columns])
        sd, mean, correlation = self._law()
        shifts = np.array(list(self.shift_sd.values()))
        z = (moved - mean) / sd - shifts
        weights = np.linalg.solve(correlation, shifts)
        return float(-weights @ z - 0.5 * weights @ shifts)

    def _law(self) -> tuple[Floats, Floats, Floats]:
        """Return spread and mean of the shifted assets' log prices at the end under the true law, and R."""
        prices = self.scenario.prices
        assert isinstance(prices, GbmPrices)
        risky = [asset.symbol for asset in self.scenario.risky]
        chosen = [risky.index(symbol) for symbol in self.shift_sd]
        years = _years(self.scenario)
        sigma = _by_asset(prices.volatility_per_year, risky)[chosen]
        drift = _by_asset(prices.drift_per_year, risky)[chosen]
        matrix = correlation_matrix(prices.correlation, tuple(risky))[np.ix_(chosen, chosen)]
        return sigma * math.sqrt(years), (drift - 0.5 * sigma**2) * years, matrix


def tilt_of(scenario: Scenario, shift_sd: Mapping[str, float]) -> Tilt:
    """Tilt a scenario's prices.

    Parameters
    ----------
    scenario : Scenario
        With ``prices.kind = "gbm"``.
    shift_sd : mapping of str to float
        Shift of each asset's log price at the end of the run, in standard deviations; -3 for a fall
        that the true law has once in 700 runs.

    Raises
    ------
    ScenarioError
        If prices come from anything else, or a shift is not possible.
    """
    prices = scenario.prices
    if not isinstance(prices, GbmPrices):
        raise ScenarioError(
            f"prices.kind = {prices.kind!r}; allowed: 'gbm', for which a tilt's likelihood ratio is known"
        )
    risky = [asset.symbol for asset in scenario.risky]
    if not shift_sd:
        raise ScenarioError(f"no asset to tilt; allowed: one or more of {', '.join(risky)}")
    sigma = dict(zip(risky, _by_asset(prices.volatility_per_year, risky).tolist(), strict=True))
    for symbol, shift in shift_sd.items():
        if symbol not in risky:
            raise ScenarioError(f"tilt of {symbol!r}; allowed: {', '.join(risky)}")
        if not 0.0 < abs(shift) <= MAX_SHIFT:
            raise ScenarioError(
                f"tilt of {symbol} = {shift:g}; allowed: -{MAX_SHIFT:g} to {MAX_SHIFT:g}, not 0"
            )
        if not sigma[symbol] > 0.0:
            raise ScenarioError(f"tilt of {symbol}, whose volatility is 0; allowed: assets that move")
    matrix = correlation_matrix(prices.correlation, tuple(risky))
    chosen = [risky.index(symbol) for symbol in shift_sd]
    inside = matrix[np.ix_(chosen, chosen)]
    if np.linalg.eigvalsh(inside)[0] < 1e-9:
        raise ScenarioError(f"tilt of {', '.join(shift_sd)}: one follows from the others; tilt fewer assets")
    along = matrix[:, chosen] @ np.linalg.solve(inside, np.array(list(shift_sd.values())))
    drift = _by_asset(prices.drift_per_year, risky)
    added = along * np.array([sigma[symbol] for symbol in risky]) / math.sqrt(_years(scenario))
    tilted = prices.model_copy(
        update={"drift_per_year": dict(zip(risky, (drift + added).tolist(), strict=True))}
    )
    return Tilt(scenario, scenario.model_copy(update={"prices": tilted}), dict(shift_sd))


def _years(scenario: Scenario) -> float:
    return scenario.clock.n_blocks * scenario.clock.block_time_s / YEAR_S


def _by_asset(value: float | dict[str, float], risky: list[str]) -> Floats:
    return np.broadcast_to(np.asarray(per_asset(value, risky), np.float64), (len(risky),))
