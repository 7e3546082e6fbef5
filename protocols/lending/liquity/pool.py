"""A Liquity deployment inside a simulation: the crowd as arrays, every event by the exact rules.

What a crash leaves open is who covers a closed trove: depositors of the stability pool
first, the other troves for the rest. This class holds what both versions share; `pool_v1`
and `pool_v2` say who may be kicked.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from ....market.ledger import Reason
from ...fixed_point import MAX_UINT256, WAD
from ...revert import Revert
from ..pool import Kicked
from .books import LiquityBooks
from .crowd import NO_SYSTEM, CrowdSystem
from .liquidation import LiquidationBatch, TroveLiquidation

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


class LiquityPool(LiquityBooks):
    """What anyone may do to a deployment's books; see `LiquityBooks` for the parameters."""

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
    def _withdraw_deposit(self, asset: int, amount: int, depositor: int) -> tuple[int, int]:
        """Run the rule; return stablecoin and collateral to pay."""

    @abstractmethod
    def statuses(self, now_s: int) -> list[SystemStatus]:
        """Return every system at the oracle's prices: total ratio, whether recovery mode rules, its pool."""

    def restricted(self, now_s: int) -> int:
        """Return how many systems are in recovery mode, below their critical ratio or shut down."""
        return sum(status.restricted or status.shut_down for status in self.statuses(now_s))

    @abstractmethod
    def redeem(self, collateral: int, amount: int, redeemer: int, now_s: int) -> Redeemed:
        """Redeem stablecoin of a ledger account for collateral at face value.

        Raises
        ------
        Revert
            With the contract's reason, or if the redeemer cannot pay; nothing has changed then.
        """

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
            set_aside=((self.gas_asset, set_aside),),
        )

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

    def _book(self, system: CrowdSystem, asset: int, closed: TroveLiquidation) -> None:
        """Take in what the rule has said of a closed trove, beside its own books."""
        system.closed.discard(closed.trove_id)
        system.surplus.pop(closed.trove_id, None)
        self._park(closed.trove_id, asset, closed.surplus)
        if closed.debt_redistributed:
            system.spread(closed.debt_redistributed, closed.collateral_redistributed)

    def _repay_whole(self, asset: int, row: int, payer: int, pays: int) -> int:
        self._note(asset)
        _, collateral = self._close(asset, row)
        self._park(row, asset, collateral)
        self._burn(payer, pays)
        self._release_gas(row)
        return pays

    @abstractmethod
    def _own_gas(self, row: int) -> int:
        """Return the part of a trove's debt that its own gas compensation pays when it is closed."""

    @abstractmethod
    def _release_gas(self, row: int) -> None:
        """Use or return what the owner of a trove closed in good order had set aside."""
