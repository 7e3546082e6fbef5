"""Where the maintenance margin of an account comes from; the seam between accounts and what they need.

A venue asks here who is unsafe, how much an account needs, and what part of it each position takes. Tiers
by notional, added up over positions, are the rule of perpetuals and futures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.sizing import MarginPosition, MarginSizing, close_in_order
from ...scenarios.margin import VenueConfig
from .rules import build_tiers


class Maintenance(Protocol):
    """What the accounts of a venue need."""

    def unsafe(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """Take new marks, one for each contract; return the rows that are now below maintenance."""
        ...

    def required(self, row: int, ticks: Sequence[int] | None = None) -> int:
        """Maintenance of a row at the marks, or at other prices; base units."""
        ...

    def parts(self, row: int) -> list[int]:
        """Maintenance at the marks that each contract adds, 0 where the row holds none; base units."""
        ...

    def lots_to_close(
        self, row: int, equity: int, columns: Sequence[int], sizing: Callable[[int, int], MarginSizing]
    ) -> list[int]:
        """Lots to close in each contract, not negative.

        Parameters
        ----------
        row, equity : int
        columns : sequence of int
            Contracts of its positions, in the order in which they are closed.
        sizing : callable
            Returns what the venue's rule closes of so many lots of a contract alone.
        """
        ...

    def add(self, column: int, rate: float) -> None:
        """Ask for more of each position in a contract: a share of its notional beyond the usual."""
        ...


class TieredMaintenance:
    """Tiers by notional, the same table for each contract, added up over the positions of an account.

    Parameters
    ----------
    accounts : MarginAccounts
    config : VenueConfig
    unit : float
        Base units in one USD, at the start.
    """

    def __init__(self, accounts: MarginAccounts, config: VenueConfig, unit: float) -> None:
        self.accounts, self.config, self.unit = accounts, config, unit

    def unsafe(self, ticks: Sequence[int]) -> NDArray[np.int64]:
        """Take new marks; return the rows that are now below maintenance."""
        return self.accounts.reprice(ticks)

    def required(self, row: int, ticks: Sequence[int] | None = None) -> int:
        """Maintenance of a row at the marks, or at other prices; base units."""
        return self.accounts.requirement(row, ticks)

    def parts(self, row: int) -> list[int]:
        """Maintenance that each contract adds; base units."""
        accounts = self.accounts
        values = [
            abs(contract.value(lots, mark)) if lots else 0
            for contract, lots, mark in zip(
                accounts.contracts, accounts.lots[row].tolist(), accounts.ticks.tolist(), strict=True
            )
        ]
        return [tiers.required(value) for tiers, value in zip(accounts.margin, values, strict=True)]

    def lots_to_close(
        self, row: int, equity: int, columns: Sequence[int], sizing: Callable[[int, int], MarginSizing]
    ) -> list[int]:
        """Lots to close in each contract: one position after the other, as far as the rule asks."""
        accounts, closing = self.accounts, [0] * len(self.accounts.contracts)
        positions = [
            MarginPosition(
                accounts.contracts[column],
                accounts.lots.item(row, column),
                accounts.ticks.item(column),
                equity,
                accounts.margin[column],
            )
            for column in columns
        ]
        sizings = [sizing(column, held.lots) for column, held in zip(columns, positions, strict=True)]
        for column, lots in zip(columns, close_in_order(equity, positions, sizings), strict=True):
            closing[column] = lots
        return closing

    def add(self, column: int, rate: float) -> None:
        """Raise all rates of a contract's table."""
        self.accounts.set_margin(column, build_tiers(self.config, self.unit, rate))
