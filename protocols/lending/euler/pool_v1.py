"""Euler v1 inside a simulation: one market for each asset that is lent, and a crowd.

The books of a market are those of a v2 vault: exact debts, interest, fee shares. What differs is
who may be liquidated and on what terms. A liquidator takes on the debt and, on top, a fee for the
reserves, and repays both in the same transaction. Bad debt stays on the account. The contract
counts with 18 decimals; what a call repays is whole base units, and what it seizes is rounded down
unless less than a unit would be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, PERCENTAGE_FACTOR, WAD, ceil_div
from ...revert import Revert
from ..pool import Called, Quotes
from .parameters import KinkedRate, VaultParameters
from .pool import CAUTION, NO_FUNDS, TO_18_DECIMALS, EulerPool
from .v1 import FACTOR_SCALE, V1Account, V1Opportunity, V1Parameters, check_liquidation_v1, liquidate_v1
from .vault import debt_in_assets, repay, with_new_rate

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class EulerV1Pool(EulerPool):
    """Markets of v1 that lend all assets somebody borrows, with their crowd.

    Parameters
    ----------
    ledger : Ledger
    name : str
    factors : sequence of V1Parameters or None
        Terms of liquidation by ledger asset as collateral, None where it is none; with one borrow factor.
    interest : KinkedRate
        Of every market.
    interest_fee : int
        Share of the interest that goes to the reserves, basis points.
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, seconds.
    utilisation : float
        Borrowed share of each market at the start, in (0, 1).
    liquidator_funding : float
        Average free liquidity that every liquidator keeps in the protocol, as a share of what the account
        it liquidates owes; from 0 to 1.

    Raises
    ------
    ValueError
        If there is not one entry of `factors` for each asset.
    """

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        factors: Sequence[V1Parameters | None],
        interest: KinkedRate,
        interest_fee: int,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.8,
        liquidator_funding: float = 0.0,
    ) -> None:
        weights = [
            f.collateral_factor * f.borrow_factor / FACTOR_SCALE**2 if f is not None else 0.0 for f in factors
        ]
        parameters = VaultParameters(0, False, interest_fee, 0, interest)
        bps = [round(weight * PERCENTAGE_FACTOR) for weight in weights]
        super().__init__(ledger, name, bps, parameters, n_borrowers, start_s, utilisation)
        self.factors = tuple(factors)
        self.thresholds = np.array(weights)
        most = np.array([f.max_discount / WAD if f is not None else 0.0 for f in factors])
        self.bonus = most / (1.0 - most)
        self._funding = round(liquidator_funding * 10**9)

    @property
    def penalty_at_trigger(self) -> Floats:
        """The discount that pays the fee for the reserves, with the booster on it."""
        booster = 1.0 + self._funding / 1e9
        least = np.array([f.reserves_fee / WAD * booster if f is not None else 0.0 for f in self.factors])
        return np.asarray(least / (1.0 - least))

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health score of an account, wad."""
        loan = int(self._loan_of[row])
        account = self._account(row, int(self.positions.collateral[row].argmax()), loan, now_s)
        if not account.liability_value:
            return MAX_UINT256
        return account.collateral_value * WAD // account.liability_value

    def payoff(self, row: int, asset: int, now_s: int) -> int:
        """Return what a call that repays all of an asset costs: the debt and the fee on it; base units."""
        fee = max(f.reserves_fee for f in self.factors if f is not None)
        return ceil_div(self.debt_units(row, asset, now_s) * (WAD + fee), WAD)

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets."""
        quotes = np.zeros((3, len(rows)))
        for k, (row, target, loan) in enumerate(
            zip(rows.tolist(), collaterals.tolist(), debts.tolist(), strict=True)
        ):
            if self._loan_of[row] != loan or self.factors[target] is None:
                continue
            account = self._account(row, target, loan, now_s)
            most = self._opportunity(account, target)
            if most.repay and most.yield_assets:
                paid = most.repay / WAD * self.prices[loan] / 1e8
                got = most.yield_assets / WAD * self.prices[target] / 1e8
                quotes[:, k] = paid * (1.0 + CAUTION), got / paid - 1.0, 0.0
        return Quotes(*quotes)

    def _terms(
        self, health: Floats, owed: Floats, available: Floats, collaterals: Integers
    ) -> tuple[Floats, Floats]:
        """Return the same as `check_liquidation_v1` does, with the fee for the reserves in what is repaid."""
        factors = [f or next(filter(None, self.factors)) for f in self.factors]
        fee, slope, boost, most, target = (
            np.array([getattr(f, name) for f in factors])[collaterals] / WAD
            for name in ("reserves_fee", "booster_slope", "max_booster", "max_discount", "target_health")
        )
        weight = np.array([f.collateral_factor for f in factors])[collaterals] / FACTOR_SCALE
        borrow = self._borrow_factor() / FACTOR_SCALE
        base = fee + 1.0 - health
        booster = 1.0 + min(self._funding / 1e9, 1.0) * (slope - 1.0)
        price = 1.0 - np.minimum(np.minimum(base * booster, base + boost), most)
        gap = target / borrow - weight / price
        liability = owed / borrow
        restoring = liability * (target - health) / np.where(gap > 0.0, gap, np.nan)
        repaid = np.fmin(restoring, owed)
        got = np.minimum(repaid / price, available)
        return got * price * (1.0 + fee), got

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account; see `LendingPool.liquidate`.

        `cover` is what the liquidator pays in all, the fee for the reserves included.
        """
        factors = self.factors[collateral]
        if self._loan_of[row] != debt or factors is None:
            raise Revert("e/liq/underlying-not-entered")
        account, health = self._account(row, collateral, debt, now_s), self.health_factor(row, now_s)
        most, scale = self._opportunity(account, collateral), self._scale(debt)
        paid = min(cover, ceil_div(most.repay, scale))
        if paid <= 0:
            raise Revert("nothing to repay")
        if self.ledger.balances[liquidator, debt] < paid:
            raise Revert(NO_FUNDS)
        done = liquidate_v1(
            factors,
            account,
            min(paid * scale, most.repay),
            liquidator_liquidity=self._liquidity(account),
        )
        repaid, seized = done.repaid // scale, self._seized(account, done.yield_assets, collateral)
        if repaid == 0 or seized == 0:
            raise Revert("nothing to repay")
        book = self._book(debt, now_s)
        after, left = repay(book.vault, self._debt(row, now_s), repaid)
        reserved = paid - repaid
        assets = after.cash + debt_in_assets(after.total_borrows)
        shares = reserved * after.total_shares // assets if assets else reserved
        after = replace(
            after,
            cash=after.cash + reserved,
            total_shares=after.total_shares + shares,
            accumulated_fees=after.accumulated_fees + shares,
        )
        self._remember(row, debt, collateral)
        self._put_debt(row, debt, left, after)
        self._put_collateral(row, collateral, -seized)
        self.books[debt] = replace(book, vault=with_new_rate(after, self.parameters))
        self.ledger.transfer(debt, liquidator, self.account, paid, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, seized, Reason.SEIZE)
        return Called(repaid, seized, health, debt_fee=reserved)

    def _stays_healthy(self, row: int, asset: int, amount: int, now_s: int) -> bool:
        account = self._account(row, asset, int(self._loan_of[row]), now_s, withdrawn=amount)
        return account.healthy

    def _account(self, row: int, target: int, loan: int, now_s: int, withdrawn: int = 0) -> V1Account:
        """Describe an account for a call that wants `target`, of which some may be withdrawn before."""
        held = self.positions.collateral[row].tolist()
        held[target] -= withdrawn
        value = sum(
            self._value(asset, units) * factors.collateral_factor // FACTOR_SCALE
            for asset, (units, factors) in enumerate(zip(held, self.factors, strict=True))
            if units and factors is not None
        )
        balance = held[target] * self._scale(target)
        owed, price = 0, 0
        if loan >= 0:
            owed, price = debt_in_assets(self._debt(row, now_s)), self.prices[loan] * TO_18_DECIMALS
        liability = self._value(loan, owed) * FACTOR_SCALE // self._borrow_factor() if owed else 0
        return V1Account(
            value,
            liability,
            balance,
            owed * self._scale(loan),
            self.prices[target] * TO_18_DECIMALS,
            price,
        )

    def _opportunity(self, account: V1Account, target: int) -> V1Opportunity:
        factors = self.factors[target]
        if factors is None or not account.collateral_price:
            return V1Opportunity(0, 0, 0, 0, 0)
        return check_liquidation_v1(factors, account, liquidator_liquidity=self._liquidity(account))

    def _seized(self, account: V1Account, yield_assets: int, collateral: int) -> int:
        """Return base units seized, rounded down; a rest smaller than one goes with the others."""
        scale = self._scale(collateral)
        rest = account.balance - yield_assets
        return (account.balance if rest < scale else yield_assets) // scale

    def _liquidity(self, account: V1Account) -> int:
        """Free liquidity of whoever liquidates an account, wad of the unit of account."""
        return account.liability_value * self._funding // 10**9

    def _borrow_factor(self) -> int:
        return next(f.borrow_factor for f in self.factors if f is not None)

    def _value(self, asset: int, units: int) -> int:
        return units * self._scale(asset) * self.prices[asset] * TO_18_DECIMALS // WAD

    def _scale(self, asset: int) -> int:
        """Units of 18 decimals in a base unit."""
        return WAD // self.ledger.assets[asset].unit
