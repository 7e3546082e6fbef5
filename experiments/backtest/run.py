"""Simulate a recorded day with several seeds and put its hours beside the real ones.

Simulates and tabulates; what a score means is `score`'s business. Nothing is
fitted here: the population was fitted before the day, and depth, bots and
borrowers are what the scenario says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..episodes import PRICED_AS, Episode, load_episode
from ..episodes.fits import fit_names, load_fit
from ..episodes.loader import episode_names
from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..runs.run import run
from ..scenarios import Scenario, ScenarioError, load_scenario
from ..scenarios.deciders import RecordingConfig
from ..scenarios.prices import EpisodePrices
from .score import BacktestScore, hourly_volume, score_episode

FloatArray = npt.NDArray[np.float64]

COLLATERALS = tuple(sorted(PRICED_AS.values()))
"""Collateral whose liquidations are compared; the debts are stablecoins."""

_QUANTILES = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class BacktestReport:
    """Simulated and real hours of one day.

    Attributes
    ----------
    scenario, episode : str
    seeds : tuple of int
    real_usd : ndarray, shape (hours,)
        Stable debt really repaid by liquidators against `COLLATERALS`, USD.
    simulated_usd : ndarray, shape (n_seeds, hours)
        The same, simulated.
    population_debt_usd : float
        Debt of the simulated borrowers at the start, mean over seeds, USD.
    fitted_debt_usd : float or None
        The same as fitted on the days before; None if the population is not a fitted one.
    score : BacktestScore
    """

    scenario: str
    episode: str
    seeds: tuple[int, ...]
    real_usd: FloatArray
    simulated_usd: FloatArray
    population_debt_usd: float
    fitted_debt_usd: float | None
    score: BacktestScore

    @property
    def intervals_usd(self) -> FloatArray:
        """5 and 95 % quantiles over seeds, shape (2, hours)."""
        return np.asarray(np.quantile(self.simulated_usd, _QUANTILES, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; what is not defined is None."""
        low, high = self.intervals_usd
        mean = self.simulated_usd.mean(axis=0)
        plain: dict[str, Any] = _finite(
            {
                "scenario": self.scenario,
                "episode": self.episode,
                "seeds": list(self.seeds),
                "population_debt_usd": self.population_debt_usd,
                "fitted_debt_usd": self.fitted_debt_usd,
                "hours": [
                    {
                        "hour": hour,
                        "real_usd": float(self.real_usd[hour]),
                        "simulated_usd": float(mean[hour]),
                        "simulated_interval_usd": [float(low[hour]), float(high[hour])],
                    }
                    for hour in range(len(mean))
                ],
                "simulated_by_seed_usd": self.simulated_usd.tolist(),
                "score": self.score.to_dict(),
            }
        )
        return plain

    def to_text(self) -> str:
        """Hours and scores for a terminal."""
        low, high = self.intervals_usd
        rows: list[tuple[str, ...]] = [("hour UTC", "real", "simulated", "5 %", "95 %", "")]
        for hour, values in enumerate(
            zip(self.real_usd, self.simulated_usd.mean(axis=0), low, high, strict=True)
        ):
            real, mean, bottom, top = (float(value) for value in values)
            where = "inside" if bottom <= real <= top else "above" if real > top else "below"
            rows.append(
                (f"{hour:02d}:00", *(f"{value / 1e6:.2f}" for value in (real, mean, bottom, top)), where)
            )
        fitted = (
            "" if self.fitted_debt_usd is None else f", {self.fitted_debt_usd / 1e6:,.0f} as fitted before"
        )
        return "\n".join(
            (
                f"{self.scenario} against episode {self.episode}, {len(self.seeds)} seeds",
                f"debt of the simulated borrowers: {self.population_debt_usd / 1e6:,.0f} million USD{fitted}",
                "",
                "stable debt repaid by liquidators, million USD; last column: where the real hour lies",
                *_aligned(rows),
                "",
                self.score.to_text(),
            )
        )


class DepthRow(NamedTuple):
    """One assumed depth: factor, mean size of background orders (USD), and the score."""

    factor: float
    mean_quantity_usd: float
    score: BacktestScore


@dataclass(frozen=True, eq=False)
class DepthSensitivity:
    """How the result depends on the depth that background orders bring to the books."""

    scenario: str
    seeds: tuple[int, ...]
    rows: tuple[DepthRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; what is not defined is None."""
        rows = [
            {"factor": row.factor, "mean_quantity_usd": row.mean_quantity_usd, "score": row.score.to_dict()}
            for row in self.rows
        ]
        plain: dict[str, Any] = _finite(
            {"scenario": self.scenario, "seeds": list(self.seeds), "depths": rows}
        )
        return plain

    def to_text(self) -> str:
        """One line for each depth, for a terminal."""
        cells = [("mean order, USD", "total, M USD", "total over real", "peak share", "CRPS skill")]
        for _, size, score in self.rows:
            ratio = "{:.2f} ({:.2f} to {:.2f})".format(score.total_ratio, *score.total_ratio_interval)
            cells.append(
                (
                    f"{size:,.0f}",
                    f"{score.simulated_total_usd / 1e6:.1f}",
                    ratio,
                    f"{score.simulated_peak_share:.2f}",
                    f"{score.crps_skill:.2f}",
                )
            )
        title = f"{self.scenario} with other sizes of background orders, {len(self.seeds)} seeds each"
        return "\n".join((title, *_aligned(cells)))


def backtest(
    scenario: str | Path | Scenario,
    seeds: int | Sequence[int] = 5,
    progress: Progress | None = None,
    workers: Workers = 1,
) -> BacktestReport:
    """Score a scenario's liquidations against those of the episode that it replays.

    Parameters
    ----------
    scenario : str, path or Scenario
        It must replay a whole recorded day with all of `COLLATERALS`.
    seeds : int or sequence of int
        Number of seeds, from 1 on, or the root seeds themselves.
    progress : callable, optional
        Told the runs done and the total.
    workers : int or Executor
        Processes to run in, or where to run instead. More than one needs a script that guards its entry with
        ``if __name__ == "__main__":``; results do not depend on it.

    Raises
    ------
    ScenarioError
        If the scenario cannot run, or there is nothing recorded to compare it with.
    """
    loaded = load_scenario(scenario)
    roots = _seeds(seeds)
    episode = recorded_episode(loaded)
    days = _simulate([(loaded, seed) for seed in roots], progress, workers)
    simulated = np.array([day.hours_usd for day in days])
    law = loaded.borrowers.law
    return BacktestReport(
        scenario=loaded.name,
        episode=episode.name,
        seeds=roots,
        real_usd=np.asarray(episode.stable_debt_by_hour(), dtype=np.float64),
        simulated_usd=simulated,
        population_debt_usd=float(np.mean([day.debt_usd for day in days])),
        fitted_debt_usd=load_fit(law).total_debt_usd if law in fit_names() else None,
        score=score_episode(episode, simulated),
    )


def depth_sensitivity(
    scenario: str | Path | Scenario,
    seeds: int | Sequence[int] = 3,
    factors: Sequence[float] = (0.5, 1.0, 2.0),
    progress: Progress | None = None,
    workers: Workers = 1,
) -> DepthSensitivity:
    """Repeat a backtest with smaller and larger background orders, same seeds for each.

    Depth was not recorded, so it is assumed; this says how much hangs on it. Pools and makers
    stay as the scenario has them.

    Parameters
    ----------
    scenario, seeds, progress, workers
        As for `backtest`.
    factors : sequence of float
        Multiples of ``flow.mean_quantity_usd``.

    Raises
    ------
    ScenarioError
        As for `backtest`.
    """
    loaded = load_scenario(scenario)
    roots = _seeds(seeds)
    episode = recorded_episode(loaded)
    sizes = [loaded.flow.mean_quantity_usd * factor for factor in factors]
    variants = [load_scenario(loaded, [f"flow.mean_quantity_usd={size!r}"]) for size in sizes]
    days = _simulate([(variant, seed) for variant in variants for seed in roots], progress, workers)
    simulated = np.array([day.hours_usd for day in days]).reshape(len(sizes), len(roots), -1)
    rows = (
        DepthRow(factor, size, score_episode(episode, hours))
        for factor, size, hours in zip(factors, sizes, simulated, strict=True)
    )
    return DepthSensitivity(loaded.name, roots, tuple(rows))


def recorded_episode(scenario: Scenario) -> Episode:
    """Return the episode whose liquidations a scenario can be compared with.

    Raises
    ------
    ScenarioError
        If the scenario replays no episode, not its whole day, or lacks a collateral.
    """
    known = ", ".join(name for name in episode_names() if len(load_episode(name).liquidations))
    if not isinstance(scenario.prices, EpisodePrices):
        raise ScenarioError(
            f"{scenario.name} has no recorded liquidations: prices.kind = {scenario.prices.kind!r}; "
            f"allowed: 'episode', with prices.episode one of {known}"
        )
    episode = load_episode(scenario.prices.episode)
    if not len(episode.liquidations):
        raise ScenarioError(
            f"{scenario.name} has no recorded liquidations: prices.episode = {episode.name!r}; "
            f"allowed: {known}"
        )
    length = episode.end_ts - episode.start_ts
    if scenario.start_s != episode.start_ts or scenario.clock.duration_s < length:
        start = np.datetime64(episode.start_ts, "s")
        raise ScenarioError(
            f"{scenario.name} does not replay the whole day of episode {episode.name!r}; allowed: "
            f"clock.start = {start}Z with clock.duration_s of at least {length}, as in scenario 'may-2021'"
        )
    missing = sorted(set(COLLATERALS) - set(scenario.symbols))
    if missing:
        raise ScenarioError(
            f"{scenario.name} has no asset {missing[0]}; a backtest compares {', '.join(COLLATERALS)}"
        )
    return episode


class _Day(NamedTuple):
    """One simulated day: stable debt repaid by hour, and debt at the start, USD."""

    hours_usd: FloatArray
    debt_usd: float


def _run_day(scenario: Scenario, seed: int) -> _Day:
    result = run(scenario, seed)
    stables = [asset.symbol for asset in scenario.assets if asset.stable]
    done = result.liquidations
    done = done[done.debt.isin(stables)]
    start = result.positions[result.positions.snapshot == 0]
    return _Day(hourly_volume(done, collaterals=COLLATERALS), float(start.debt_usd.sum()))


def _simulate(
    jobs: Sequence[tuple[Scenario, int]], progress: Progress | None, workers: Workers
) -> list[_Day]:
    """Run scenarios with seeds; results in the order of the jobs."""
    lean = RecordingConfig(trades=False, quotes=False, bids=False)
    quiet = [(scenario.model_copy(update={"recording": lean}), seed) for scenario, seed in jobs]
    return run_all(_run_day, quiet, progress, workers)


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    roots = tuple(range(1, seeds + 1)) if isinstance(seeds, int) else tuple(seeds)
    if not roots or len(set(roots)) < len(roots):
        raise ScenarioError(f"seeds = {seeds}; allowed: a number above 0, or distinct root seeds")
    return roots


def _finite(value: Any) -> Any:
    """Put None in place of numbers that JSON cannot say."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
