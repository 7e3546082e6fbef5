"""The options of a world as the world outside sees them: volatility, fair values, final prices.

All follows from the outside prices of the underlyings, so it is known before the run; nobody in it is told
more than the volatility that is published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...market.prices.reference import YEAR_S
from ...protocols.margin.listed_options import ListedOptions
from ...protocols.margin.models import VolatilityFeed, black_scholes
from ...protocols.margin.models.realised_volatility import FeedMemory
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.venues import FixedVolatility, RealisedVolatility

Floats = NDArray[np.float64]

LARGEST_ELASTICITY = 100.0
"""Of an option's price in that of its underlying, as far as orders are concerned."""


@dataclass(frozen=True, slots=True, eq=False)
class OptionListing:
    """Options in the order of the scenario's assets.

    Attributes
    ----------
    assets, underlying : int64 ndarray, shape (n_options,)
        Ledger columns.
    terms : ListedOptions
    level, volatility, age_s : float64 ndarray, shape (n_blocks + 1, n_options)
        As published in each block, per root of a year: at the money, and of each option; and their age.
    share : float64 ndarray, shape (n_blocks + 1, n_options)
        Fair value over the price of the underlying.
    elasticity : float64 ndarray, shape (n_blocks + 1, n_options)
        Relative move of the value for a small relative move of the underlying, 1 to `LARGEST_ELASTICITY`.
    final : float64 ndarray, shape (n_options,)
        Final price of the underlying, USD; nan if the option outlives the run.
    """

    assets: NDArray[np.int64]
    underlying: NDArray[np.int64]
    terms: ListedOptions
    level: Floats
    volatility: Floats
    age_s: Floats
    share: Floats
    elasticity: Floats
    final: Floats


def list_options(scenario: Scenario, times_s: Floats, path: Floats) -> OptionListing | None:
    """Value the options of a scenario along the outside path, and put their values into its columns.

    From expiry on a column holds the final value. No value is below one tick, the least that a book can say.

    Parameters
    ----------
    scenario : Scenario
    times_s : float64 ndarray, shape (n_blocks + 1,)
    path : float64 ndarray, shape (n_blocks + 1, n_assets)
        Outside prices, USD; in the columns of options it holds those of their underlyings.

    Raises
    ------
    ScenarioError
        If an option is worth less than a tick at the start, or a volatility was not positive.
    """
    given = [(i, asset.option) for i, asset in enumerate(scenario.assets) if asset.option is not None]
    if not given:
        return None
    terms = ListedOptions.of([(o.strike_usd, o.expiry_s, o.side) for _, o in given])
    assets = np.array([i for i, _ in given], np.int64)
    underlying = np.array([scenario.symbols.index(str(scenario.assets[i].underlying)) for i in assets])
    spot = path[:, underlying].copy()
    level, age_s = _levels(scenario, times_s, path, underlying)
    assert scenario.volatility is not None  # checked: there are options
    volatility = terms.volatilities(scenario.volatility.surface, level, spot, times_s[:, None])
    value, elasticity = np.empty_like(spot), np.ones_like(spot)
    final = np.full(len(given), np.nan)
    for k, (i, option) in enumerate(given):
        live = times_s < option.expiry_s
        end = int(live.sum())
        found = black_scholes.greeks(
            spot[:end, k],
            option.strike_usd,
            (option.expiry_s - times_s[:end]) / YEAR_S,
            terms.is_call[k],
            volatility[:end, k],
        )
        value[:end, k] = found.price
        tick_usd = _tick_usd(scenario, i, float(found.price[0]))
        floored = np.maximum(found.price, tick_usd)
        elasticity[:end, k] = np.clip(np.abs(found.delta) * spot[:end, k] / floored, 1.0, LARGEST_ELASTICITY)
        if end < len(times_s):
            window = (times_s >= option.expiry_s - option.average_s) & (times_s <= times_s[end])
            final[k] = spot[window, k].mean()
            value[end:, k] = terms.payoff(final)[k]
        path[:, i] = np.maximum(value[:, k], tick_usd)
    share = path[:, assets] / spot
    return OptionListing(assets, underlying, terms, level, volatility, age_s, share, elasticity, final)


def _tick_usd(scenario: Scenario, asset: int, price_usd: float) -> float:
    config = scenario.assets[asset]
    assert config.book is not None  # checked: a contract trades on a book
    if price_usd < config.book.tick_usd:
        raise ScenarioError(
            f"assets.{config.symbol}.book.tick_usd = {config.book.tick_usd:g} is more than the option is "
            f"worth at the start; allowed: up to {price_usd:.3g}"
        )
    return config.book.tick_usd


def _levels(
    scenario: Scenario, times_s: Floats, path: Floats, underlying: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return level and age as published for each option; shape (n_blocks + 1, n_options)."""
    config = scenario.volatility
    shape = (len(times_s), len(underlying))
    if isinstance(config, FixedVolatility):
        return np.full(shape, config.annual), np.zeros(shape)
    assert isinstance(config, RealisedVolatility)
    volatility, age_s = np.empty(shape), np.empty(shape)
    for asset in np.unique(underlying).tolist():
        feed = PublishedVolatility(config)
        prices = path[:, asset].tolist()
        found = np.array([feed.see(*seen) for seen in zip(prices, times_s.tolist(), strict=True)])
        of = underlying == asset
        volatility[:, of], age_s[:, of] = found[:, :1], found[:, 1:]
    return volatility, age_s


class PublishedVolatility:
    """A feed of realised volatility that begins with what a scenario says.

    Parameters
    ----------
    config : RealisedVolatility
    """

    def __init__(self, config: RealisedVolatility) -> None:
        self._config = config
        self._feed = VolatilityFeed(config.half_life_s, config.publish_every_s)
        self._memory = FeedMemory(
            variance=config.start**2, weight=1.0, published=config.start, published_s=0.0
        )

    def see(self, price: float, time_s: float) -> tuple[float, float]:
        """Take in a price; return the volatility published last and its age, s."""
        self._memory = self._feed.see(self._memory, price, time_s)
        volatility, age_s = self._feed.read(self._memory, time_s)
        return min(max(volatility, self._config.at_least), self._config.at_most), age_s
