"""What accounts need by a rule over whole accounts: with options, or where positions offset each other.

Every account is looked at in every block: the margin moves with volatility and time, not with marks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....protocols.margin.account_margin import AccountMargin, ContractPrices, Needs
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.portfolio_sizing import close_to_target, relief
from ....protocols.margin.sizing import MarginSizing
from ....protocols.margin.tiers import NANO, to_nano
from ...scenarios.margin import LiquidationConfig
from .underlyings import Underlyings

Integers = NDArray[np.int64]


class AccountMaintenance:
    """The rule of `account_margin` that a venue names, at what the venue believes.

    Parameters
    ----------
    accounts : MarginAccounts
    tick_usd : float64 ndarray, shape (n_contracts,)
    rule : AccountMargin
    underlyings : Underlyings
    rules : LiquidationConfig
    """

    def __init__(
        self,
        accounts: MarginAccounts,
        tick_usd: NDArray[np.float64],
        rule: AccountMargin,
        underlyings: Underlyings,
        rules: LiquidationConfig,
    ) -> None:
        self.accounts, self.rule, self.underlyings, self.rules = accounts, rule, underlyings, rules
        self._tick_usd = tick_usd
        self._needs: Needs | None = None

    def unsafe(self, ticks: Sequence[int]) -> Integers:
        """Take new marks; return the rows that are now below maintenance."""
        accounts, known = self.accounts, self.underlyings
        accounts.reprice(ticks)
        self._needs = self._at(ticks, known.spot, known.volatility)
        needed = self._needs(accounts.lots).maintenance
        below: Integers = np.flatnonzero(accounts.lots.any(axis=1) & (accounts.states()[:, 0] < needed))
        return below

    def required(self, row: int, ticks: Sequence[int] | None = None) -> int:
        """Maintenance of a row at the marks, or at other prices and what is true outside; base units."""
        lots, known = self.accounts.lots[row : row + 1], self.underlyings
        if ticks is None:
            return int(self._now(lots)[0])
        needs = self._at(ticks, known.true_spot, known.true_volatility)
        return int(needs(lots).maintenance[0])

    def parts(self, row: int) -> list[int]:
        """Maintenance that closing a position frees, negative for a hedge; base units."""
        return relief(self._now, self.accounts.lots[row].tolist())

    def add(self, column: int, rate: float) -> None:
        """Refuse: a scenario with such a rule has no haircut and no dynamic margin."""
        raise NotImplementedError(f"margin by accounts takes no rate of {rate:g} on contract {column}")

    def lots_to_close(
        self, row: int, equity: int, columns: Sequence[int], sizing: Callable[[int, int], MarginSizing]
    ) -> list[int]:
        """Lots to close in each contract.

        All or a tranche is meant of each position. A target is reached by closing what lowers margin most:
        positions that offset each other have no order and no sizing of their own.
        """
        rules, lots = self.rules, self.accounts.lots[row].tolist()
        if rules.sizing == "full":
            return [abs(held) for held in lots]
        if rules.sizing == "tranche":
            share = to_nano(rules.tranche)
            return [-(-abs(held) * share // NANO) for held in lots]
        fee = to_nano(rules.fee)
        costs = [
            -(-abs(contract.value(1, mark)) * fee // NANO)
            for contract, mark in zip(self.accounts.contracts, self.accounts.ticks.tolist(), strict=True)
        ]
        return close_to_target(self._now, lots, equity, to_nano(rules.target), costs)

    def _now(self, lots: Integers) -> Integers:
        assert self._needs is not None  # marked before anything is asked
        return self._needs(lots).maintenance

    def _at(self, ticks: Sequence[int], spot: NDArray[np.float64], volatility: NDArray[np.float64]) -> Needs:
        known, mark = self.underlyings, np.asarray(ticks, np.float64) * self._tick_usd
        return self.rule.at(
            known.contracts, ContractPrices(mark, spot.copy(), volatility.copy(), known.time_s)
        )
