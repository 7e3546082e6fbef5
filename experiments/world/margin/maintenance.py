"""Where the maintenance margin of an account comes from; the seam between accounts and what they need.

A venue asks here who is unsafe, how much an account needs, and what part of it each position takes. Tiers
by notional, added up over positions, are the rule of perpetuals and futures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.tiers import MarginTiers
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

    def tiers(self, column: int) -> MarginTiers:
        """Margin that a position in a contract would need alone."""
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

    def tiers(self, column: int) -> MarginTiers:
        """Return the table of a contract."""
        return self.accounts.margin[column]

    def add(self, column: int, rate: float) -> None:
        """Raise all rates of a contract's table."""
        self.accounts.set_margin(column, build_tiers(self.config, self.unit, rate))
