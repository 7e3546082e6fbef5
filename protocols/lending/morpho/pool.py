"""Morpho Blue inside a simulation: isolated markets, and a crowd of one position each.

A market is a pair of collateral and loan asset with lenders of its own, so an account
has one collateral and owes one asset. Debt is exact in the contract's shares: an account
that nobody has touched has a million for each base unit it borrowed at the start, and
those of the others are kept as Python integers. What `positions` holds of a debt is its
shares by the million, rounded up, which screening needs and no rule reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import ARITHMETIC_PANIC, MAX_UINT256, WAD, ceil_div
from ...revert import Revert
from ..escrow_pool import EscrowPool
from ..isolated import check_isolated
from ..pool import Called
from .books import MarketBook, accrued, disagreement, liquidated, repaid
from .liquidation import Liquidation, liquidate
from .market import ORACLE_PRICE_SCALE, Market, Position, borrowed_assets, price_scale
from .operations import repay, supply, supply_collateral, withdraw_collateral
from .parameters import MarketParameters
from .rates import INITIAL_RATE_AT_TARGET
from .shares import VIRTUAL_SHARES, assets_down, shares_down

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARES_PER_UNIT = VIRTUAL_SHARES
"""Borrow shares of one base unit at the start of a market."""

LEAST_DEBT = 10_000
"""Base units below which the debt of a whole market is rounding and does not count for screening."""

WHOLE_COLLATERAL = 1e-6
"""Part by which `bonus` is stated too low, so that an offer for all of the collateral takes its last unit.

Offers are floats and calls whole units; a single unit left behind would keep the rule from
writing off what is owed beyond the collateral.
"""

NO_FUNDS = "ERC20: transfer amount exceeds balance"


class MorphoPool(EscrowPool):
    """Markets of some collateral assets and all assets that somebody borrows, with their crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders of all markets as one
    account that holds its claims at the start. Columns are ledger assets. Collateral is never
    lent, so it counts one to one.

    Parameters
    ----------
    ledger : Ledger
    name : str
    parameters : sequence of MarketParameters or None
        Of the markets with each ledger asset as collateral; None where it is not accepted.
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, seconds.
    utilisation : float
        Borrowed share of each market at the start, in (0, 1).
    rate_at_target : int
        Rate at target utilisation that the markets begin with, wad per second.

    Raises
    ------
    ValueError
        If there is not one entry of `parameters` for each asset.
    """

    close_factor = 1.0

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        parameters: Sequence[MarketParameters | None],
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.9,
        rate_at_target: int = INITIAL_RATE_AT_TARGET,
    ) -> None:
        n = len(ledger.assets)
        if len(parameters) != n:
            raise ValueError(f"{name}: {len(parameters)} parameters for {n} assets")
        super().__init__(ledger, name, n_borrowers, start_s)
        self.parameters = tuple(parameters)
        self.utilisation = utilisation
        self.thresholds = np.array([p.lltv / WAD if p else 0.0 for p in parameters])
        factors = np.array([p.incentive_factor / WAD if p else 1.0 for p in parameters])
        self.bonus = np.maximum(factors * (1.0 - WHOLE_COLLATERAL) - 1.0, 0.0)
        self.books: dict[tuple[int, int], MarketBook] = {}
        self._rate_at_target = rate_at_target
        self._loan_of: NDArray[np.int8] = np.full(n_borrowers + 1, -1, np.int8)
        self._shares: dict[int, int] = {}
        self._rows_before: dict[int, tuple[list[int], int]] = {}
        self._known: dict[tuple[int, int], tuple[MarketBook, MarketBook]] = {}
        self._books_before: dict[tuple[int, int], int] = {}
        self._held_before: dict[int, int] = {}

    def open(self) -> None:
        """Start the markets: lenders supply what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        ValueError
            If an account has two collaterals, two debts, a debt without collateral or a
            collateral that is not accepted.
        """
        n = len(self.parameters)
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt[: self.lenders]
        check_isolated(
            self.name, self.parameters, collateral, debt, "market",
            own_collateral=False, hint="; positions are isolated",
        )  # fmt: skip
        self.held = [int(units) for units in collateral.sum(axis=0)]
        self._loan_of[:] = -1
        for loan in range(n):
            borrowers = debt[:, loan] > 0
            self._loan_of[: self.lenders][borrowers] = loan
            for asset in range(n):
                members = borrowers & (collateral[:, asset] > 0)
                if members.any():
                    self._open_market(asset, loan, int(debt[members, loan].sum()))
        self._fund()

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`.

        Debt of one asset grows at another rate in each of its markets. Its weight lies in the
        (geometric) middle, and `caution` says how far the others lie from it.
        """
        n = len(self.parameters)
        value = self._values()
        growth: list[list[float]] = [[] for _ in range(n)]
        for pair, book in self.books.items():
            if book.market.total_borrow_assets >= LEAST_DEBT:
                growth[pair[1]].append(_growth(self._book(pair, now_s).market))
        debt, self.caution = value.copy(), 0.0
        for loan, factors in enumerate(growth):
            if factors:
                low, high = min(factors), max(factors)
                debt[loan] *= (low * high) ** 0.5
                self.caution = max(self.caution, (high / low) ** 0.5 - 1.0)
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad: what it may owe by what it owes, as the rule compares them."""
        pair = self._pair(row)
        if pair is None:
            return MAX_UINT256
        return _health(self._book(pair, now_s), self._debtor(row, pair[0]), self._price(*pair))

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        pair = self._pair(row)
        if pair is None or pair[1] != asset:
            return 0
        return borrowed_assets(self._book(pair, now_s).market, self._debtor(row, pair[0]))

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset, base units."""
        if row != self.lenders:
            return int(self.positions.collateral[row, asset])
        return sum(
            assets_down(book.lender_shares, market.total_supply_assets, market.total_supply_shares)
            for book, market in self._lending(asset, now_s)
        )

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Run one liquidation call for a ledger account; see `LendingPool.liquidate`.

        The call names the shares that `cover` repays or, where that would be worth more than the
        collateral, the whole collateral.
        """
        if self.ledger.balances[liquidator, debt] < cover:
            raise Revert(NO_FUNDS)
        if self._pair(row) != (collateral, debt):
            raise Revert("position is healthy")  # it owes nothing in that market
        book, position = self._book((collateral, debt), now_s), self._debtor(row, collateral)
        price = self._price(collateral, debt)
        done = self._call(book, position, price, cover)
        self._remember(row, collateral, debt)
        self._put(row, collateral, debt, done.position)
        self.books[collateral, debt] = liquidated(book, done)
        self.held[collateral] -= done.seized_assets
        self.ledger.transfer(debt, liquidator, self.account, done.repaid_assets, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, done.seized_assets, Reason.SEIZE)
        return Called(done.repaid_assets, done.seized_assets, _health(book, position, price))

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account, all of it by its shares; return base units repaid.

        Raises
        ------
        Revert
            If nothing of the asset is owed or the payer does not hold the amount.
        """
        owed = self.debt_units(row, asset, now_s)
        pair = self._pair(row)
        if pair is None or not owed:
            raise Revert(ARITHMETIC_PANIC)
        amount = min(amount, owed)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        book, position = self._book(pair, now_s), self._debtor(row, pair[0])
        if amount == owed:
            done = repay(book.market, position, shares=position.borrow_shares)
        else:
            done = repay(book.market, position, assets=amount)
        self._remember(row, *pair)
        self._put(row, *pair, done.position)
        self.books[pair] = repaid(book, done)
        self.ledger.transfer(asset, payer, self.account, done.assets, Reason.REPAY)
        return done.assets

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account from a ledger account.

        Raises
        ------
        Revert
            If the payer does not hold the amount, it is nothing, or the account's market, or
            none at all, takes the asset.
        """
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        others = np.flatnonzero(self.positions.collateral[row])
        if self.parameters[asset] is None or any(other != asset for other in others.tolist()):
            raise Revert("market not created")
        position = supply_collateral(self._position(row, asset), amount)
        self._remember(row, asset)
        self._put_collateral(row, asset, position.collateral)
        self.held[asset] += amount
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If the account would be left unhealthy or does not have as much.
        """
        parameters, pair = self.parameters[asset], self._pair(row)
        if parameters is None or row == self.lenders:
            raise Revert("market not created")
        market, price = Market(), 0
        if pair is not None and pair[0] == asset:
            market, price = self._book(pair, now_s).market, self._price(*pair)
        position = withdraw_collateral(market, self._position(row, asset), parameters, price, amount)
        self._remember(row, asset)
        self._put_collateral(row, asset, position.collateral)
        self.held[asset] -= amount
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account and all markets, which are few; calling the result restores them."""
        amounts, shares = self.positions.amounts[row].copy(), self._shares.get(row)
        books, held = dict(self.books), list(self.held)

        def restore() -> None:
            self.books, self.held = dict(books), list(held)
            if row < 0:
                return
            self.positions.amounts[row] = amounts
            self.positions.touched.add(row)
            if shares is None:
                self._shares.pop(row, None)
            else:
                self._shares[row] = shares

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        residual = np.zeros(len(self.parameters), np.int64)
        if not self._rows_before:
            return residual
        moved = dict.fromkeys(self._books_before, 0)
        change = np.zeros(len(self.parameters), np.int64)
        for row, (amounts, shares) in self._rows_before.items():
            change += self.positions.collateral[row] - np.array(amounts, np.int64)
            loan = int(self._loan_of[row])
            if loan < 0:
                continue
            residual += self._rounding_error(row)
            collateral = max(range(len(amounts)), key=amounts.__getitem__)
            if (collateral, loan) in moved:
                moved[collateral, loan] += self._shares_of(row) - shares
        for pair, before in self._books_before.items():
            book = self.books[pair]
            wrong = book.market.total_borrow_shares - before - moved[pair]
            residual[pair[1]] += ceil_div(abs(wrong), SHARES_PER_UNIT) + self._internal(book)
        for asset, before in self._held_before.items():
            residual[asset] += abs(self.held[asset] - before - int(change[asset]))
        for asset in {*self._held_before, *(loan for _, loan in self._books_before)}:
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
        self._rows_before.clear()
        self._books_before.clear()
        self._held_before.clear()
        return residual

    def residual(self) -> Integers:
        """Disagreement between positions, markets and ledger, per asset, in base units.

        Every account's shares are summed and compared with the total of its market, collateral
        and the lenders' claims with what calls have moved, supply less borrow with the cash
        that went in and out, and collateral and cash with what the ledger holds.
        """
        n = len(self.parameters)
        residual = np.zeros(n, np.int64)
        collateral = self.positions.collateral[: self.lenders]
        debt = self.positions.debt[: self.lenders]
        shares = self._sum_shares(collateral, debt)
        for row in self._shares:
            residual += self._rounding_error(row)
        for asset in range(n):
            residual[asset] += abs(int(collateral[:, asset].sum()) - self.held[asset])
            residual[asset] += abs(self._owned(asset) - self.ledger.balance(self.account, asset))
            lent = sum(book.lender_shares for (_, loan), book in self.books.items() if loan == asset)
            claims = int(self.positions.collateral[self.lenders, asset])
            residual[asset] += ceil_div(abs(lent - claims * SHARES_PER_UNIT), SHARES_PER_UNIT)
            residual[asset] += abs(int(self.positions.debt[self.lenders, asset]))
        for pair in {*self.books, *shares}:
            book = self.books.get(pair)
            total = book.market.total_borrow_shares if book else 0
            wrong = ceil_div(abs(shares.get(pair, 0) - total), SHARES_PER_UNIT)
            residual[pair[1]] += wrong + (self._internal(book) if book else 0)
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        n = len(self.parameters)
        owed = np.zeros(n)
        for pair in self.books:
            owed[pair[1]] += self._book(pair, now_s).market.total_borrow_assets
        return {
            "borrowers": self.positions.collateral[: self.lenders].sum(axis=0) - owed,
            "lenders": np.array(
                [self.collateral_units(self.lenders, i, now_s) for i in range(n)], np.float64
            ),
        }

    def deficit(self) -> Integers:
        """Return bad debt that lenders have borne so far, by asset, base units."""
        written_off = np.zeros(len(self.parameters), np.int64)
        for (_, loan), book in self.books.items():
            written_off[loan] += book.written_off
        return written_off

    def _open_market(self, collateral: int, loan: int, owed: int) -> None:
        """Open a market by the rules: lenders supply, then its borrowers borrow all at once."""
        parameters, start = self.parameters[collateral], self.start_s
        assert parameters is not None  # `check_isolated` has seen to it
        lent = supply(Market(last_update=start), Position(), assets=max(int(owed / self.utilisation), owed))
        market = lent.market
        opened = Market(
            market.total_supply_assets, market.total_supply_shares, owed, owed * SHARES_PER_UNIT, start
        )
        self.books[collateral, loan] = MarketBook(
            parameters, opened, self._rate_at_target, lender_shares=lent.shares, cash=lent.assets - owed
        )
        self.positions.collateral[self.lenders, loan] += lent.shares // SHARES_PER_UNIT

    def _book(self, pair: tuple[int, int], now_s: int) -> MarketBook:
        """Return a market with interest until now, worked out once for all who ask at the time."""
        stored, now = self.books[pair], self.start_s + now_s
        known = self._known.get(pair)
        if known is None or known[0] is not stored or known[1].market.last_update != now:
            known = self._known[pair] = stored, accrued(stored, now)
        return known[1]

    def _call(self, book: MarketBook, position: Position, price: int, cover: int) -> Liquidation:
        """Run the rule for a repayment of at most `cover`."""
        market, parameters = book.market, book.parameters
        assets, total = market.total_borrow_assets, market.total_borrow_shares
        shares = min(shares_down(cover, assets, total), position.borrow_shares)
        bought = assets_down(shares, assets, total) * parameters.incentive_factor // WAD * ORACLE_PRICE_SCALE
        if price and bought // price > position.collateral > 0:
            return liquidate(market, position, parameters, price, seized_assets=position.collateral)
        return liquidate(market, position, parameters, price, repaid_shares=shares)

    def _price(self, collateral: int, loan: int) -> int:
        """Loan base units per collateral base unit, times 1e36, from two oracle prices."""
        assets = self.ledger.assets
        scale = price_scale(assets[loan].decimals, assets[collateral].decimals)
        return self.prices[collateral] * scale // self.prices[loan]

    def _pair(self, row: int) -> tuple[int, int] | None:
        """Return the market in which an account owes something."""
        loan = int(self._loan_of[row])
        if loan < 0 or not self._shares_of(row):
            return None
        return int(self.positions.collateral[row].argmax()), loan

    def _shares_of(self, row: int) -> int:
        exact = self._shares.get(row)
        if exact is not None:
            return exact
        return int(self.positions.debt[row, self._loan_of[row]]) * SHARES_PER_UNIT

    def _position(self, row: int, collateral: int) -> Position:
        """Position of an account in its market with this collateral; it owes nothing in any other."""
        pair = self._pair(row)
        if pair is not None and pair[0] == collateral:
            return self._debtor(row, collateral)
        return Position(0, 0, int(self.positions.collateral[row, collateral]))

    def _debtor(self, row: int, collateral: int) -> Position:
        """Position of an account in the market in which it owes."""
        return Position(0, self._shares_of(row), int(self.positions.collateral[row, collateral]))

    def _put(self, row: int, collateral: int, loan: int, position: Position) -> None:
        self._shares[row] = position.borrow_shares
        self.positions.debt[row, loan] = ceil_div(position.borrow_shares, SHARES_PER_UNIT)
        self._put_collateral(row, collateral, position.collateral)

    def _put_collateral(self, row: int, collateral: int, units: int) -> None:
        self.positions.collateral[row, collateral] = units
        self.positions.touched.add(row)

    def _remember(self, row: int, collateral: int, loan: int = -1) -> None:
        if row not in self._rows_before:
            owed = self._shares_of(row) if self._loan_of[row] >= 0 else 0
            self._rows_before[row] = self.positions.collateral[row].tolist(), owed
        self._held_before.setdefault(collateral, self.held[collateral])
        if loan >= 0:
            self._books_before.setdefault(
                (collateral, loan), self.books[collateral, loan].market.total_borrow_shares
            )

    def _lending(self, asset: int, now_s: int) -> list[tuple[MarketBook, Market]]:
        """Books of the markets that lend an asset, and their totals now."""
        return [
            (book, self._book(pair, now_s).market) for pair, book in self.books.items() if pair[1] == asset
        ]

    def _owned(self, asset: int) -> int:
        """Return what the pool should hold: collateral, and cash of the markets that lend the asset."""
        lending = (book.cash for (_, loan), book in self.books.items() if loan == asset)
        return super()._owned(asset) + sum(lending)

    def _internal(self, book: MarketBook) -> int:
        shares, units = disagreement(book)
        return ceil_div(shares, SHARES_PER_UNIT) + units

    def _rounding_error(self, row: int) -> Integers:
        """By asset, how far the debt that screening sees is from the exact shares rounded up."""
        wanted = np.zeros(len(self.parameters), np.int64)
        wanted[self._loan_of[row]] = ceil_div(self._shares_of(row), SHARES_PER_UNIT)
        return np.asarray(np.abs(self.positions.debt[row] - wanted))

    def _sum_shares(self, collateral: Integers, debt: Integers) -> dict[tuple[int, int], int]:
        """Borrow shares of all accounts by market, summed from the positions."""
        main = collateral.argmax(axis=1)
        sums: dict[tuple[int, int], int] = {}
        for loan in range(len(self.parameters)):
            rows = np.flatnonzero(debt[:, loan])
            for asset in np.unique(main[rows]).tolist():
                units = int(debt[rows[main[rows] == asset], loan].sum())
                sums[asset, loan] = units * SHARES_PER_UNIT
        for row, shares in self._shares.items():
            loan = int(self._loan_of[row])
            rounded = int(debt[row, loan]) * SHARES_PER_UNIT
            if rounded != shares:
                sums[int(main[row]), loan] += shares - rounded
        return sums


def _health(book: MarketBook, position: Position, price: int) -> int:
    """Return what a position may owe by what it owes, as the rule compares them; wad."""
    may_owe = position.collateral * price // ORACLE_PRICE_SCALE * book.parameters.lltv // WAD
    return may_owe * WAD // borrowed_assets(book.market, position)


def _growth(market: Market) -> float:
    """Return what a million borrow shares, one unit of debt in `positions`, are worth in loan base units."""
    shares = market.total_borrow_shares + VIRTUAL_SHARES
    return (market.total_borrow_assets + 1) / shares * SHARES_PER_UNIT
