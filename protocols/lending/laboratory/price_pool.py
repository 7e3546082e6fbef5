"""Lots sold at the price of the moment: one that falls, one that follows the model, or a storefront's.

The rules of a sale are Maker's (`protocols.lending.maker.clip`) with any price function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ....market.ledger import Reason
from ...fixed_point import RAY, WAD
from ...liquidation import DustFloor
from ...revert import Revert
from ..aave.state import Account
from ..maker.abaci import Abacus
from ..maker.clip import ClipParameters, Sale, redo, sale_status, take
from ..pool import Bought, Chore, Kicked
from ..pool import Sale as Offer
from .auction_pool import AuctionPool, Lot

_TOLERANCE = Fraction(1, 10**12)
"""By how much a price may exceed a limit in floating point that was read off it."""


@dataclass(frozen=True, slots=True)
class PriceRules:
    """How lots are priced.

    Parameters
    ----------
    curve : Abacus
        Price by the seconds since the start or restart.
    clip : ClipParameters
        First price over the oracle's (`buf`), and when a sale needs a restart (`tail`, `cusp`).
    follows : bool
        Whether the curve is a share of the oracle's price of the moment rather than of the first one.
    credit : int, optional
        For a storefront: share of the collateral's value that counts for the account, wad. It is
        absorbed: what this exceeds the debt is the account's at once, and the collateral the protocol's.
    """

    curve: Abacus
    clip: ClipParameters
    follows: bool = False
    credit: int | None = None


class PricePool(AuctionPool[Sale]):
    """Anyone buys any part of a lot at its price now.

    Parameters
    ----------
    *args, **kwargs
        As in `LaboratoryPool`.
    pricing : PriceRules
    """

    def __init__(self, *args: Any, pricing: PriceRules, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pricing = pricing
        self._owners = pricing.credit is None

    def _begin(self, units: int, wanted: int, mark: int, now: int) -> Sale:
        return Sale(wanted * RAY, units, mark * self.pricing.clip.buf // RAY, now)

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Take a part of an account over; see `AuctionPool.kick`. A storefront absorbs it."""
        done = super().kick(row, kicker, now_s)
        if self.pricing.credit is None:
            return done
        now, lot = self.start_s + now_s, self.lots[self._next_lot - 1]
        worth = self._units(lot, now) * lot.mark * self.pricing.credit // (WAD * RAY)
        credit = worth - self._owed_by(lot, now)
        state = self.reserves[lot.debt]
        if credit <= 0 or state.scaled_supply == 0:
            return done
        self.rules.accrue(state, self.market.reserves[lot.debt], now)  # lent to the account by the protocol
        minted = (credit * RAY) // state.liquidity_index
        state.scaled_supply += minted
        self.positions.collateral[row, lot.debt] += minted
        self.positions.touched.add(row)
        return done._replace(credit=((lot.debt, credit),) if minted else ())

    def sales(self, now_s: int) -> Sequence[Offer]:
        """Return lots that anyone may buy from at the price of this second."""
        now, offers = self.start_s + now_s, []
        for number, lot in self.lots.items():
            sale = self._sale(lot, now)
            status = sale_status(sale, self.pricing.clip, self.pricing.curve, now)
            if status.needs_redo or not sale.lot or not status.price:
                continue
            most = -(-min(sale.tab, sale.lot * status.price) // RAY)
            whole = sale.tab <= self._least_left(lot) * RAY
            reserves = self.market.reserves
            per_token = reserves[lot.collateral].unit / reserves[lot.debt].unit
            offers.append(
                Offer(
                    number=number,
                    kind="price",
                    account=lot.row,
                    collateral=lot.collateral,
                    debt=lot.debt,
                    units=sale.lot,
                    price=status.price / RAY * per_token,
                    most=most,
                    least=most if whole else 0,
                )
            )
        return offers

    def buy(self, number: int, pay: int, worst_price: float, buyer: int, now_s: int) -> Bought:
        """Buy from a lot; see `LendingPool.buy`. What it still owes bounds what is sold."""
        now, lot = self.start_s + now_s, self._lot(number)
        sale, curve = self._sale(lot, now), self.pricing.curve
        clip = replace(self.pricing.clip, chost=self._least_left(lot) * RAY)
        price = sale_status(sale, clip, curve, now).price
        amount = sale.lot
        if (pay + 1) * RAY < min(sale.tab, amount * price):
            amount = pay * RAY // price
        result = take(sale, clip, curve, amt=amount, max_price=self._limit(lot, worst_price), now=now)
        paid = min(pay, -(-result.owe // RAY))
        if result.slice <= 0 or paid <= 0:
            raise Revert("nothing bought")
        self._must_hold(buyer, lot.debt, paid)
        self._must_have(lot, result.slice)
        self._remember(lot.row, lot.collateral, lot.debt)
        self.ledger.transfer(lot.debt, buyer, self.account, paid, Reason.REPAY)
        lot = self._hand_out(lot, result.slice, buyer, now)
        lot, refund = self._take_in(lot, paid, now)
        self.lots[number] = lot
        returned = unpaid = 0
        if result.sale is None or not self._units(lot, now):
            returned, unpaid = self._close(number, lot, now)
        return Bought(buyer, paid, result.slice, returned, refund - unpaid)

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return restarts of sales that ran too long or fell too far, each for tip and chip."""
        now, chores = self.start_s + now_s, []
        for number, lot in self.lots.items():
            if sale_status(self._sale(lot, now), self.pricing.clip, self.pricing.curve, now).needs_redo:
                unit = self.market.reserves[lot.debt].unit
                usd = self._restart_reward(lot, now) / unit * self.prices[lot.debt] / 1e8
                worth = self._units(lot, now) / self.market.reserves[lot.collateral].unit
                worth *= self.prices[lot.collateral] / 1e8
                chores.append(Chore(number, "redo", usd, hope_usd=worth * float(self.bonus[lot.collateral])))
        return chores

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Restart a sale (``redo``); see `LendingPool.work`."""
        if kind != "redo":
            return super().work(kind, number, worker, now_s)
        now, lot = self.start_s + now_s, self._lot(number)
        mark = self._mark(lot.collateral, lot.debt)
        sale = redo(self._sale(lot, now), self.pricing.clip, self.pricing.curve, feed=mark, now=now).sale
        self._remember(lot.row, lot.collateral, lot.debt)
        reward, lent = self._lend(lot.debt, self._restart_reward(lot, now), now)
        self.lots[number] = replace(lot, auction=sale, mark=mark, owed=lot.owed + lent)
        if reward:
            self.ledger.transfer(lot.debt, self.account, worker, reward, Reason.TRANSFER)
        return None

    def _sale(self, lot: Lot[Sale], now: int) -> Sale:
        """Sale of a lot as of now: interest on both sides, and the oracle's price if it is followed."""
        units, top = self._units(lot, now), lot.auction.top
        if self.pricing.follows:
            top = self._mark(lot.collateral, lot.debt) * self.pricing.clip.buf // RAY
        wanted = self._wanted(lot, now) * RAY
        if self.pricing.credit is not None:  # all of it is the protocol's to sell
            wanted = units * top + RAY
        return Sale(wanted, units, max(top, 1), lot.auction.tic)

    def _take_in(self, lot: Lot[Sale], paid: int, now: int) -> tuple[Lot[Sale], int]:
        if self.pricing.credit is None:
            return super()._take_in(lot, paid, now)
        owed = self._owed_by(lot, now)
        lot, _ = super()._take_in(lot, min(paid, owed), now)
        self.reserves[lot.debt].available += max(paid - owed, 0)  # the protocol's gain
        return lot, 0

    def _size(self, row: int, collateral: int, debt: int, now_s: int) -> tuple[int, int]:
        if self.pricing.credit is None:
            return super()._size(row, collateral, debt, now_s)
        units, amount = self.collateral_units(row, collateral, now_s), self.debt_units(row, debt, now_s)
        others = [n for i, n in enumerate(self.positions.rows(row)[0]) if i != collateral]
        if any(others):  # what this collateral is not credited for is left to the others
            amount = min(amount, units * self._mark(collateral, debt) * self.pricing.credit // (WAD * RAY))
        if units <= 0 or amount <= 0:
            raise Revert("NothingToAuction")
        return units, amount

    def _close(self, number: int, lot: Lot[Sale], now: int) -> tuple[int, int]:
        if self.pricing.credit is None:
            return super()._close(number, lot, now)
        loan = Account.empty(len(self.reserves))
        loan.borrowed[lot.debt], loan.borrowing_mask = lot.owed, 1 << lot.debt
        del self.lots[number]
        if lot.owed:
            self._bear(loan, lot.debt, now)
        return 0, 0

    def _restart_reward(self, lot: Lot[Sale], now: int) -> int:
        owed, reserve = self._owed_by(lot, now), self.market.reserves[lot.debt]
        reward = self.parts.keeper.reward(owed, self.prices[lot.debt], reserve.unit)
        worth = self._units(lot, now) * self._mark(lot.collateral, lot.debt) // RAY
        return reward if 10 * reward < worth else 0  # a lot is not used up by restarts

    def _least_left(self, lot: Lot[Sale]) -> int:
        """Least debt that a purchase of a part may leave, base units."""
        floor = self.parts.mechanisms[lot.collateral].residual
        if not isinstance(floor, DustFloor):
            return 0
        return floor.minimum_base * self.market.reserves[lot.debt].unit // self.prices[lot.debt]

    def _limit(self, lot: Lot[Sale], worst_price: float) -> int:
        """Highest acceptable price per base unit, ray, from one per whole token."""
        reserves = self.market.reserves
        if math.isinf(worst_price):
            return 2**256 - 1
        per_unit = Fraction(worst_price) * reserves[lot.debt].unit / reserves[lot.collateral].unit
        return int(per_unit * (1 + _TOLERANCE) * RAY)
