"""Euler v2 inside a simulation: one vault for each asset that is lent, and a crowd.

An account has any collateral and one debt. Collateral lies in escrow vaults that lend
nothing, so it counts one to one. Debts are exact in the contract's 31 fractional bits: an
account that nobody has touched owes what it borrowed at the start, times the growth since,
and those of the others are kept as Python integers. What `positions` holds of a debt is
in units of the start, rounded up, which screening needs and no rule reads.

A liquidator takes debt over and repays it in the same transaction, with cash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, PERCENTAGE_FACTOR, RAY, WAD, ceil_div
from ...revert import Revert
from ..escrow_pool import EscrowPool
from ..pool import ESTIMATE, Called, Quotes
from .liquidation import Collateral, Quote, check_liquidation, liquidate, liquidity_of
from .parameters import VaultParameters
from .vault import DEBT_SHIFT, Vault, accrue, debt_in_assets, grown_debt, repay, with_new_rate

T = TypeVar("T")
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_FUNDS = "E_TransferFromFailed"
VIRTUAL_DEPOSIT = 10**6
"""Shares and assets that a vault counts on top of the real ones."""
LONG_AGO = 10**9
"""Seconds since the last check of an account that was never checked."""
CAUTION = 1e-6
"""Part by which rounding up to base units may make a debt larger than the arrays say."""
LEAST_UNITS = 2 * 10**6
"""Base units of debt and of collateral below which roundings count and nothing is estimated."""
TO_18_DECIMALS = 10**10
"""From the oracle's USD with 8 decimals to the unit of account."""


@dataclass(frozen=True, slots=True)
class VaultBook:
    """One vault of a pool.

    Parameters
    ----------
    vault : Vault
        As the rules keep it.
    updated : int
        Time of the last accrual, s since the epoch.
    lender_shares : int
        Shares of the lenders.
    written_off : int
        Debt socialised so far, base units.
    """

    vault: Vault
    updated: int
    lender_shares: int
    written_off: int = 0


class EulerPool(EscrowPool):
    """Vaults that lend all assets somebody borrows, with their crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders of all vaults as one
    account. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    name : str
    thresholds : sequence of int
        Liquidation LTV of each ledger asset as collateral, basis points; 0 where it is none.
    parameters : VaultParameters
        Of every vault that lends.
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, seconds.
    utilisation : float
        Borrowed share of each vault at the start, in (0, 1).

    Raises
    ------
    ValueError
        If there is not one threshold for each asset.
    """

    close_factor = 1.0
    quoted = True
    caution = CAUTION

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        thresholds: Sequence[int],
        parameters: VaultParameters,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.9,
    ) -> None:
        n = len(ledger.assets)
        if len(thresholds) != n:
            raise ValueError(f"{name}: {len(thresholds)} thresholds for {n} assets")
        super().__init__(ledger, name, n_borrowers, start_s)
        self.ltv, self.parameters, self.utilisation = tuple(thresholds), parameters, utilisation
        self.thresholds = np.array(thresholds) / PERCENTAGE_FACTOR
        top = parameters.max_discount / PERCENTAGE_FACTOR
        self.bonus = np.where(self.thresholds > 0, top / (1.0 - top), 0.0)
        self._quotes = [Quote(0, asset.decimals) for asset in ledger.assets]
        self.books: dict[int, VaultBook] = {}
        self._loan_of: NDArray[np.int8] = np.full(n_borrowers + 1, -1, np.int8)
        self._exact: dict[int, tuple[int, int]] = {}
        self._checked: dict[int, int] = {}
        self._known: dict[int, tuple[VaultBook, VaultBook]] = {}
        self._rows_before: dict[int, tuple[Integers, tuple[int, int] | None]] = {}
        self._books_before: dict[int, VaultBook] = {}
        self._held_before: dict[int, int] = {}

    @property
    def penalty_at_trigger(self) -> Floats:
        """Nothing: the discount is the shortfall."""
        return np.zeros(len(self.ltv))

    def open(self) -> None:
        """Start the vaults: lenders supply what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        ValueError
            If an account owes two assets, or holds collateral that is none.
        """
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt[: self.lenders]
        for wrong, what in (
            ((debt > 0).sum(axis=1) > 1, "owes more than one asset; an account has one vault that lends"),
            (((collateral > 0) & (self.thresholds == 0)).any(axis=1), "has collateral that no vault takes"),
        ):
            if wrong.any():
                raise ValueError(f"{self.name}: account {int(wrong.argmax())} {what}")
        self.held = [int(units) for units in collateral.sum(axis=0)]
        self._loan_of[:] = -1
        for loan in range(len(self.ltv)):
            borrowers = debt[:, loan] > 0
            if borrowers.any():
                self._loan_of[: self.lenders][borrowers] = loan
                self._open_vault(loan, int(debt[:, loan].sum()))
        self._fund()

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""
        super().set_prices(answers)
        self._quotes = [
            Quote(price * TO_18_DECIMALS, asset.decimals)
            for price, asset in zip(answers, self.ledger.assets, strict=True)
        ]

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`."""
        value = self._values()
        debt = value.copy()
        for loan in self.books:
            debt[loan] *= self._book(loan, now_s).vault.interest_accumulator / RAY
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad; just below one where collateral exactly covers the debt."""
        loan = int(self._loan_of[row])
        owed = self._debt(row, now_s)
        if not owed:
            return MAX_UINT256
        liquidity = liquidity_of(self._collaterals(row)[0], owed, self._quotes[loan])
        if liquidity.liability_value == 0:
            return MAX_UINT256
        health = liquidity.collateral_value * WAD // liquidity.liability_value
        return health if liquidity.healthy else min(health, WAD - 1)

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        return debt_in_assets(self._debt(row, now_s)) if self._loan_of[row] == asset else 0

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset, base units; of the lenders, what they may claim."""
        if row != self.lenders:
            return int(self.positions.collateral[row, asset])
        if asset not in self.books:
            return 0
        book = self._book(asset, now_s)
        assets = book.vault.cash + debt_in_assets(book.vault.total_borrows) + VIRTUAL_DEPOSIT
        return book.lender_shares * assets // (book.vault.total_shares + VIRTUAL_DEPOSIT)

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each account for a pair of assets."""
        quotes = np.zeros((3, len(rows)))
        assets = self.ledger.assets
        for k, (row, target, loan) in enumerate(
            zip(rows.tolist(), collaterals.tolist(), debts.tolist(), strict=True)
        ):
            if self._loan_of[row] != loan or not self.ltv[target]:
                continue
            try:
                most = check_liquidation(
                    self.parameters,
                    *self._collaterals(row, target),
                    self._debt(row, now_s),
                    self._quotes[loan],
                    since_check=self._since_check(row, now_s),
                )
            except Revert:
                continue
            if most.repay:
                paid = most.repay / assets[loan].unit * self.prices[loan] / 1e8
                got = most.yield_balance / assets[target].unit * self.prices[target] / 1e8
                # An offer in floats must not leave a unit of collateral behind.
                quotes[:, k] = paid * (1.0 + CAUTION), got / paid - 1.0, 0.0
        return Quotes(*quotes)

    def estimate(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return terms of a call on each account in floats; see `LendingPool.estimate`."""
        backing, debt, value = self.weights(now_s)
        owes, has = self.positions.debt[rows, debts], self.positions.collateral[rows, collaterals]
        known = (self._loan_of[rows] == debts) & (self.thresholds[collaterals] > 0.0)
        known &= np.minimum(owes, has) >= LEAST_UNITS
        if self.parameters.cool_off:
            known &= [self._since_check(row, now_s) >= self.parameters.cool_off for row in rows.tolist()]
        owed = np.where(known, owes * debt[debts], np.nan)
        health = self.positions.collateral[rows] @ backing / owed
        health[~(health < 1.0 - ESTIMATE)] = np.nan
        paid, got = self._terms(health, owed, has * value[collaterals], collaterals)
        return Quotes(paid, got / paid - 1.0, np.zeros(len(rows)))

    def _terms(
        self, health: Floats, owed: Floats, available: Floats, collaterals: Integers
    ) -> tuple[Floats, Floats]:
        """Return the most that calls may repay and what they receive, USD, as `check_liquidation` does."""
        price = np.maximum(health, 1.0 - self.parameters.max_discount / PERCENTAGE_FACTOR)
        got = np.minimum(owed / price, available)
        return got * price, got

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account; see `LendingPool.liquidate`."""
        if self._loan_of[row] != debt:
            raise Revert("E_NotController")
        if not self.ltv[collateral]:
            raise Revert("E_BadCollateral")
        book, (held, target) = self._book(debt, now_s), self._collaterals(row, collateral)
        owed, quote, since = self._debt(row, now_s), self._quotes[debt], self._since_check(row, now_s)
        health = self.health_factor(row, now_s)
        most = check_liquidation(self.parameters, held, target, owed, quote, since_check=since)
        if most.repay == 0 or cover == 0:
            raise Revert("nothing to repay")
        done = liquidate(
            book.vault,
            self.parameters,
            held,
            target,
            owed,
            0,
            quote,
            since_check=since,
            repay_assets=min(cover, most.repay),
        )
        paid = debt_in_assets(done.liquidator_debt)
        if self.ledger.balances[liquidator, debt] < paid:
            raise Revert(NO_FUNDS)
        after = repay(done.vault, done.liquidator_debt, paid).vault
        self._remember(row, debt, collateral)
        self._put_debt(row, debt, done.violator_debt, after)
        self._put_collateral(row, collateral, -done.yield_balance)
        written_off = book.written_off + done.socialized
        self.books[debt] = replace(book, vault=with_new_rate(after, self.parameters), written_off=written_off)
        self.ledger.transfer(debt, liquidator, self.account, paid, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, done.yield_balance, Reason.SEIZE)
        return Called(paid, done.yield_balance, health)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing of the asset is owed or the payer does not hold the amount.
        """
        owed = self.debt_units(row, asset, now_s)
        if not owed:
            raise Revert("E_RepayTooMuch")
        amount = min(amount, owed)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        book = self._book(asset, now_s)
        after, left = repay(book.vault, self._debt(row, now_s), amount)
        self._remember(row, asset)
        self._put_debt(row, asset, left, after)
        self.books[asset] = replace(book, vault=with_new_rate(after, self.parameters))
        self.ledger.transfer(asset, payer, self.account, amount, Reason.REPAY)
        return amount

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account from a ledger account.

        Raises
        ------
        Revert
            If the payer does not hold the amount or the asset is no collateral.
        """
        if not self.ltv[asset] or row == self.lenders:
            raise Revert("E_BadCollateral")
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        self._remember(row, collateral=asset)
        self._put_collateral(row, asset, amount)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        The account must be healthy after, at liquidation thresholds, and rests for the cool-off.

        Raises
        ------
        Revert
            If the account would be left unhealthy or does not have as much.
        """
        if not self.ltv[asset] or row == self.lenders:
            raise Revert("E_BadCollateral")
        if amount > self.positions.collateral[row, asset]:
            raise Revert("E_InsufficientBalance")
        if self._debt(row, now_s) and not self._stays_healthy(row, asset, amount, now_s):
            raise Revert("E_AccountLiquidity")
        self._remember(row, collateral=asset)
        self._put_collateral(row, asset, -amount)
        self._checked[row] = now_s
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account and all vaults, which are few; calling the result restores them."""
        amounts, exact = self.positions.amounts[row].copy(), self._exact.get(row)
        checked, books, held = self._checked.get(row), dict(self.books), list(self.held)

        def restore() -> None:
            self.books, self.held = dict(books), list(held)
            if row < 0:
                return
            self.positions.amounts[row] = amounts
            self.positions.touched.add(row)
            _put_back(self._exact, row, exact)
            _put_back(self._checked, row, checked)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        n = len(self.ltv)
        residual = np.zeros(n, np.int64)
        if not self._rows_before:
            return residual
        change = np.zeros(n, np.int64)
        moved = dict.fromkeys(self._books_before, 0)
        for row, (collateral, exact) in self._rows_before.items():
            change += self.positions.collateral[row] - collateral
            residual += self._rounding_error(row)
            loan = int(self._loan_of[row])
            if exact is not None and loan in moved:
                now = self.books[loan].vault.interest_accumulator
                moved[loan] += grown_debt(*self._stored_debt(row), now) - grown_debt(*exact, now)
        for loan, before in self._books_before.items():
            vault = self.books[loan].vault
            grown = grown_debt(
                before.vault.total_borrows, before.vault.interest_accumulator, vault.interest_accumulator
            )
            residual[loan] += _nearest_units(vault.total_borrows - grown - moved[loan])
            residual[loan] += self._unowned_shares(loan)
        for asset, units in self._held_before.items():
            residual[asset] += abs(self.held[asset] - units - int(change[asset]))
        for asset in {*self._held_before, *self._books_before}:
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
        self._rows_before.clear()
        self._books_before.clear()
        self._held_before.clear()
        return residual

    def residual(self) -> Integers:
        """Disagreement between positions, vaults and ledger, per asset, in base units.

        Every account's exact debt is summed and compared with the total of its vault, which a
        vault rounds apart by far less than half a base unit; collateral with what calls have moved;
        shares with who owns them; collateral and cash with what the ledger holds.
        """
        residual = np.zeros(len(self.ltv), np.int64)
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt[: self.lenders]
        for row in self._exact:
            residual += self._rounding_error(row)
        touched = np.fromiter(self._exact, np.int64, len(self._exact))
        for asset in range(len(self.ltv)):
            residual[asset] += abs(int(collateral[:, asset].sum()) - self.held[asset])
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
            residual[asset] += abs(int(self.positions.debt[self.lenders, asset]))
            untouched = int(debt[:, asset].sum()) - int(debt[touched, asset].sum())
            if asset not in self.books:
                residual[asset] += abs(untouched)
                continue
            vault = self.books[asset].vault
            owed = grown_debt(untouched << DEBT_SHIFT, RAY, vault.interest_accumulator)
            for row, exact in self._exact.items():
                if self._loan_of[row] == asset:
                    owed += grown_debt(*exact, vault.interest_accumulator)
            residual[asset] += _nearest_units(vault.total_borrows - owed)
            residual[asset] += self._unowned_shares(asset)
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        n = len(self.ltv)
        owed = np.zeros(n)
        for loan in self.books:
            owed[loan] = debt_in_assets(self._book(loan, now_s).vault.total_borrows)
        lenders = [self.collateral_units(self.lenders, i, now_s) for i in range(n)]
        return {
            "borrowers": self.positions.collateral[: self.lenders].sum(axis=0) - owed,
            "lenders": np.array(lenders, np.float64),
        }

    def deficit(self) -> Integers:
        """Return debt socialised so far, by asset, base units."""
        written_off = np.zeros(len(self.ltv), np.int64)
        for loan, book in self.books.items():
            written_off[loan] = book.written_off
        return written_off

    def _stays_healthy(self, row: int, asset: int, amount: int, now_s: int) -> bool:
        """Whether an account in debt is healthy without `amount` of a collateral."""
        left, k = self._collaterals(row, asset)
        left[k] = replace(left[k], balance=left[k].balance - amount)
        return liquidity_of(left, self._debt(row, now_s), self._quotes[self._loan_of[row]]).healthy

    def _open_vault(self, loan: int, owed: int) -> None:
        supplied = max(int(owed / self.utilisation), owed)
        vault = Vault(supplied - owed, owed << DEBT_SHIFT, supplied)
        self.books[loan] = VaultBook(with_new_rate(vault, self.parameters), self.start_s, supplied)
        self.positions.collateral[self.lenders, loan] = supplied

    def _book(self, loan: int, now_s: int) -> VaultBook:
        """Return a vault with interest until now, worked out once for all who ask at the time."""
        stored, now = self.books[loan], self.start_s + now_s
        known = self._known.get(loan)
        if known is None or known[0] is not stored or known[1].updated != now:
            vault = accrue(stored.vault, self.parameters, now - stored.updated)
            known = self._known[loan] = stored, replace(stored, vault=vault, updated=now)
        return known[1]

    def _collaterals(self, row: int, target: int = -1) -> tuple[list[Collateral], int]:
        """Collateral that an account has, and `target` in any case; and where in the list that is."""
        held = self.positions.collateral[row].tolist()
        listed = [i for i, ltv in enumerate(self.ltv) if ltv and (held[i] or i == target)]
        collaterals = [Collateral(held[i], self._quotes[i], self.ltv[i]) for i in listed]
        return collaterals, listed.index(target) if target in listed else -1

    def _since_check(self, row: int, now_s: int) -> int:
        checked = self._checked.get(row)
        return LONG_AGO if checked is None else now_s - checked

    def _stored_debt(self, row: int) -> tuple[int, int]:
        """Exact debt of an account and the accumulator it was true at."""
        stored = self._exact.get(row)
        if stored is not None:
            return stored
        return int(self.positions.debt[row, self._loan_of[row]]) << DEBT_SHIFT, RAY

    def _debt(self, row: int, now_s: int) -> int:
        """Exact debt of an account now."""
        loan = int(self._loan_of[row])
        if loan < 0:
            return 0
        accumulator = self._book(loan, now_s).vault.interest_accumulator
        return grown_debt(*self._stored_debt(row), accumulator)

    def _put_debt(self, row: int, loan: int, exact: int, vault: Vault) -> None:
        self._exact[row] = exact, vault.interest_accumulator
        self.positions.debt[row, loan] = self._screened(row)
        self.positions.touched.add(row)

    def _screened(self, row: int) -> int:
        """Debt of a touched account in units of the start, rounded up."""
        exact, accumulator = self._exact[row]
        return ceil_div(exact * RAY, accumulator << DEBT_SHIFT)

    def _remember(self, row: int, loan: int = -1, collateral: int = -1) -> None:
        """Keep what was before the first change since the last `residual_touched`."""
        if row not in self._rows_before:
            stored = self._stored_debt(row) if self._loan_of[row] >= 0 else None
            self._rows_before[row] = self.positions.collateral[row].copy(), stored
        if loan >= 0:
            self._books_before.setdefault(loan, self.books[loan])
        if collateral >= 0:
            self._held_before.setdefault(collateral, self.held[collateral])

    def _owned(self, asset: int) -> int:
        """Return what the pool should hold: collateral, and cash of the vault that lends the asset."""
        book = self.books.get(asset)
        return super()._owned(asset) + (book.vault.cash if book else 0)

    def _unowned_shares(self, loan: int) -> int:
        book = self.books[loan]
        return abs(book.vault.total_shares - book.vault.accumulated_fees - book.lender_shares)

    def _rounding_error(self, row: int) -> Integers:
        """By asset, how far the debt that screening sees is from the exact one rounded up."""
        wanted = np.zeros(len(self.ltv), np.int64)
        if row in self._exact:
            wanted[self._loan_of[row]] = self._screened(row)
            return np.asarray(np.abs(self.positions.debt[row] - wanted))
        return wanted


def _nearest_units(exact: int) -> int:
    """Round a difference of exact debts, which roundings make a little off, to base units."""
    return (abs(exact) + (1 << DEBT_SHIFT - 1)) >> DEBT_SHIFT


def _put_back(known: dict[int, T], row: int, before: T | None) -> None:
    if before is None:
        known.pop(row, None)
    else:
        known[row] = before
