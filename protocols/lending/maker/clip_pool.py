"""Liquidations 2.0 with its crowd: vaults are barked at and sold at falling prices.

Rules: `dog`, `clip`, `abaci`. A purchase is paid for in whole base units, rounded up, and
receives whole base units, rounded down. As less than a base unit cannot be handed out, an
auction is closed by whoever pays for all whole ones, at most one base unit of the
stablecoin short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger
from ...fixed_point import MAX_UINT256, RAY, WAD
from ...revert import Revert
from ..pool import Bought, Chore
from ..pool import Sale as Offer
from .abaci import StairstepExponentialDecrease
from .clip import REDOS_STOPPED, TAKES_STOPPED, Sale, redo, sale_status, take
from .dog import Dirt, bark
from .market import ClipType
from .pool import Lot, Seizure, VaultPool
from .vat import RAD, Ilk, Vault

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Shown(NamedTuple):
    """What a lot shows from one second up to another: whether it needs a restart, else its offer."""

    sale: Sale
    since: int
    until: int
    needs_redo: bool
    offer: Offer | None


class ClipPool(VaultPool[Sale]):
    """Vaults whose collateral is sold by falling-price auctions.

    Kicks earn the flat and the relative reward (`tip`, `chip`), and so do restarts of
    auctions that ran too long or fell too far. Buyers may hope for one step of the price,
    as it falls below the market's by less than a step when somebody first takes it.

    Parameters
    ----------
    ledger : Ledger
    name : str
    types : mapping of int to ClipType
        Collateral type of each ledger asset that vaults may hold.
    debt : int
        Ledger asset that is issued.
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, s.
    """

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        types: Mapping[int, ClipType],
        debt: int,
        n_borrowers: int,
        start_s: int,
    ) -> None:
        terms = {asset: kind.terms for asset, kind in types.items()}
        bonus = {asset: _step(kind) for asset, kind in types.items()}
        super().__init__(ledger, name, terms, debt, n_borrowers, start_s, bonus)
        self.settings = dict(types)
        self._turned_away: set[int] = set()
        self._shown: dict[int, _Shown] = {}

    @property
    def penalty(self) -> Floats:
        """The penalty on the debt of a vault that is auctioned."""
        kept = np.zeros(len(self.bonus))
        for asset, kind in self.settings.items():
            kept[asset] = kind.dog.chop / WAD - 1.0
        return kept

    def _seize(self, vault: Vault, ilk: Ilk, asset: int, now: int) -> Seizure[Sale]:
        settings = self.settings[asset]
        result = bark(
            vault, ilk, settings.dog, settings.clip, dirt=self._dirt(asset), feed=self._feed(asset), now=now
        )
        return Seizure(result.vault, result.sale, result.dink, result.dart, result.due, result.coin)

    def kick_rewards_usd(self, rows: Integers, collateral_usd: Floats, debt_usd: Floats) -> Floats:
        """Return what the protocol pays for kicking each vault, USD.

        Nothing where the limit on debt under auction leaves no room: such vaults are
        looked at again when an auction has made room.
        """
        hopes = np.zeros(len(rows))
        kinds = self._type_of[rows]
        for asset, settings in self.settings.items():
            mine = kinds == asset
            chop, clip, room = settings.dog.chop / WAD, settings.clip, self._room(asset) / RAD
            tab = debt_usd[mine] * chop
            shut = (tab > room) & (room <= settings.terms.dust / RAD * chop)
            reward = clip.tip / RAD + clip.chip / WAD * np.minimum(tab, room)
            hopes[mine] = np.where(shut, 0.0, reward)
            self._turned_away.update(rows[mine][shut].tolist())
        return hopes

    def sales(self, now_s: int) -> Sequence[Offer]:
        """Return auctions that anyone may buy from at the price of this second."""
        now = self.start_s + now_s
        shown = (self._look(number, lot, now).offer for number, lot in self.lots.items())
        return [offer for offer in shown if offer is not None]

    def _look(self, number: int, lot: Lot[Sale], now: int) -> _Shown:
        """Return what a lot shows now; looked up as long as neither it nor its price has changed."""
        shown = self._shown.get(number)
        if shown is None or shown.sale is not lot.auction or not shown.since <= now < shown.until:
            shown = self._shown[number] = self._show(number, lot, now)
        return shown

    def _show(self, number: int, lot: Lot[Sale], now: int) -> _Shown:
        settings, sale = self.settings[lot.asset], lot.auction
        status = sale_status(sale, settings.clip, settings.abacus, now)
        units, until, elapsed = sale.lot // self._units[lot.asset], now + 1, now - sale.tic
        if isinstance(settings.abacus, StairstepExponentialDecrease):
            step, tail = settings.abacus.step, settings.clip.tail
            until = sale.tic + (elapsed // step + 1) * step
            if elapsed <= tail:
                until = min(until, sale.tic + tail + 1)
        if status.needs_redo or not units or settings.clip.stopped >= TAKES_STOPPED:
            return _Shown(sale, now, until, status.needs_redo, None)
        most = self.books.ceil(min(sale.tab, sale.lot * status.price))
        offer = Offer(
            number=number,
            kind="price",
            account=lot.row,
            collateral=lot.asset,
            debt=self.debt,
            units=units,
            price=_float_above(status.price),
            most=most,
            least=most if sale.tab <= settings.clip.chost else 0,
        )
        return _Shown(sale, now, until, False, offer)

    def buy(self, number: int, pay: int, worst_price: float, buyer: int, now_s: int) -> Bought:
        """Buy from an auction at the price of this second; see `LendingPool.buy`.

        Pays no more than the auction still wants. A purchase of a part leaves at least one base
        unit of the lot.
        """
        lot = self._lot(number, "Clipper/not-running-auction")
        now, settings, unit = self.start_s + now_s, self.settings[lot.asset], self.books.unit
        price = sale_status(lot.auction, settings.clip, settings.abacus, now).price
        piece = self._units[lot.asset]
        amount = lot.auction.lot
        if (pay + 1) * unit < min(lot.auction.tab, amount // piece * piece * price):
            amount = max(0, min(pay * unit // price, amount - piece))
        limit = MAX_UINT256 if math.isinf(worst_price) else int(Fraction(worst_price) * RAY)
        result = take(lot.auction, settings.clip, settings.abacus, amt=amount, max_price=limit, now=now)
        if pay <= 0 or (result.sale is not None and result.slice < piece):
            raise Revert("nothing bought")
        paid = min(pay, self.books.ceil(result.owe))
        if self.ledger.balance(buyer, self.debt) < paid:
            raise Revert("Dai/insufficient-balance")
        self._remember(lot.row)
        self._receive(buyer, paid)
        self.books.heal()
        self.types[lot.asset].dirt -= result.dug
        self._release(lot.row, lot.asset, result.returned)
        self.positions.touched |= self._turned_away
        self._turned_away.clear()
        if result.sale is None:
            del self.lots[number]
            self.books.close(lot.due, (lot.paid + paid) * unit)
        else:
            self.lots[number] = replace(lot, auction=result.sale, paid=lot.paid + paid)
        return self._bought(lot, buyer, paid, result.slice, result.returned)

    def chores(self, now_s: int) -> Sequence[Chore]:
        """Return restarts of auctions that ran too long or fell too far."""
        now, chores = self.start_s + now_s, []
        for number, lot in self.lots.items():
            settings = self.settings[lot.asset]
            if settings.clip.stopped < REDOS_STOPPED and self._look(number, lot, now).needs_redo:
                units = lot.auction.lot / self._units[lot.asset] / self.ledger.assets[lot.asset].unit
                hope = units * self.prices[lot.asset] / 1e8 * float(self.bonus[lot.asset])
                chores.append(Chore(number, "redo", self._redo(lot, now_s)[1] / RAD, hope_usd=hope))
        return chores

    def work(self, kind: str, number: int, worker: int, now_s: int) -> Bought | None:
        """Restart an auction (``redo``) and pay the worker for it; see `LendingPool.work`."""
        if kind != "redo":
            return super().work(kind, number, worker, now_s)
        lot = self._lot(number, "Clipper/not-running-auction")
        sale, coin = self._redo(lot, now_s)
        self._remember(lot.row)
        self.lots[number] = replace(lot, auction=sale)
        self._suck(worker, coin)
        return None

    def _redo(self, lot: Lot[Sale], now_s: int) -> tuple[Sale, int]:
        settings = self.settings[lot.asset]
        result = redo(
            lot.auction,
            settings.clip,
            settings.abacus,
            feed=self._feed(lot.asset),
            now=self.start_s + now_s,
        )
        return result.sale, result.coin

    def _dirt(self, asset: int) -> Dirt:
        return Dirt(self.types[asset].dirt, sum(state.dirt for state in self.types.values()))

    def _room(self, asset: int) -> int:
        dog, dirt = self.settings[asset].dog, self._dirt(asset)
        return max(0, min(dog.hole - dirt.ilk, dog.global_hole - dirt.total))


def _step(kind: ClipType) -> float:
    """Fraction by which the price falls at once; for a smooth price, within a minute."""
    if isinstance(kind.abacus, StairstepExponentialDecrease):
        return max(0.0, 1.0 - kind.abacus.cut / RAY)
    return max(0.0, 1.0 - kind.abacus.price(10**9 * RAY, 60) / (10**9 * RAY))


def _float_above(price: int) -> float:
    """Smallest float that is no less than a price in ray."""
    nearest = price / RAY
    numerator, denominator = nearest.as_integer_ratio()
    return nearest if numerator * RAY >= price * denominator else math.nextafter(nearest, math.inf)
