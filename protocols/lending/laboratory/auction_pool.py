"""The laboratory's pool where accounts are taken over: a part of one becomes a lot, which is sold.

A kick moves scaled debt and scaled collateral from an account to a lot, so interest goes
on and no total of the rules changes. The lot owes what was taken and the kicker's reward; what
buyers pay is used for that, then for the penalty, then for the owner. When a lot is closed, collateral
that is left goes back to the account; so does debt, unless neither has any collateral left: then
it is bad debt.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Reason
from ...fixed_point import HALF_RAY, MAX_UINT256, PERCENTAGE_FACTOR, RAY, WAD
from ...revert import Revert
from ..aave.state import Account
from ..pool import Kicked
from .pool import LaboratoryPool, scaled

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
AuctionT = TypeVar("AuctionT")


@dataclass(frozen=True, slots=True)
class Lot(Generic[AuctionT]):
    """A part of an account under auction.

    Parameters
    ----------
    row, collateral, debt : int
        The account, and the assets.
    pledged, owed : int
        Collateral and debt of the lot; scaled base units.
    mark : int
        Oracle's price when the auction began, base units of debt per base unit of collateral; ray.
    auction : object
        What the rules of the auction know.
    paid : int
        Paid by buyers so far, base units of debt.
    """

    row: int
    collateral: int
    debt: int
    pledged: int
    owed: int
    mark: int
    auction: AuctionT
    paid: int = 0


class AuctionPool(LaboratoryPool, Generic[AuctionT]):
    """Aave's positions, sold lot by lot.

    The parameters are those of `LaboratoryPool`; `most_bonus` is what buyers may hope for.
    """

    kicked = True
    _owners = True
    lots: dict[int, Lot[AuctionT]]

    def open(self) -> None:
        """Start without lots."""
        super().open()
        self.lots = {}
        self._next_lot = 1
        self.kick_pays = self.parts.keeper.pays
        self.quoted = False
        self.close_factor, self.full_below, self.whole_position = 1.0, 1.0, False

    @abstractmethod
    def _begin(self, units: int, wanted: int, mark: int, now: int) -> AuctionT:
        """Open an auction of so many base units for so much debt."""

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return tip and chip, or where there are none what a buyer may hope for; USD.

        The debt is that of the account: what the sizing leaves out is kicked, and paid for, later.
        """
        keeper = self.parts.keeper
        if keeper.pays:
            return np.asarray(keeper.tip_base / 1e8 + keeper.chip / WAD * debt_usd)
        return np.asarray(float(self.bonus.max()) * np.minimum(debt_usd, collateral_usd))

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Take over what the sizing allows of an account's largest debt and collateral, and auction it.

        Raises
        ------
        Revert
            If the account is healthy or rests, or there is nothing to take; nothing has changed then.
        """
        now = self.start_s + now_s
        self._check_pace(row, now)
        collateral, debt = self._largest(row, now_s)
        health = self.health_factor(row, now_s)
        if health >= WAD:
            raise Revert("HEALTH_FACTOR_NOT_BELOW_THRESHOLD")
        units, amount = self._size(row, collateral, debt, now_s)
        self._remember(row, collateral, debt)
        account = self._take(row)
        pledged = self._part(account.supplied, collateral, units, self._income(collateral, now))
        owed = self._part(account.borrowed, debt, amount, self._borrow_index(debt, now))
        self._put(row, account)
        self._last[row] = now
        reward = self.parts.keeper.reward(amount, self.prices[debt], self.market.reserves[debt].unit)
        reward, lent = self._lend(debt, reward, now)
        mark = self._mark(collateral, debt)
        bare = Lot(row, collateral, debt, pledged, owed + lent, mark, None)
        auction = self._begin(self._units(bare, now), self._wanted(bare, now), mark, now)
        self.lots[self._next_lot] = Lot(row, collateral, debt, pledged, owed + lent, mark, auction)
        self._next_lot += 1
        if reward:
            self.ledger.transfer(debt, self.account, kicker, reward, Reason.TRANSFER)
        return Kicked(
            debt=((debt, amount),),
            collateral=((collateral, units),),
            reward=((debt, reward),) if reward else (),
            health_factor=health,
        )

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember an account (-1 for none), all reserves and all lots; the result restores them."""
        everything = range(len(self.reserves))  # a lot's assets are not those of the row alone
        before, lots, following = super().checkpoint(row, everything), dict(self.lots), self._next_lot

        def restore() -> None:
            before()
            self.lots, self._next_lot = lots, following

        return restore

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what groups own; lots are the borrowers' until they are sold."""
        claims, now = super().claims(now_s), self.start_s + now_s
        for lot in self.lots.values() if self._owners else ():
            claims["borrowers"][lot.collateral] += self._units(lot, now)
            claims["borrowers"][lot.debt] -= self._owed_by(lot, now)
        return claims

    def deficit(self) -> Integers:
        """Return bad debt taken so far and what running auctions owe beyond their collateral's value."""
        deficit = super().deficit()
        now = max(state.last_update for state in self.reserves)
        for lot in self.lots.values():
            worth = self._units(lot, now) * self._mark(lot.collateral, lot.debt) // RAY
            deficit[lot.debt] += max(0, self._owed_by(lot, now) - worth)
        return deficit

    def _on_accounts(self, asset: int) -> tuple[int, int]:
        supplied, owed = super()._on_accounts(asset)
        for lot in self.lots.values():
            supplied -= lot.pledged if lot.collateral == asset else 0
            owed -= lot.owed if lot.debt == asset else 0
        return supplied, owed

    def _largest(self, row: int, now_s: int) -> tuple[int, int]:
        """Most valuable collateral and debt of an account."""
        collaterals, debts = self.positions.rows(row)
        reserves = self.market.reserves

        def worth(asset: int, units: int) -> int:
            return units * self.prices[asset] * 10**30 // reserves[asset].unit

        held = [(worth(i, n), -i) for i, n in enumerate(collaterals) if n and self._collateral_bits >> i & 1]
        owed = [(worth(i, n), -i) for i, n in enumerate(debts) if n]
        if not held or not owed:
            raise Revert("NothingToAuction")
        return -max(held)[1], -max(owed)[1]

    def _size(self, row: int, collateral: int, debt: int, now_s: int) -> tuple[int, int]:
        """Return base units of collateral and of debt that a kick takes."""
        cover = PERCENTAGE_FACTOR + self.parts.cover
        context = self._context(row, collateral, debt, now_s)._replace(bonus=cover)
        rule, mark = self.parts.mechanisms[collateral], self._mark(collateral, debt)
        amount = min(rule.sizing.max_repay(context), context.debt)

        def backing(owed: int) -> int:
            return min(context.collateral, -(-owed * cover * RAY // (mark * PERCENTAGE_FACTOR)))

        if rule.residual is not None and rule.residual.refusal(context, amount, backing(amount)) is not None:
            amount = context.debt  # no dust is left behind
        others = [n for i, n in enumerate(self.positions.rows(row)[0]) if i != collateral]
        if any(others):  # what this collateral cannot back is left to the next lot
            amount = min(amount, context.collateral * mark * PERCENTAGE_FACTOR // (cover * RAY))
        if amount <= 0 or backing(amount) <= 0:
            raise Revert("NothingToAuction")
        return backing(amount), amount

    def _part(self, held: list[int], asset: int, amount: int, index: int) -> int:
        """Take a part of a balance out of an account's list; return it, scaled."""
        whole = amount >= (held[asset] * index + HALF_RAY) // RAY
        part = held[asset] if whole else min(held[asset], scaled(amount, index))
        held[asset] -= part
        return part

    def _income(self, asset: int, now: int) -> int:
        return self.rules.normalized_income(self.reserves[asset], now)

    def _borrow_index(self, asset: int, now: int) -> int:
        return self.rules.normalized_debt(self.reserves[asset], now)

    def _mark(self, collateral: int, debt: int) -> int:
        """Oracle's price, base units of debt per base unit of collateral; ray."""
        reserves, prices = self.market.reserves, self.prices
        worth = prices[collateral] * reserves[debt].unit * RAY
        return worth // (prices[debt] * reserves[collateral].unit)

    def _units(self, lot: Lot[AuctionT] | Lot[None], now: int) -> int:
        """Collateral of a lot, base units."""
        return self.rules.atoken_balance(lot.pledged, self._income(lot.collateral, now))

    def _owed_by(self, lot: Lot[AuctionT] | Lot[None], now: int) -> int:
        """Debt of a lot, base units."""
        return self.rules.debt_balance(lot.owed, self._borrow_index(lot.debt, now))

    def _wanted(self, lot: Lot[AuctionT] | Lot[None], now: int) -> int:
        """Debt of a lot with the penalty, base units, rounded up."""
        return -(-self._owed_by(lot, now) * (WAD + self.parts.penalty) // WAD)

    def _lend(self, asset: int, amount: int, now: int) -> tuple[int, int]:
        """Take out of a reserve what it has, up to an amount, as a loan; return base units and scaled."""
        state, terms = self.reserves[asset], self.market.reserves[asset]
        amount = min(amount, state.available)
        if amount <= 0:
            return 0, 0
        self.rules.accrue(state, terms, now)
        lent = scaled(amount, state.variable_borrow_index)
        state.scaled_variable_debt += lent
        state.available -= amount
        self.rules.update_rates(state, terms, 0, 0)
        return amount, lent

    def _lot(self, number: int) -> Lot[AuctionT]:
        if number not in self.lots:
            raise Revert("NoSuchAuction")
        return self.lots[number]

    def _hand_out(self, lot: Lot[AuctionT], units: int, buyer: int, now: int) -> Lot[AuctionT]:
        """Pay collateral of a lot out to a ledger account."""
        pledge = Account.empty(len(self.reserves))
        pledge.supplied[lot.collateral] = lot.pledged
        all_of_it = units >= self._units(lot, now)
        self.rules.withdraw(
            self.reserves,
            self.market,
            self.prices,
            now,
            pledge,
            reserve=lot.collateral,
            amount=MAX_UINT256 if all_of_it else units,
        )
        self.ledger.transfer(lot.collateral, self.account, buyer, units, Reason.SEIZE)
        return replace(lot, pledged=pledge.supplied[lot.collateral])

    def _take_in(self, lot: Lot[AuctionT], paid: int, now: int) -> tuple[Lot[AuctionT], int]:
        """Use money that has come in for the debt, the penalty and the owner; return the owner's part."""
        asset, owed = lot.debt, self._owed_by(lot, now)
        rest = paid
        if owed and paid:
            loan = Account.empty(len(self.reserves))
            loan.borrowed[asset], loan.borrowing_mask = lot.owed, 1 << asset
            try:
                rest -= self.rules.repay(
                    self.reserves, self.market, now, loan, reserve=asset, amount=min(paid, owed)
                )
            except Revert:  # too little to count
                self.fund[asset] += rest
                rest = 0
            lot = replace(lot, owed=loan.borrowed[asset])
        penalty = min(rest, -(-owed * self.parts.penalty // WAD))
        self.fund[asset] += penalty
        refund = rest - penalty
        if refund:
            account = self._take(lot.row)
            self._remember(lot.row, asset)
            try:
                self.rules.supply(self.reserves, self.market, now, account, reserve=asset, amount=refund)
                self._put(lot.row, account)
            except Revert:  # too little to count
                self.fund[asset] += refund
                refund = 0
        return replace(lot, paid=lot.paid + paid), refund

    def _give_back(self, lot: Lot[AuctionT], pledged: int) -> Lot[AuctionT]:
        """Give scaled collateral of a lot back to its account."""
        if pledged:
            self._remember(lot.row, lot.collateral)
            self.positions.collateral[lot.row, lot.collateral] += pledged
            self.positions.touched.add(lot.row)
        return replace(lot, pledged=lot.pledged - pledged)

    def _close(self, number: int, lot: Lot[AuctionT], now: int) -> tuple[int, int]:
        """End an auction; return base units of collateral and of debt given back to the account."""
        self._remember(lot.row, lot.collateral, lot.debt)
        returned, owed = self._units(lot, now), self._owed_by(lot, now)
        lot = self._give_back(lot, lot.pledged)
        del self.lots[number]
        if lot.owed:
            self.positions.debt[lot.row, lot.debt] += lot.owed
            self.positions.touched.add(lot.row)
            self._write_off(lot.row, now)
        return returned, owed if self.positions.debt[lot.row, lot.debt] else 0

    def _must_hold(self, buyer: int, asset: int, amount: int) -> None:
        if self.ledger.balance(buyer, asset) < amount:
            raise Revert("ERC20: transfer amount exceeds balance")

    def _must_have(self, lot: Lot[AuctionT], units: int) -> None:
        if self.reserves[lot.collateral].available < units:
            raise Revert("not enough underlying in the pool")
