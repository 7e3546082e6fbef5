"""Check that the replayed data covers the window that a scenario asks for.

Looks only at which series exist and when they begin and end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ..episodes.loader import Episode, episode_names, load_episode
from .base import ScenarioError
from .prices import EpisodePrices, FilePrices
from .scenario import Scenario, nearest


def check_windows(scenario: Scenario) -> None:
    """Refuse a scenario whose data is missing or does not cover its window.

    Raises
    ------
    ScenarioError
        If an episode, a series or a file is missing, or the window lies outside.
    """
    episodes: dict[str, Episode] = {}

    def episode(path: str, name: str) -> Episode:
        known = episode_names()
        if name not in known:
            raise ScenarioError(f"{path} = {name!r}{nearest(name, known)}; allowed: {', '.join(known)}")
        return episodes.setdefault(name, load_episode(name))

    if isinstance(scenario.prices, EpisodePrices):
        bars = episode("prices.episode", scenario.prices.episode).bars
        for asset in scenario.risky:
            if asset.symbol not in bars:
                raise ScenarioError(
                    f"assets.{asset.symbol} has no price in episode {scenario.prices.episode!r}; "
                    f"allowed: {', '.join(sorted(bars))}"
                )
            _covers(
                scenario, bars[asset.symbol].ts, f"prices of {asset.symbol} in {scenario.prices.episode!r}"
            )
    if isinstance(scenario.prices, FilePrices):
        for symbol, path in scenario.prices.path.items():
            table = read_table(path, f"prices.path.{symbol}")
            missing = {"ts", "close"} - set(table.columns)
            if missing:
                raise ScenarioError(f"prices.path.{symbol}: {path} has no column {sorted(missing)[0]!r}")
            _check_series(table, f"prices.path.{symbol}: {path}")
            _covers(scenario, table.ts, f"prices of {symbol} in {path}")
    if scenario.gas_episode is not None:
        gas = episode("chain.gas.episode", scenario.gas_episode).gas
        _covers(scenario, gas.ts, f"gas prices in {scenario.gas_episode!r}")


def read_table(path: str | Path, key: str) -> pd.DataFrame:
    """Read the user's CSV or Parquet file that the scenario names at `key`.

    Raises
    ------
    ScenarioError
        If it is missing or is neither.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz")):
            return pd.read_csv(path)
    except FileNotFoundError:
        raise ScenarioError(f"{key}: file {path} does not exist") from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{key}: {path} cannot be read: {str(error).splitlines()[0]}") from None
    raise ScenarioError(f"{key}: {path} must end in .csv, .csv.gz or .parquet")


def _check_series(table: pd.DataFrame, what: str) -> None:
    for column in ("ts", "close"):
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise ScenarioError(f"{what}: column {column!r} must hold numbers (ts in Unix s, close in USD)")
    if len(table) < 2 or not table.ts.is_monotonic_increasing or not table.ts.is_unique:
        raise ScenarioError(f"{what}: column 'ts' must hold at least two rising times")
    if not (table.close > 0).all():
        raise ScenarioError(f"{what}: column 'close' must hold prices above 0")


def _covers(scenario: Scenario, ts: pd.Series[float], what: str) -> None:
    first, last = float(ts.iloc[0]), float(2 * ts.iloc[-1] - ts.iloc[-2])  # the last bar has a length, too
    start = scenario.start_s
    if start is None or start < first or start + scenario.clock.duration_s > last:
        raise ScenarioError(
            f"clock.start = {scenario.clock.start:%Y-%m-%dT%H:%M:%SZ} with duration_s = "
            f"{scenario.clock.duration_s:g} lies outside the {what}; allowed: {_utc(first)} to {_utc(last)}"
        )


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
