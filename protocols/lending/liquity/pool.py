"""A Liquity deployment inside a simulation: the crowd as arrays, every event by the exact rules.

Each collateral has a system of its own, with its own stability pool, and all mint one
stablecoin. The rules count base units of the simulated assets as the contracts count wei,
so nothing is converted and no unit is made by rounding. What a crash leaves open is who
covers a closed trove: depositors of the stability pool first, the other troves for the rest.

The books prove themselves three ways: rows add up to the totals of the rules, the rules'
pools to what the ledger holds, and the debt to what was minted less what was burnt. This
class holds what both versions share; `pool_v1` and `pool_v2` say who may be kicked.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import OUTSIDE, Ledger, Reason
from ...fixed_point import MAX_UINT256, WAD
from ...positions import Positions
from ...revert import Revert
from ..pool import Kicked, LendingPool
from .crowd import NO_SYSTEM, Crowd, CrowdSystem, CrowdTroves
from .liquidation import LiquidationBatch, TroveLiquidation
from .parameters import LiquityParameters

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_BALANCE = "ERC20: transfer amount exceeds balance"
NO_TROVE = "TroveManager: Trove does not exist or is closed"


class SystemStatus(NamedTuple):
    """One system at the oracle's prices; ratios as numbers, amounts in base units.

    Attributes
    ----------
    collateral, debt_asset : int
        Assets.
    total_ratio, minimum_ratio, critical_ratio : float
        Collateral over debt of all troves; below the second a trove is liquidated; below the
        third the system as a whole restricts its borrowers.
    restricted : bool
        Whether it does: recovery mode on v1, where riskier troves are open too.
    shut_down : bool
        v2: whether the branch is shut down.
    debt, deposited : int
        Owed by all troves, and in the stability pool.
    redemption_fee : float
        Share of the collateral that the smallest redemption pays; infinite where none is possible.
    redemption_bonus : float
        Gain of redeeming, as a share: after a shutdown on v2.
    """

    collateral: int
    debt_asset: int
    total_ratio: float
    minimum_ratio: float
    critical_ratio: float
    restricted: bool
    shut_down: bool
    debt: int
    deposited: int
    redemption_fee: float
    redemption_bonus: float


class Redeemed(NamedTuple):
    """What a redemption moved: stablecoin burnt and collateral paid out, base units."""

    debt: int
    collateral: int


class LiquityPool(LendingPool):
    """Systems that mint one stablecoin, with their crowd.

    Parameters
    ----------
    ledger : Ledger
    name : str
    n_borrowers : int
    start_s : int
        Unix time of second 0.
    systems : mapping of int to LiquityParameters
        Collateral asset -> terms in base units.
    debt_asset : int
        The stablecoin.
    gas_asset : int
        What owners put down for whoever liquidates them.
    stability_pool : float
        Deposits at the start as a share of each system's debt.

    Attributes
    ----------
    depositors : int
        Ledger account that holds the deposits of the start, as one group; see `entrust`.
    systems : dict of int to CrowdSystem
        By collateral asset.
    minted, burnt : int
        Stablecoin issued against the debt of troves so far, and burnt with it; base units.
    """

    kicked = True
    close_factor = 1.0
    full_below = 1.0
    caution = 1e-9

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        n_borrowers: int,
        start_s: int,
        systems: Mapping[int, LiquityParameters],
        debt_asset: int,
        gas_asset: int,
        stability_pool: float,
    ) -> None:
        n = len(ledger.assets)
        for asset in (*systems, debt_asset, gas_asset):
            if not 0 <= asset < n:
                raise ValueError(f"{name}: asset {asset} does not exist; there are {n}")
        if debt_asset in systems:
            raise ValueError(f"{name}: {ledger.assets[debt_asset].symbol} cannot be collateral and debt")
        if not 0.0 <= stability_pool <= 1.0:
            raise ValueError(f"{name}: stability_pool must be in [0, 1], got {stability_pool}")
        self.ledger = ledger
        self.name = name
        self.start_s = start_s
        self.debt_asset = debt_asset
        self.gas_asset = gas_asset
        self.stability_pool = stability_pool
        self.account = ledger.open_account(f"protocol/{name}")
        self.depositors = ledger.open_account(f"depositors/{name}")
        self.positions = Positions(n_borrowers + 1, n)
        self.lenders = n_borrowers
        self.crowd = Crowd(self.positions, debt_asset)
        self.systems = {
            asset: CrowdSystem(terms, CrowdTroves(self.crowd, asset)) for asset, terms in systems.items()
        }
        self.thresholds = np.zeros(n)
        self.bonus = np.zeros(n)
        for asset, terms in systems.items():
            self.thresholds[asset] = WAD / terms.minimum_ratio
        self.prices = dict.fromkeys(systems, 0)
        self.minted = self.burnt = 0
        self._answers = [0] * n
        self._parked = [0] * n  # collateral without a trove, which its owner may withdraw
        self._fees = [0] * n
        self._gas_held = 0
        self._blocked: set[int] = set()
        self._totals_before = [0] * (2 * n)

    # what the versions differ in

    @abstractmethod
    def limit(self, asset: int) -> int:
        """Collateral ratio below which a trove of a system may be open to liquidation now, wad."""

    @abstractmethod
    def _may_kick(self, system: CrowdSystem, debt: int, ratio: int, limit: int) -> bool:
        """Whether a trove of this debt and ratio below `limit` may be liquidated."""

    @abstractmethod
    def _kick(self, asset: int, row: int) -> LiquidationBatch:
        """Run the rule."""

    @abstractmethod
    def _adjust(self, asset: int, row: int, debt_change: int, collateral_change: int) -> None:
        """Run the rule."""

    @abstractmethod
    def _close(self, asset: int, row: int) -> tuple[int, int]:
        """Run the rule; return debt and collateral of the trove closed."""

    @abstractmethod
    def _least_debt(self, asset: int) -> int:
        """Return the debt a trove must keep, base units."""

    @abstractmethod
    def _set_aside(self, debt: Integers) -> Integers:
        """Return what owners of these debts have put down for their liquidators, units of the gas asset."""

    @abstractmethod
    def _withdraw_deposit(self, asset: int, amount: int, depositor: int) -> tuple[int, int]:
        """Run the rule; return stablecoin and collateral to pay."""

    @abstractmethod
    def statuses(self, now_s: int) -> list[SystemStatus]:
        """Return every system at the oracle's prices: total ratio, whether recovery mode rules, its pool."""

    @abstractmethod
    def redeem(self, collateral: int, amount: int, redeemer: int, now_s: int) -> Redeemed:
        """Redeem stablecoin of a ledger account for collateral at face value.

        Raises
        ------
        Revert
            With the contract's reason, or if the redeemer cannot pay; nothing has changed then.
        """

    # opening

    def open(self) -> None:
        """Enter the troves, fund the pools, and let the depositors put in their share of each debt.

        Borrowed stablecoin has left: what borrowers drew, less what they set aside, is outside.
        An account without debt has no trove; its collateral may be withdrawn.

        Raises
        ------
        ValueError
            If a row has collateral of two systems, of none while it owes, or owes another asset.
        """
        positions, crowd = self.positions, self.crowd
        self._check_rows()
        owing = positions.debt[:, self.debt_asset] > 0
        for asset, system in self.systems.items():
            held = positions.collateral[:, asset]
            crowd.system_of[owing & (held > 0)] = asset
            self._parked[asset] = int(held[~owing].sum())
            total = int(held.sum())
            if total:
                self.ledger.endow(asset, self.account, total)
            system.start()
        troves = np.flatnonzero(owing)
        crowd.set_aside[troves] = self._set_aside(positions.debt[troves, self.debt_asset])
        self._gas_held = int(crowd.set_aside.sum())
        self.minted = int(positions.debt[:, self.debt_asset].sum())
        self._fund_gas_pool(self._gas_held)
        for asset, system in self.systems.items():
            amount = int(self.stability_pool * system.debt)
            if amount:
                self.ledger.endow(self.debt_asset, self.depositors, amount)
                self.deposit(asset, amount, self.depositors, 0)
        self._totals_before = self._totals()
        crowd.before.clear()

    def entrust(self, accounts: Sequence[int]) -> None:
        """Hand the deposits of the start to ledger accounts, in equal parts, instead of the group.

        Raises
        ------
        ValueError
            If there are no accounts, or the deposits are not what they were at the start.
        """
        if not accounts:
            raise ValueError("entrust needs at least one account")
        for system in self.systems.values():
            amount = system.pool.compounded(self.depositors)
            if system.pool.collateral or amount != system.pool.deposited:
                raise ValueError(f"{self.name}: deposits have changed since the start")
            if not amount:
                continue
            system.note()
            system.pool.withdraw(self.depositors, amount)
            for k, account in enumerate(accounts):
                part = amount * (k + 1) // len(accounts) - amount * k // len(accounts)
                if part:
                    system.pool.provide(account, part)

    def set_prices(self, answers: Sequence[int]) -> None:
        """Take in what the oracle says, USD with 8 decimals per whole token, by asset.

        The contracts count their stablecoin as one dollar, whatever it trades at.
        """
        self._answers = list(answers)
        assets, unit = self.ledger.assets, self.ledger.assets[self.debt_asset].unit
        for asset in self.systems:
            self.prices[asset] = answers[asset] * unit * WAD // (10**8 * assets[asset].unit)
        self._look_again()

    # what may be asked

    def weights(self, now_s: int) -> tuple[Floats, Floats, Floats]:
        """Return what one base unit counts for, USD; a system's threshold is one over `limit`."""
        value = np.array(self._answers) / (1e8 * np.array([asset.unit for asset in self.ledger.assets]))
        debt = value.copy()
        debt[self.debt_asset] = 1.0 / self.ledger.assets[self.debt_asset].unit
        thresholds = np.zeros(len(value))
        for asset in self.systems:
            thresholds[asset] = WAD / self.limit(asset)
        return value * thresholds, debt, value

    def health_factor(self, row: int, now_s: int) -> int:
        """Collateral ratio over the ratio that liquidates now, wad: below one if `kick` would succeed."""
        asset = int(self.crowd.system_of[row])
        if asset == NO_SYSTEM:
            return MAX_UINT256
        system, limit = self.systems[asset], self.limit(asset)
        ratio = system.ratio(row, self.prices[asset])
        health = ratio * WAD // limit
        if ratio >= limit:
            return health
        if self._may_kick(system, self.debt_units(row, self.debt_asset, now_s), ratio, limit):
            return health
        return max(ratio * WAD // system.parameters.minimum_ratio, WAD)

    def debt_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account owes of an asset, base units."""
        return int(self.positions.debt[row, asset])

    def collateral_units(self, row: int, asset: int, now_s: int) -> int:
        """Return what an account has put up, or may withdraw, of an asset; base units."""
        return int(self.positions.collateral[row, asset])

    def deposit_of(self, collateral: int, depositor: int) -> tuple[int, int]:
        """Return what is left of a deposit and the collateral it has earned, base units."""
        pool = self.systems[collateral].pool
        return pool.compounded(depositor), pool.collateral_gain(depositor)

    # borrowers

    def repay(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> int:
        """Repay debt of a trove from a ledger account; return base units paid.

        A trove keeps the least debt the contract allows, so at most what is above it is
        taken; with enough to pay for the whole, the trove is closed, and the owner may then
        withdraw the collateral.

        Raises
        ------
        Revert
            With the contract's reason, or if the payer lacks the money.
        """
        system_asset = int(self.crowd.system_of[row])
        if system_asset == NO_SYSTEM or asset != self.debt_asset:
            raise Revert(NO_TROVE)
        if amount <= 0:
            raise Revert("BorrowerOps: Amount must be greater than zero")
        debt = self.debt_units(row, asset, now_s)
        whole = debt - self._own_gas(row)
        if amount >= whole and self.ledger.balance(payer, asset) >= whole:
            try:
                return self._repay_whole(system_asset, row, payer, whole)
            except Revert:
                pass  # what may not be closed may be paid down
        amount = min(amount, debt - self._least_debt(system_asset))
        if amount <= 0:
            raise Revert("BorrowerOps: Trove's net debt must be greater than minimum")
        if self.ledger.balance(payer, asset) < amount:
            raise Revert(NO_BALANCE)
        self._note(system_asset)
        self._adjust(system_asset, row, -amount, 0)
        self._burn(payer, amount)
        return amount

    def supply(self, row: int, asset: int, amount: int, payer: int, now_s: int) -> None:
        """Add collateral to a trove from a ledger account.

        Raises
        ------
        Revert
            With the contract's reason, or if the payer lacks the collateral.
        """
        if self.crowd.system_of[row] != asset:
            raise Revert(NO_TROVE)
        if amount <= 0:
            raise Revert("BorrowerOps: There must be either a collateral change or a debt change")
        if self.ledger.balance(payer, asset) < amount:
            raise Revert(NO_BALANCE)
        self._note(asset)
        self._adjust(asset, row, 0, amount)
        self.ledger.transfer(asset, payer, self.account, amount, Reason.SUPPLY)

    def withdraw(self, row: int, asset: int, amount: int, target: int, now_s: int) -> int:
        """Withdraw collateral of a trove, or claim what a closed one has left; return base units.

        Raises
        ------
        Revert
            With the contract's reason.
        """
        if amount <= 0 or amount > self.collateral_units(row, asset, now_s):
            raise Revert("BorrowerOps: Cannot withdraw more collateral than there is")
        if self.crowd.system_of[row] == NO_SYSTEM:
            self._note()
            self.crowd.note(row)
            self.positions.collateral[row, asset] -= amount
            self._parked[asset] -= amount
        else:
            self._note(asset)
            self._adjust(asset, row, 0, -amount)
        self.ledger.transfer(asset, self.account, target, amount, Reason.WITHDRAW)
        return amount

    # liquidators

    def kick(self, row: int, kicker: int, now_s: int) -> Kicked:
        """Liquidate a trove for a ledger account, which gets what the owner set aside and its share.

        The stability pool pays what it can of the debt and takes collateral for it; the rest
        goes to the other troves; what a cap leaves the owner may withdraw.

        Raises
        ------
        Revert
            With the contract's reason; nothing has changed then.
        """
        asset = int(self.crowd.system_of[row])
        if asset == NO_SYSTEM:
            raise Revert(NO_TROVE)
        health = self.health_factor(row, now_s)
        system, set_aside = self.systems[asset], int(self.crowd.set_aside[row])
        self._note(asset)
        closed = self._kick(asset, row).troves[0]
        self._book(system, asset, closed)
        self.crowd.set_aside[row] = 0
        self._gas_held -= set_aside
        self._burn(self.account, closed.debt_offset)
        self.ledger.transfer(asset, self.account, kicker, closed.gas_compensation, Reason.SEIZE)
        self.ledger.transfer(self.gas_asset, self.account, kicker, set_aside, Reason.RELEASE)
        return Kicked(
            ((self.debt_asset, closed.debt),),
            ((asset, closed.collateral - closed.surplus),),
            ((asset, closed.gas_compensation), (self.gas_asset, set_aside)),
            health,
        )

    # depositors

    def deposit(self, collateral: int, amount: int, depositor: int, now_s: int) -> int:
        """Put stablecoin of a ledger account into a stability pool; return the collateral paid out.

        Raises
        ------
        Revert
            With the contract's reason, or if the depositor lacks the money.
        """
        if self.ledger.balance(depositor, self.debt_asset) < amount:
            raise Revert(NO_BALANCE)
        if amount <= 0:
            raise Revert("StabilityPool: Amount must be non-zero")
        self._note(collateral)
        gain = self.systems[collateral].pool.provide(depositor, amount)
        self.ledger.transfer(self.debt_asset, depositor, self.account, amount, Reason.SUPPLY)
        self.ledger.transfer(collateral, self.account, depositor, gain, Reason.WITHDRAW)
        self._look_again()
        return gain

    def withdraw_deposit(self, collateral: int, amount: int, depositor: int, now_s: int) -> tuple[int, int]:
        """Take stablecoin out of a stability pool with all the collateral it has earned; return both.

        Raises
        ------
        Revert
            With the contract's reason.
        """
        if amount < 0:
            raise Revert("StabilityPool: Amount must not be negative")
        self._note(collateral)
        withdrawn, gain = self._withdraw_deposit(collateral, amount, depositor)
        self.ledger.transfer(self.debt_asset, self.account, depositor, withdrawn, Reason.WITHDRAW)
        self.ledger.transfer(collateral, self.account, depositor, gain, Reason.WITHDRAW)
        return withdrawn, gain

    # proofs

    def checkpoint(self, row: int, assets: Sequence[int]) -> Callable[[], None]:
        """Remember this moment; calling the result takes everything back that was done since."""
        return self.crowd.journal.checkpoint()

    def residual_touched(self) -> Integers:
        """Residual over what changed since the last call, per asset; see `residual`."""
        crowd, n = self.crowd, self.positions.n_assets
        if not crowd.before and not crowd.spread_out:
            return self._held_residual()
        if crowd.spread_out:
            residual = self.residual()
        else:
            residual = self._held_residual()
            totals = self._totals()
            for column in range(2 * n):
                moved = sum(
                    int(self.positions.amounts[row, column]) - before[column]
                    for row, before in crowd.before.items()
                )
                residual[column % n] += abs(totals[column] - self._totals_before[column] - moved)
        crowd.before.clear()
        crowd.spread_out = False
        self._totals_before = self._totals()
        return residual

    def residual(self) -> Integers:
        """Disagreement between rows, the rules' totals and the ledger, per asset, base units.

        Rows against totals, stakes against their sum, what was set aside against the gas pool,
        the pools against the ledger, debt against what was minted less burnt, and what rounding
        left with nobody against what rounding can explain.
        """
        crowd, n = self.crowd, self.positions.n_assets
        residual = self._held_residual()
        sums = self.positions.amounts.sum(axis=0).tolist()
        for column, total in enumerate(self._totals()):
            residual[column % n] += abs(total - sums[column])
        for asset, system in self.systems.items():
            collateral, debt = system.misplaced()
            stakes = int(crowd.stakes[system.troves.rows()].sum())
            residual[asset] += collateral + abs(stakes - system.total_stakes)
            residual[self.debt_asset] += debt
        residual[self.gas_asset] += abs(int(crowd.set_aside.sum()) - self._gas_held)
        return residual

    def claims(self, now_s: int) -> dict[str, Floats]:
        """Return what borrowers and depositors own less what they owe; see `LendingPool.claims`.

        What owners have set aside is theirs until somebody liquidates them. Stablecoin in
        circulation is the outside world's claim: coins come from there and are burnt to there.
        """
        n = self.positions.n_assets
        borrowers = self.positions.collateral.sum(axis=0) - self.positions.debt.sum(axis=0).astype(np.float64)
        borrowers[self.gas_asset] += self._gas_held
        depositors = np.zeros(n)
        for asset, system in self.systems.items():
            for depositor in system.pool.deposits:
                left, gain = self.deposit_of(asset, depositor)
                depositors[self.debt_asset] += left
                depositors[asset] += gain
        outside = np.zeros(n)
        outside[self.debt_asset] = self.minted - self.burnt
        return {"borrowers": borrowers, "depositors": depositors, "outside": outside}

    def lent_usd(self, now_s: int) -> Floats:
        """Return what depositors may claim, by asset, USD."""
        _, debt, value = self.weights(now_s)
        worth = value.copy()
        worth[self.debt_asset] = debt[self.debt_asset]
        return np.asarray(self.claims(now_s)["depositors"] * worth)

    # what the versions share

    def _note(self, *systems: int) -> None:
        """Remember the books that are about to change."""
        parked, fees = list(self._parked), list(self._fees)
        gas_held, minted, burnt = self._gas_held, self.minted, self.burnt

        def undo() -> None:
            self._parked, self._fees = parked, fees
            self._gas_held, self.minted, self.burnt = gas_held, minted, burnt
            self._look_again()

        self.crowd.journal.note(undo)
        for asset in systems:
            self.systems[asset].note()

    def _book(self, system: CrowdSystem, asset: int, closed: TroveLiquidation) -> None:
        """Take in what the rule has said of a closed trove, beside its own books."""
        system.closed.discard(closed.trove_id)
        system.surplus.pop(closed.trove_id, None)
        self._park(closed.trove_id, asset, closed.surplus)
        if closed.debt_redistributed:
            system.spread(closed.debt_redistributed, closed.collateral_redistributed)

    def _park(self, row: int, asset: int, units: int) -> None:
        """Leave collateral to the owner of a row that has no trove any more."""
        self.positions.collateral[row, asset] += units
        self._parked[asset] += units

    def _repay_whole(self, asset: int, row: int, payer: int, pays: int) -> int:
        self._note(asset)
        _, collateral = self._close(asset, row)
        self._park(row, asset, collateral)
        self._burn(payer, pays)
        self._release_gas(row)
        return pays

    def _burn(self, source: int, amount: int) -> None:
        self.ledger.transfer(self.debt_asset, source, OUTSIDE, amount, Reason.BURN)
        self.burnt += amount

    @abstractmethod
    def _fund_gas_pool(self, amount: int) -> None:
        """Bring in what owners set aside at the start."""

    @abstractmethod
    def _own_gas(self, row: int) -> int:
        """Return the part of a trove's debt that its own gas compensation pays when it is closed."""

    @abstractmethod
    def _release_gas(self, row: int) -> None:
        """Use or return what the owner of a trove closed in good order had set aside."""

    def _look_again(self) -> None:
        """Have those looked at again whom the stability pool could not cover: prices or the pool moved."""
        if self._blocked:
            self.positions.touched |= self._blocked
            self._blocked.clear()

    def _totals(self) -> list[int]:
        """Return what rows must add up to, by column of `positions.amounts`."""
        n = self.positions.n_assets
        totals = list(self._parked) + [0] * n
        for asset, system in self.systems.items():
            totals[asset] += system.collateral - system.unowned_collateral
            totals[n + self.debt_asset] += system.debt - system.unowned_debt
        return totals

    def _held_residual(self) -> Integers:
        """Disagreement of the rules' pools with the ledger, and of debt with what was minted less burnt."""
        held = [parked + fee for parked, fee in zip(self._parked, self._fees, strict=True)]
        held[self.gas_asset] += self._gas_held
        owed = 0
        for asset, system in self.systems.items():
            held[asset] += system.collateral + system.pool.collateral
            held[self.debt_asset] += system.pool.deposited
            owed += system.debt
        residual = np.array(
            [abs(units - self.ledger.balance(self.account, i)) for i, units in enumerate(held)], np.int64
        )
        residual[self.debt_asset] += abs(self.minted - self.burnt - owed)
        return residual

    def _check_rows(self) -> None:
        collateral, debt = self.positions.collateral, self.positions.debt
        symbols = [asset.symbol for asset in self.ledger.assets]
        for asset, symbol in enumerate(symbols):
            if asset not in self.systems and collateral[:, asset].any():
                raise ValueError(f"{self.name}: {symbol} is no collateral here")
            if asset != self.debt_asset and debt[:, asset].any():
                raise ValueError(
                    f"{self.name}: {symbol} is not lent here, only {symbols[self.debt_asset]} is"
                )
        held = np.count_nonzero(collateral, axis=1)
        if (held > 1).any():
            raise ValueError(f"{self.name}: account {int(held.argmax())} has more than one collateral")
        bare = (held == 0) & debt.any(axis=1)
        if bare.any():
            raise ValueError(f"{self.name}: account {int(bare.argmax())} owes without collateral")
