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
from ...protocols.lending.aave.parameters import Market
from ..backtest.fits import load_fit
from ..episodes.loader import load_positions, position_table_names
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.credit import GeneratedBorrowers, TableBorrowers
from ..scenarios.objects import build_strategy
from ..scenarios.windows import read_table

LARGEST_NUMBER = 1e15
"""Largest debt and health factor in a table of positions."""


def build_population(
    scenario: Scenario, market: Market, prices: NDArray[np.float64], streams: Streams
) -> Population:
    """Draw the borrowers of the scenario at the starting prices.

    Raises
    ------
    ScenarioError
        If the law or the table does not fit the scenario.
    """
    config = scenario.borrowers
    priced = dict(zip(scenario.symbols, prices.tolist(), strict=True))
    rng = streams("borrowers/population")
    if isinstance(config, TableBorrowers):
        table = _positions(config.path)
        law = _for_market(load_fit("may-2021").law, scenario, market, config.reaction_scale)
        count = len(table) if config.count is None else config.count
        total = float(table.debt_value.sum()) if config.total_debt_usd is None else config.total_debt_usd
        return population_from_table(table, law, count, total, priced, rng)
    if isinstance(config, GeneratedBorrowers):
        law, total = _generator(scenario), config.total_debt_usd
    else:
        fit = load_fit(config.law)
        law, total = fit.law, config.total_debt_usd or fit.total_debt_usd
    law = _for_market(_law(law, config.parameters), scenario, market, config.reaction_scale)
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


def _for_market(
    law: PopulationLaw, scenario: Scenario, market: Market, reaction_scale: float
) -> PopulationLaw:
    """Keep the collateral and debt that the scenario has, at the market's thresholds."""
    known = set(scenario.symbols)
    stable = {asset.symbol for asset in scenario.assets if asset.stable}
    reserves = {reserve.symbol: reserve for reserve in market.reserves}
    kept = [entry for entry in law.collateral if entry.symbol in known - stable]
    mix = {symbol: share for symbol, share in law.debt_mix.items() if symbol in stable}
    if not kept or not mix:
        raise ScenarioError(
            "borrowers: the law needs a collateral among "
            f"{', '.join(entry.symbol for entry in law.collateral)} "
            f"and a debt among {', '.join(law.debt_mix)}"
        )
    for entry in kept:
        threshold = reserves[entry.symbol].liquidation_threshold
        if not 0 < threshold < 10_000:
            raise ScenarioError(
                f"protocol.reserves.{entry.symbol}.liquidation_threshold = {threshold / 10_000:g}; "
                "allowed for a collateral of the borrowers: above 0, below 1"
            )
    total = math.fsum(entry.share for entry in kept)
    if not total > 0.0 or not sum(mix.values()) > 0.0:
        raise ScenarioError(
            "borrowers.parameters: the shares of the assets that the scenario has add up to 0"
        )
    entries = tuple(
        dataclasses.replace(
            entry,
            share=entry.share / total,
            liquidation_threshold=reserves[entry.symbol].liquidation_threshold / 10_000,
            bonus=reserves[entry.symbol].liquidation_bonus / 10_000 - 1.0,
        )
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
