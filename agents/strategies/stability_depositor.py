"""When a depositor of a stability pool stays, leaves and comes back.

A deposit pays off liquidated debt and takes collateral for it, worth a little more than the
debt as long as the market is near the oracle. Depositors earn the difference in calm and
leave in stress: when the collateral that would come is worth less on the market than the
debt it replaces, or when the system as a whole has become thin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..base import Deposit, PublicView, StabilitySystem, WithdrawDeposit


class OwnDeposit(NamedTuple):
    """What a depositor has in one system: deposit left and collateral earned, USD."""

    deposit_usd: float
    collateral_usd: float


NO_DEPOSIT = OwnDeposit(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class StabilityDepositor:
    """Stay while a liquidation pays, leave in stress.

    Parameters
    ----------
    leave_below, return_above : float
        Distance of the total collateral ratio from the ratio that liquidates a trove, as a
        fraction of it, below which a depositor leaves and above which it comes back.
    max_gap : float
        Leave when the market is below the oracle's price of the collateral by more than this fraction.
    share : float
        Share of its own cash that a depositor puts in, spread over systems by their debt.
    min_usd : float
        Least that is worth a deposit or a withdrawal.
    look_blocks : int
        Blocks between two looks.
    max_slippage : float
        Collateral earned is sold on its book down to this fraction below the mid.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    leave_below: float = 0.2
    return_above: float = 0.4
    max_gap: float = 0.05
    share: float = 0.9
    min_usd: float = 1_000.0
    look_blocks: int = 5
    max_slippage: float = 0.03

    def __post_init__(self) -> None:
        for key in ("leave_below", "max_gap", "min_usd"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")
        if not self.return_above >= self.leave_below:
            raise ValueError(
                f"return_above must be at least leave_below, {self.leave_below}, got {self.return_above}"
            )
        for key in ("share", "max_slippage"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must be in [0, 1], got {getattr(self, key)}")
        if self.look_blocks < 1:
            raise ValueError(f"look_blocks must be at least 1, got {self.look_blocks}")

    def decide(
        self, view: PublicView, own: Sequence[OwnDeposit], cash_usd: float
    ) -> list[Deposit | WithdrawDeposit]:
        """Return deposits and withdrawals, one system at a time.

        Parameters
        ----------
        view : PublicView
        own : sequence of OwnDeposit
            For each of ``view.stability``.
        cash_usd : float
            What the depositor holds of the quote asset, USD.
        """
        wanted: list[Deposit | WithdrawDeposit] = []
        price = view.gas_standard_gwei
        total_usd = sum(system.debt_usd for system in view.stability)
        for system, mine in zip(view.stability, own, strict=True):
            protocol, collateral = system.protocol, system.status.collateral
            distance = system.status.total_ratio / system.status.minimum_ratio - 1.0
            if mine.deposit_usd >= self.min_usd and self._stressed(view, system, distance):
                wanted.append(
                    WithdrawDeposit(protocol, collateral, mine.deposit_usd, price, self.max_slippage)
                )
            elif mine.collateral_usd >= self.min_usd:
                wanted.append(WithdrawDeposit(protocol, collateral, 0.0, price, self.max_slippage))
            elif total_usd > 0.0 and distance > self.return_above:
                put_in = self.share * cash_usd * system.debt_usd / total_usd
                if put_in >= self.min_usd and not self._stressed(view, system, distance):
                    wanted.append(Deposit(protocol, collateral, put_in, price))
        return wanted

    def _stressed(self, view: PublicView, system: StabilitySystem, distance: float) -> bool:
        collateral = system.status.collateral
        gap = 1.0 - view.mids[collateral] / view.oracle[collateral]
        return gap > self.max_gap or distance < self.leave_below
