"""An Aave pool inside a simulation: the crowd as arrays, every event by the exact rules.

The pool keeps scaled balances of all accounts, the reserves' states and a ledger
account that holds the underlying. An event takes one account's rows out, runs
the integer rule of the pool's version on them and writes them back; the ledger moves
what the rule says. Underlying is counted twice, by the rules
(`ReserveState.available`) and by the ledger, so that `residual` can compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import PERCENTAGE_FACTOR, RAY
from ...liquidation import (
    CloseFactor,
    DustFloor,
    LiquidationContext,
    LiquidationMechanism,
    WholePositionCloseFactor,
)
from ...revert import Revert
from ..pool import Called, LendingPool
from .dust import MUST_NOT_LEAVE_DUST, most_without_dust
from .parameters import Market
from .state import Account, LiquidationResult, ReserveState
from .versions import V3_0_2, AaveVersion

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class AavePool(LendingPool):
    """One market with its crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders as one
    account that supplies and never borrows. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    market : Market
        One reserve per ledger asset, in the ledger's order.
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, seconds.
    utilisation : float
        Borrowed share of what lenders supply at the start, in (0, 1).
    version : AaveVersion
        The rules that execute.
    """

    def __init__(
        self,
        ledger: Ledger,
        market: Market,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.7,
        version: AaveVersion = V3_0_2,
    ) -> None:
        if len(market.reserves) != len(ledger.assets):
            raise ValueError(
                f"{market.name}: {len(market.reserves)} reserves for {len(ledger.assets)} assets"
            )
        super().__init__(ledger, market.name, n_borrowers, start_s)
        self.market, self.rules, self.utilisation = market, version, utilisation
        self.reserves = [ReserveState(last_update=start_s) for _ in market.reserves]
        self.prices = [0] * len(ledger.assets)
        self._collateral_bits = sum(
            1 << i for i, reserve in enumerate(market.reserves) if reserve.liquidation_threshold
        )
        self.thresholds = np.array([r.liquidation_threshold / 1e4 for r in market.reserves])
        fees = np.array([r.liquidation_protocol_fee / 1e4 for r in market.reserves])
        self._penalty = np.array([max(r.liquidation_bonus - 10_000, 0) / 1e4 for r in market.reserves])
        self.bonus = self._penalty * (1.0 - fees)
        sizing = market.mechanism.sizing
        self.close_factor, self.full_below = _closing(sizing)
        if isinstance(sizing, WholePositionCloseFactor):
            self.whole_position, self.small_usd = True, sizing.small_base / 1e8
        if version.floors_average_threshold:
            lowest = min(r.liquidation_threshold for r in market.reserves if r.liquidation_threshold)
            self.caution = 1.0 / lowest
        self._nothing: Integers = np.zeros(len(ledger.assets), np.int64)
        self._nothing.flags.writeable = False
        self._rows_before: dict[int, list[int]] = {}
        self._totals_before: dict[int, tuple[int, int]] = {}

    @property
    def penalty(self) -> Floats:
        """The whole bonus, the treasury's part included."""
        return self._penalty

    def open(self) -> None:
        """Start the reserves: lenders supply what is borrowed over `utilisation`; borrowed money has left."""
        sums = self.positions.amounts[: self.lenders].sum(axis=0).tolist()
        n = len(self.reserves)
        for i, state in enumerate(self.reserves):
            supplied, owed = sums[i], sums[n + i]
            lent = int(owed / self.utilisation)
            self.positions.collateral[self.lenders, i] = lent
            state.scaled_supply = supplied + lent
            state.scaled_variable_debt = owed
            state.available = state.scaled_supply - owed
            if state.available:
                self.ledger.endow(i, self.account, state.available)
            self.rules.update_rates(state, self.market.reserves[i], 0, 0)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""
        self.prices = list(answers)

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one scaled base unit counts for at the oracle's prices, USD.

        Returns
        -------
        collateral, debt, seized : float64 ndarray, shape (n_assets,)
            Collateral times liquidation threshold, debt, and collateral without the threshold.
        """
        now = self.start_s + now_s
        income, owed = self.rules.normalized_income, self.rules.normalized_debt
        values, debts = [], []
        for state, parameters, price in zip(self.reserves, self.market.reserves, self.prices, strict=True):
            per_unit = price / (1e8 * parameters.unit)
            values.append(per_unit * (income(state, now) / RAY))
            debts.append(per_unit * (owed(state, now) / RAY))
        seized = np.array(values)
        return seized * self.thresholds, np.array(debts), seized

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health factor of an account, wad."""
        totals = self.rules.account_totals(
            self.reserves, self.market, self.prices, self.start_s + now_s, self._take(row)
        )
        return int(totals[4])

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        index = self.rules.normalized_debt(self.reserves[asset], self.start_s + now_s)
        return self.rules.debt_balance(int(self.positions.debt[row, asset]), index)

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has supplied of an asset now, base units."""
        index = self.rules.normalized_income(self.reserves[asset], self.start_s + now_s)
        return self.rules.atoken_balance(int(self.positions.collateral[row, asset]), index)

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call and move what it says; see `LendingPool.liquidate`.

        Where the rules refuse a call for the dust it would leave, the largest smaller repayment
        that they accept is made instead, if there is one, as a bot's contract would find on the spot.
        """
        if self.ledger.balances[liquidator, debt] < cover:
            raise Revert("ERC20: transfer amount exceeds balance")
        self._remember(row, collateral, debt, *self._owed(row))  # bad debt is written off in all of them
        account = self._take(row)
        try:
            result = self._call(account, collateral, debt, cover, now_s)
        except Revert as refusal:
            if refusal.reason != MUST_NOT_LEAVE_DUST:
                raise
            less = min(cover, self._without_dust(row, collateral, debt, now_s))
            if less <= 0:
                raise
            result = self._call(account, collateral, debt, less, now_s)
        self._put(row, account)
        self.ledger.transfer(debt, liquidator, self.account, result.debt_repaid, Reason.REPAY)
        self.ledger.transfer(
            collateral, self.account, liquidator, result.collateral_to_liquidator, Reason.SEIZE
        )
        return Called(
            result.debt_repaid, result.collateral_to_liquidator, result.health_factor, result.protocol_fee
        )

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing is owed or the payer does not hold the amount.
        """
        amount = min(amount, self.debt_units(row, asset, now_s))
        if self.ledger.balances[payer, asset] < amount:
            raise Revert("ERC20: transfer amount exceeds balance")
        self._remember(row, asset, asset)
        account = self._take(row)
        paid = self.rules.repay(
            self.reserves, self.market, self.start_s + now_s, account, reserve=asset, amount=amount
        )
        self._put(row, account)
        self.ledger.transfer(asset, payer, self.account, paid, Reason.REPAY)
        return paid

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account from a ledger account.

        Raises
        ------
        Revert
            If the payer does not hold the amount, or it is too small to count.
        """
        if self.ledger.balances[payer, asset] < amount:
            raise Revert("ERC20: transfer amount exceeds balance")
        self._remember(row, asset, asset)
        account = self._take(row)
        self.rules.supply(
            self.reserves, self.market, self.start_s + now_s, account, reserve=asset, amount=amount
        )
        self._put(row, account)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If the account would be left unhealthy or the pool lacks the underlying.
        """
        self._remember(row, asset, asset)
        account = self._take(row)
        taken = self.rules.withdraw(
            self.reserves,
            self.market,
            self.prices,
            self.start_s + now_s,
            account,
            reserve=asset,
            amount=amount,
        )
        self._put(row, account)
        self.ledger.transfer(asset, self.account, target, taken, Reason.WITHDRAW)
        return taken

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none), some reserves and those it owes; the result restores them."""
        amounts = self.positions.amounts[row].copy() if row >= 0 else None
        owed = self._owed(row) if row >= 0 else []
        kept = [(i, _fields(self.reserves[i])) for i in {*assets, *owed}]

        def restore() -> None:
            if amounts is not None:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)
            for i, fields in kept:
                self.reserves[i] = ReserveState(*fields)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        if not self._totals_before:
            return self._nothing
        n = len(self.reserves)
        residual, change = [0] * n, [0] * (2 * n)
        for row, before in self._rows_before.items():
            after = self.positions.amounts[row].tolist()
            change = [sum_ + new - old for sum_, new, old in zip(change, after, before, strict=True)]
        for i, (supplied, owed) in self._totals_before.items():
            state = self.reserves[i]
            there, due = self._on_accounts(i)
            residual[i] += (
                abs(there - supplied - change[i])
                + abs(due - owed - change[n + i])
                + abs(state.available + self._set_aside(i) - self.ledger.balance(self.account, i))
            )
        self._rows_before.clear()
        self._totals_before.clear()
        return np.array(residual, np.int64)

    def residual(self) -> Integers:
        """Disagreement between positions, reserves and ledger, per asset, in base units.

        Sums every account's scaled balances and compares them with the totals the
        rules keep, and the underlying the rules count with what the ledger holds.
        """
        n = len(self.reserves)
        sums = self.positions.amounts.sum(axis=0)
        residual = np.zeros(n, np.int64)
        for i, state in enumerate(self.reserves):
            there, due = self._on_accounts(i)
            residual[i] += abs(there - int(sums[i])) + abs(due - int(sums[n + i]))
            residual[i] += abs(state.available + self._set_aside(i) - self.ledger.balance(self.account, i))
        return residual

    def _on_accounts(self, asset: int) -> tuple[int, int]:
        """Supply and debt that must lie on the accounts of `positions`, by the rules' totals; scaled."""
        state = self.reserves[asset]
        return state.scaled_supply - state.treasury_scaled, state.scaled_variable_debt

    def _set_aside(self, asset: int) -> int:
        """Underlying on the pool's ledger account that the rules do not count as available; base units."""
        return 0

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        now = self.start_s + now_s
        income = np.array([self.rules.normalized_income(state, now) / RAY for state in self.reserves])
        debt = np.array([self.rules.normalized_debt(state, now) / RAY for state in self.reserves])
        collateral, owed = self.positions.collateral, self.positions.debt
        return {
            "borrowers": collateral[:-1].sum(axis=0) * income - owed[:-1].sum(axis=0) * debt,
            "lenders": collateral[-1] * income,
        }

    def deficit(self) -> Integers:
        """Return bad debt written off so far; versions before 3.3 write off none."""
        return np.array([state.deficit for state in self.reserves], np.int64)

    def _call(
        self, account: Account, collateral: int, debt: int, cover: int, now_s: int
    ) -> LiquidationResult:
        return self.rules.liquidation_call(
            self.reserves,
            self.market,
            self.prices,
            self.start_s + now_s,
            account,
            collateral=collateral,
            debt=debt,
            debt_to_cover=cover,
            mechanism=self._mechanism(collateral),
        )

    def _mechanism(self, collateral: int) -> LiquidationMechanism:
        """Return the mechanism by which a collateral is seized."""
        return self.market.mechanism

    def _context(self, row: int, collateral: int, debt: int, now_s: int) -> LiquidationContext:
        """Return what the parts see of an account and a pair of assets, as in the liquidation call."""
        now, risk = self.start_s + now_s, self.market.reserves[collateral]
        totals = self.rules.account_totals(self.reserves, self.market, self.prices, now, self._take(row))
        return LiquidationContext(
            health_factor=totals[4],
            total_collateral_base=totals[0],
            total_debt_base=totals[1],
            liquidation_threshold=totals[3],
            collateral_threshold=risk.liquidation_threshold,
            debt=self.debt_units(row, debt, now_s),
            collateral=self.collateral_units(row, collateral, now_s),
            debt_price=self.prices[debt],
            collateral_price=self.prices[collateral],
            debt_unit=self.market.reserves[debt].unit,
            collateral_unit=risk.unit,
            bonus=risk.liquidation_bonus,
            protocol_fee=risk.liquidation_protocol_fee,
            now=now,
        )

    def _without_dust(self, row: int, collateral: int, debt: int, now_s: int) -> int:
        """Most base units of a debt that may be repaid if some of it and some collateral are left."""
        floor, sold = self.market.mechanism.residual, self.market.reserves[collateral]
        if not isinstance(floor, DustFloor):
            return 0
        return most_without_dust(
            floor,
            owed=self.debt_units(row, debt, now_s),
            balance=self.collateral_units(row, collateral, now_s),
            debt_price=self.prices[debt],
            collateral_price=self.prices[collateral],
            debt_unit=self.market.reserves[debt].unit,
            collateral_unit=sold.unit,
            bonus=sold.liquidation_bonus,
        )

    def _owed(self, row: int) -> list[int]:
        """Reserves of which an account owes something."""
        return [i for i, units in enumerate(self.positions.debt[row].tolist()) if units]

    def _take(self, row: int) -> Account:
        amounts = self.positions.amounts[row].tolist()
        n = len(self.reserves)
        supplied, borrowed = amounts[:n], amounts[n:]
        collateral_mask = borrowing_mask = 0
        for i in range(n):
            if supplied[i]:
                collateral_mask |= 1 << i
            if borrowed[i]:
                borrowing_mask |= 1 << i
        return Account(supplied, borrowed, collateral_mask & self._collateral_bits, borrowing_mask)

    def _put(self, row: int, account: Account) -> None:
        self.positions.amounts[row] = account.supplied + account.borrowed
        self.positions.touched.add(row)

    def _remember(self, row: int, *assets: int) -> None:
        if row not in self._rows_before:
            self._rows_before[row] = self.positions.amounts[row].tolist()
        for i in assets:
            if i not in self._totals_before:
                self._totals_before[i] = self._on_accounts(i)


def _closing(sizing: object) -> tuple[float, float]:
    """Return the share of a debt that one call may repay, and the health at or below which it is all."""
    if isinstance(sizing, CloseFactor):
        if sizing.default == sizing.full:
            return sizing.default / 1e4, 1.0 if sizing.full == PERCENTAGE_FACTOR else 0.0
        return sizing.default / 1e4, sizing.full_below / 1e18
    if isinstance(sizing, WholePositionCloseFactor):
        return sizing.default / 1e4, sizing.full_below / 1e18
    return 1.0, 1.0


def _fields(state: ReserveState) -> tuple[int, ...]:
    return (
        state.last_update,
        state.liquidity_index,
        state.liquidity_rate,
        state.variable_borrow_index,
        state.variable_borrow_rate,
        state.accrued_to_treasury,
        state.scaled_supply,
        state.scaled_variable_debt,
        state.available,
        state.treasury_scaled,
        state.deficit,
    )
