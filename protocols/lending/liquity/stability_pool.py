"""Liquity's stability pool: deposits that pay off liquidated debt and share the collateral.

A running product P says what is left of a unit deposited at the start, a running sum S
what it has earned, so an offset costs the same for one depositor as for a thousand
(MODEL 1.5, CASES L20). When P would become too small it is scaled up by 1e9 (a new
scale); when the pool is used up everything starts over (a new epoch). Rounding losses are
carried to the next offset. The pool's state is changed in place, after every check.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ....market.revert import Revert
from ...fixed_point import WAD

SCALE_FACTOR = 10**9


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit and the pool as it was at the time.

    Parameters
    ----------
    amount : int
        Stablecoin, wei.
    product, total : int
        P (wad) and S of the epoch and scale at the time.
    epoch, scale : int
        Counters at the time.
    """

    amount: int
    product: int
    total: int
    epoch: int
    scale: int


@dataclass(slots=True)
class StabilityPool:
    """State of the pool.

    Parameters
    ----------
    deposited : int
        Stablecoin in the pool, wei, a remainder that nobody owns included.
    collateral : int
        Collateral gained and not yet withdrawn, wei.
    product : int
        P, wad.
    scale, epoch : int
        How often P was scaled up in this epoch, and how often the pool was used up.
    sums : dict
        (epoch, scale) -> S, scaled by 1e36.
    collateral_error, loss_error : int
        Rounding carried to the next offset.
    deposits : dict
        Depositor -> deposit.
    """

    deposited: int = 0
    collateral: int = 0
    product: int = WAD
    scale: int = 0
    epoch: int = 0
    sums: dict[tuple[int, int], int] = field(default_factory=dict)
    collateral_error: int = 0
    loss_error: int = 0
    deposits: dict[int, Deposit] = field(default_factory=dict)

    @property
    def current_sum(self) -> int:
        """S of the current epoch and scale."""
        return self.sums.get((self.epoch, self.scale), 0)

    def offset(self, debt: int, collateral: int) -> None:
        """Pay off `debt` from the deposits and give depositors `collateral`.

        Does nothing without debt or without deposits.

        Parameters
        ----------
        debt, collateral : int
            Wei; debt at most what is deposited.

        Raises
        ------
        Revert
            On the contract's own arithmetic failures (a debt of a few wei against the
            carried rounding); nothing has changed then.
        """
        if debt == 0 or self.deposited == 0:
            return
        if debt > self.deposited:
            raise ValueError(f"cannot offset {debt} of debt with {self.deposited} deposited")
        numerator = collateral * WAD + self.collateral_error
        gain = numerator // self.deposited
        if debt == self.deposited:
            loss, loss_error = WAD, 0
        else:
            exact = debt * WAD - self.loss_error
            if exact < 0:
                raise Revert("SafeMath: subtraction overflow")
            # Rounded up, so that the pool never owes more than it holds.
            loss = exact // self.deposited + 1
            loss_error = loss * self.deposited - exact
        product, scale, epoch = self._shrunk(WAD - loss)
        key = (self.epoch, self.scale)
        self.sums[key] = self.sums.get(key, 0) + gain * self.product
        self.collateral_error = numerator - gain * self.deposited
        self.loss_error = loss_error
        self.product, self.scale, self.epoch = product, scale, epoch
        self.deposited -= debt
        self.collateral += collateral

    def _shrunk(self, remaining: int) -> tuple[int, int, int]:
        if remaining == 0:
            return WAD, 0, self.epoch + 1
        product = self.product * remaining // WAD
        scale = self.scale
        if product < SCALE_FACTOR:
            product = self.product * remaining * SCALE_FACTOR // WAD
            scale += 1
        if product == 0:
            raise Revert("invalid opcode")
        return product, scale, self.epoch

    def compounded(self, depositor: int) -> int:
        """Count what is left of a deposit, wei; 0 once below a billionth of it."""
        deposit = self.deposits.get(depositor)
        if deposit is None or deposit.epoch < self.epoch:
            return 0
        scales = self.scale - deposit.scale
        if scales > 1:
            return 0
        left = deposit.amount * self.product // deposit.product
        if scales == 1:
            left //= SCALE_FACTOR
        return 0 if left < deposit.amount // SCALE_FACTOR else left

    def collateral_gain(self, depositor: int) -> int:
        """Count the collateral a deposit has earned since it was made, wei."""
        deposit = self.deposits.get(depositor)
        if deposit is None:
            return 0
        first = self.sums.get((deposit.epoch, deposit.scale), 0) - deposit.total
        second = self.sums.get((deposit.epoch, deposit.scale + 1), 0) // SCALE_FACTOR
        return deposit.amount * (first + second) // deposit.product // WAD

    def provide(self, depositor: int, amount: int) -> int:
        """Add to a deposit and pay out what it has earned.

        Parameters
        ----------
        depositor : int
            Account.
        amount : int
            Stablecoin, wei.

        Returns
        -------
        int
            Collateral paid to the depositor, wei.

        Raises
        ------
        Revert
            ``StabilityPool: Amount must be non-zero``.
        """
        if amount < 0:
            raise ValueError(f"amount must not be negative, got {amount}")
        if amount == 0:
            raise Revert("StabilityPool: Amount must be non-zero")
        gain = self.collateral_gain(depositor)
        self._store(depositor, self.compounded(depositor) + amount)
        self.deposited += amount
        self.collateral -= gain
        return gain

    def withdraw(self, depositor: int, amount: int) -> tuple[int, int]:
        """Take out of a deposit, at most all of it, and pay out what it has earned.

        Whether withdrawals are allowed at all is `troves.withdraw_deposit`'s business.

        Parameters
        ----------
        depositor : int
            Account.
        amount : int
            Stablecoin, wei; 0 only collects the earnings.

        Returns
        -------
        withdrawn, gain : int
            Stablecoin and collateral paid to the depositor, wei.

        Raises
        ------
        Revert
            ``StabilityPool: User must have a non-zero deposit``.
        """
        if amount < 0:
            raise ValueError(f"amount must not be negative, got {amount}")
        if depositor not in self.deposits:
            raise Revert("StabilityPool: User must have a non-zero deposit")
        left = self.compounded(depositor)
        withdrawn = min(amount, left)
        gain = self.collateral_gain(depositor)
        self._store(depositor, left - withdrawn)
        self.deposited -= withdrawn
        self.collateral -= gain
        return withdrawn, gain

    def _store(self, depositor: int, amount: int) -> None:
        if amount == 0:
            self.deposits.pop(depositor, None)
        else:
            self.deposits[depositor] = Deposit(amount, self.product, self.current_sum, self.epoch, self.scale)
