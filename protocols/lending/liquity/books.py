"""The books of a Liquity deployment over a crowd, and the proof that they agree with the ledger.

Each collateral has a system of its own, with its own stability pool, and all mint one
stablecoin. The rules count base units of the simulated assets as the contracts count wei,
so nothing is converted and no unit is made by rounding.

The books prove themselves three ways: rows add up to the totals of the rules, the rules'
pools to what the ledger holds, and the debt to what was minted less what was burnt. What
borrowers, liquidators and depositors may do stands in `pool`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import OUTSIDE, Ledger, Reason
from ...fixed_point import WAD
from ..pool import LendingPool
from .crowd import Crowd, CrowdSystem, CrowdTroves
from .parameters import LiquityParameters

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class LiquityBooks(LendingPool):
    """Systems that mint one stablecoin, with their crowd.

    Parameters
    ----------
    ledger : Ledger
    name : str
    n_borrowers : int
    start_s : int
        Unix time of second 0.
    systems : mapping of int to LiquityParameters
        Collateral asset -> terms in base units.
    debt_asset : int
        The stablecoin.
    gas_asset : int
        What owners put down for whoever liquidates them.
    stability_pool : float
        Deposits at the start as a share of each system's debt.

    Attributes
    ----------
    depositors : int
        Ledger account that holds the deposits of the start, as one group; see `entrust`.
    systems : dict of int to CrowdSystem
        By collateral asset.
    minted, burnt : int
        Stablecoin issued against the debt of troves so far, and burnt with it; base units.
    """

    kicked = True
    close_factor = 1.0
    full_below = 1.0
    caution = 1e-9

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        n_borrowers: int,
        start_s: int,
        systems: Mapping[int, LiquityParameters],
        debt_asset: int,
        gas_asset: int,
        stability_pool: float,
    ) -> None:
        n = len(ledger.assets)
        for asset in (*systems, debt_asset, gas_asset):
            if not 0 <= asset < n:
                raise ValueError(f"{name}: asset {asset} does not exist; there are {n}")
        if debt_asset in systems:
            raise ValueError(f"{name}: {ledger.assets[debt_asset].symbol} cannot be collateral and debt")
        if not 0.0 <= stability_pool <= 1.0:
            raise ValueError(f"{name}: stability_pool must be in [0, 1], got {stability_pool}")
        super().__init__(ledger, name, n_borrowers, start_s)
        self.debt_asset = debt_asset
        self.gas_asset = gas_asset
        self.stability_pool = stability_pool
        self.depositors = ledger.open_account(f"depositors/{name}")
        self.crowd = Crowd(self.positions, debt_asset)
        self.systems = {
            asset: CrowdSystem(terms, CrowdTroves(self.crowd, asset)) for asset, terms in systems.items()
        }
        self.thresholds = np.zeros(n)
        self.bonus = np.zeros(n)
        for asset, terms in systems.items():
            self.thresholds[asset] = WAD / terms.minimum_ratio
        self.prices = dict.fromkeys(systems, 0)
        self.minted = self.burnt = 0
        self._answers = [0] * n
        self._parked = [0] * n  # collateral without a trove, which its owner may withdraw
        self._fees = [0] * n
        self._gas_held = 0
        self._blocked: set[int] = set()
        self._totals_before = [0] * (2 * n)

    @abstractmethod
    def limit(self, asset: int) -> int:
        """Collateral ratio below which a trove of a system may be open to liquidation now, wad."""

    @abstractmethod
    def _set_aside(self, debt: Integers) -> Integers:
        """Return what owners of these debts have put down for their liquidators, units of the gas asset."""

    @abstractmethod
    def _fund_gas_pool(self, amount: int) -> None:
        """Bring in what owners set aside at the start."""

    def open(self) -> None:
        """Enter the troves, fund the pools, and let the depositors put in their share of each debt.

        Borrowed stablecoin has left: what borrowers drew, less what they set aside, is outside.
        An account without debt has no trove; its collateral may be withdrawn.

        Raises
        ------
        ValueError
            If a row has collateral of two systems, of none while it owes, or owes another asset.
        """
        positions, crowd = self.positions, self.crowd
        self._check_rows()
        owing = positions.debt[:, self.debt_asset] > 0
        for asset, system in self.systems.items():
            held = positions.collateral[:, asset]
            crowd.system_of[owing & (held > 0)] = asset
            self._parked[asset] = int(held[~owing].sum())
            total = int(held.sum())
            if total:
                self.ledger.endow(asset, self.account, total)
            system.start()
        troves = np.flatnonzero(owing)
        crowd.set_aside[troves] = self._set_aside(positions.debt[troves, self.debt_asset])
        self._gas_held = int(crowd.set_aside.sum())
        self.minted = int(positions.debt[:, self.debt_asset].sum())
        self._fund_gas_pool(self._gas_held)
        for system in self.systems.values():
            amount = int(self.stability_pool * system.debt)
            if amount:
                self.ledger.endow(self.debt_asset, self.depositors, amount)
                self.ledger.transfer(self.debt_asset, self.depositors, self.account, amount, Reason.SUPPLY)
                system.pool.provide(self.depositors, amount)
        self._totals_before = self._totals()
        crowd.before.clear()

    def entrust(self, accounts: Sequence[int]) -> None:
        """Hand the deposits of the start to ledger accounts, in equal parts, instead of the group.

        Raises
        ------
        ValueError
            If there are no accounts, or the deposits are not what they were at the start.
        """
        if not accounts:
            raise ValueError("entrust needs at least one account")
        for system in self.systems.values():
            amount = system.pool.compounded(self.depositors)
            if system.pool.collateral or amount != system.pool.deposited:
                raise ValueError(f"{self.name}: deposits have changed since the start")
            if not amount:
                continue
            system.note()
            system.pool.withdraw(self.depositors, amount)
            for k, account in enumerate(accounts):
                part = amount * (k + 1) // len(accounts) - amount * k // len(accounts)
                if part:
                    system.pool.provide(account, part)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset.

        The contracts count their stablecoin as one dollar, whatever it trades at.
        """
        self._answers = list(answers)
        assets, unit = self.ledger.assets, self.ledger.assets[self.debt_asset].unit
        for asset in self.systems:
            self.prices[asset] = answers[asset] * unit * WAD // (10**8 * assets[asset].unit)
        self._look_again()

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one base unit counts for, USD; a system's threshold is one over `limit`."""
        value = np.array(self._answers) / (1e8 * np.array([asset.unit for asset in self.ledger.assets]))
        debt = value.copy()
        debt[self.debt_asset] = 1.0 / self.ledger.assets[self.debt_asset].unit
        thresholds = np.zeros(len(value))
        for asset in self.systems:
            thresholds[asset] = WAD / self.limit(asset)
        return value * thresholds, debt, value

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset, base units."""
        return int(self.positions.debt[row, asset])

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up, or may withdraw, of an asset; base units."""
        return int(self.positions.collateral[row, asset])

    def deposit_of(self, collateral: int, depositor: int) -> tuple[int, int]:
        """Return what is left of a deposit and the collateral it has earned, base units."""
        pool = self.systems[collateral].pool
        return pool.compounded(depositor), pool.collateral_gain(depositor)

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return the deposits of a ledger account and what they have earned; see `LendingPool.held_for`."""
        held: list[tuple[int, int]] = []
        for asset, system in self.systems.items():
            if account in system.pool.deposits:
                left, gain = self.deposit_of(asset, account)
                held += [(self.debt_asset, left), (asset, gain)]
        return tuple(held)

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and depositors own less what they owe; see `LendingPool.claims`.

        What owners have set aside is theirs until somebody liquidates them. Stablecoin in
        circulation is the outside world's claim: coins come from there and are burnt to there.
        """
        n = self.positions.n_assets
        borrowers = self.positions.collateral.sum(axis=0) - self.positions.debt.sum(axis=0).astype(np.float64)
        borrowers[self.gas_asset] += self._gas_held
        depositors = np.zeros(n)
        for asset, system in self.systems.items():
            for depositor in system.pool.deposits:
                left, gain = self.deposit_of(asset, depositor)
                depositors[self.debt_asset] += left
                depositors[asset] += gain
        outside = np.zeros(n)
        outside[self.debt_asset] = self.minted - self.burnt
        return {"borrowers": borrowers, "depositors": depositors, "outside": outside}

    def lent_usd(self, now_s: int) -> Floats:
        """Return what depositors may claim, by asset, USD."""
        _, debt, value = self.weights(now_s)
        worth = value.copy()
        worth[self.debt_asset] = debt[self.debt_asset]
        return np.asarray(self.claims(now_s)["depositors"] * worth)

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember this moment; calling the result takes everything back that was done since."""
        return self.crowd.journal.checkpoint()

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        crowd, n = self.crowd, self.positions.n_assets
        if not crowd.before and not crowd.spread_out:
            return self._held_residual()
        if crowd.spread_out:
            residual = self.residual()
        else:
            residual = self._held_residual()
            totals = self._totals()
            for column in range(2 * n):
                moved = sum(
                    int(self.positions.amounts[row, column]) - before[column]
                    for row, before in crowd.before.items()
                )
                residual[column % n] += abs(totals[column] - self._totals_before[column] - moved)
        crowd.before.clear()
        crowd.spread_out = False
        self._totals_before = self._totals()
        return residual

    def residual(self) -> Integers:
        """Disagreement between rows, the rules' totals and the ledger, per asset, base units.

        Rows against totals, stakes against their sum, what was set aside against the gas pool,
        the pools against the ledger, debt against what was minted less burnt, and what rounding
        left with nobody against what rounding can explain.
        """
        crowd, n = self.crowd, self.positions.n_assets
        residual = self._held_residual()
        sums = self.positions.amounts.sum(axis=0).tolist()
        for column, total in enumerate(self._totals()):
            residual[column % n] += abs(total - sums[column])
        for asset, system in self.systems.items():
            collateral, debt = system.misplaced()
            stakes = int(crowd.stakes[system.troves.rows()].sum())
            residual[asset] += collateral + abs(stakes - system.total_stakes)
            residual[self.debt_asset] += debt
        residual[self.gas_asset] += abs(int(crowd.set_aside.sum()) - self._gas_held)
        return residual

    def _note(self, *systems: int) -> None:
        """Remember the books that are about to change."""
        parked, fees = list(self._parked), list(self._fees)
        gas_held, minted, burnt = self._gas_held, self.minted, self.burnt

        def undo() -> None:
            self._parked, self._fees = parked, fees
            self._gas_held, self.minted, self.burnt = gas_held, minted, burnt
            self._look_again()

        self.crowd.journal.note(undo)
        for asset in systems:
            self.systems[asset].note()

    def _park(self, row: int, asset: int, units: int) -> None:
        """Leave collateral to the owner of a row that has no trove any more."""
        self.positions.collateral[row, asset] += units
        self._parked[asset] += units

    def _burn(self, source: int, amount: int) -> None:
        self.ledger.transfer(self.debt_asset, source, OUTSIDE, amount, Reason.BURN)
        self.burnt += amount

    def _look_again(self) -> None:
        """Have those looked at again whom the stability pool could not cover: prices or the pool moved."""
        if self._blocked:
            self.positions.touched |= self._blocked
            self._blocked.clear()

    def _totals(self) -> list[int]:
        """Return what rows must add up to, by column of `positions.amounts`."""
        n = self.positions.n_assets
        totals = list(self._parked) + [0] * n
        for asset, system in self.systems.items():
            totals[asset] += system.collateral - system.unowned_collateral
            totals[n + self.debt_asset] += system.debt - system.unowned_debt
        return totals

    def _held_residual(self) -> Integers:
        """Disagreement of the rules' pools with the ledger, and of debt with what was minted less burnt."""
        held = [parked + fee for parked, fee in zip(self._parked, self._fees, strict=True)]
        held[self.gas_asset] += self._gas_held
        owed = 0
        for asset, system in self.systems.items():
            held[asset] += system.collateral + system.pool.collateral
            held[self.debt_asset] += system.pool.deposited
            owed += system.debt
        residual = np.array(
            [abs(units - self.ledger.balance(self.account, i)) for i, units in enumerate(held)], np.int64
        )
        residual[self.debt_asset] += abs(self.minted - self.burnt - owed)
        return residual

    def _check_rows(self) -> None:
        collateral, debt = self.positions.collateral, self.positions.debt
        symbols = [asset.symbol for asset in self.ledger.assets]
        for asset, symbol in enumerate(symbols):
            if asset not in self.systems and collateral[:, asset].any():
                raise ValueError(f"{self.name}: {symbol} is no collateral here")
            if asset != self.debt_asset and debt[:, asset].any():
                raise ValueError(
                    f"{self.name}: {symbol} is not lent here, only {symbols[self.debt_asset]} is"
                )
        held = np.count_nonzero(collateral, axis=1)
        if (held > 1).any():
            raise ValueError(f"{self.name}: account {int(held.argmax())} has more than one collateral")
        bare = (held == 0) & debt.any(axis=1)
        if bare.any():
            raise ValueError(f"{self.name}: account {int(bare.argmax())} owes without collateral")
