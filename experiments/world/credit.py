"""One lending protocol in a world: its pool, its crowd and who watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.borrowers import BorrowerCohort, RebalancingCohort
from ...agents.population import PANIC, WATCHER, Population
from ...agents.strategies.borrower import BorrowerPolicy
from ...market.ledger import Ledger
from ...protocols.lending.pool import LendingPool
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.lending import LendingConfig
from .assembly import Outside
from .lending.kinds import LendingKind
from .watchlist import WatchList

LARGEST_TOTAL = 2.0**62
"""What borrowers may hold of one asset together, base units."""

ATTENTION = 0.5
"""Borrowers for whom half of the penalty is below this many times the gas of a reaction do not watch."""


@dataclass(slots=True)
class CreditMarket:
    """A lending protocol with those who borrow from it.

    Attributes
    ----------
    number : int
        Place among the protocols of the world.
    pool : LendingPool
    watch : WatchList
    first_wallet : int
        Ledger account of the first borrower; the others follow.
    n_borrowers : int
    target_health, reset_health, reset_alert : float64 ndarray, shape (n_borrowers,)
        What a defence restores, and what a rebalancing sets.
    cohorts : list of BorrowerCohort
    cohort_of : int8 ndarray, shape (n_borrowers + 1,)
        Cohort of each row, -1 for none.
    rebalancing : RebalancingCohort
    unsafe_at_start : int
        Borrowers who could be liquidated before the first block.
    left_out : int
        Accounts of the population whose debt is below the least that the protocol allows.
    restricted_at_start : int
        Parts of the protocol that begin under emergency rules, see `LendingPool.restricted`.
    """

    number: int
    pool: LendingPool
    watch: WatchList
    first_wallet: int
    n_borrowers: int
    target_health: NDArray[np.float64]
    reset_health: NDArray[np.float64]
    reset_alert: NDArray[np.float64]
    cohorts: list[BorrowerCohort]
    cohort_of: NDArray[np.int8]
    rebalancing: RebalancingCohort
    unsafe_at_start: int
    left_out: int
    restricted_at_start: int = 0

    def wallet(self, row: int) -> int:
        """Ledger account of a borrower."""
        return self.first_wallet + row

    def main_assets(self, row: int) -> tuple[int, int]:
        """Most valuable collateral and debt of a borrower."""
        positions, watch = self.pool.positions, self.watch
        collateral = (positions.collateral[row] * watch.values).tolist()
        debt = (positions.debt[row] * watch.debt_values).tolist()
        return collateral.index(max(collateral)), debt.index(max(debt))

    def debt_and_backing_usd(self, row: int) -> tuple[float, float]:
        """Return what a borrower owes and its collateral times thresholds, at the oracle's prices; USD."""
        positions, watch = self.pool.positions, self.watch
        backed = (positions.collateral[row] * watch.values) @ self.pool.thresholds
        return float(positions.debt[row] @ watch.debt_values), float(backed)

    def uncovered_usd(self, row: int) -> float:
        """Debt left on an account that has nothing left to seize, USD."""
        positions, watch = self.pool.positions, self.watch
        worth = float(positions.collateral[row] @ watch.values)
        owed = float(positions.debt[row] @ watch.debt_values)
        return owed if worth < 1e-6 * owed else 0.0

    def alert(self, rows: NDArray[np.int64], block: int, block_time_s: float) -> None:
        """Tell borrowers who have come down to their alert level."""
        if not len(rows):
            return
        codes = self.cohort_of[rows]
        for k, cohort in enumerate(self.cohorts):
            mine = rows[codes == k]
            if len(mine):
                cohort.alert(mine, block, block_time_s)


def build_credit_market(
    model: Any,
    scenario: Scenario,
    number: int,
    config: LendingConfig,
    kind: LendingKind,
    population: Population,
    ledger: Ledger,
    outside: Outside,
    gas_asset: int,
    left_out: int,
) -> CreditMarket:
    """Build a pool, put the population into it, and open the borrowers' wallets.

    Raises
    ------
    ScenarioError
        If the protocol refuses its parameters, or money does not fit into the ledger.
    """
    prices, quote = outside.path[0], ledger.asset_index[scenario.quote]
    n = len(population)
    pool = kind.build(config, scenario, ledger, n, outside.start_s)
    _lend(ledger, pool, population, prices)
    alone = not scenario.protocols
    first_wallet = ledger.open_accounts("borrower" if alone else f"borrower/{pool.name}", n)
    wealth = population.wealth * population.debt_usd.sum(axis=1) * ledger.assets[quote].unit
    ledger.endow_each(quote, first_wallet, _base_units(wealth, scenario.quote, "wealth"))
    minds = _minds(scenario, outside, population, ledger, pool.penalty, gas_asset)
    watch = WatchList(pool, np.where(minds, population.alert_level, 0.0), number)
    prefix = "" if alone else f"{pool.name}/"
    cohorts = [
        BorrowerCohort(model, f"{prefix}watchers", BorrowerPolicy(), population.delay_s),
        BorrowerCohort(
            model, f"{prefix}panic", BorrowerPolicy(panic=1.0, attention=0.25), population.delay_s
        ),
    ]
    cohort_of = np.full(n + 1, -1, np.int8)
    cohort_of[:-1][population.type_code == WATCHER] = 0
    cohort_of[:-1][population.type_code == PANIC] = 1
    appointed = np.flatnonzero(minds & (population.reset_s < outside.times_s[-1]))
    blocks = (population.reset_s[appointed] // scenario.clock.block_time_s).astype(np.int64)
    return CreditMarket(
        number=number,
        pool=pool,
        watch=watch,
        first_wallet=first_wallet,
        n_borrowers=n,
        target_health=population.target_health,
        reset_health=population.reset_health,
        reset_alert=population.reset_alert_level,
        cohorts=cohorts,
        cohort_of=cohort_of,
        rebalancing=RebalancingCohort(model, f"{prefix}rebalancing", blocks, appointed),
        unsafe_at_start=int(np.count_nonzero(population.health_factor < 1.0)),
        left_out=left_out,
    )


def _lend(ledger: Ledger, pool: LendingPool, population: Population, prices: NDArray[np.float64]) -> None:
    """Put the population's positions into the pool, in base units."""
    positions = pool.positions
    for k, symbol in enumerate(population.collateral_symbols):
        asset = ledger.asset_index[symbol]
        units = np.ceil(population.collateral_tokens[:, k] * ledger.assets[asset].unit)
        positions.collateral[: len(population), asset] = _base_units(units, symbol, "collateral")
    for k, symbol in enumerate(population.debt_symbols):
        asset = ledger.asset_index[symbol]
        units = population.debt_usd[:, k] / prices[asset] * ledger.assets[asset].unit
        with np.errstate(over="ignore"):
            _base_units(units / pool.utilisation, symbol, "money to lend")
        positions.debt[: len(population), asset] = units
    pool.open()


def _base_units(units: NDArray[np.float64], symbol: str, what: str) -> NDArray[np.int64]:
    """Return whole base units of the borrowers' money, if the ledger can hold their sum."""
    total = float(units.sum())
    if not total < LARGEST_TOTAL:
        raise ScenarioError(
            f"borrowers: {what} of {total:.3g} base units of {symbol} does not fit into int64; "
            f"lower total_debt_usd, or assets.{symbol}.decimals"
        )
    return units.astype(np.int64)


def _minds(
    scenario: Scenario,
    outside: Outside,
    population: Population,
    ledger: Ledger,
    by_asset: NDArray[np.float64],
    gas_asset: int,
) -> NDArray[np.bool_]:
    """Which borrowers watch at all: those for whom a liquidation would cost more than reacting now does."""
    columns = [ledger.asset_index[symbol] for symbol in population.collateral_symbols]
    values = population.collateral_tokens * outside.path[0, columns]
    penalty = 0.5 * by_asset[np.array(columns)[values.argmax(axis=1)]] * population.debt_usd.sum(axis=1)
    per_gwei = 1e-9 * outside.path[0, gas_asset]
    gas_usd = scenario.chain.gas_per_repay * outside.gas.at(0).standard * per_gwei
    return np.asarray(penalty > ATTENTION * gas_usd)
