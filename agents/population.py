"""Draw a crowd of borrowers: who owes how much, against what, how close to liquidation, and how they react.

`draw_population` turns a `PopulationLaw` into arrays for any number of borrowers with the same total debt;
`population_from_table` takes sizes and health factors from recorded positions. Neither opens accounts nor
knows a protocol: a scenario does that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.random import Generator

from .population_law import (
    CollateralLaw,
    FloatArray,
    LognormalHealth,
    PopulationLaw,
    ReactionLaw,
    SizeLaw,
    TabulatedHealth,
)

__all__ = [
    "MIN_HEALTH_FACTOR",
    "PANIC",
    "PASSIVE",
    "WATCHER",
    "CollateralLaw",
    "LognormalHealth",
    "Population",
    "PopulationLaw",
    "ReactionLaw",
    "SizeLaw",
    "TabulatedHealth",
    "draw_population",
    "population_from_table",
]

#: Codes of `Population.type_code`.
PASSIVE, WATCHER, PANIC = 0, 1, 2
#: No account is drawn closer than this to liquidation: it must survive the first block.
MIN_HEALTH_FACTOR = 1.0005


@dataclass(frozen=True, eq=False)
class Population:
    """Borrowers as arrays, largest debt first; n accounts, c collateral assets, s borrowed assets.

    Attributes
    ----------
    collateral_symbols, debt_symbols
        Order of the columns.
    collateral_tokens : ndarray, shape (n, c)
        Whole tokens.
    debt_usd : ndarray, shape (n, s)
        Debt in USD.
    health_factor : ndarray, shape (n,)
        At the drawing prices; above 1.
    alert_level, target_health : ndarray, shape (n,)
        Health factor at which a reaction is decided, and what it restores; 0 for passive accounts.
    delay_s : ndarray, shape (n,)
        From alarm to reaction, seconds.
    wealth : ndarray, shape (n,)
        Funds for top-ups as a fraction of debt.
    type_code : ndarray of int8, shape (n,)
        PASSIVE, WATCHER or PANIC.
    reset_s : ndarray, shape (n,)
        When the borrower sets its position anew, seconds from the start; infinite for never.
    reset_health, reset_alert_level : ndarray, shape (n,)
        Health factor it then sets by moving collateral in or out, and its alert level from then on.
    """

    collateral_symbols: tuple[str, ...]
    debt_symbols: tuple[str, ...]
    collateral_tokens: FloatArray
    debt_usd: FloatArray
    health_factor: FloatArray
    alert_level: FloatArray
    target_health: FloatArray
    delay_s: FloatArray
    wealth: FloatArray
    type_code: npt.NDArray[np.int8]
    reset_s: FloatArray
    reset_health: FloatArray
    reset_alert_level: FloatArray

    def __len__(self) -> int:
        return len(self.health_factor)


def draw_population(
    law: PopulationLaw,
    n_borrowers: int,
    total_debt_usd: float,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Draw accounts from a law; the same arguments and generator state give the same arrays.

    Parameters
    ----------
    law
        What the crowd looks like.
    n_borrowers
        Number of accounts.
    total_debt_usd
        Sum of all debts, whatever `n_borrowers` is.
    prices
        Collateral symbol -> USD per token, at which `health_factor` holds.
    rng
        Random stream.

    Raises
    ------
    ValueError
        `n_borrowers` below 1 or `total_debt_usd` not above 0.
    KeyError
        A collateral of the law has no price.
    """
    _check(n_borrowers, total_debt_usd)
    ranks = np.cumsum(rng.standard_exponential(n_borrowers))
    weights = law.size.weights(ranks)
    debt = weights * (total_debt_usd / weights.sum())
    main = rng.choice(
        len(law.collateral), size=n_borrowers, p=_shares([entry.share for entry in law.collateral])
    )
    health = _draw_by_main(law, main, rng, reset=False)
    return _assemble(law, main, health, debt, prices, rng)


def population_from_table(
    table: pd.DataFrame,
    law: PopulationLaw,
    n_borrowers: int,
    total_debt_usd: float,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Draw accounts whose sizes and health factors come from recorded positions.

    Every row of the table appears once (largest first) before any is repeated; further accounts take the
    health of a random row and the size law's body below the table's smallest debt, so concentration at
    the top is the table's at every `n_borrowers`. Fewer accounts than rows: a random subset. Collateral,
    borrowed asset and reactions are drawn from `law`. Rows at or below a health factor of 1 are left out.

    Parameters
    ----------
    table
        Columns ``debt_value`` (any unit) and ``health_factor``.
    law, n_borrowers, total_debt_usd, prices, rng
        As in `draw_population`; the law's sizes beyond the table and its health laws are not used for rows.

    Raises
    ------
    ValueError
        No usable row.
    """
    _check(n_borrowers, total_debt_usd)
    usable = table[(table.debt_value > 0) & (table.health_factor > MIN_HEALTH_FACTOR)]
    if usable.empty:
        raise ValueError("position table has no row with debt and a health factor above 1")
    sizes = usable.debt_value.to_numpy(dtype=np.float64)
    healths = usable.health_factor.to_numpy(dtype=np.float64)
    if n_borrowers <= len(sizes):
        rows = rng.choice(len(sizes), size=n_borrowers, replace=False)
        debt, health = sizes[rows], healths[rows]
    else:
        extra = n_borrowers - len(sizes)
        ranks = 1.0 + np.arange(1, extra + 1) / len(sizes)
        debt = np.concatenate((sizes, sizes.min() * ranks**-law.size.body_slope))
        health = np.concatenate((healths, healths[rng.integers(len(healths), size=extra)]))
    order = np.argsort(-debt, kind="stable")
    debt, health = debt[order] * (total_debt_usd / debt.sum()), health[order]
    main = rng.choice(
        len(law.collateral), size=n_borrowers, p=_shares([entry.share for entry in law.collateral])
    )
    return _assemble(law, main, health, debt, prices, rng)


def _check(n_borrowers: int, total_debt_usd: float) -> None:
    if n_borrowers < 1:
        raise ValueError(f"n_borrowers is {n_borrowers}; it must be at least 1")
    if not total_debt_usd > 0:
        raise ValueError(f"total_debt_usd is {total_debt_usd}; it must be above 0")


def _shares(values: Sequence[float]) -> FloatArray:
    shares = np.asarray(values, dtype=np.float64)
    return np.asarray(shares / shares.sum())


def _assemble(
    law: PopulationLaw,
    main: npt.NDArray[np.int64],
    health: FloatArray,
    debt: FloatArray,
    prices: Mapping[str, float],
    rng: Generator,
) -> Population:
    """Give accounts collateral, a borrowed asset and reactions."""
    size, n_collateral = len(debt), len(law.collateral)
    health = np.maximum(health, MIN_HEALTH_FACTOR)
    row = np.arange(size)
    value = np.zeros((size, n_collateral))
    value[row, main] = 1.0
    if law.second_collateral > 0 and n_collateral > 1:
        holders = np.flatnonzero(rng.random(size) < law.second_collateral)
        second = (main[holders] + rng.integers(1, n_collateral, size=len(holders))) % n_collateral
        part = 0.5 * rng.random(len(holders))
        value[holders, main[holders]] = 1.0 - part
        value[holders, second] = part
    # Columns hold shares of threshold-weighted value: sum_c tokens_c p_c LT_c = health * debt.
    per_token = np.array([prices[entry.symbol] * entry.liquidation_threshold for entry in law.collateral])
    value *= (health * debt)[:, None]
    value /= per_token
    debt_symbols = tuple(law.debt_mix)
    owed = np.zeros((size, len(debt_symbols)))
    owed[row, rng.choice(len(debt_symbols), size=size, p=_shares(list(law.debt_mix.values())))] = debt

    rule = law.reaction
    type_code = rng.choice(3, size=size, p=_shares(rule.shares)).astype(np.int8)
    reacts = type_code != PASSIVE
    fraction = rng.uniform(*rule.alert_fraction, size=size)
    alert = np.minimum(1.0 + (health - 1.0) * fraction, rule.alert_cap)
    delay = rule.delay_median_s * np.exp(rule.delay_sigma * rng.standard_normal(size))
    wealth = rule.wealth_median * np.exp(rule.wealth_sigma * rng.standard_normal(size))
    reset_s, reset_health = np.full(size, np.inf), health
    if rule.reset_mean_s > 0:
        reset_s = rule.reset_mean_s * rng.standard_exponential(size)
        reset_health = np.maximum(_draw_by_main(law, main, rng, reset=True), MIN_HEALTH_FACTOR)
    reset_alert = np.minimum(1.0 + (reset_health - 1.0) * fraction, rule.alert_cap)
    return Population(
        collateral_symbols=tuple(entry.symbol for entry in law.collateral),
        debt_symbols=debt_symbols,
        collateral_tokens=value,
        debt_usd=owed,
        health_factor=health,
        alert_level=np.where(reacts, alert, 0.0),
        target_health=np.where(reacts, np.maximum(np.minimum(health, rule.target_cap), alert), 0.0),
        delay_s=delay,
        wealth=wealth,
        type_code=type_code,
        reset_s=reset_s,
        reset_health=reset_health,
        reset_alert_level=np.where(reacts, reset_alert, 0.0),
    )


def _draw_by_main(law: PopulationLaw, main: npt.NDArray[np.int64], rng: Generator, reset: bool) -> FloatArray:
    """Health factors by each account's main collateral, initial or after a reset."""
    health = np.empty(len(main))
    for index, entry in enumerate(law.collateral):
        members = np.flatnonzero(main == index)
        health[members] = (entry.reset_health if reset else entry.health).draw(len(members), rng)
    return health
