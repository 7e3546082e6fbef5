"""Check that the replayed data covers the window that a scenario asks for.

Looks only at which series exist and when they begin and end.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import pandas as pd

from ...market.prices.bars import Bars, PriceDataError, utc
from ..episodes.loader import Episode, episode_names, load_episode
from .base import ScenarioError
from .credit import RecordedVaults
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
            ts = bars[asset.symbol].ts
            _covers(scenario, *_span(ts), f"prices of {asset.symbol} in {scenario.prices.episode!r}")
    if isinstance(scenario.prices, FilePrices):
        for symbol, path in scenario.prices.path.items():
            series = read_bars(path, f"prices.path.{symbol}")
            _covers(scenario, float(series.ts[0]), series.end_s, f"prices of {symbol} in {path}")
    if isinstance(scenario.borrowers, RecordedVaults):
        name = scenario.borrowers.episode
        if not len(episode("borrowers.episode", name).kicks):
            with_kicks = [known for known in episode_names() if len(load_episode(known).kicks)]
            raise ScenarioError(
                f"borrowers.episode = {name!r} has no kicks; allowed: {', '.join(with_kicks)}"
            )
    if scenario.gas_episode is not None:
        gas = episode("chain.gas.episode", scenario.gas_episode).gas
        _covers(scenario, *_span(gas.ts), f"gas prices in {scenario.gas_episode!r}")


def read_bars(path: str | Path, key: str) -> Bars:
    """Read the user's price file that the scenario names at `key`.

    Raises
    ------
    ScenarioError
        If it cannot be read or holds no prices that can be replayed.
    """
    table = read_table(path, key)
    if len(table) < 2:
        raise ScenarioError(f"{key}: {path} has {len(table)} rows; a series needs at least two")
    try:
        return Bars.from_frame(table, source=f"{key}: {path}")
    except PriceDataError as error:
        raise ScenarioError(str(error)) from None


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
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise ScenarioError(f"{key}: {path} cannot be read: {reason}") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise ScenarioError(f"{key}: {path} cannot be read: {str(error).splitlines()[0]}") from None
    raise ScenarioError(f"{key}: {path} must end in .csv, .csv.gz or .parquet")


def _span(ts: pd.Series[float]) -> tuple[float, float]:
    """First and last instant of packaged rows; the last row has a length, too."""
    return float(ts.iloc[0]), float(2 * ts.iloc[-1] - ts.iloc[-2])


def _covers(scenario: Scenario, first: float, last: float, what: str) -> None:
    start = scenario.start_s
    if start is None or start < first or start + scenario.clock.duration_s > last:
        raise ScenarioError(
            f"clock.start = {utc(start or 0.0)} with duration_s = {scenario.clock.duration_s:,.12g} "
            f"lies outside the {what}; allowed: {utc(first)} to {utc(last)}"
        )
