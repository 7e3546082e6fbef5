"""Backtest a scenario: run it with several seeds and score the hours against its episode.

The score is `score`'s; the runs are those of any other run. Only scenarios whose prices replay an episode
can be backtested, because only these have a recorded day to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..episodes import load_episode
from ..runs.run import run
from ..scenarios import Scenario, ScenarioError, load_scenario
from .score import BacktestScore, hourly_volume, score_episode


def backtest(
    scenario: str | Path | Scenario,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> BacktestScore:
    """Run a scenario once per seed and score its liquidated stablecoin debt by hour.

    Parameters
    ----------
    scenario
        A packaged name, a TOML file, or a loaded scenario; its prices must come from an episode.
    seeds
        Root seeds, one run each.
    progress
        Told the runs done and their number after every run.

    Raises
    ------
    ScenarioError
        If the scenario does not replay an episode, or not its whole day.
    ValueError
        If there are no seeds.
    """
    loaded = load_scenario(scenario)
    name = getattr(loaded.prices, "episode", None)
    if name is None:
        raise ScenarioError(f"prices.kind is {loaded.prices.kind!r}; a backtest needs 'episode'")
    if not seeds:
        raise ValueError("seeds is empty; a backtest needs at least one run")
    episode = load_episode(name)
    start, duration = loaded.clock.start, loaded.clock.duration_s
    needed = episode.end_ts - episode.start_ts
    if start is None or start.timestamp() != episode.start_ts or duration < needed:
        raise ScenarioError(
            f"clock.start is {start} and clock.duration_s {duration}; a backtest of {name} needs "
            f"{pd.Timestamp(episode.start_ts, unit='s', tz='UTC')} and {needed}"
        )
    rows = []
    for done, seed in enumerate(seeds, start=1):
        result = run(loaded, seed)
        calls = result.tables["liquidations"]
        rows.append(hourly_volume(calls, collaterals=set(episode.bars)))
        if progress is not None:
            progress(done, len(seeds))
    return score_episode(episode, np.array(rows))
