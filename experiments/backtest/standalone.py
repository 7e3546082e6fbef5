"""Replay an episode on a drawn population without the simulator: the baseline a simulation must beat.

Same accounts and prices as a full run, but no books, gas, bots or feedback (see `replay`). The difference
between the two is what the market structure adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...agents.population import Population, PopulationLaw, draw_population
from ..episodes import Episode
from ..episodes.fits import PopulationFit
from .fit_data import SLOT_S, SLOTS_PER_HOUR
from .replay import LendingRule, ReplayAccounts, replay

FloatArray = npt.NDArray[np.float64]


def episode_paths(episode: Episode, symbols: Sequence[str]) -> tuple[FloatArray, dict[str, float]]:
    """Lowest close of each 5-minute slot over the day's opening price, and those opening prices (USD).

    Returns
    -------
    tuple
        ndarray, shape (n_slots, n_symbols); symbol -> price.
    """
    per_slot = SLOT_S // episode.bar_seconds
    columns, opens = [], {}
    for symbol in symbols:
        bars = episode.day_bars(symbol)
        opens[symbol] = float(bars.open.iloc[0])
        closes = bars.close.to_numpy(dtype=np.float64).reshape(-1, per_slot)
        columns.append(closes.min(axis=1) / opens[symbol])
    return np.column_stack(columns), opens


def replay_population(
    population: Population, law: PopulationLaw, paths: FloatArray, prices: FloatArray
) -> FloatArray:
    """Hourly repaid debt of a drawn population, shape (n_collateral, n_hours), USD.

    Parameters
    ----------
    population, law
        As drawn, and the law it came from (thresholds, bonuses).
    paths : ndarray, shape (n_slots, n_collateral)
        Relative prices by 5-minute slot.
    prices : ndarray, shape (n_collateral,)
        USD per token at relative price 1.
    """
    accounts = ReplayAccounts(
        collateral_usd=population.collateral_tokens * prices,
        debt_usd=population.debt_usd.sum(axis=1),
        alert_level=population.alert_level,
        target_health=population.target_health,
        delay_slots=population.delay_s / SLOT_S,
        path_of=np.zeros(len(population), dtype=np.int64),
        reset_slot=population.reset_s / SLOT_S,
        reset_health=population.reset_health,
        reset_alert_level=population.reset_alert_level,
    )
    rule = LendingRule(
        tuple(entry.liquidation_threshold for entry in law.collateral),
        tuple(entry.bonus for entry in law.collateral),
    )
    return np.asarray(replay(accounts, paths[None, :, :], rule, SLOTS_PER_HOUR).sum(axis=0))


def standalone_backtest(
    episode: Episode, fit: PopulationFit, n_borrowers: int, seeds: Sequence[int]
) -> FloatArray:
    """Hourly liquidated debt of the episode's day by seed, shape (n_seeds, 24), USD."""
    symbols = [entry.symbol for entry in fit.law.collateral]
    paths, opens = episode_paths(episode, symbols)
    prices = np.array([opens[symbol] for symbol in symbols])
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        population = draw_population(fit.law, n_borrowers, fit.total_debt_usd, opens, rng)
        rows.append(replay_population(population, fit.law, paths, prices).sum(axis=0))
    return np.array(rows)
