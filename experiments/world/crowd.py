"""The crowd of a scenario: which law or table its borrowers are drawn from."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...agents.population import Population, draw_population, population_from_table
from ...agents.population_law import CollateralLaw, PopulationLaw
from ...market.streams import Streams
from ...protocols.lending.aave.parameters import Market
from ..backtest.fits import load_fit
from ..episodes.loader import load_positions, position_table_names
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.credit import GeneratedBorrowers, TableBorrowers
from ..scenarios.windows import read_table


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
        table = _table(config.path)
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


def _table(path: str) -> pd.DataFrame:
    """Read a packaged position table by name, or the user's own file."""
    if path in position_table_names():
        return load_positions(path)
    table = read_table(path, "borrowers.path")
    missing = {"debt_value", "health_factor"} - set(table.columns)
    if missing:
        raise ScenarioError(f"borrowers.path: {path} has no column {sorted(missing)[0]!r}")
    if not len(table):
        raise ScenarioError(f"borrowers.path: {path} has no rows; at least one borrower is needed")
    return table


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
    try:
        return PopulationLaw.from_dict(data)
    except (TypeError, ValueError, KeyError) as error:
        raise ScenarioError(f"borrowers.parameters: {error}") from error


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
    total = sum(entry.share for entry in kept)
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
        debt_mix={symbol: share / sum(mix.values()) for symbol, share in mix.items()},
        reaction=dataclasses.replace(law.reaction, shares=shares),
    )
