"""Liquity's troves: collateral, debt, what redistribution added, and the sorted list.

Redistributed debt and collateral are shared by stake: two running sums per unit of stake
say what a trove has coming since it was last touched. Stakes count collateral as if no
redistribution had happened, so that old and new troves share alike. The system's state is
changed in place. `borrowing` says what borrowers may do, `liquidation` who is closed,
`redemption` who is redeemed against; borrowing fees are not modelled. Sources: MODEL 1.5,
set ``liquity_v1``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, WAD
from .parameters import LiquityParameters
from .stability_pool import StabilityPool

NOMINAL_PRECISION = 10**20


@dataclass(slots=True)
class Trove:
    """A trove as last touched; `LiquitySystem.debt_and_collateral` adds what is pending.

    Parameters
    ----------
    debt, collateral : int
        Stablecoin (gas compensation included) and collateral, wei.
    stake : int
        Weight in redistributions.
    collateral_mark, debt_mark : int
        The running sums per unit of stake when last touched, wad.
    """

    debt: int
    collateral: int
    stake: int
    collateral_mark: int
    debt_mark: int


@dataclass(slots=True)
class LiquitySystem:
    """All troves, the two pools that hold them, and the stability pool.

    Parameters
    ----------
    parameters : LiquityParameters
        Terms of v1; `v2` passes its own terms beside it.
    troves : mutable mapping
        Id -> active trove; `crowd` keeps them in arrays.
    lowest_first : list of int
        Active troves by collateral ratio, the riskiest first.
    closed : set of int
        Ids closed by liquidation.
    surplus : dict
        Owner -> collateral to claim after a capped liquidation, wei.
    active_debt, active_collateral, default_debt, default_collateral : int
        What troves hold, and what was redistributed and is still pending, wei.
    collateral_per_stake, debt_per_stake : int
        Running sums of redistributions, wad.
    collateral_error, debt_error : int
        Rounding carried to the next redistribution.
    total_stakes, total_stakes_snapshot, total_collateral_snapshot : int
        Sum of stakes; it and all collateral after the last liquidation.
    pool : StabilityPool
        The stability pool.
    """

    parameters: LiquityParameters = field(default_factory=LiquityParameters)
    troves: MutableMapping[int, Trove] = field(default_factory=dict)
    lowest_first: list[int] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    surplus: dict[int, int] = field(default_factory=dict)
    active_debt: int = 0
    active_collateral: int = 0
    default_debt: int = 0
    default_collateral: int = 0
    collateral_per_stake: int = 0
    debt_per_stake: int = 0
    collateral_error: int = 0
    debt_error: int = 0
    total_stakes: int = 0
    total_stakes_snapshot: int = 0
    total_collateral_snapshot: int = 0
    pool: StabilityPool = field(default_factory=StabilityPool)

    @property
    def debt(self) -> int:
        """All debt, pending included, wei."""
        return self.active_debt + self.default_debt

    @property
    def collateral(self) -> int:
        """All collateral, pending included, wei."""
        return self.active_collateral + self.default_collateral

    def total_ratio(self, price: int) -> int:
        """Total collateral ratio (TCR) at `price` (stablecoin per collateral, wad), wad."""
        return collateral_ratio(self.collateral, self.debt, price)

    def is_recovery_mode(self, price: int) -> bool:
        """Whether the total collateral ratio at `price` (wad) is below the critical one."""
        return self.total_ratio(price) < self.parameters.critical_ratio

    def pending(self, trove: Trove) -> tuple[int, int]:
        """Debt and collateral that redistributions have added since a trove was touched, wei."""
        return (
            trove.stake * (self.debt_per_stake - trove.debt_mark) // WAD,
            trove.stake * (self.collateral_per_stake - trove.collateral_mark) // WAD,
        )

    def debt_and_collateral(self, trove: Trove) -> tuple[int, int]:
        """Debt and collateral of a trove, pending included, wei."""
        debt, collateral = self.pending(trove)
        return trove.debt + debt, trove.collateral + collateral

    def ratio(self, trove_id: int, price: int) -> int:
        """Collateral ratio (ICR) of an active trove at `price` (wad), wad."""
        debt, collateral = self.debt_and_collateral(self.troves[trove_id])
        return collateral_ratio(collateral, debt, price)

    def stake_for(self, collateral: int) -> int:
        """Stake of a trove touched now with `collateral` (wei)."""
        if self.total_collateral_snapshot == 0:
            return collateral
        return collateral * self.total_stakes_snapshot // self.total_collateral_snapshot

    def add_trove(self, trove_id: int, debt: int, collateral: int) -> Trove:
        """Enter a trove in the books and the sorted list.

        Checks nothing about prices; `open_trove` does.

        Parameters
        ----------
        trove_id : int
            Not active yet; an id closed before is opened anew.
        debt, collateral : int
            Stablecoin with fee and gas compensation, collateral, wei; both positive.
        """
        if trove_id in self.troves:
            raise ValueError(f"trove {trove_id} is active already")
        if debt <= 0 or collateral <= 0:
            raise ValueError(
                f"trove {trove_id}: debt and collateral must be positive, got {debt} and {collateral}"
            )
        trove = Trove(
            debt,
            collateral,
            self.stake_for(collateral),
            self.collateral_per_stake,
            self.debt_per_stake,
        )
        self._enlist(trove_id, collateral * NOMINAL_PRECISION // debt)
        self.troves[trove_id] = trove
        self.closed.discard(trove_id)
        self.total_stakes += trove.stake
        self.active_debt += debt
        self.active_collateral += collateral
        return trove

    def remove_trove(self, trove_id: int) -> tuple[int, int]:
        """Take a trove out of the books and the list; pending amounts become active first.

        Returns
        -------
        debt, collateral : int
            What it held, wei, still counted in the active pool.
        """
        trove = self.troves.pop(trove_id)
        pending_debt, pending_collateral = self.pending(trove)
        self.default_debt -= pending_debt
        self.active_debt += pending_debt
        self.default_collateral -= pending_collateral
        self.active_collateral += pending_collateral
        self.total_stakes -= trove.stake
        self._delist(trove_id)
        return trove.debt + pending_debt, trove.collateral + pending_collateral

    def change_trove(self, trove_id: int, debt: int, collateral: int) -> None:
        """Give an active trove new debt and collateral, stake and place in the list.

        Pending amounts become active first; prices are not checked.

        Parameters
        ----------
        trove_id : int
            Active.
        debt, collateral : int
            What it holds afterwards, wei; both positive.
        """
        if debt <= 0 or collateral <= 0:
            raise ValueError(
                f"trove {trove_id}: debt and collateral must be positive, got {debt} and {collateral}"
            )
        old_debt, old_collateral = self.remove_trove(trove_id)
        self.active_debt -= old_debt
        self.active_collateral -= old_collateral
        self.add_trove(trove_id, debt, collateral)

    def from_riskiest(self) -> Iterator[int]:
        """Active troves by collateral ratio, the riskiest first, as they are now."""
        return iter(tuple(self.lowest_first))

    def nominal_ratio(self, trove_id: int) -> int:
        """Collateral per debt of an active trove, scaled by 1e20: what the sorted list is sorted by."""
        debt, collateral = self.debt_and_collateral(self.troves[trove_id])
        return collateral * NOMINAL_PRECISION // debt

    def _enlist(self, trove_id: int, nominal_ratio: int) -> None:
        position = bisect_left(self.lowest_first, nominal_ratio, key=self.nominal_ratio)
        self.lowest_first.insert(position, trove_id)

    def _delist(self, trove_id: int) -> None:
        self.lowest_first.remove(trove_id)


def collateral_ratio(collateral: int, debt: int, price: int) -> int:
    """Collateral value over debt, wad; the largest 256-bit number without debt."""
    return collateral * price // debt if debt else MAX_UINT256


def withdraw_deposit(system: LiquitySystem, depositor: int, amount: int, price: int) -> tuple[int, int]:
    """Withdraw from the stability pool, unless a liquidation is due.

    Parameters
    ----------
    system : LiquitySystem
        Changed in place.
    depositor : int
        Account.
    amount : int
        Stablecoin, wei; 0 only collects the earnings and is always allowed.
    price : int
        Stablecoin per collateral, wad.

    Returns
    -------
    withdrawn, gain : int
        Stablecoin and collateral paid to the depositor, wei.

    Raises
    ------
    Revert
        ``StabilityPool: Cannot withdraw while there are troves with ICR < MCR``;
        ``StabilityPool: User must have a non-zero deposit``.
    """
    if amount:
        riskiest = next(system.from_riskiest(), None)
        if riskiest is not None and system.ratio(riskiest, price) < system.parameters.minimum_ratio:
            raise Revert("StabilityPool: Cannot withdraw while there are troves with ICR < MCR")
    return system.pool.withdraw(depositor, amount)
