"""Maker's vaults inside a simulation: what both of its liquidation systems share.

A crowd of vaults, one collateral each, that owe one stablecoin which Maker itself issues:
repaid coins are burnt, rewards are minted. A vault that is kicked becomes a lot of an
auction; `clip_pool` and `flip_pool` sell lots.

Units at the border. The rules count in wad and rad, the ledger in base units of assets
with at most 9 decimals, so each base unit is a whole number of wad or rad. What the
protocol takes in is rounded up to base units and what it hands out is rounded down; the
difference stays with it, as surplus (`Books.joy`) or as `TypeState.crumbs`. The arrays
hold collateral rounded down and debt rounded up, so a screen errs on the side of looking;
the exact ink and art of a vault are the arrays' plus a remainder, kept for those vaults
only that have one.

Collateral that an auction gives back is the owner's again but no longer in the vault (the
contract's ``gem``): no new auction can take it, and `withdraw` hands it out first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import OUTSIDE, Ledger, Reason
from ...fixed_point import MAX_UINT256, RAY, WAD
from ...revert import Revert
from ..pool import Bought, Kicked, LendingPool
from .books import Books
from .clip import Sale, feed_price
from .flip import FlipAuction
from .jug import drip
from .market import VaultTerms
from .vat import Ilk, Vault, frob

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
AuctionT = TypeVar("AuctionT", Sale, FlipAuction)


@dataclass(slots=True)
class TypeState:
    """One collateral type as time goes on.

    Parameters
    ----------
    rho : int
        Unix time of the last drip, s.
    rate : int
        Accumulated stability fee at `rho`, ray.
    ink, art : int
        Collateral in all vaults and their normalised debt, wad.
    dirt : int
        What all running auctions still want to raise, rad.
    crumbs : int
        Collateral lost to rounding when lots were handed out, wad; the protocol's.
    """

    rho: int
    rate: int = RAY
    ink: int = 0
    art: int = 0
    dirt: int = 0
    crumbs: int = 0

    def copy(self) -> TypeState:
        """Return the same state, to go back to."""
        return TypeState(self.rho, self.rate, self.ink, self.art, self.dirt, self.crumbs)


@dataclass(frozen=True, slots=True)
class Lot(Generic[AuctionT]):
    """A running auction and where its collateral came from.

    Parameters
    ----------
    row, asset : int
        The vault and its collateral.
    auction : Sale or FlipAuction
        What the rules know of it.
    due : int
        Debt it is to cover, without penalty, rad.
    paid : int
        Base units of the stablecoin paid so far.
    returned : int
        Collateral given back so far, wad.
    """

    row: int
    asset: int
    auction: AuctionT
    due: int
    paid: int = 0
    returned: int = 0


class Seizure(NamedTuple, Generic[AuctionT]):
    """What a kick takes: the vault left, the auction, ink and art (wad), debt and reward (rad)."""

    vault: Vault
    auction: AuctionT
    dink: int
    dart: int
    due: int
    coin: int


class VaultPool(LendingPool, Generic[AuctionT]):
    """Vaults of one stablecoin, and their auctions.

    Rows of `positions` are vaults and, last, an empty row; columns are ledger assets.
    Every debt stands in the stablecoin's column as normalised debt, which `weights` turns
    into USD; where stability fees differ between types, the difference is put on the side of
    the collateral, where it does the same to health.

    The stablecoin counts as 1 USD, whatever its market price, as the contract has it.

    Parameters
    ----------
    ledger : Ledger
    name : str
        In tables.
    terms : mapping of int to VaultTerms
        Collateral type of each ledger asset that vaults may hold.
    debt : int
        Ledger asset that is issued.
    n_borrowers : int
    start_s : int
        Unix time at which the indices start, s.
    bonus : mapping of int to float
        What buyers of each collateral may hope for, as a fraction.

    Raises
    ------
    ValueError
        If no asset is a collateral, or the stablecoin is one.
    """

    kicked = True
    close_factor = 1.0
    caution = 1e-12

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        terms: Mapping[int, VaultTerms],
        debt: int,
        n_borrowers: int,
        start_s: int,
        bonus: Mapping[int, float],
    ) -> None:
        if not terms or debt in terms:
            raise ValueError(
                f"{name}: needs at least one collateral, and {ledger.assets[debt].symbol} is none"
            )
        n = len(ledger.assets)
        super().__init__(ledger, name, n_borrowers, start_s)
        self.debt = debt
        self.terms = dict(sorted(terms.items()))
        self.thresholds = np.zeros(n)
        self.bonus = np.zeros(n)
        for asset, term in self.terms.items():
            self.thresholds[asset] = RAY / term.mat
            self.bonus[asset] = bonus[asset]
        self.prices = [0] * n
        self.types = {asset: TypeState(start_s) for asset in self.terms}
        self.books = Books(unit=10 ** (45 - ledger.assets[debt].decimals))
        self.lots: dict[int, Lot[AuctionT]] = {}
        self.gem: dict[tuple[int, int], int] = {}
        self._next_lot = 1
        self._units: list[int] = [10 ** (18 - asset.decimals) for asset in ledger.assets]
        self._type_of: NDArray[np.int8] = np.full(n_borrowers + 1, min(self.terms), np.int8)
        self._remainders: dict[int, tuple[int, int]] = {}  # ink above and art below what the arrays say, wad
        self._rows_before: dict[int, tuple[int, Vault]] = {}
        self._totals_before: dict[int, tuple[int, int]] = {}

    def open(self) -> None:
        """Start from the vaults in `positions`: their collateral comes in, their debt circulates outside.

        Raises
        ------
        ValueError
            If a vault holds two assets, one that is no collateral, or owes another asset.
        """
        held = self.positions.collateral
        for asset, symbol in enumerate(a.symbol for a in self.ledger.assets):
            if asset != self.debt and self.positions.debt[:, asset].any():
                raise ValueError(f"{self.name}: vaults cannot owe {symbol}")
            if asset not in self.types and held[:, asset].any():
                raise ValueError(f"{self.name}: {symbol} is no collateral")
        if (np.count_nonzero(held, axis=1) > 1).any():
            raise ValueError(f"{self.name}: a vault has one collateral")
        for asset in self.types:
            self._type_of[held[:, asset] > 0] = asset
        owed = self.positions.debt[:, self.debt]
        for asset, state in self.types.items():
            collateral = int(held[:, asset].sum())
            state.ink = collateral * self._units[asset]
            state.art = int(owed[self._type_of == asset].sum()) * self._units[self.debt]
            if collateral:
                self.ledger.endow(asset, self.account, collateral)
        self.books.issued = int(owed.sum())

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset."""
        self.prices = list(answers)

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one base unit in `positions` counts for; see `LendingPool.weights`."""
        n = len(self.prices)
        backed, debt, value = np.zeros(n), np.zeros(n), np.zeros(n)
        rates = {asset: self._rate(asset, self.start_s + now_s) for asset in self.types}
        art = sum(state.art for state in self.types.values())
        owed = sum(state.art * rates[asset] for asset, state in self.types.items())
        mean = owed / art if art else float(RAY)
        debt[self.debt] = mean / RAY / self.ledger.assets[self.debt].unit
        for asset in range(n):
            value[asset] = self.prices[asset] / (1e8 * self.ledger.assets[asset].unit)
        for asset, rate in rates.items():
            backed[asset] = value[asset] * float(self.thresholds[asset]) * (mean / rate)
        return backed, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Collateral at `spot` over debt, wad; below one the vault is unsafe."""
        return _health(self._take(row), self._ilk(int(self._type_of[row]), self.start_s + now_s))

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what a vault owes now, base units, rounded up."""
        if asset != self.debt:
            return 0
        rate = self._rate(int(self._type_of[row]), self.start_s + now_s)
        return self.books.ceil(self._take(row).art * rate)

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return the collateral in a vault, base units, rounded down."""
        return int(self.positions.collateral[row, asset])

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Burn a payer's coins against the debt of a vault; return base units burnt.

        A repayment that would leave less than `dust` is cut so that `dust` is left.

        Raises
        ------
        Revert
            If nothing is owed, the payer does not hold the amount, or the debt is below `dust`
            already and not repaid in full.
        """
        now, kind = self.start_s + now_s, int(self._type_of[row])
        ilk, vault, unit = self._ilk(kind, now), self._take(row), self.books.unit
        owed = vault.art * ilk.rate
        if asset != self.debt or not owed or amount <= 0:
            raise Revert("Vat/nothing-owed")
        amount = min(amount, self.books.ceil(owed))
        if 0 < owed - amount * unit < ilk.dust < owed - unit:
            amount = (owed - ilk.dust) // unit
        if self.ledger.balance(payer, asset) < amount:
            raise Revert("Dai/insufficient-balance")
        dart = min(vault.art, amount * unit // ilk.rate)
        after = frob(vault, ilk, dart=-dart)
        self._remember(row, kind)
        self._drip(kind, now)
        self._put(row, kind, after)
        self.types[kind].art -= dart
        self._receive(payer, amount)
        self.books.joy -= dart * ilk.rate
        self.books.heal()
        return amount

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Add collateral to a vault from a ledger account; an empty vault may change its type.

        Raises
        ------
        Revert
            If the payer does not hold the amount, the vault has another collateral, or its debt is
            below `dust`.
        """
        now, kind, vault = self.start_s + now_s, int(self._type_of[row]), self._take(row)
        if asset != kind and (asset not in self.types or vault != Vault(0, 0)):
            raise Revert(f"a vault of {self.terms[kind].name} takes no {self.ledger.assets[asset].symbol}")
        if self.ledger.balance(payer, asset) < amount:
            raise Revert("ERC20: transfer amount exceeds balance")
        if amount <= 0:
            raise Revert("nothing supplied")
        dink = amount * self._units[asset]
        after = frob(vault, self._ilk(asset, now), dink=dink)
        self._remember(row, asset)
        self._type_of[row] = asset
        self._put(row, asset, after)
        self.types[asset].ink += dink
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Hand out what auctions gave back to a vault's owner, then collateral of the vault.

        Raises
        ------
        Revert
            If the vault would be left unsafe, or there is less than the amount.
        """
        kind, unit, gem = int(self._type_of[row]), self._units[asset], self.gem.get((row, asset), 0)
        free = min(gem // unit, amount)
        dink = (amount - free) * unit
        if amount <= 0 or (dink and asset != kind):
            raise Revert("nothing to withdraw")
        self._remember(row, asset)
        if dink:
            ilk = self._ilk(kind, self.start_s + now_s)
            self._put(row, kind, frob(self._take(row), ilk, dink=-dink))
            self.types[kind].ink -= dink
        self._release(row, asset, -free * unit)
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Send an unsafe vault, or the part of it that the limits allow, to auction; pay the kicker."""
        return self._auction(row, self._ilk(int(self._type_of[row]), self.start_s + now_s), kicker, now_s)

    def kick_recorded(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Kick a vault that is known to have been kicked now, whatever the oracle of this world says.

        All rules hold but that the vault must be unsafe; see `kick`.
        """
        ilk = self._ilk(int(self._type_of[row]), self.start_s + now_s)
        return self._auction(row, replace(ilk, spot=1), kicker, now_s)

    def _auction(self, row: int, ilk: Ilk, kicker: int, now_s: int) -> Kicked:
        now, kind = self.start_s + now_s, int(self._type_of[row])
        vault, health = self._take(row), self.health_factor(row, now_s)
        seized = self._seize(vault, ilk, kind, now)
        owed = self.books.ceil(vault.art * ilk.rate) - self.books.ceil(seized.vault.art * ilk.rate)
        held = self.positions.collateral.item(row, kind)
        self._remember(row, kind)
        self._drip(kind, now)
        self._put(row, kind, seized.vault)
        state = self.types[kind]
        state.ink -= seized.dink
        state.art -= seized.dart
        state.dirt += seized.auction.tab
        self.books.sin += seized.due
        self.lots[self._next_lot] = Lot(row, kind, seized.auction, seized.due)
        self._next_lot += 1
        reward = self._suck(kicker, seized.coin)
        return Kicked(
            debt=((self.debt, owed),),
            collateral=((kind, held - self.positions.collateral.item(row, kind)),),
            reward=((self.debt, reward),) if reward else (),
            health_factor=health,
        )

    @abstractmethod
    def _seize(self, vault: Vault, ilk: Ilk, asset: int, now: int) -> Seizure[AuctionT]:
        """Run the trigger's rule; change nothing. Raises `Revert`."""

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember a vault (-1 for none), all collateral types, auctions and the balance sheet."""
        amounts = self.positions.amounts[row].copy()
        kind, remainder = int(self._type_of[row]), self._remainders.get(row)
        types = {asset: state.copy() for asset, state in self.types.items()}
        books, lots, gem, following = self.books.copy(), dict(self.lots), dict(self.gem), self._next_lot

        def restore() -> None:
            if row >= 0:
                self.positions.amounts[row] = amounts
                self.positions.touched.add(row)
                self._type_of[row] = kind
                self._remainders.pop(row, None)
                if remainder is not None:
                    self._remainders[row] = remainder
            self.types, self.books, self.lots, self.gem = types, books, lots, gem
            self._next_lot = following

        return restore

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        residual = np.zeros(len(self.prices), np.int64)
        if not self._totals_before:
            return residual
        ink, art = dict.fromkeys(self.types, 0), dict.fromkeys(self.types, 0)
        for row, (kind, before) in self._rows_before.items():
            after, now_kind = self._take(row), int(self._type_of[row])
            ink[kind] -= before.ink
            art[kind] -= before.art
            ink[now_kind] += after.ink
            art[now_kind] += after.art
        for asset, state in self.types.items():
            old = self._totals_before.get(asset, (state.ink, state.art))
            residual[asset] += self._ceil(asset, state.ink - old[0] - ink[asset])
            residual[self.debt] += self._ceil(self.debt, state.art - old[1] - art[asset])
        self._rows_before.clear()
        self._totals_before.clear()
        return residual + self._residual_held()

    def residual(self) -> Integers:
        """Disagreement between vaults, totals, auctions, balance sheet and ledger, per asset, base units.

        Sums ink and art of every vault and compares them with the totals the rules keep; the
        collateral of vaults, auctions and owners with what the ledger holds; the coins in
        circulation with what is owed; and what auctions want with the total under auction.
        """
        residual = np.zeros(len(self.prices), np.int64)
        ink, art = dict.fromkeys(self.types, 0), dict.fromkeys(self.types, 0)
        for row, (above, below) in self._remainders.items():
            ink[int(self._type_of[row])] += above
            art[int(self._type_of[row])] -= below
        owed = self.positions.debt[:, self.debt]
        for asset, state in self.types.items():
            ink[asset] += int(self.positions.collateral[:, asset].sum()) * self._units[asset]
            art[asset] += int(owed[self._type_of == asset].sum()) * self._units[self.debt]
            residual[asset] += self._ceil(asset, ink[asset] - state.ink)
            residual[self.debt] += self._ceil(self.debt, art[asset] - state.art)
        strangers = self.positions.amounts.sum(axis=0)
        for asset in range(len(self.prices)):
            if asset not in self.types:
                residual[asset] += abs(int(strangers[asset]))
            if asset != self.debt:
                residual[asset] += abs(int(strangers[len(self.prices) + asset]))
        return residual + self._residual_held()

    def _residual_held(self) -> Integers:
        """Compare vaults, auctions and owners' collateral with the ledger, and both sides of the books."""
        residual = np.zeros(len(self.prices), np.int64)
        held = {asset: state.ink + state.crumbs for asset, state in self.types.items()}
        wanted = dict.fromkeys(self.types, 0)
        for lot in self.lots.values():
            held[lot.asset] += lot.auction.lot
            wanted[lot.asset] += lot.auction.tab
        for (_, asset), units in self.gem.items():
            held[asset] += units
        for asset, state in self.types.items():
            there = self.ledger.balance(self.account, asset) * self._units[asset]
            residual[asset] += self._ceil(asset, there - held[asset])
            residual[self.debt] += self.books.ceil(abs(wanted[asset] - state.dirt))
        residual[self.debt] += abs(self.ledger.balance(self.account, self.debt))
        residual[self.debt] += self.books.residual(sum(s.art * s.rate for s in self.types.values()))
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and bidders own less what they owe, and what circulates.

        Coins in circulation are a claim of the outside world: the ledger has its account owe
        them, but it is the protocol that does.
        """
        n = len(self.prices)
        borrowers, bidders, outside = np.zeros(n), np.zeros(n), np.zeros(n)
        for asset, state in self.types.items():
            borrowers[asset] += state.ink / self._units[asset]
            borrowers[self.debt] -= state.art * self._rate(asset, self.start_s + now_s) / self.books.unit
        for (_, asset), units in self.gem.items():
            borrowers[asset] += units / self._units[asset]
        for lot in self.lots.values():
            if isinstance(lot.auction, FlipAuction) and lot.auction.bidder is not None:
                bidders[lot.asset] += lot.auction.lot / self._units[lot.asset]
        outside[self.debt] = self.books.issued
        return {"borrowers": borrowers, "bidders": bidders, "outside": outside}

    def deficit(self) -> Integers:
        """Return debt that finished auctions have not raised, by asset, base units."""
        deficit = np.zeros(len(self.prices), np.int64)
        deficit[self.debt] = self.books.ceil(self.books.lost)
        return deficit

    def _feed(self, asset: int) -> int:
        """Oracle price as the rules see it, stablecoin per unit of collateral, ray."""
        return feed_price(self.prices[asset] * 10**10)

    def _rate(self, asset: int, now: int) -> int:
        state = self.types[asset]
        return drip(state.rate, self.terms[asset].duty, now - state.rho)

    def _ilk(self, asset: int, now: int) -> Ilk:
        """Collateral type as of now: anyone may drip at any time, so everyone finds it dripped."""
        terms = self.terms[asset]
        return Ilk(self._rate(asset, now), self._feed(asset) * RAY // terms.mat, terms.dust)

    def _drip(self, asset: int, now: int) -> None:
        state = self.types[asset]
        rate = self._rate(asset, now)
        self.books.joy += state.art * (rate - state.rate)
        state.rate, state.rho = rate, now

    def _take(self, row: int) -> Vault:
        above, below = self._remainders.get(row, (0, 0))
        asset = self._type_of.item(row)
        return Vault(
            self.positions.collateral.item(row, asset) * self._units[asset] + above,
            self.positions.debt.item(row, self.debt) * self._units[self.debt] - below,
        )

    def _put(self, row: int, asset: int, vault: Vault) -> None:
        held, above = divmod(vault.ink, self._units[asset])
        owed, below = -(-vault.art // self._units[self.debt]), -vault.art % self._units[self.debt]
        self.positions.collateral[row, asset] = held
        self.positions.debt[row, self.debt] = owed
        self._remainders.pop(row, None)
        if above or below:
            self._remainders[row] = (above, below)
        self.positions.touched.add(row)

    def _release(self, row: int, asset: int, units: int) -> None:
        """Add to what auctions have given back to a vault's owner, wad; negative takes away."""
        left = self.gem.pop((row, asset), 0) + units
        if left:
            self.gem[row, asset] = left

    def _hand_out(self, asset: int, target: int, wad: int) -> int:
        """Pay collateral of a lot out in whole base units; return how many."""
        unit = self._units[asset]
        units = wad // unit
        crumbs = wad - units * unit
        self.types[asset].crumbs += crumbs
        self.ledger.transfer(asset, self.account, target, units, Reason.SEIZE)
        return units

    def _receive(self, payer: int, units: int) -> None:
        """Take coins in, and out of circulation."""
        self.ledger.transfer(self.debt, payer, self.account, units, Reason.REPAY)
        self.ledger.transfer(self.debt, self.account, OUTSIDE, units, Reason.BURN)
        self.books.issued -= units
        self.books.joy += units * self.books.unit

    def _suck(self, target: int, rad: int) -> int:
        """Mint coins against the system's debt; return base units."""
        units = rad // self.books.unit
        self.books.sin += rad
        self.books.joy += rad - units * self.books.unit
        if units:
            self.ledger.transfer(self.debt, OUTSIDE, self.account, units, Reason.MINT)
            self.ledger.transfer(self.debt, self.account, target, units, Reason.TRANSFER)
            self.books.issued += units
        self.books.heal()
        return units

    def _lot(self, number: int, error: str) -> Lot[AuctionT]:
        lot = self.lots.get(number)
        if lot is None:
            raise Revert(error)
        return lot

    def _bought(self, lot: Lot[AuctionT], buyer: int, paid: int, wad: int, returned: int) -> Bought:
        """Hand collateral out and say what a purchase moved."""
        units = self._hand_out(lot.asset, buyer, wad)
        return Bought(buyer, paid, units, returned // self._units[lot.asset])

    def _ceil(self, asset: int, wad: int) -> int:
        """Whole base units that an amount in wad, of either sign, touches."""
        return -(-abs(wad) // self._units[asset])

    def _remember(self, row: int, *assets: int) -> None:
        if row not in self._rows_before:
            self._rows_before[row] = (int(self._type_of[row]), self._take(row))
        for asset in (*assets, int(self._type_of[row])):
            if asset not in self._totals_before:
                state = self.types[asset]
                self._totals_before[asset] = (state.ink, state.art)


def _health(vault: Vault, ilk: Ilk) -> int:
    owed = vault.art * ilk.rate
    return vault.ink * ilk.spot * WAD // owed if owed else MAX_UINT256
