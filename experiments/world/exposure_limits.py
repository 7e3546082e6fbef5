"""Smaller exposures at the start: a protocol scaled, a collateral or an account capped, an account left out.

Collateral and debt of an account shrink together, so its health stays what it was, and rows keep their
numbers, so everybody else draws what they drew.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ...agents.population import Population
from ..scenarios.base import ScenarioError
from ..scenarios.credit import BorrowerConfig, RecordedVaults
from ..scenarios.lending import LendingConfig


def limited(
    population: Population,
    prices: NDArray[np.float64],
    config: LendingConfig,
    borrowers: BorrowerConfig | RecordedVaults,
    name: str,
    where: str,
) -> Population:
    """Return a protocol's crowd within the limits of a scenario.

    Parameters
    ----------
    population : Population
    prices : float64 ndarray, shape (c,)
        USD per token of each collateral.
    config : LendingConfig
        ``scale`` and ``collateral_caps_usd``.
    borrowers : BorrowerConfig or RecordedVaults
        ``largest_debt_usd`` and ``without``; recorded vaults have neither.
    name, where : str
        Of the protocol, and of its section in the scenario.

    Raises
    ------
    ScenarioError
        If an account that is to be left out does not exist, or a capped asset is no collateral.
    """
    factor = np.full(len(population), config.scale)
    if isinstance(borrowers, BorrowerConfig):
        if borrowers.largest_debt_usd is not None:
            owed = population.debt_usd.sum(axis=1) * factor
            factor *= np.minimum(1.0, borrowers.largest_debt_usd / np.maximum(owed, 1e-300))
        factor[_rows(borrowers.without, name, len(population))] = 0.0
    for symbol, cap_usd in config.collateral_caps_usd.items():
        if symbol not in population.collateral_symbols:
            raise ScenarioError(
                f"{where}.collateral_caps_usd.{symbol} caps what nobody holds; "
                f"allowed: {', '.join(population.collateral_symbols)}"
            )
        column = population.collateral_symbols.index(symbol)
        held = population.collateral_tokens[:, column] * prices[column] * factor
        if held.sum() > cap_usd:
            factor[held > 0.0] *= cap_usd / held.sum()
    if (factor == 1.0).all():
        return population
    return dataclasses.replace(
        population,
        collateral_tokens=population.collateral_tokens * factor[:, None],
        debt_usd=population.debt_usd * factor[:, None],
    )


def _rows(without: tuple[str, ...], name: str, n: int) -> list[int]:
    """Return the rows of one protocol among accounts named ``PROTOCOL-ROW``."""
    rows = []
    for account in without:
        protocol, _, number = account.rpartition("-")
        if protocol != name:
            continue
        if not number.isdecimal() or int(number) >= n:
            raise ScenarioError(f"borrowers.without names {account!r}; allowed: {name}-0 to {name}-{n - 1}")
        rows.append(int(number))
    return rows
