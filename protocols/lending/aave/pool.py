"""An Aave pool inside a simulation: the crowd as arrays, every event by the exact rules.

The pool keeps scaled balances of all accounts, the reserves' states and a ledger
account that holds the underlying. An event takes one account's rows out, runs
the integer rule on them and writes them back; the ledger moves what the rule says.
Underlying is counted twice, by the rules (`ReserveState.available`) and by the
ledger, so that `residual` can compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import HALF_RAY, RAY
from ...positions import Positions
from ...revert import Revert
from .accounting_v3_0_2 import account_totals, normalized_debt, normalized_income, update_rates
from .liquidation_v3_0_2 import liquidation_call
from .operations_v3_0_2 import repay, supply, withdraw
from .parameters import Market
from .state import Account, LiquidationResult, ReserveState

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class AavePool:
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
    """

    def __init__(self, ledger: Ledger, market: Market, n_borrowers: int, start_s: int) -> None:
        if len(market.reserves) != len(ledger.assets):
            raise ValueError(
                f"{market.name}: {len(market.reserves)} reserves for {len(ledger.assets)} assets"
            )
        self.ledger = ledger
        self.market = market
        self.start_s = start_s
        self.account = ledger.open_account(f"protocol/{market.name}")
        self.positions = Positions(n_borrowers + 1, len(ledger.assets))
        self.lenders = n_borrowers
        self.reserves = [ReserveState(last_update=start_s) for _ in market.reserves]
        self.prices = [0] * len(ledger.assets)
        self._collateral_bits = sum(
            1 << i for i, reserve in enumerate(market.reserves) if reserve.liquidation_threshold
        )
        self._nothing: Integers = np.zeros(len(ledger.assets), np.int64)
        self._nothing.flags.writeable = False
        self._rows_before: dict[int, list[int]] = {}
        self._totals_before: dict[int, tuple[int, int]] = {}

    def endow(self, collateral: Integers, debt: Integers, utilisation: float) -> None:
        """Put the initial positions in place.

        Lenders supply what is borrowed over `utilisation`; borrowed money has left the pool.

        Parameters
        ----------
        collateral, debt : int64 ndarray, shape (n_borrowers, n_assets)
            Base units; the indices start at 1, so scaled and unscaled agree.
        utilisation : float
            Borrowed share of what lenders supply, in (0, 1).
        """
        self.positions.collateral[: self.lenders] = collateral
        self.positions.debt[: self.lenders] = debt
        self.open(utilisation)

    def open(self, utilisation: float) -> None:
        """Start the reserves from the borrowers that `positions` holds already; see `endow`."""
        sums = self.positions.amounts[: self.lenders].sum(axis=0).tolist()
        n = len(self.reserves)
        for i, state in enumerate(self.reserves):
            supplied, owed = sums[i], sums[n + i]
            lent = int(owed / utilisation)
            self.positions.collateral[self.lenders, i] = lent
            state.scaled_supply = supplied + lent
            state.scaled_variable_debt = owed
            state.available = state.scaled_supply - owed
            if state.available:
                self.ledger.endow(i, self.account, state.available)
            update_rates(state, self.market.reserves[i], 0, 0)

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
        n = len(self.reserves)
        value, debt, threshold = np.empty(n), np.empty(n), np.empty(n)
        for i, (state, parameters) in enumerate(zip(self.reserves, self.market.reserves, strict=True)):
            per_unit = self.prices[i] / (1e8 * parameters.unit)
            value[i] = per_unit * (normalized_income(state, now) / RAY)
            debt[i] = per_unit * (normalized_debt(state, now) / RAY)
            threshold[i] = parameters.liquidation_threshold / 10_000
        return value * threshold, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health factor of an account, wad."""
        totals = account_totals(
            self.reserves, self.market, self.prices, self.start_s + now_s, self._take(row)
        )
        return int(totals[4])

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        index = normalized_debt(self.reserves[asset], self.start_s + now_s)
        return (int(self.positions.debt[row, asset]) * index + HALF_RAY) // RAY

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has supplied of an asset now, base units."""
        index = normalized_income(self.reserves[asset], self.start_s + now_s)
        return (int(self.positions.collateral[row, asset]) * index + HALF_RAY) // RAY

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> LiquidationResult:
        """Run one liquidation call for a ledger account and move what it says.

        Raises
        ------
        Revert
            With the contract's reason, or if the liquidator cannot pay; nothing has changed then.
        """
        if self.ledger.balances[liquidator, debt] < cover:
            raise Revert("ERC20: transfer amount exceeds balance")
        self._remember(row, collateral, debt)
        account = self._take(row)
        result = liquidation_call(
            self.reserves,
            self.market,
            self.prices,
            self.start_s + now_s,
            account,
            collateral=collateral,
            debt=debt,
            debt_to_cover=cover,
        )
        self._put(row, account)
        self.ledger.transfer(debt, liquidator, self.account, result.debt_repaid, Reason.REPAY)
        self.ledger.transfer(
            collateral, self.account, liquidator, result.collateral_to_liquidator, Reason.SEIZE
        )
        return result

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
        paid = repay(self.reserves, self.market, self.start_s + now_s, account, reserve=asset, amount=amount)
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
        supply(self.reserves, self.market, self.start_s + now_s, account, reserve=asset, amount=amount)
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
        taken = withdraw(
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
        """Remember an account and some reserves; calling the result restores them."""
        amounts = self.positions.amounts[row].copy()
        kept = [(i, _fields(self.reserves[i])) for i in set(assets)]

        def restore() -> None:
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
        residual = np.zeros(n, np.int64)
        change = np.zeros(2 * n, np.int64)
        for row, before in self._rows_before.items():
            change += self.positions.amounts[row] - np.array(before, np.int64)
        for i, (supplied, owed) in self._totals_before.items():
            state = self.reserves[i]
            residual[i] += abs(state.scaled_supply - state.treasury_scaled - supplied - int(change[i]))
            residual[i] += abs(state.scaled_variable_debt - owed - int(change[n + i]))
            residual[i] += abs(state.available - self.ledger.balance(self.account, i))
        self._rows_before.clear()
        self._totals_before.clear()
        return residual

    def residual(self) -> Integers:
        """Disagreement between positions, reserves and ledger, per asset, in base units.

        Sums every account's scaled balances and compares them with the totals the
        rules keep, and the underlying the rules count with what the ledger holds.
        """
        n = len(self.reserves)
        sums = self.positions.amounts.sum(axis=0)
        residual = np.zeros(n, np.int64)
        for i, state in enumerate(self.reserves):
            residual[i] += abs(state.scaled_supply - state.treasury_scaled - int(sums[i]))
            residual[i] += abs(state.scaled_variable_debt - int(sums[n + i]))
            residual[i] += abs(state.available - self.ledger.balance(self.account, i))
        return residual

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
                state = self.reserves[i]
                self._totals_before[i] = (
                    state.scaled_supply - state.treasury_scaled,
                    state.scaled_variable_debt,
                )


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
