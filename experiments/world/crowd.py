"""The crowd of a scenario: which law or table its borrowers are drawn from."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...agents.population import (
    MIN_HEALTH_FACTOR,
    Population,
    draw_population,
    population_from_table,
)
from ...agents.population_law import HEALTH_LAWS, CollateralLaw, PopulationLaw, ReactionLaw, SizeLaw
from ...market.streams import Streams
from ...protocols.lending.aave.presets import aave_v2_main_may_2021
from ..episodes.fits import load_fit
from ..episodes.loader import load_positions, position_table_names
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.credit import GeneratedBorrowers, RecordedVaults, TableBorrowers
from ..scenarios.objects import build_strategy
from ..scenarios.windows import read_table
from .lending.aave import RESERVE_OF
from .recorded_kicks import recorded_vaults

UNLISTED = 0.75
"""Threshold at which borrowers are drawn for a collateral that the market of reference does not list."""

LARGEST_NUMBER = 1e15
"""Largest debt and health factor in a table of positions."""


def reference_thresholds(scenario: Scenario) -> dict[str, float]:
    """Return the thresholds at which borrowers are drawn, by symbol, whatever protocol they then use.

    They are those of Aave v2 in May 2021, as the law was fitted there. How a crowd looks
    elsewhere follows from `same_borrowers`.
    """
    known = {reserve.symbol: reserve for reserve in aave_v2_main_may_2021().reserves}
    thresholds = {}
    for asset in scenario.risky:
        reserve = known.get(RESERVE_OF.get(asset.symbol, asset.symbol))
        listed = reserve is not None and reserve.liquidation_threshold > 0
        thresholds[asset.symbol] = reserve.liquidation_threshold / 1e4 if reserve and listed else UNLISTED
    return thresholds


def build_population(scenario: Scenario, prices: NDArray[np.float64], streams: Streams) -> Population:
    """Draw the borrowers of the scenario at the starting prices.

    Raises
    ------
    ScenarioError
        If the law or the table does not fit the scenario.
    """
    config = scenario.borrowers
    priced = dict(zip(scenario.symbols, prices.tolist(), strict=True))
    if isinstance(config, RecordedVaults):
        return recorded_vaults(config, scenario, priced)
    rng = streams("borrowers/population")
    if isinstance(config, TableBorrowers):
        table = _positions(config.path)
        law = _for_scenario(load_fit("may-2021").law, scenario, config.reaction_scale)
        count = len(table) if config.count is None else config.count
        total = float(table.debt_value.sum()) if config.total_debt_usd is None else config.total_debt_usd
        return population_from_table(table, law, count, total, priced, rng)
    if isinstance(config, GeneratedBorrowers):
        law, total = _generator(scenario), config.total_debt_usd
    else:
        fit = load_fit(config.law)
        law, total = fit.law, config.total_debt_usd or fit.total_debt_usd
    law = _for_scenario(_law(law, config.parameters), scenario, config.reaction_scale)
    return draw_population(law, config.count, total, priced, rng)


def _positions(path: str) -> pd.DataFrame:
    """Read a packaged position table by name, or the user's own file; leave out what cannot be drawn."""
    packaged = path in position_table_names()
    table = load_positions(path) if packaged else read_table(path, "borrowers.path")
    for column in ("debt_value", "health_factor"):
        if column not in table.columns:
            raise ScenarioError(f"borrowers.path: {path} has no column {column!r}")
        numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = ~((numbers >= 0.0) & (numbers <= LARGEST_NUMBER))
        if wrong.any():
            row = int(wrong.argmax())
            raise ScenarioError(
                f"borrowers.path: {path}, row {row + 1}: {column} = {table[column].iloc[row]}; "
                f"allowed: a number from 0 to {LARGEST_NUMBER:g}"
            )
        table = table.assign(**{column: numbers})
    usable = table[(table.debt_value > 0) & (table.health_factor > MIN_HEALTH_FACTOR)]
    if usable.empty:
        raise ScenarioError(
            f"borrowers.path: {path} has {len(table)} rows, none with a debt and a health factor "
            f"above {MIN_HEALTH_FACTOR}; at least one is needed"
        )
    return usable


def _generator(scenario: Scenario) -> PopulationLaw:
    """Return the general law of MODEL 5.5, with the scenario's assets in equal shares."""
    risky = [asset.symbol for asset in scenario.risky]
    stable = [asset.symbol for asset in scenario.assets if asset.stable]
    entries = tuple(CollateralLaw(symbol, 1.0 / len(risky), 0.5, 0.05) for symbol in risky)
    return PopulationLaw(entries, {symbol: 1.0 / len(stable) for symbol in stable})


def _law(fitted: PopulationLaw, changes: dict[str, object]) -> PopulationLaw:
    if not changes:
        return fitted
    data = json.loads(fitted.to_json())
    for key, value in changes.items():
        if key not in data:
            raise ScenarioError(f"unknown key borrowers.parameters.{key}; allowed: {', '.join(data)}")
        old = data[key]
        data[key] = old | value if isinstance(old, dict) and isinstance(value, dict) else value
    path = "borrowers.parameters"
    rows = data["collateral"]
    if not isinstance(rows, list):
        raise ScenarioError(f"{path}.collateral = {rows!r}; allowed: a list of tables")
    parts = {
        "collateral": tuple(_entry(row, f"{path}.collateral.{i}") for i, row in enumerate(rows)),
        "size": build_strategy(SizeLaw, _is_table(data["size"], f"{path}.size"), f"{path}.size"),
        "reaction": build_strategy(
            ReactionLaw, _is_table(data["reaction"], f"{path}.reaction"), f"{path}.reaction"
        ),
    }
    return build_strategy(PopulationLaw, data | parts, path)


def _entry(value: object, path: str) -> CollateralLaw:
    row = dict(_is_table(value, path))
    for key in ("health", "reset_health"):
        if key in row:
            health = _is_table(row[key], f"{path}.{key}")
            kind = health.get("kind")
            if kind not in HEALTH_LAWS:
                raise ScenarioError(f"{path}.{key}.kind = {kind!r}; allowed: {', '.join(HEALTH_LAWS)}")
            row[key] = build_strategy(HEALTH_LAWS[kind], health, f"{path}.{key}")
    return build_strategy(CollateralLaw, row, path)


def _is_table(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ScenarioError(f"{path} = {value!r}; allowed: a table")
    return value


def _for_scenario(law: PopulationLaw, scenario: Scenario, reaction_scale: float) -> PopulationLaw:
    """Keep the collateral and debt that the scenario has, at the thresholds of reference."""
    known = set(scenario.symbols)
    stable = {asset.symbol for asset in scenario.assets if asset.stable}
    thresholds = reference_thresholds(scenario)
    kept = [entry for entry in law.collateral if entry.symbol in known - stable]
    mix = {symbol: share for symbol, share in law.debt_mix.items() if symbol in stable}
    if not kept or not mix:
        raise ScenarioError(
            "borrowers: the law needs a collateral among "
            f"{', '.join(entry.symbol for entry in law.collateral)} "
            f"and a debt among {', '.join(law.debt_mix)}"
        )
    total = math.fsum(entry.share for entry in kept)
    if not total > 0.0 or not sum(mix.values()) > 0.0:
        raise ScenarioError(
            "borrowers.parameters: the shares of the assets that the scenario has add up to 0"
        )
    entries = tuple(
        dataclasses.replace(entry, share=entry.share / total, liquidation_threshold=thresholds[entry.symbol])
        for entry in kept
    )
    _, watcher, panic = law.reaction.shares
    active = (watcher + panic) * reaction_scale
    grow = min(active, 1.0) / (watcher + panic) if watcher + panic else 0.0
    shares = (1.0 - grow * (watcher + panic), grow * watcher, grow * panic)
    return dataclasses.replace(
        law,
        collateral=entries,
        debt_mix={symbol: share / math.fsum(mix.values()) for symbol, share in mix.items()},
        reaction=dataclasses.replace(law.reaction, shares=shares),
    )
