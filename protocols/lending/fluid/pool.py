"""Fluid inside a simulation: vaults of one collateral and one debt, and a crowd on their ticks.

A call names an account, but it is its vault that is liquidated: everybody above the threshold, from
the highest ratio down, as far as the money goes. So the pool quotes each vault once, at the
account with the highest ratio. What the vault does costs the same for one position and
for a million; the arrays that screening needs follow for those it met, all at once.

`positions` holds raw net debt, without the dust that brings a position onto its tick. Where parts
of amounts are rounded, debts are rounded up and collateral down, in the vault's favour; what
nobody owns then is counted (`nobodys_debt`, `nobodys_collateral`) and never negative. Collateral is
not lent. A withdrawal is checked at the threshold and not at the collateral factor, as borrowers
here withdraw and repay in one go, which the contract lets pass if the ratio falls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, PERCENTAGE_FACTOR, RAY, WAD, ceil_div
from ...interest import KinkedCurve
from ...revert import Revert
from ..escrow_pool import EscrowPool
from ..isolated import check_isolated
from ..pool import Called, Quotes
from .crowd import Pair, TickCrowd
from .liquidity import EXCHANGE_PRICES_PRECISION, Liquidity, accrue, repay
from .parameters import THOUSAND, FluidParameters
from .ticks import ratio_at_tick
from .vault import (
    LEAST_SHARE,
    MIN_DEBT,
    FluidVault,
    Limits,
    absorb,
    limits,
    liquidate,
    most,
    tick_of,
)

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
NO_FUNDS = "ERC20: transfer amount exceeds balance"
CAUTION = 1.0015**2 - 1.0 + 1e-6
"""Part by which ticks may find an account poorer: its ratio rounded up by one, the threshold down."""
MARGIN = 1e-6
"""Part by which an offer in floats exceeds what is due, so that it never falls a unit short."""


class FluidPool(EscrowPool):
    """Vaults of some collateral assets and all assets that somebody borrows, with their crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders as one account that holds
    what it supplied at the start. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    name : str
    parameters : sequence of FluidParameters or None
        Of the vaults with each ledger asset as collateral; None where it is not accepted.
    curve : KinkedCurve
        Of interest.
    fee : int
        Share of the interest that lenders do not get; basis points.
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, s.
    utilisation : float
        Borrowed share of each asset at the start, in (0, 1).

    Raises
    ------
    ValueError
        If there is not one entry of `parameters` for each asset.
    """

    close_factor = 1.0
    quoted = True
    batched = True
    caution = CAUTION

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        parameters: Sequence[FluidParameters | None],
        curve: KinkedCurve,
        fee: int,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.8,
    ) -> None:
        n = len(ledger.assets)
        if len(parameters) != n:
            raise ValueError(f"{name}: {len(parameters)} parameters for {n} assets")
        super().__init__(ledger, name, n_borrowers, start_s)
        self.parameters, self.curve, self.fee = tuple(parameters), curve, fee
        self.utilisation = utilisation
        self.thresholds = np.array([p.liquidation_threshold / THOUSAND if p else 0.0 for p in parameters])
        self.bonus = np.array([p.penalty / PERCENTAGE_FACTOR if p else 0.0 for p in parameters])
        self.crowd = TickCrowd(self.positions)
        self.books: dict[int, Liquidity] = {}
        self.nobodys_debt, self.nobodys_collateral = [0] * n, [0] * n
        self._known: dict[int, tuple[Liquidity, Liquidity]] = {}
        self._known_limits: dict[Pair, tuple[int, Limits]] = {}
        self._checked: tuple[list[int], list[int]] = [0] * n, [0] * n

    def open(self) -> None:
        """Put positions on ticks and fund the vaults; lenders supply what is borrowed over `utilisation`.

        Raises
        ------
        ValueError
            If an account has two collaterals, two debts, a debt without collateral or a
            collateral that is not accepted.
        """
        n = len(self.parameters)
        collateral, debt = self.positions.collateral[: self.lenders], self.positions.debt[: self.lenders]
        check_isolated(self.name, self.parameters, collateral, debt, "vault")
        self.held = [int(units) for units in collateral.sum(axis=0)]
        self.crowd.enter(self.lenders)
        for loan in range(n):
            if owed := int(debt[:, loan].sum()):
                supplied = max(int(owed / self.utilisation), owed)
                self.books[loan] = Liquidity(supplied, owed, updated=self.start_s)
                self.positions.collateral[self.lenders, loan] = supplied
        self._fund()
        self._checked = self._on_accounts()

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`."""
        value = self._values()
        debt = value.copy()
        for loan in self.books:
            debt[loan] *= self._book(loan, now_s).exchange_price / EXCHANGE_PRICES_PRECISION
        return value * self.thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Exact health of an account, wad: the threshold's ratio over that of its tick or group."""
        pair = self.crowd.pair(row)
        if pair is None:
            return MAX_UINT256
        return self._limits(pair, now_s).threshold * WAD // self.crowd.ratio(row, pair)

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset now, base units."""
        pair = self.crowd.pair(row)
        if pair is None or pair[1] != asset:
            return 0
        return self._book(asset, now_s).owed(int(self.positions.debt[row, asset]))

    def payoff(self, row: int, asset: int, now_s: int) -> int:
        """Return the most that a call on an account's vault may repay, base units."""
        pair = self.crowd.pair(row)
        if pair is None or pair[1] != asset:
            return 0
        vault, _, terms, first = self._ready(pair, now_s)
        return self._book(asset, now_s).owed(most(vault, terms) + (vault.absorbed_debt if first else 0))

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset, base units; of the lenders, what they may claim."""
        if row != self.lenders:
            return int(self.positions.collateral[row, asset])
        return self._book(asset, now_s).deposits if asset in self.books else 0

    def quote(self, rows: Integers, collaterals: Integers, debts: Integers, now_s: int) -> Quotes:
        """Return exact terms of a call on each vault, at the account among `rows` with its highest ratio."""
        quotes = np.zeros((3, len(rows)))
        top: dict[Pair, tuple[int, int]] = {}
        for k, row in enumerate(rows.tolist()):
            pair = self.crowd.pair(row)
            if pair == (collaterals[k], debts[k]):
                ratio = self.crowd.ratio(row, pair)
                if pair not in top or ratio > top[pair][0]:
                    top[pair] = ratio, k
        for pair, (_, k) in top.items():
            quotes[:, k] = self._terms(pair, now_s)
        return Quotes(*quotes)

    def liquidate(
        self, row: int, collateral: int, debt: int, cover: int, liquidator: int, now_s: int
    ) -> Called:
        """Liquidate the vault of an account for a ledger account; see `LendingPool.liquidate`.

        What the vault must absorb is absorbed before. What it has absorbed is sold first where that
        pays the liquidator at least as much.
        """
        pair = self.crowd.pair(row)
        if pair is None or pair != (collateral, debt):
            raise Revert("Vault__TopTickDoesNotExist")
        health, book = self.health_factor(row, now_s), self._book(debt, now_s)
        vault, above, terms, first = self._ready(pair, now_s)
        done = liquidate(vault, terms, book.raw(cover), absorbed=first)
        repaid = repay(book, done.debt + done.absorbed_debt)
        received = done.collateral + done.absorbed_collateral
        if self.ledger.balances[liquidator, debt] < repaid.paid:
            raise Revert(NO_FUNDS)
        burnt = book.raw_debt - repaid.liquidity.raw_debt
        self.books[debt] = repaid.liquidity
        self.crowd.vaults[pair] = done.vault
        self.held[collateral] -= received
        lost_debt, lost = self.crowd.take_over(pair, above)
        fewer_debt, fewer = self.crowd.follow(pair, done)
        self.nobodys_debt[debt] += burnt - done.absorbed_debt - fewer_debt
        self.nobodys_collateral[collateral] += fewer - done.collateral
        self.ledger.transfer(debt, liquidator, self.account, repaid.paid, Reason.REPAY)
        self.ledger.transfer(collateral, self.account, liquidator, received, Reason.SEIZE)
        relieved = (lost_debt + fewer_debt) * book.exchange_price // EXCHANGE_PRICES_PRECISION
        return Called(relieved, received, health, lost + fewer - received, repaid.paid - relieved)

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing of the asset is owed, the payer does not hold the amount, or too little to
            count is repaid or left.
        """
        owed, pair = self.debt_units(row, asset, now_s), self.crowd.pair(row)
        if pair is None or not owed:
            raise Revert("Vault__UserCollateralDebtExceed")
        amount = min(amount, owed)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        book, net = self._book(asset, now_s), int(self.positions.debt[row, asset])
        raw = net if amount == owed else book.raw(amount)
        if not raw:
            raise Revert("Vault__InvalidOperateAmount")
        self.crowd.move(row, pair, net - raw, int(self.positions.collateral[row, pair[0]]))
        done = repay(book, raw)
        self.nobodys_debt[asset] += book.raw_debt - done.liquidity.raw_debt - raw
        self.books[asset] = done.liquidity
        self.ledger.transfer(asset, payer, self.account, done.paid, Reason.REPAY)
        return done.paid

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Supply collateral to an account from a ledger account.

        Raises
        ------
        Revert
            If the payer does not hold the amount, or the account's vault, or none at all, takes
            the asset.
        """
        self._check_collateral(row, asset)
        if self.ledger.balances[payer, asset] < amount:
            raise Revert(NO_FUNDS)
        self._put_up(row, asset, amount)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If the account would be left above the threshold or does not have as much.
        """
        self._check_collateral(row, asset)
        left, pair = int(self.positions.collateral[row, asset]) - amount, self.crowd.pair(row)
        if left < 0 or (pair is not None and left == 0):
            raise Revert("Vault__UserCollateralDebtExceed")
        if pair is not None:
            tick = tick_of(int(self.positions.debt[row, pair[1]]), left)
            if ratio_at_tick(tick) > self._limits(pair, now_s).threshold:
                raise Revert("Vault__PositionAboveCF")
        self._put_up(row, asset, -amount)
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember all vaults, and from now on whoever is changed; calling the result restores them."""
        before, books = self.crowd.checkpoint(), dict(self.books)
        counts = list(self.held), list(self.nobodys_debt), list(self.nobodys_collateral)

        def restore() -> None:
            before()
            self.books = dict(books)
            self.held, self.nobodys_debt, self.nobodys_collateral = (list(count) for count in counts)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        n = len(self.parameters)
        residual = np.zeros(n, np.int64)
        if not self.crowd.log:
            return residual
        change = np.zeros(2 * n, np.int64)
        seen: set[int] = set()
        for rows, amounts, _, _ in self.crowd.log:
            for row, before in zip(rows.tolist(), amounts, strict=True):
                if row not in seen:
                    seen.add(row)
                    change += self.positions.amounts[row] - before
        now = self._on_accounts()
        for side, (then, after) in enumerate(zip(self._checked, now, strict=True)):
            wanted = np.array(after, np.int64) - np.array(then, np.int64)
            residual += np.abs(change[n * (1 - side) : n * (2 - side)] - wanted)
        self._checked = now
        self.crowd.log.clear()
        return np.asarray(residual + self._unowned())

    def residual(self) -> Integers:
        """Disagreement between positions, vaults, books and ledger, per asset, in base units.

        Every account's debt is summed and compared with what vaults have borrowed less what they
        have absorbed, its collateral with what calls have moved, members of each group with the
        group, and collateral and cash with what the ledger holds.
        """
        residual = self._unowned()
        debt, collateral = self._on_accounts()
        residual += np.abs(self.positions.debt.sum(axis=0) - np.array(debt, np.int64))
        borrowed = self.positions.collateral[: self.lenders]
        residual += np.abs(borrowed.sum(axis=0) - np.array(collateral, np.int64))
        for pair, vault in self.crowd.vaults.items():
            for group in vault.groups:
                rows = self.crowd.members.get((pair, group.number), np.zeros(0, np.int64))
                residual[pair[1]] += abs(int(self.crowd.tick_debt[rows].sum()) - group.debt)
                residual[pair[0]] += abs(
                    int(self.positions.collateral[rows, pair[0]].sum()) - group.collateral
                )
                residual[pair[1]] += int(np.count_nonzero(self.crowd.group_of[rows] != group.number))
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and lenders own less what they owe; see `LendingPool.claims`."""
        debt, collateral = (np.array(amounts, np.float64) for amounts in self._on_accounts())
        lent = np.zeros(len(self.parameters))
        for loan in self.books:
            book = self._book(loan, now_s)
            debt[loan] *= book.exchange_price / EXCHANGE_PRICES_PRECISION
            lent[loan] = book.deposits
        return {"borrowers": collateral - debt, "lenders": lent}

    def deficit(self) -> Integers:
        """Return what absorbed debt exceeds the value of its collateral by now, by asset, base units."""
        short = np.zeros(len(self.parameters), np.int64)
        for pair, vault in self.crowd.vaults.items():
            owed = self.books[pair[1]].owed(vault.absorbed_debt)
            short[pair[1]] += max(0, owed - vault.absorbed_collateral * self._price(pair) // RAY)
        return short

    def _put_up(self, row: int, asset: int, change: int) -> None:
        """Change an account's collateral and count it."""
        pair = self.crowd.pair(row)
        collateral = int(self.positions.collateral[row, asset]) + change
        if pair is None:
            self.crowd.remember(np.array([row]))
            self.positions.collateral[row, asset] = collateral
        else:
            self.crowd.move(row, pair, int(self.positions.debt[row, pair[1]]), collateral)
        self.held[asset] += change

    def _ready(self, pair: Pair, now_s: int) -> tuple[FluidVault, tuple[int, ...], Limits, bool]:
        """Return a vault once it has absorbed, what it absorbs, its limits, whether to sell that first."""
        terms = self._limits(pair, now_s)
        vault, above = absorb(self.crowd.vaults[pair], terms.maximum)
        for number in above:
            rows = self.crowd.members[pair, number]
            vault = replace(
                vault,
                absorbed_debt=vault.absorbed_debt + int(self.positions.debt[rows, pair[1]].sum()),
                absorbed_collateral=vault.absorbed_collateral
                + int(self.positions.collateral[rows, pair[0]].sum()),
            )
        pays = vault.absorbed_collateral * RAY >= vault.absorbed_debt * terms.collateral_per_debt
        nothing_else = not vault.groups or vault.groups[0].ratio <= terms.threshold
        return vault, above, terms, vault.absorbed_debt > 0 and (pays or nothing_else)

    def _terms(self, pair: Pair, now_s: int) -> tuple[float, float, float]:
        """Return what a call on a vault may repay, gains and must repay at least, as in `Quotes`."""
        vault, _, terms, first = self._ready(pair, now_s)
        raw = most(vault, terms) + (vault.absorbed_debt if first else 0)
        try:
            done = liquidate(vault, terms, raw, absorbed=first)
        except Revert:
            return 0.0, 0.0, 0.0
        book, assets = self._book(pair[1], now_s), self.ledger.assets
        usd = self.prices[pair[1]] / 1e8 / assets[pair[1]].unit
        paid = book.owed(done.debt + done.absorbed_debt) * usd
        got = (done.collateral + done.absorbed_collateral) * self.prices[pair[0]] / 1e8 / assets[pair[0]].unit
        least = book.owed(max(MIN_DEBT, ceil_div(vault.debt, LEAST_SHARE))) * usd
        return paid * (1.0 + MARGIN), got / paid - 1.0, least

    def _limits(self, pair: Pair, now_s: int) -> Limits:
        parameters = self.parameters[pair[0]]
        assert parameters is not None  # an account with such collateral is refused
        price = self._price(pair) * EXCHANGE_PRICES_PRECISION // self._book(pair[1], now_s).exchange_price
        known = self._known_limits.get(pair)
        if known is None or known[0] != price:
            known = self._known_limits[pair] = price, limits(parameters, price)
        return known[1]

    def _price(self, pair: Pair) -> int:
        """Loan base units for a base unit of collateral, ray."""
        bought, paid = (self.ledger.assets[asset].unit for asset in pair)
        return self.prices[pair[0]] * paid * RAY // (self.prices[pair[1]] * bought)

    def _book(self, loan: int, now_s: int) -> Liquidity:
        """Return books with interest until now, worked out once for all who ask at the time."""
        stored, now = self.books[loan], self.start_s + now_s
        known = self._known.get(loan)
        if known is None or known[0] is not stored or known[1].updated != now:
            known = self._known[loan] = stored, accrue(stored, self.curve, self.fee, now)
        return known[1]

    def _check_collateral(self, row: int, asset: int) -> None:
        """Refuse collateral that is none, or of another vault than the account's."""
        pair, held = self.crowd.pair(row), self.positions.collateral[row]
        other = pair is not None and pair[0] != asset
        if self.parameters[asset] is None or row == self.lenders or other or held.sum() != held[asset]:
            raise Revert("Vault__InvalidOperateAmount")

    def _on_accounts(self) -> tuple[list[int], list[int]]:
        """Raw debt and collateral that must lie on the borrowers' accounts, by asset."""
        debt, collateral = list(self.nobodys_debt), list(self.held)
        for loan, book in self.books.items():
            debt[loan] += book.raw_debt
        for (asset, loan), vault in self.crowd.vaults.items():
            debt[loan] -= vault.absorbed_debt
            collateral[asset] -= vault.absorbed_collateral
        unowned = self.nobodys_collateral
        return debt, [units - left for units, left in zip(collateral, unowned, strict=True)]

    def _owned(self, asset: int) -> int:
        """Return what the pool should hold: collateral, and cash of the asset if it is lent."""
        return super()._owned(asset) + (self.books[asset].cash if asset in self.books else 0)

    def _unowned(self) -> Integers:
        """By asset, what the ledger holds more or less, and what roundings have cost the vaults."""
        wrong = [
            abs(self._owned(asset) - self.ledger.balance(self.account, asset))
            + max(0, -self.nobodys_debt[asset])
            + max(0, -self.nobodys_collateral[asset])
            for asset in range(len(self.parameters))
        ]
        return np.array(wrong, np.int64)
