"""Ajna inside a simulation: one pool for each collateral, lenders on a ladder of prices, and a crowd.

The contract reads no price. Its lenders do: they keep their deposits on a ladder of buckets below the
market, which they look at whenever the oracle of the world speaks, and move it as far as the contract
allows: not what debts in auctions lock, and not so far that the LUP falls below the worst loan. A loan
that stands in their way may be kicked, as ``lenderKick`` allows, at the LUP that would hold if they had
moved; whoever kicks is taken to act for them, and stakes a bond of its own.

Units at the border. The rules count in wad, the ledger in base units of assets with at most 9 decimals.
What the protocol takes in is rounded up to base units, what it hands out is rounded down; the difference
is the pool's reserves. The arrays hold the debt of the start rounded up; the exact debt of a loan is that
less a remainder, kept for those loans only that have one.

A loan in an auction leaves the arrays: what it owes and has is in its `Lot`, and what a finished auction
leaves over is its owner's again. Owners do not rescue loans that are in auctions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger, Reason
from ...fixed_point import MAX_UINT256, WAD, ceil_div
from ...revert import Revert
from ..escrow_pool import EscrowPool
from ..pool import Bond, Bought, Chore, Kicked, Sale
from . import buckets
from .auction import (
    COLLATERALIZATION_FACTOR,
    SETTLED_AFTER_S,
    Auction,
    auction_price,
    bond_factor,
    is_collateralized,
    kick,
    neutral_ratio,
    take,
    takeable,
    wdiv,
    wmul,
)
from .book import Book, accrue, bonded, in_auctions, inflator_after, repaid, settle
from .loans import ThresholdOrder
from .prices import PriceTable

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SHOWN_BELOW = 2
"""Auctions at more than so many times the price of the highest bucket are not shown to buyers."""
NEWS = 0.02
"""Fall of a price after which loans that were not worth a kick are looked at again, as a fraction."""
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class AjnaTerms:
    """What holds for every pool.

    Parameters
    ----------
    rate : int
        Interest a year, wad.
    lenders_share : int
        Part of the interest that lenders get, wad; the rest goes to reserves.
    highest : Fraction
        Top of the lenders' ladder over the market's price.
    rungs : int
        Buckets of the ladder.
    """

    rate: int
    lenders_share: int
    highest: Fraction
    rungs: int

    def top(self, price: int) -> int:
        """Return the highest bucket of the ladder at a market price, wad."""
        return buckets.index_below(int(price * self.highest))

    def threshold(self, price: int, utilisation: float) -> float:
        """Return the debt over the collateral's value at which a loan may be kicked at the start."""
        drawn = max(1, math.ceil(utilisation * self.rungs - 1e-9))
        lup = buckets.price_at(self.top(price) + drawn - 1)
        return lup / price * WAD / COLLATERALIZATION_FACTOR


@dataclass(frozen=True, slots=True)
class Lot:
    """A loan in an auction: its row, t0 debt (wad) and collateral (base units), its kicker."""

    row: int
    asset: int
    t0_debt: int
    collateral: int
    kicker: int
    auction: Auction


class AjnaPool(EscrowPool):
    """Pools of some collateral assets that lend one asset, with their crowd.

    Rows of `positions` are the borrowers in order and, last, the lenders of all pools as one
    account that holds its deposits at the start. Columns are ledger assets.

    Parameters
    ----------
    ledger : Ledger
    name : str
    collaterals : sequence of int
        Ledger assets with a pool.
    debt : int
        Ledger asset that is lent.
    terms : AjnaTerms
    n_borrowers : int
    start_s : int
        Unix time at which interest begins, seconds.
    utilisation : float
        Borrowed share of each pool's deposits at the start, in (0, 1).

    Raises
    ------
    ValueError
        If there is no collateral, or the asset that is lent is one.
    """

    kicked = True
    close_factor = 1.0
    caution = 1e-9

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        collaterals: Sequence[int],
        debt: int,
        terms: AjnaTerms,
        n_borrowers: int,
        start_s: int,
        utilisation: float = 0.8,
    ) -> None:
        if not collaterals or debt in collaterals:
            raise ValueError(
                f"{name}: needs at least one collateral, and {ledger.assets[debt].symbol} is none"
            )
        super().__init__(ledger, name, n_borrowers, start_s)
        n = len(ledger.assets)
        self.collaterals, self.debt = tuple(sorted(collaterals)), debt
        self.terms, self.utilisation = terms, utilisation
        self.thresholds = np.zeros(n)
        self.bonus = np.zeros(n)
        self.bonus[list(self.collaterals)] = 1.0 - 0.5 ** (MINUTE_S / 7_200)
        self.ratio = neutral_ratio(terms.rate)
        self.stake_share = bond_factor(self.ratio) / WAD
        self.books: dict[int, Book] = {}
        self.lots: dict[int, Lot] = {}
        self.bonds: dict[int, tuple[int, int, int]] = {}
        """Bonds of finished auctions that their kickers have not yet taken out: kicker, asset, wad."""
        self.cash = 0
        """Of the asset that is lent, what calls have moved in less what they have moved out."""
        self._units: list[int] = [10 ** (18 - asset.decimals) for asset in ledger.assets]
        self._tops: dict[int, int] = {}
        self._placed: dict[int, int] = {}
        self._orders: dict[int, ThresholdOrder] = {}
        self._asset_of: NDArray[np.int8] = np.full(n_borrowers + 1, self.collaterals[0], np.int8)
        self._remainders: dict[int, int] = {}
        self._next_lot = 1
        self._prices = PriceTable()
        self._known: dict[int, tuple[Book, int, Book]] = {}
        self._lups: dict[int, tuple[Book, int, int]] = {}
        self._turned_away: set[int] = set()
        self._seen_at = [0] * n
        self._rows_before: dict[int, tuple[int, int, int]] = {}
        self._totals_before: dict[int, tuple[int, int]] = {}

    @property
    def penalty(self) -> Floats:
        """What a borrower loses at a price where the kicker is neither rewarded nor punished."""
        lost = 1.25 * bond_factor(self.ratio) / WAD
        return np.where(self.bonus > 0, lost / (1.0 - lost), 0.0)

    def open(self) -> None:
        """Start the pools: lenders deposit what is borrowed over `utilisation`; borrowed money has left.

        Raises
        ------
        ValueError
            If a loan has two collaterals, one without a pool, or owes another asset.
        """
        held, owed = self.positions.collateral, self.positions.debt[:, self.debt]
        for asset, symbol in enumerate(a.symbol for a in self.ledger.assets):
            if asset != self.debt and self.positions.debt[:, asset].any():
                raise ValueError(f"{self.name}: loans cannot owe {symbol}")
            if asset not in self.collaterals and held[:, asset].any():
                raise ValueError(f"{self.name}: {symbol} is no collateral")
        if (np.count_nonzero(held, axis=1) > 1).any():
            raise ValueError(f"{self.name}: a loan has one collateral")
        unit = self._units[self.debt]
        for asset in self.collaterals:
            rows = np.flatnonzero(held[:, asset] > 0)
            self._asset_of[rows] = asset
            borrowed = int(owed[rows].sum())
            supplied = max(math.ceil(borrowed / self.utilisation), borrowed)
            self.books[asset] = Book(((0, supplied * unit),) if supplied else (), borrowed * unit)
            self.cash += supplied - borrowed
            self.held[asset] = int(held[rows, asset].sum())
            self.positions.collateral[self.lenders, self.debt] += supplied
            ratios = owed[rows] / np.maximum(held[rows, asset], 1)
            indebted = ratios > 0
            self._orders[asset] = ThresholdOrder(rows[indebted], ratios[indebted], self._t0_threshold)
            if self.held[asset]:
                self.ledger.endow(asset, self.account, self.held[asset])
        if self.cash:
            self.ledger.endow(self.debt, self.account, self.cash)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Let lenders look at the market, USD with 8 decimals per whole token, and move their deposits."""
        super().set_prices(answers)
        for asset in self.collaterals:
            top = self.terms.top(self._market_price(asset))
            if not top == self._tops.get(asset) == self._placed.get(asset):
                self._place(asset, top)
            if answers[asset] < (1.0 - NEWS) * self._seen_at[asset]:
                self._seen_at[asset] = answers[asset]
                self.positions.touched |= self._turned_away
                self._turned_away.clear()
            self._seen_at[asset] = max(self._seen_at[asset], answers[asset])

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one unit in `positions` counts for, USD; see `LendingPool.weights`."""
        n = len(self.prices)
        backed, debt, value = np.zeros(n), np.zeros(n), self._values()
        for asset in self.collaterals:
            share = self._proposed_lup(asset, now_s) / self._market_price(asset)
            self.thresholds[asset] = share * WAD / COLLATERALIZATION_FACTOR
            backed[asset] = value[asset] * self.thresholds[asset]
        debt[self.debt] = value[self.debt] * self._inflator(now_s) / WAD
        return backed, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Collateral at the LUP, if lenders had moved, over debt and the contract's margin; wad."""
        asset = int(self._asset_of[row])
        owed, held = self._loan(row, now_s)
        if not owed:
            return MAX_UINT256
        return wmul(held, self._proposed_lup(asset, now_s)) * WAD // wmul(COLLATERALIZATION_FACTOR, owed)

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes now, base units, rounded up."""
        return self._ceil(asset, self._loan(row, now_s)[0]) if asset == self.debt else 0

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up of an asset, base units; of the lenders, their deposits."""
        if row != self.lenders:
            return int(self.positions.collateral[row, asset])
        if asset == self.debt:
            books = [self._book(collateral, now_s) for collateral in self.collaterals]
            return sum(buckets.total(book.deposits) for book in books) // self._units[asset]
        book = self.books.get(asset)
        return 0 if book is None else book.bucket_collateral // self._units[asset]

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of an account from a ledger account; return base units repaid.

        Raises
        ------
        Revert
            If nothing is owed or the payer does not hold the amount.
        """
        owed, _ = self._loan(row, now_s)
        if asset != self.debt or not owed or amount <= 0:
            raise Revert("NoDebt")
        amount = min(amount, self._ceil(asset, owed))
        self._check_funds(payer, asset, amount)
        kind = int(self._asset_of[row])
        book, before = self._book(kind, now_s), self._t0(row)
        received = amount * self._units[asset]
        t0_repaid: int = before if received >= owed else received * WAD // book.inflator
        self._remember(row)
        self.books[kind] = repaid(book, t0_repaid, received)
        self._put(row, before - t0_repaid, int(self.positions.collateral[row, kind]))
        self._receive(payer, amount, Reason.REPAY)
        return amount

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Add collateral to an account from a ledger account; one without a loan may change pools.

        Raises
        ------
        Revert
            If the payer does not hold the amount, or the account's pool takes another collateral.
        """
        kind = int(self._asset_of[row])
        empty = not self._t0(row) and not self.positions.collateral[row, kind]
        empty = empty and all(lot.row != row for lot in self.lots.values())
        if row == self.lenders or (asset != kind and not (asset in self.books and empty)):
            raise Revert(f"the pool of {self.ledger.assets[kind].symbol} takes no other collateral")
        if amount <= 0:
            raise Revert("InvalidAmount")
        self._check_funds(payer, asset, amount)
        self._remember(row)
        self._asset_of[row] = asset
        self._remember_totals(asset)
        self._put(row, self._t0(row), int(self.positions.collateral[row, asset]) + amount)
        self.held[asset] += amount
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of an account to a ledger account; return base units withdrawn.

        Raises
        ------
        Revert
            If the loan would be left undercollateralised at the LUP, or there is less than the amount.
        """
        kind = int(self._asset_of[row])
        if row == self.lenders or asset != kind or amount <= 0:
            raise Revert("nothing to withdraw")
        left = int(self.positions.collateral[row, asset]) - amount
        if left < 0:
            raise Revert("InsufficientCollateral")
        owed, _ = self._loan(row, now_s)
        book = self._book(kind, now_s)
        lup = buckets.lowest_utilized_price(book.deposits, book.debt)
        if owed and not is_collateralized(owed, left * self._units[asset], lup):
            raise Revert("BorrowerUnderCollateralized")
        self._remember(row)
        self._put(row, self._t0(row), left)
        self.held[asset] -= amount
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return what a kicker gains if the collateral is taken at today's market price, USD.

        Loans are looked at again once the price has fallen further, as the reward grows with it.
        """
        ratio = self.ratio / WAD
        threshold = np.maximum(debt_usd, 1e-300) / np.maximum(collateral_usd, 1e-300)  # over the market's
        share = np.clip((ratio - 1.0 / threshold) / (ratio - 1.0), -1.0, 1.0)
        self._turned_away.update(rows.tolist())
        return np.asarray(self.stake_share * share * np.minimum(debt_usd, collateral_usd))

    def stake(self, row: int, now_s: int) -> tuple[int, int]:
        """Return the bond that a kicker has to bring: asset and base units."""
        owed, _ = self._loan(row, now_s)
        return self.debt, self._ceil(self.debt, wmul(bond_factor(self.ratio), owed))

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Start the auction of a loan, for a bond; see `LendingPool.kick`."""
        now, asset = self.start_s + now_s, int(self._asset_of[row])
        owed, held = self._loan(row, now_s)
        health = self.health_factor(row, now_s)
        highest = wmul(self._highest_t0(asset), self._inflator(now_s))
        auction = kick(owed, held, self._proposed_lup(asset, now_s), self.ratio, highest, now)
        _, bond = self.stake(row, now_s)
        self._check_funds(kicker, self.debt, bond)
        book, t0_debt = self._book(asset, now_s), self._t0(row)
        units = int(self.positions.collateral[row, asset])
        self._remember(row)
        book = bonded(book, auction.bond, bond * self._units[self.debt])
        self.books[asset] = in_auctions(book, t0_debt, held)
        number = self._next_lot
        self._next_lot += 1
        self.lots[number] = Lot(row, asset, t0_debt, units, kicker, auction)
        self._prices.put(number, asset, auction)
        self._put(row, 0, 0)
        self._receive(kicker, bond, Reason.ESCROW)
        return Kicked(
            debt=((self.debt, self._ceil(self.debt, owed)),),
            collateral=((asset, units),),
            reward=(),
            health_factor=health,
            bond=Bond(number, self.debt, bond),
        )

    def sales(self, now_s: int) -> Sequence[Sale]:
        """Return auctions whose price has come near what lenders pay; none in the second of its kick."""
        return self._offers(self.lots, now_s)

    def sales_worth(
        self, now_s: int, best_usd: Sequence[float], prices_usd: Sequence[float]
    ) -> Sequence[Sale]:
        """Return those of `sales` that cost no more than they could be sold for, and perhaps a few others."""
        if not self.lots:
            return ()
        limits = np.asarray(best_usd) / prices_usd[self.debt]
        return self._offers(self._prices.below(self.lots, self.start_s + now_s, limits), now_s)

    def _offers(self, numbers: Iterable[int], now_s: int) -> list[Sale]:
        now = self.start_s + now_s
        offers = []
        for number in numbers:
            lot = self.lots[number]
            if not lot.collateral or lot.auction.kicked == now:
                continue
            deposits = self.books[lot.asset].deposits
            price = auction_price(lot.auction, now)
            if not price or (deposits and price > SHOWN_BELOW * buckets.price_at(deposits[0][0])):
                continue
            offers.append(self._offer(number, lot, price, now_s))
        return offers

    def _offer(self, number: int, lot: Lot, price: int, now_s: int) -> Sale:
        held = lot.collateral * self._units[lot.asset]
        whole, cost = takeable(lot.auction, self._owed(lot, now_s), price, self._units[lot.asset])
        sold, most = (whole, cost) if whole <= held else (held, wmul(held, price))
        return Sale(
            number=number,
            kind="price",
            account=lot.row,
            collateral=lot.asset,
            debt=self.debt,
            units=sold // self._units[lot.asset],
            price=_float_above(price),
            most=self._ceil(self.debt, most),
        )

    def buy(self, number: int, pay: int, worst_price: float, buyer: int, now_s: int) -> Bought:
        """Take collateral of an auction at the price of this second; see `LendingPool.buy`."""
        lot = self.lots.get(number)
        if lot is None:
            raise Revert("NoAuction")
        now, unit = self.start_s + now_s, self._units[lot.asset]
        price, money = auction_price(lot.auction, now), pay * self._units[self.debt]
        if price > (MAX_UINT256 if math.isinf(worst_price) else int(Fraction(worst_price) * WAD)):
            raise Revert("auction price above limit")
        owed, held = self._owed(lot, now_s), lot.collateral * unit
        whole, cost = takeable(lot.auction, owed, price, unit)
        most = cost if whole <= held else wmul(held, price)
        wanted = held if money >= most else money * WAD // max(price, 1) // unit * unit
        done = take(lot.auction, owed, held, wanted, unit, now)
        paid = self._ceil(self.debt, done.paid)
        self._check_funds(buyer, self.debt, paid)
        book = self._book(lot.asset, now_s)
        t0_repaid = lot.t0_debt if done.repaid == owed else done.repaid * WAD // book.inflator
        self._remember_totals(lot.asset)
        book = repaid(book, t0_repaid, paid * self._units[self.debt])
        book = bonded(book, done.auction.bond - lot.auction.bond)
        self.books[lot.asset] = in_auctions(book, -t0_repaid, -done.collateral)
        units = done.collateral // unit
        self.held[lot.asset] -= units
        after = replace(
            lot, t0_debt=lot.t0_debt - t0_repaid, collateral=lot.collateral - units, auction=done.auction
        )
        returned = self._update(number, after)
        self._receive(buyer, paid, Reason.REPAY)
        self.ledger.transfer(lot.asset, self.account, buyer, units, Reason.SEIZE)
        return Bought(buyer, paid, units, returned)

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return auctions that may be settled, and bonds that their kickers may take out."""
        now, price = self.start_s + now_s, self.prices[self.debt] / 1e8
        usd = price / (self._units[self.debt] * self.ledger.assets[self.debt].unit)
        chores = [
            Chore(number, "settle", 0.0, lot.kicker, lot.auction.bond * usd)
            for number, lot in self.lots.items()
            if not (lot.collateral and now - lot.auction.kicked < SETTLED_AFTER_S)
            and self._may_settle(lot, now)
        ]
        due: dict[int, int] = {}
        for kicker, _, bond in self.bonds.values():
            due[kicker] = due.get(kicker, 0) + bond
        return chores + [Chore(kicker, "bond", 0.0, kicker, bond * usd) for kicker, bond in due.items()]

    def bonds_of(self, kicker: int) -> tuple[int, ...]:
        """Return the finished auctions whose bonds a ledger account may take out."""
        return tuple([number for number, (owner, _, _) in self.bonds.items() if owner == kicker])

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Settle an auction (``settle``), or pay all bonds of a kicker out (``bond``, by its account)."""
        if kind == "settle":
            self._settle(number, now_s)
        elif kind == "bond":
            self._pay_bonds(number)
        else:
            return super().work(kind, number, worker, now_s)
        return None

    def _settle(self, number: int, now_s: int) -> None:
        lot = self.lots.get(number)
        if lot is None:
            raise Revert("NoAuction")
        if not self._may_settle(lot, self.start_s + now_s):
            raise Revert("AuctionNotClearable")
        unit = self._units[lot.asset]
        self._remember_totals(lot.asset)
        held = lot.collateral * unit
        done = settle(self._book(lot.asset, now_s), lot.t0_debt, held, unit)
        self.books[lot.asset] = in_auctions(done.book, done.t0_debt - lot.t0_debt, done.collateral - held)
        self._update(number, replace(lot, t0_debt=done.t0_debt, collateral=done.collateral // unit))

    def _pay_bonds(self, kicker: int) -> None:
        numbers, unit, units = self.bonds_of(kicker), self._units[self.debt], 0
        if not numbers:
            raise Revert("InsufficientLiquidity")
        for number in numbers:
            _, asset, bond = self.bonds.pop(number)
            self._remember_totals(asset)
            self.books[asset] = bonded(self.books[asset], -bond, -(bond // unit) * unit)
            units += bond // unit
        self.cash -= units
        self.ledger.transfer(self.debt, self.account, kicker, units, Reason.RELEASE)

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none), all pools, auctions and bonds."""
        amounts, remainder = self.positions.amounts[row].copy(), self._remainders.get(row)
        asset, number = int(self._asset_of[row]), self._next_lot
        books, lots, bonds = dict(self.books), dict(self.lots), dict(self.bonds)
        cash, held = self.cash, list(self.held)

        def restore() -> None:
            self.books, self.lots, self.bonds = dict(books), dict(lots), dict(bonds)
            self.cash, self.held, self._next_lot = cash, list(held), number
            if row < 0:
                return
            self.positions.amounts[row] = amounts
            self.positions.touched.add(row)
            self._asset_of[row] = asset
            self._remainders.pop(row, None)
            if remainder is not None:
                self._remainders[row] = remainder
            if row != self.lenders:
                self._orders[asset].update(row)

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        n = len(self.prices)
        residual = np.zeros(n, np.int64)
        if not self._totals_before:
            return residual
        debts, held = dict.fromkeys(self.collaterals, 0), dict.fromkeys(self.collaterals, 0)
        for row, (asset, t0_debt, units) in self._rows_before.items():
            now = int(self._asset_of[row])
            debts[asset] -= t0_debt
            held[asset] -= units
            debts[now] += self._t0(row)
            held[now] += int(self.positions.collateral[row, now])
        for asset, (t0_debt, units) in self._totals_before.items():
            outside, inside = self._outside_auctions(asset)
            residual[self.debt] += self._ceil(self.debt, abs(outside - t0_debt - debts[asset]))
            residual[asset] += abs(inside - units - held[asset])
        self._rows_before.clear()
        self._totals_before.clear()
        return residual + self._residual_held()

    def residual(self) -> Integers:
        """Disagreement between loans, auctions, balance sheets and ledger, per asset, in base units.

        Debt and collateral of every loan and auction are summed and compared with the totals of
        their pool; bonds with who staked them; assets with liabilities, which roundings make a few
        wei apart; and collateral and cash with what the ledger holds.
        """
        residual = np.zeros(len(self.prices), np.int64)
        held, owed = self.positions.collateral[: self.lenders], self.positions.debt[: self.lenders]
        unit = self._units[self.debt]
        for asset, book in self.books.items():
            mine = self._asset_of[: self.lenders] == asset
            t0_debt = int(owed[mine, self.debt].sum()) * unit
            t0_debt -= sum(r for row, r in self._remainders.items() if self._asset_of[row] == asset)
            lots = [lot for lot in self.lots.values() if lot.asset == asset]
            outside, inside = self._outside_auctions(asset)
            residual[self.debt] += self._ceil(self.debt, abs(outside - t0_debt))
            auctioned = sum(lot.t0_debt for lot in lots)
            residual[self.debt] += self._ceil(self.debt, abs(book.t0_auctioned - auctioned))
            residual[asset] += abs(inside - int(held[mine, asset].sum()))
            auctioned = sum(lot.collateral for lot in lots) * self._units[asset]
            residual[asset] += self._ceil(asset, abs(book.auctioned_collateral - auctioned))
            staked = sum(lot.auction.bond for lot in lots)
            staked += sum(bond for _, kind, bond in self.bonds.values() if kind == asset)
            residual[self.debt] += self._ceil(self.debt, abs(book.bonds - staked))
            residual[asset] += abs(int(held[~mine, asset].sum()))
        for asset in range(len(self.prices)):
            if asset not in self.books:
                residual[asset] += abs(int(held[:, asset].sum()))
            if asset != self.debt:
                residual[asset] += abs(int(owed[:, asset].sum()))
        return residual + self._residual_held()

    def _residual_held(self) -> Integers:
        """Compare assets with liabilities, and collateral and cash with the ledger."""
        residual = np.zeros(len(self.prices), np.int64)
        sheet = self.cash * self._units[self.debt]
        for book in self.books.values():
            sheet += book.debt - buckets.total(book.deposits) - book.bonds - book.reserves
        residual[self.debt] += (abs(sheet) + self._units[self.debt] // 2) // self._units[self.debt]
        residual[self.debt] += abs(self.ledger.balance(self.account, self.debt) - self.cash)
        for asset in self.collaterals:
            residual[asset] += abs(self.ledger.balance(self.account, asset) - self.held[asset])
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers, lenders and kickers own less what they owe; see `LendingPool.claims`.

        Loans in auctions are nobody's until the auction ends.
        """
        n = len(self.prices)
        borrowers, lenders, kickers = np.zeros(n), np.zeros(n), np.zeros(n)
        for asset in self.collaterals:
            book, unit = self._book(asset, now_s), self._units[asset]
            borrowers[asset] = self.held[asset] - (book.auctioned_collateral + book.bucket_collateral) / unit
            borrowers[self.debt] -= (book.debt - book.auctioned) / self._units[self.debt]
            lenders[asset] = book.bucket_collateral / unit
            lenders[self.debt] += buckets.total(book.deposits) / self._units[self.debt]
            kickers[self.debt] += book.bonds / self._units[self.debt]
        return {"borrowers": borrowers, "lenders": lenders, "kickers": kickers}

    def held_for(self, account: int) -> tuple[tuple[int, int], ...]:
        """Return the bonds of a kicker: (asset, base units)."""
        bonds = [lot.auction.bond for lot in self.lots.values() if lot.kicker == account]
        bonds += [bond for kicker, _, bond in self.bonds.values() if kicker == account]
        units = sum(bond // self._units[self.debt] for bond in bonds)
        return ((self.debt, units),) if units else ()

    def deficit(self) -> Integers:
        """Return debt written off so far, and that of auctions without collateral, by asset, base units."""
        lost = sum(book.written_off for book in self.books.values())
        for lot in self.lots.values():
            if not lot.collateral:
                lost += wmul(lot.t0_debt, self.books[lot.asset].inflator)
        deficit = np.zeros(len(self.prices), np.int64)
        deficit[self.debt] = self._ceil(self.debt, lost)
        return deficit

    def _market_price(self, asset: int) -> int:
        """Return what lenders take a collateral to be worth, in the asset that is lent; wad."""
        return self.prices[asset] * WAD // self.prices[self.debt]

    def _inflator(self, now_s: int) -> int:
        return inflator_after(self.terms.rate, now_s)

    def _book(self, asset: int, now_s: int) -> Book:
        """Return a pool's balance sheet with interest until now, worked out once for all who ask."""
        stored, inflator = self.books[asset], self._inflator(now_s)
        known = self._known.get(asset)
        if known is None or known[0] is not stored or known[1] != inflator:
            book = accrue(stored, inflator, self.terms.lenders_share, self._highest_t0(asset))
            known = self._known[asset] = stored, inflator, book
        return known[2]

    def _place(self, asset: int, top: int) -> None:
        """Move lenders' deposits to a ladder from a bucket down, as far as the contract allows."""
        book, before = self.books[asset], self._placed.get(asset, top)
        worst = wmul(self._highest_t0(asset), book.inflator)
        locked = buckets.locked(book.deposits, book.auctioned)

        def moved(to: int) -> buckets.Deposits:
            return buckets.spread(book.deposits, locked, to, self.terms.rungs)

        self._tops[asset] = self._placed[asset] = top
        if top > before and buckets.lowest_utilized_price(moved(top), book.debt) < worst:
            allowed, refused, step = before, top, 1  # mostly they stay, or move by little
            while refused - allowed > 1:
                middle = min(allowed + step, (allowed + refused) // 2)
                if buckets.lowest_utilized_price(moved(middle), book.debt) < worst:
                    refused = middle
                else:
                    allowed, step = middle, 2 * step
            self._placed[asset] = allowed
        self.books[asset] = replace(book, deposits=moved(self._placed[asset]))

    def _proposed_lup(self, asset: int, now_s: int) -> int:
        """Return the LUP as it would be if all deposits that may move were where lenders want them."""
        book, top = self._book(asset, now_s), self._tops[asset]
        known = self._lups.get(asset)
        if known is None or known[0] is not book or known[1] != top:
            wanted = buckets.ladder(book.deposits, book.auctioned, top, self.terms.rungs)
            lup = buckets.lowest_utilized_price(wanted, book.debt)
            known = self._lups[asset] = book, top, lup
        return known[2]

    def _highest_t0(self, asset: int) -> int:
        """Highest threshold price of a loan outside auctions, with the contract's margin; t0, wad."""
        return wmul(self._orders[asset].highest(), COLLATERALIZATION_FACTOR)

    def _t0(self, row: int) -> int:
        units: int = self.positions.debt.item(row, self.debt) * self._units[self.debt]
        return units - self._remainders.get(row, 0)

    def _t0_threshold(self, row: int) -> int:
        asset = self._asset_of.item(row)
        held = self.positions.collateral.item(row, asset) * self._units[asset]
        owed = self._t0(row)
        return wdiv(owed, held) if owed and held else 0

    def _loan(self, row: int, now_s: int) -> tuple[int, int]:
        """Debt and collateral of an account now, wad."""
        asset = self._asset_of.item(row)
        held = self.positions.collateral.item(row, asset) * self._units[asset]
        return wmul(self._t0(row), self._inflator(now_s)), held

    def _owed(self, lot: Lot, now_s: int) -> int:
        return wmul(lot.t0_debt, self._inflator(now_s))

    def _put(self, row: int, t0_debt: int, units: int) -> None:
        """Store t0 debt (wad) and collateral (base units) of an account."""
        asset, unit = int(self._asset_of[row]), self._units[self.debt]
        self.positions.debt[row, self.debt] = ceil_div(t0_debt, unit)
        self.positions.collateral[row, asset] = units
        self._remainders.pop(row, None)
        if t0_debt % unit:
            self._remainders[row] = -t0_debt % unit
        self.positions.touched.add(row)
        self._orders[asset].update(row)

    def _may_settle(self, lot: Lot, now: int) -> bool:
        """Whether an auction is over, and there is something left to settle it with."""
        book = self.books[lot.asset]
        if lot.collateral:
            return now - lot.auction.kicked >= SETTLED_AFTER_S and bool(book.deposits)
        return bool(book.deposits) or book.reserves > 0

    def _update(self, number: int, lot: Lot) -> int:
        """Store an auction, or end it where the debt is paid; return collateral given back, base units."""
        if lot.t0_debt:
            self.lots[number] = lot
            return 0
        del self.lots[number]
        if lot.auction.bond:
            self.bonds[number] = lot.kicker, lot.asset, lot.auction.bond
        if lot.collateral:
            self._remember(lot.row)
            unit = self._units[lot.asset]
            self.books[lot.asset] = in_auctions(self.books[lot.asset], 0, -lot.collateral * unit)
            there = int(self.positions.collateral[lot.row, lot.asset])
            self._put(lot.row, self._t0(lot.row), there + lot.collateral)
        return lot.collateral

    def _outside_auctions(self, asset: int) -> tuple[int, int]:
        """T0 debt (wad) and collateral (base units) of loans outside auctions, by the pool's totals."""
        book = self.books[asset]
        elsewhere = (book.auctioned_collateral + book.bucket_collateral) // self._units[asset]
        return book.t0_debt - book.t0_auctioned, self.held[asset] - elsewhere

    def _receive(self, payer: int, units: int, reason: Reason) -> None:
        self.cash += units
        self.ledger.transfer(self.debt, payer, self.account, units, reason)

    def _check_funds(self, payer: int, asset: int, units: int) -> None:
        if self.ledger.balance(payer, asset) < units:
            raise Revert("ERC20: transfer amount exceeds balance")

    def _ceil(self, asset: int, wad: int) -> int:
        """Round a wad up to whole base units."""
        return ceil_div(wad, self._units[asset])

    def _remember(self, row: int) -> None:
        asset = int(self._asset_of[row])
        if row not in self._rows_before:
            units = int(self.positions.collateral[row, asset])
            self._rows_before[row] = asset, self._t0(row), units
        self._remember_totals(asset)

    def _remember_totals(self, asset: int) -> None:
        if asset not in self._totals_before:
            self._totals_before[asset] = self._outside_auctions(asset)


def _float_above(price: int) -> float:
    """Smallest float that is no less than a price in wad."""
    nearest = price / WAD
    numerator, denominator = nearest.as_integer_ratio()
    return nearest if numerator * WAD >= price * denominator else math.nextafter(nearest, math.inf)
