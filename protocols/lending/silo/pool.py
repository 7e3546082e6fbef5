"""Silo v2 inside a simulation: isolated pairs, and a crowd of one position each.

A pair of collateral and loan asset has lenders of its own, so an account has one collateral and
owes one asset. Collateral is protected, never lent, so it counts one to one. What `positions`
holds of a debt is its exact number of shares, one for each base unit borrowed at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, WAD
from ...revert import Revert
from ..escrow_pool import EscrowPool
from ..isolated import check_isolated
from ..pool import Called, Quotes
from .liquidation import PositionValue, liquidation_preview, loan_to_value
from .market import Silo, accrue, debt_assets, repay
from .parameters import SiloParameters

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Pair = tuple[int, int]
"""Collateral and loan asset."""

NO_FUNDS = "ERC20: transfer amount exceeds balance"
CAUTION = 1e-6
"""Part by which rounding up to base units may make a debt larger than the arrays say."""
LEAST_DEBT = 10_000
"""Base units below which the debt of a whole silo is rounding and does not count for screening."""
TO_18_DECIMALS = 10**10
"""From the oracle's USD with 8 decimals to the unit of account."""


class SiloPool(EscrowPool):
    """Pairs of some collateral assets and all assets that somebody borrows, with their crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders of all silos as one
    account that holds what it supplied at the start. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    name : str
    parameters : sequence of SiloParameters or None
        Of the pairs with each ledger asset as collateral; None where it is not accepted.
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, s.
    utilisation : float
        Borrowed share of each silo at the start, in (0, 1).

    Raises
    ------
    ValueError
        If there is not one entry of `parameters` for each asset.
    """

    close_factor = 1.0
    quoted = True

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        parameters: Sequence[SiloParameters | None],
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.8,
    ) -> None:
        n = len(ledger.assets)
        if len(parameters) != n:
            raise ValueError(f"{name}: {len(parameters)} parameters for {n} assets")
        super().__init__(ledger, name, n_borrowers, start_s)
        self.parameters, self.utilisation = tuple(parameters), utilisation
        self.thresholds = np.array([p.liquidation_threshold / WAD if p else 0.0 for p in parameters])
        self.bonus = np.array([p.liquidation_fee / WAD if p else 0.0 for p in parameters])
        self.silos: dict[Pair, Silo] = {}
        self._pair_of: NDArray[np.int16] = np.full(n_borrowers + 1, -1, np.int16)
        self._known: dict[Pair, tuple[Silo, Silo]] = {}
        self._rows_before: dict[int, list[int]] = {}
        self._shares_before: dict[Pair, int] = {}
        self._held_before: dict[int, int] = {}

    def open(self) -> None:
        """Start the silos: lenders supply what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        ValueError
            If an account has two collaterals, two debts, a debt without collateral or a
            collateral that is not accepted.
        """
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt[: self.lenders]
        check_isolated(self.name, self.parameters, collateral, debt, "silo")
        self.held = [int(units) for units in collateral.sum(axis=0)]
        borrowers = debt.any(axis=1)
        codes = collateral.argmax(axis=1) * len(self.parameters) + debt.argmax(axis=1)
        self._pair_of[: self.lenders] = np.where(borrowers, codes, -1)
        for pair, rows in self._members():
            owed = int(debt[rows, pair[1]].sum())
            supplied = max(int(owed / self.utilisation), owed)
            self.silos[pair] = Silo(supplied, owed, owed, 0, self.start_s)
            self.positions.collateral[self.lenders, pair[1]] += supplied
        self._fund()

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`.

        Debt of one asset grows at another rate in each of its silos. Its weight lies in the
        (geometric) middle, and `caution` says how far the others lie from it.
        """
        value = self._values()
        growth: dict[int, list[float]] = {}
        for pair in self.silos:
            silo = self._silo(pair, now_s)
            if silo.debt_assets >= LEAST_DEBT:
                growth.setdefault(pair[1], []).append(silo.debt_assets / silo.debt_shares)
        debt, spread = value.copy(), 0.0
        for loan, factors in growth.items():
            low, high = min(factors), max(factors)
            debt[loan] *= (low * high) ** 0.5
            spread = max(spread, (high / low) ** 0.5 - 1.0)
        self.caution = CAUTION + spread
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad: its threshold over its loan-to-value."""
        pair = self._pair(row)
        if pair is None:
            return MAX_UINT256
        ltv = loan_to_value(self._valued(row, pair, now_s))
        return self._of(pair).liquidation_threshold * WAD // ltv if ltv else MAX_UINT256

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        pair = self._pair(row)
        if pair is None or pair[1] != asset:
            return 0
        return debt_assets(self._silo(pair, now_s), int(self.positions.debt[row, asset]))

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset, base units; of the lenders, what they may claim."""
        if row != self.lenders:
            return int(self.positions.collateral[row, asset])
        return sum(self._silo(pair, now_s).deposits for pair in self.silos if pair[1] == asset)

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets."""
        quotes = np.zeros((3, len(rows)))
        assets = self.ledger.assets
        for k, (row, *wanted) in enumerate(
            zip(rows.tolist(), collaterals.tolist(), debts.tolist(), strict=True)
        ):
            pair = self._pair(row)
            if pair is None or pair != tuple(wanted):
                continue
            position = self._valued(row, pair, now_s)
            try:
                most = liquidation_preview(self._of(pair), position, position.debt_assets)
            except Revert:
                continue
            paid = most.repaid / assets[pair[1]].unit * self.prices[pair[1]] / 1e8
            got = most.seized / assets[pair[0]].unit * self.prices[pair[0]] / 1e8
            # An offer in floats must not fall short of a whole debt.
            quotes[:, k] = paid * (1.0 + CAUTION), got / paid - 1.0, paid if most.full else 0.0
        return Quotes(*quotes)

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account; see `LendingPool.liquidate`."""
        pair = self._pair(row)
        if pair is None or pair != (collateral, debt):
            raise Revert("UnexpectedCollateralToken" if pair and pair[1] == debt else "UnexpectedDebtToken")
        health = self.health_factor(row, now_s)
        done = liquidation_preview(self._of(pair), self._valued(row, pair, now_s), cover)
        if self.ledger.balances[liquidator, debt] < done.repaid:
            raise Revert(NO_FUNDS)
        after = repay(self._silo(pair, now_s), done.repaid, int(self.positions.debt[row, debt]))
        self._remember(row, pair, collateral)
        self._put_debt(row, pair, after.silo, after.shares)
        self._put_collateral(row, collateral, -done.seized)
        self.ledger.transfer(debt, liquidator, self.account, done.repaid, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, done.seized, Reason.SEIZE)
        return Called(done.repaid, done.seized, health)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing of the asset is owed or the payer does not hold the amount.
        """
        owed, pair = self.debt_units(row, asset, now_s), self._pair(row)
        if pair is None or not owed:
            raise Revert("RepayZero")
        amount = min(amount, owed)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        after = repay(self._silo(pair, now_s), amount, int(self.positions.debt[row, asset]))
        self._remember(row, pair)
        self._put_debt(row, pair, after.silo, after.shares)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.REPAY)
        return amount

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account from a ledger account.

        Raises
        ------
        Revert
            If the payer does not hold the amount, or the account's pair, or none at all, takes
            the asset.
        """
        self._check_collateral(row, asset)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        self._remember(row, collateral=asset)
        self._put_collateral(row, asset, amount)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If the account would be left insolvent or does not have as much.
        """
        self._check_collateral(row, asset)
        if amount > self.positions.collateral[row, asset]:
            raise Revert("NotEnoughLiquidity")
        pair = self._pair(row)
        if pair is not None:
            left = self._valued(row, pair, now_s, withdrawn=amount)
            if loan_to_value(left) > self._of(pair).liquidation_threshold:
                raise Revert("NotSolvent")
        self._remember(row, collateral=asset)
        self._put_collateral(row, asset, -amount)
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account and all silos, which are few; calling the result restores them."""
        amounts, silos, held = self.positions.amounts[row].copy(), dict(self.silos), list(self.held)

        def restore() -> None:
            self.silos, self.held = dict(silos), list(held)
            if row >= 0:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        n = len(self.parameters)
        residual = np.zeros(n, np.int64)
        if not self._rows_before:
            return residual
        change = [0] * n
        moved = dict.fromkeys(self._shares_before, 0)
        for row, before in self._rows_before.items():
            after, pair = self.positions.amounts[row].tolist(), self._pair_at(row)
            change = [c + new - old for c, new, old in zip(change, after[:n], before[:n], strict=True)]
            for loan in range(n):
                shares = after[n + loan] - before[n + loan]
                if pair in moved and pair[1] == loan:
                    moved[pair] += shares
                else:
                    residual[loan] += abs(shares)
        for pair, shares in self._shares_before.items():
            residual[pair[1]] += abs(self.silos[pair].debt_shares - shares - moved[pair])
        for asset, units in self._held_before.items():
            residual[asset] += abs(self.held[asset] - units - change[asset])
        for asset in {*self._held_before, *(loan for _, loan in self._shares_before)}:
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
        self._rows_before.clear()
        self._shares_before.clear()
        self._held_before.clear()
        return residual

    def residual(self) -> Integers:
        """Disagreement between positions, silos and ledger, per asset, in base units.

        Every account's shares are summed and compared with the total of its silo, collateral with
        what calls have moved, and collateral and what lenders and fees are owed, less what
        borrowers owe, with what the ledger holds.
        """
        residual = np.zeros(len(self.parameters), np.int64)
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt
        for asset in range(len(self.parameters)):
            residual[asset] += abs(int(collateral[:, asset].sum()) - self.held[asset])
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
        known = np.zeros(len(self.parameters), np.int64)
        for pair, rows in self._members():
            shares = int(debt[rows, pair[1]].sum())
            known[pair[1]] += shares
            residual[pair[1]] += abs(shares - self.silos[pair].debt_shares)
        return np.asarray(residual + np.abs(debt.sum(axis=0) - known))

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        n = len(self.parameters)
        owed, lent = np.zeros(n), np.zeros(n)
        for pair in self.silos:
            silo = self._silo(pair, now_s)
            owed[pair[1]] += silo.debt_assets
            lent[pair[1]] += silo.deposits
        return {"borrowers": self.positions.collateral[: self.lenders].sum(axis=0) - owed, "lenders": lent}

    def _check_collateral(self, row: int, asset: int) -> None:
        """Refuse collateral that is none, or of another pair than the account's."""
        pair, held = self._pair(row), self.positions.collateral[row]
        other = pair is not None and pair[0] != asset
        if self.parameters[asset] is None or row == self.lenders or other or held.sum() != held[asset]:
            raise Revert("WrongSilo")

    def _members(self) -> Iterator[tuple[Pair, Integers]]:
        """Pairs in which somebody borrowed, with the rows of their borrowers."""
        for code in np.unique(self._pair_of).tolist():
            if code >= 0:
                yield divmod(code, len(self.parameters)), np.flatnonzero(self._pair_of == code)

    def _pair_at(self, row: int) -> Pair:
        return divmod(int(self._pair_of[row]), len(self.parameters))

    def _pair(self, row: int) -> Pair | None:
        """Return the pair in which an account owes something."""
        pair = self._pair_at(row)
        return pair if pair in self.silos and self.positions.debt[row, pair[1]] else None

    def _of(self, pair: Pair) -> SiloParameters:
        parameters = self.parameters[pair[0]]
        assert parameters is not None  # an account with such collateral is refused
        return parameters

    def _silo(self, pair: Pair, now_s: int) -> Silo:
        """Return a silo with interest until now, worked out once for all who ask at the time."""
        stored, now = self.silos[pair], self.start_s + now_s
        known = self._known.get(pair)
        if known is None or known[0] is not stored or known[1].updated != now:
            known = self._known[pair] = stored, accrue(stored, self._of(pair), now)
        return known[1]

    def _valued(self, row: int, pair: Pair, now_s: int, withdrawn: int = 0) -> PositionValue:
        held = int(self.positions.collateral[row, pair[0]]) - withdrawn
        owed = self.debt_units(row, pair[1], now_s)
        return PositionValue(held, self._value(pair[0], held), owed, self._value(pair[1], owed))

    def _value(self, asset: int, units: int) -> int:
        return units * self.prices[asset] * TO_18_DECIMALS // self.ledger.assets[asset].unit

    def _put_debt(self, row: int, pair: Pair, silo: Silo, burnt: int) -> None:
        self.silos[pair] = silo
        self.positions.debt[row, pair[1]] -= burnt
        self.positions.touched.add(row)

    def _remember(self, row: int, pair: Pair | None = None, collateral: int = -1) -> None:
        """Keep what was before the first change since the last `residual_touched`."""
        if row not in self._rows_before:
            self._rows_before[row] = self.positions.amounts[row].tolist()
        if pair is not None:
            self._shares_before.setdefault(pair, self.silos[pair].debt_shares)
        if collateral >= 0:
            self._held_before.setdefault(collateral, self.held[collateral])

    def _owned(self, asset: int) -> int:
        """Return what the pool should hold: collateral, and cash of the silos that lend the asset."""
        return super()._owned(asset) + sum(
            silo.cash for (_, loan), silo in self.silos.items() if loan == asset
        )
