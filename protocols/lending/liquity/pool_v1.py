"""Liquity v1 in a simulation: recovery mode, redemption, gas compensation out of the debt.

Deployed for ETH alone; here one system for each collateral with the same terms. An account
whose debt is below the contract's minimum is kept as it is, set aside for its liquidator is
then at most what it owes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ....market.ledger import OUTSIDE, Ledger, Reason
from ...fixed_point import WAD
from ...revert import Revert
from .books import Floats, Integers
from .borrowing import adjust_trove, close_trove
from .crowd import CrowdSystem
from .liquidation import LiquidationBatch, liquidate
from .parameters import LiquityParameters
from .pool import NO_BALANCE, LiquityPool, Redeemed, SystemStatus
from .redemption import BaseRate, redeem
from .troves import withdraw_deposit


class LiquityV1Pool(LiquityPool):
    """Version 1 with its crowd.

    Parameters
    ----------
    ledger : Ledger
    collaterals : mapping of int to LiquityParameters
        Collateral asset -> terms, in wei as the contract has them.
    debt_asset : int
    n_borrowers : int
    start_s : int
    stability_pool : float
        Deposits at the start as a share of each system's debt.
    name : str
    """

    def __init__(
        self,
        ledger: Ledger,
        collaterals: Mapping[int, LiquityParameters],
        debt_asset: int,
        n_borrowers: int,
        start_s: int,
        stability_pool: float = 0.9,
        name: str = "liquity",
    ) -> None:
        unit = ledger.assets[debt_asset].unit
        terms = {asset: _in_units(parameters, unit) for asset, parameters in collaterals.items()}
        super().__init__(ledger, name, n_borrowers, start_s, terms, debt_asset, debt_asset, stability_pool)
        for asset, parameters in terms.items():
            self.bonus[asset] = parameters.minimum_ratio / WAD - 1.0
        self.base_rates = {asset: BaseRate(0, start_s) for asset in terms}

    def limit(self, asset: int) -> int:
        """Return the minimum ratio, or in recovery mode with deposits the total ratio if higher; wad."""
        system, price = self.systems[asset], self.prices[asset]
        terms = system.parameters
        total = system.total_ratio(price)
        if total < terms.critical_ratio and system.pool.deposited:
            return max(total, terms.minimum_ratio)
        return terms.minimum_ratio

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return what was set aside and the share of the collateral, USD; 0 where the rule would refuse.

        In recovery mode only troves that the stability pool covers whole are open above the
        minimum ratio. Those it does not cover are remembered, and reported as touched as soon
        as prices or the pool move.
        """
        unit = self.ledger.assets[self.debt_asset].unit
        rewards = self.crowd.set_aside[rows] / unit
        systems = self.crowd.system_of[rows]
        for asset, system in self.systems.items():
            mine = systems == asset
            if not mine.any():
                continue
            terms = system.parameters
            least = terms.minimum_ratio / WAD
            above = mine & (collateral_usd >= least * debt_usd)
            seized = np.where(above, least * debt_usd, collateral_usd)
            rewards += np.where(mine, seized / terms.gas_compensation_divisor, 0.0)
            uncovered = above & (debt_usd > system.pool.deposited / unit)
            if len(system.troves) <= 1:
                uncovered |= mine
            if uncovered.any():
                rewards[uncovered] = 0.0
                self._blocked.update(rows[uncovered].tolist())
        return rewards

    def redeem(self, collateral: int, amount: int, redeemer: int, now_s: int) -> Redeemed:
        """Redeem from the riskiest troves of a system; see `redemption` and `LiquityPool.redeem`."""
        if self.ledger.balance(redeemer, self.debt_asset) < amount:
            raise Revert(NO_BALANCE)
        system, rate = self.systems[collateral], self.base_rates[collateral]
        self._note(collateral)
        done = redeem(system, rate, amount, self.prices[collateral], self.start_s + now_s)
        for row, surplus in done.closed.items():
            self._park(row, collateral, surplus)
            self._release_gas(row)
        self.base_rates[collateral] = done.base_rate
        self._fees[collateral] += done.fee
        paid = done.collateral - done.fee
        self._burn(redeemer, done.debt)
        self.ledger.transfer(collateral, self.account, redeemer, paid, Reason.WITHDRAW)
        return Redeemed(done.debt, paid)

    def statuses(self, now_s: int) -> list[SystemStatus]:
        """Return every system: its total ratio, whether recovery mode rules, its pool."""
        return [self._status(asset, system, now_s) for asset, system in self.systems.items()]

    def _status(self, asset: int, system: CrowdSystem, now_s: int) -> SystemStatus:
        terms, price = system.parameters, self.prices[asset]
        total = system.total_ratio(price)
        possible = bool(system.troves) and total >= terms.minimum_ratio
        fee = self.base_rates[asset].fee_rate(self.start_s + now_s) / WAD if possible else float("inf")
        return SystemStatus(
            collateral=asset,
            debt_asset=self.debt_asset,
            total_ratio=total / WAD,
            minimum_ratio=terms.minimum_ratio / WAD,
            critical_ratio=terms.critical_ratio / WAD,
            restricted=total < terms.critical_ratio,
            shut_down=False,
            debt=system.debt,
            deposited=system.pool.deposited,
            redemption_fee=fee,
            redemption_bonus=0.0,
        )

    def _note(self, *systems: int) -> None:
        rates = dict(self.base_rates)

        def undo() -> None:
            self.base_rates = rates

        self.crowd.journal.note(undo)
        super()._note(*systems)

    def _may_kick(self, system: CrowdSystem, debt: int, ratio: int, limit: int) -> bool:
        if len(system.troves) <= 1:
            return False
        return ratio < system.parameters.minimum_ratio or debt <= system.pool.deposited

    def _kick(self, asset: int, row: int) -> LiquidationBatch:
        return liquidate(self.systems[asset], row, self.prices[asset])

    def _adjust(self, asset: int, row: int, debt_change: int, collateral_change: int) -> None:
        adjust_trove(self.systems[asset], row, debt_change, collateral_change, self.prices[asset])

    def _close(self, asset: int, row: int) -> tuple[int, int]:
        system = self.systems[asset]
        net, collateral = close_trove(system, row, self.prices[asset])
        return net + system.parameters.gas_compensation_debt, collateral

    def _least_debt(self, asset: int) -> int:
        terms = self.systems[asset].parameters
        return terms.minimum_net_debt + terms.gas_compensation_debt

    def _set_aside(self, debt: Integers) -> Integers:
        compensation = next(iter(self.systems.values())).parameters.gas_compensation_debt
        return np.minimum(debt, compensation)

    def _withdraw_deposit(self, asset: int, amount: int, depositor: int) -> tuple[int, int]:
        return withdraw_deposit(self.systems[asset], depositor, amount, self.prices[asset])

    def _fund_gas_pool(self, amount: int) -> None:
        self.ledger.transfer(self.debt_asset, OUTSIDE, self.account, amount, Reason.MINT)

    def _own_gas(self, row: int) -> int:
        return int(self.crowd.set_aside[row])

    def _release_gas(self, row: int) -> None:
        """Burn what was set aside: it is part of the debt that has gone."""
        amount = int(self.crowd.set_aside[row])
        self.crowd.set_aside[row] = 0
        self._gas_held -= amount
        self._burn(self.account, amount)


def _in_units(terms: LiquityParameters, unit: int) -> LiquityParameters:
    """Terms of a stablecoin with `unit` base units per token instead of wei."""
    return dataclasses.replace(
        terms,
        gas_compensation_debt=terms.gas_compensation_debt * unit // WAD,
        minimum_net_debt=terms.minimum_net_debt * unit // WAD,
        unsafe=True,
    )
