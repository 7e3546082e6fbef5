"""The same borrowers under other rules: what is held fixed when protocols are compared.

Accounts, their collateral and how they react stay. Each debt is scaled so that the
account starts at the same distance to the trigger of *its* protocol, as each would
have borrowed there; or it is kept, and accounts may start unsafe. Where a protocol
takes one collateral per account, a borrower with two has two accounts. Accounts that
would owe less than a protocol allows are left out there, and counted.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ...agents.population import Population
from ..scenarios.base import ScenarioError
from .lending.kinds import Terms


def same_borrowers(
    population: Population,
    prices: NDArray[np.float64],
    drawn_at: NDArray[np.float64],
    terms: Terms,
    *,
    keep_debt: bool = False,
    name: str = "protocol",
) -> Population:
    """Return the population as it borrows under the terms of a protocol.

    Parameters
    ----------
    population : Population
        As drawn, at the thresholds `drawn_at`.
    prices, drawn_at : float64 ndarray, shape (c,)
        USD per token of each collateral, and its threshold when the population was drawn.
    terms : Terms
    keep_debt : bool
        Keep what is owed instead of the distance to the trigger.
    name : str
        Of the protocol, for messages.

    Raises
    ------
    ScenarioError
        If a collateral of the population is none in this protocol, or nobody owes enough.
    """
    if terms.single_collateral:
        population = _split(population, prices * drawn_at)
    thresholds = np.array([_threshold(terms, symbol, name) for symbol in population.collateral_symbols])
    values = population.collateral_tokens * prices
    scale = (values @ thresholds) / (values @ drawn_at)
    if keep_debt:
        population = dataclasses.replace(population, health_factor=population.health_factor * scale)
    else:
        population = dataclasses.replace(population, debt_usd=population.debt_usd * scale[:, None])
    if terms.debt is not None and population.debt_symbols != (terms.debt,):
        owed = population.debt_usd.sum(axis=1, keepdims=True)
        population = dataclasses.replace(population, debt_symbols=(terms.debt,), debt_usd=owed)
    if not terms.least_debt_usd:
        return population
    main = population.collateral_tokens.argmax(axis=1)
    least = np.array([terms.least_debt_usd.get(symbol, 0.0) for symbol in population.collateral_symbols])
    rows = np.flatnonzero(population.debt_usd.sum(axis=1) >= least[main])
    if not len(rows):
        raise ScenarioError(
            f"{name}: no borrower owes the least debt it allows, {least.min():g} to {least.max():g} USD; "
            "raise borrowers.total_debt_usd or lower borrowers.count"
        )
    return chosen(population, rows)


def chosen(population: Population, rows: NDArray[np.int64]) -> Population:
    """Return some accounts of a population, in the order of `rows`."""
    arrays = {
        field.name: getattr(population, field.name)[rows]
        for field in dataclasses.fields(population)
        if isinstance(getattr(population, field.name), np.ndarray)
    }
    return dataclasses.replace(population, **arrays)


def _threshold(terms: Terms, symbol: str, name: str) -> float:
    threshold = terms.thresholds.get(symbol, 0.0)
    if not 0.0 < threshold < 1.0:
        raise ScenarioError(
            f"{name}: the liquidation threshold of {symbol} is {threshold:g}; "
            "allowed for a collateral of the borrowers: above 0, below 1"
        )
    return threshold


def _split(population: Population, backing: NDArray[np.float64]) -> Population:
    """Give each account one collateral: its parts owe in proportion to what backs them."""
    held = population.collateral_tokens > 0.0
    rows, columns = np.nonzero(held)
    if len(rows) == len(population):
        return population
    weighted = population.collateral_tokens * backing
    part = weighted[rows, columns] / weighted.sum(axis=1)[rows]
    split = chosen(population, rows)
    tokens = np.zeros_like(split.collateral_tokens)
    k = np.arange(len(rows))
    tokens[k, columns] = population.collateral_tokens[rows, columns]
    return dataclasses.replace(split, collateral_tokens=tokens, debt_usd=split.debt_usd * part[:, None])
