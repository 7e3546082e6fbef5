"""Liquity v2 (BOLD) in a simulation: a branch for each collateral, capped penalties, shutdown.

No recovery mode: a trove is open below its branch's minimum ratio and never above. Interest
that borrowers set is not modelled, hence no redemption by interest rate either; once the
total ratio has fallen to the shutdown ratio, anyone may shut the branch down and redeem
urgently, at a bonus.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ....market.ledger import Ledger, Reason
from ...fixed_point import WAD
from ...revert import Revert
from .books import Floats, Integers
from .crowd import CrowdSystem
from .liquidation import LiquidationBatch
from .parameters import BranchParameters, LiquityParameters
from .pool import NO_BALANCE, LiquityPool, Redeemed, SystemStatus
from .redemption import MAX_TROVES
from .v2 import is_shut_down, liquidate_branch, urgent_redemption
from .v2_borrowing import adjust_branch_trove, close_branch_trove


class LiquityV2Pool(LiquityPool):
    """Version 2 with its crowd.

    Parameters
    ----------
    ledger : Ledger
    branches : mapping of int to BranchParameters
        Collateral asset -> terms, in wei as the contracts have them.
    debt_asset, gas_asset : int
        The stablecoin, and the asset of the gas compensation (ETH).
    n_borrowers : int
    start_s : int
    stability_pool : float
        Deposits at the start as a share of each branch's debt.
    name : str

    Attributes
    ----------
    shut_down : set of int
        Collateral assets of the branches that are shut down.
    """

    def __init__(
        self,
        ledger: Ledger,
        branches: Mapping[int, BranchParameters],
        debt_asset: int,
        gas_asset: int,
        n_borrowers: int,
        start_s: int,
        stability_pool: float = 0.6,
        name: str = "liquity-v2",
    ) -> None:
        units = [asset.unit for asset in ledger.assets]
        self.branches = {
            asset: _in_units(branch, units[asset], units[debt_asset], units[gas_asset])
            for asset, branch in branches.items()
        }
        books = {asset: _books(branch) for asset, branch in self.branches.items()}
        super().__init__(ledger, name, n_borrowers, start_s, books, debt_asset, gas_asset, stability_pool)
        for asset, branch in self.branches.items():
            self.bonus[asset] = branch.pool_penalty / WAD
        self.shut_down: set[int] = set()

    def limit(self, asset: int) -> int:
        """Return the branch's minimum ratio, wad."""
        return self.branches[asset].minimum_ratio

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return the deposit and the share of the collateral that the stability pool takes, USD."""
        units = [asset.unit for asset in self.ledger.assets]
        price = self._answers[self.gas_asset] / 1e8
        rewards = self.crowd.set_aside[rows] / units[self.gas_asset] * price
        systems = self.crowd.system_of[rows]
        for asset, system in self.systems.items():
            mine = systems == asset
            if not mine.any():
                continue
            branch = self.branches[asset]
            in_pool = max(0, system.pool.deposited - branch.minimum_in_pool) / units[self.debt_asset]
            covered = np.minimum(1.0, in_pool / np.maximum(debt_usd, 1e-9))
            cap = branch.gas_compensation_cap / units[asset] * self._answers[asset] / 1e8
            share = np.minimum(collateral_usd * covered / branch.gas_compensation_divisor, cap)
            rewards += np.where(mine, share, 0.0)
            if len(system.troves) <= 1:
                rewards[mine] = 0.0
                self._blocked.update(rows[mine].tolist())
        return rewards

    def redeem(self, collateral: int, amount: int, redeemer: int, now_s: int) -> Redeemed:
        """Shut a branch down if it may be, and redeem urgently from its riskiest troves that pay in full.

        Raises
        ------
        Revert
            ``NotShutDown``; ``ZeroAmount``; if the redeemer cannot pay. Nothing has changed then.
        """
        branch, system, price = self.branches[collateral], self.systems[collateral], self.prices[collateral]
        if self.ledger.balance(redeemer, self.debt_asset) < amount:
            raise Revert(NO_BALANCE)
        if amount <= 0:
            raise Revert("ZeroAmount")
        if collateral not in self.shut_down and not is_shut_down(system, branch, price):
            raise Revert("NotShutDown")
        self._note(collateral)
        self.shut_down.add(collateral)
        debt = paid = visited = 0
        full_price = WAD + branch.urgent_redemption_bonus
        for row in system.from_riskiest():
            if debt == amount or visited == MAX_TROVES:
                break
            if system.ratio(row, price) < full_price:
                continue
            owed, held = system.debt_and_collateral(system.troves[row])
            lot = urgent_redemption(owed, held, amount - debt, price, branch)
            if lot.debt == owed and len(system.troves) == 1:
                break
            if lot.debt == owed:
                system.remove_trove(row)
                system.active_debt -= owed
                system.active_collateral -= held
                self._park(row, collateral, held - lot.collateral)
                self._release_gas(row)
            else:
                system.change_trove(row, owed - lot.debt, held - lot.collateral)
            debt, paid, visited = debt + lot.debt, paid + lot.collateral, visited + 1
        self._burn(redeemer, debt)
        self.ledger.transfer(collateral, self.account, redeemer, paid, Reason.WITHDRAW)
        return Redeemed(debt, paid)

    def statuses(self, now_s: int) -> list[SystemStatus]:
        """Return every branch: its total ratio, whether it restricts borrowers or is shut down, its pool."""
        return [self._status(asset, branch) for asset, branch in self.branches.items()]

    def _status(self, asset: int, branch: BranchParameters) -> SystemStatus:
        system, price = self.systems[asset], self.prices[asset]
        total = system.total_ratio(price)
        urgent = bool(system.troves) and (asset in self.shut_down or is_shut_down(system, branch, price))
        return SystemStatus(
            collateral=asset,
            debt_asset=self.debt_asset,
            total_ratio=total / WAD,
            minimum_ratio=branch.minimum_ratio / WAD,
            critical_ratio=branch.critical_ratio / WAD,
            restricted=total < branch.critical_ratio,
            shut_down=asset in self.shut_down,
            debt=system.debt,
            deposited=system.pool.deposited,
            redemption_fee=0.0 if urgent else float("inf"),
            redemption_bonus=branch.urgent_redemption_bonus / WAD if urgent else 0.0,
        )

    def _note(self, *systems: int) -> None:
        shut_down = set(self.shut_down)

        def undo() -> None:
            self.shut_down = shut_down

        self.crowd.journal.note(undo)
        super()._note(*systems)

    def _may_kick(self, system: CrowdSystem, debt: int, ratio: int, limit: int) -> bool:
        return len(system.troves) > 1

    def _kick(self, asset: int, row: int) -> LiquidationBatch:
        return liquidate_branch(self.systems[asset], self.branches[asset], [row], self.prices[asset])

    def _adjust(self, asset: int, row: int, debt_change: int, collateral_change: int) -> None:
        adjust_branch_trove(
            self.systems[asset],
            self.branches[asset],
            row,
            debt_change,
            collateral_change,
            self.prices[asset],
            asset in self.shut_down,
        )

    def _close(self, asset: int, row: int) -> tuple[int, int]:
        return close_branch_trove(
            self.systems[asset], self.branches[asset], row, self.prices[asset], asset in self.shut_down
        )

    def _least_debt(self, asset: int) -> int:
        return self.branches[asset].minimum_debt

    def _set_aside(self, debt: Integers) -> Integers:
        deposit = next(iter(self.branches.values())).gas_compensation_deposit
        return np.full(len(debt), deposit, np.int64)

    def _withdraw_deposit(self, asset: int, amount: int, depositor: int) -> tuple[int, int]:
        pool, least = self.systems[asset].pool, self.branches[asset].minimum_in_pool
        if pool.deposited - min(amount, pool.compounded(depositor)) < least:
            raise Revert("Withdrawal must leave totalBoldDeposits >= MIN_BOLD_IN_SP")
        return pool.withdraw(depositor, amount)

    def _fund_gas_pool(self, amount: int) -> None:
        if amount:
            self.ledger.endow(self.gas_asset, self.account, amount)

    def _own_gas(self, row: int) -> int:
        return 0

    def _release_gas(self, row: int) -> None:
        """Leave what was set aside to its owner."""
        amount = int(self.crowd.set_aside[row])
        self.crowd.set_aside[row] = 0
        self._gas_held -= amount
        self._park(row, self.gas_asset, amount)


def _books(branch: BranchParameters) -> LiquityParameters:
    """Return the terms that the books of v1 need: ratios only."""
    return LiquityParameters(
        minimum_ratio=branch.minimum_ratio,
        critical_ratio=branch.critical_ratio,
        gas_compensation_debt=0,
        minimum_net_debt=0,
        unsafe=True,
    )


def _in_units(branch: BranchParameters, collateral: int, debt: int, gas: int) -> BranchParameters:
    """Terms in base units of the three assets, given base units per token, instead of wei."""
    return dataclasses.replace(
        branch,
        gas_compensation_cap=branch.gas_compensation_cap * collateral // WAD,
        gas_compensation_deposit=branch.gas_compensation_deposit * gas // WAD,
        minimum_debt=branch.minimum_debt * debt // WAD,
        minimum_in_pool=branch.minimum_in_pool * debt // WAD,
        unsafe=True,
    )
