"""What whole accounts of perpetuals, futures and options need: position by position, or by a scenario grid.

Premiums of options are settled as for futures: nothing is paid in advance, and equity holds what a position
has gained at the mark. So the buyer of an option can lose its value, and that is its standard margin; the
seller needs a share of the underlying, less for what is out of the money (after Deribit's standard margin, as
we know it: initial ``max(15 % - out of the money, 10 %)``, maintenance 7.5 %). Under a grid positions offset
each other, and an account needs its loss in the worst scenario (MODEL 2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .listed_options import ListedOptions
from .portfolio import Requirement, requirements, scan_accounts
from .scenario_grid import ScenarioGrid
from .tiers import MarginTiers

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Needs = Callable[[Integers], Requirement]
"""Margin of accounts from their lots, shape (n_accounts, n_contracts), negative if short."""


@dataclass(frozen=True, slots=True, eq=False)
class ContractList:
    """The contracts of a venue, one entry each; all settled in one asset.

    Parameters
    ----------
    unit_per_lot : float64 ndarray, shape (n_contracts,)
        Base units that a lot is worth at a price of 1.
    options : int64 ndarray, shape (n_options,)
        Which of them are options; the others are linear in their underlying.
    terms : ListedOptions
        Of the options.
    """

    unit_per_lot: Floats
    options: Integers
    terms: ListedOptions

    @property
    def linear(self) -> Integers:
        """Which of them are no options."""
        return np.setdiff1d(np.arange(len(self.unit_per_lot)), self.options)


class ContractPrices(NamedTuple):
    """What margin is computed from; arrays of shape (n_contracts,).

    Attributes
    ----------
    mark : float64 ndarray
        Price of each contract.
    spot : float64 ndarray
        Price of its underlying.
    volatility : float64 ndarray
        Of its underlying, per square root of a year; not read where it is no option.
    time_s : float
    """

    mark: Floats
    spot: Floats
    volatility: Floats
    time_s: float


class AccountMargin(Protocol):
    """A rule of what accounts need."""

    def at(self, contracts: ContractList, seen: ContractPrices) -> Needs:
        """Return what accounts need at these prices, as a function of their positions."""
        ...


@dataclass(frozen=True, slots=True)
class StandardMargin:
    """Each position on its own, added up.

    Parameters
    ----------
    tiers : MarginTiers
        Maintenance of linear positions by notional.
    initial_factor : float
        Initial margin of linear positions in maintenances, 1 or more.
    short_rate, short_least, short_maintenance : float
        Shares of the underlying that a sold option needs.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    tiers: MarginTiers
    initial_factor: float = 2.0
    short_rate: float = 0.15
    short_least: float = 0.10
    short_maintenance: float = 0.075

    def __post_init__(self) -> None:
        if not self.initial_factor >= 1.0:
            raise ValueError(
                f"standard margin: initial_factor must be at least 1, got {self.initial_factor:g}"
            )
        if not 0.0 <= self.short_maintenance <= self.short_least <= self.short_rate:
            raise ValueError(
                "standard margin: short_maintenance, short_least and short_rate must rise from 0, got "
                f"{self.short_maintenance:g}, {self.short_least:g}, {self.short_rate:g}"
            )

    def at(self, contracts: ContractList, seen: ContractPrices) -> Needs:
        """Return what accounts need at these prices, as a function of their positions."""
        return lambda lots: self._required(contracts, seen, lots)

    def _required(self, contracts: ContractList, seen: ContractPrices, lots: Integers) -> Requirement:
        maintenance = np.zeros(len(lots), np.int64)
        for column in contracts.linear.tolist():
            value = seen.mark[column] * contracts.unit_per_lot[column]
            worth = np.rint(np.abs(lots[:, column]) * value).astype(np.int64)
            held = np.flatnonzero(worth)
            maintenance[held] += np.array([self.tiers.required(w) for w in worth[held].tolist()], np.int64)
        initial = np.ceil(maintenance * self.initial_factor).astype(np.int64)
        at = contracts.options
        if len(at):
            scale, spot = contracts.unit_per_lot[at], seen.spot[at]
            sign = np.where(contracts.terms.is_call, 1.0, -1.0)
            outside = np.maximum(sign * (contracts.terms.strike - spot), 0.0) / spot
            live = contracts.terms.live(seen.time_s)
            share = np.where(live, np.maximum(self.short_rate - outside, self.short_least), 0.0)
            least = np.where(live, self.short_maintenance, 0.0)
            value = np.where(live, seen.mark[at], 0.0)
            short, long = np.maximum(-lots[:, at], 0), np.maximum(lots[:, at], 0)
            paid = long @ (value * scale)
            initial += np.ceil(paid + short @ (share * spot * scale)).astype(np.int64)
            maintenance += np.ceil(paid + short @ (least * spot * scale)).astype(np.int64)
        return Requirement(initial, maintenance)


@dataclass(frozen=True, slots=True)
class ScenarioMargin:
    """The loss of the whole account in the worst scenario of a grid.

    Parameters
    ----------
    grid : ScenarioGrid
    """

    grid: ScenarioGrid

    def at(self, contracts: ContractList, seen: ContractPrices) -> Needs:
        """Return what accounts need at these prices, as a function of their positions."""
        moves = self.moves(contracts, seen)
        return lambda lots: requirements(self.grid, scan_accounts(self.grid, moves, lots))

    def moves(self, contracts: ContractList, seen: ContractPrices) -> Integers:
        """Return what a lot of each contract gains in each scenario; base units."""
        moves = np.zeros((len(seen.mark), len(self.grid.scenarios)), np.int64)
        line, at = contracts.linear, contracts.options
        away = self.grid.spots(seen.mark[line]) - seen.mark[line, None]
        moves[line] = np.rint(away * contracts.unit_per_lot[line, None]).astype(np.int64)
        if len(at):
            moves[at] = contracts.terms.lot_moves(
                self.grid, seen.spot[at], seen.volatility[at], seen.time_s, contracts.unit_per_lot[at]
            )
        return moves
