"""Maker's balance sheet (vow): stablecoin in circulation, surplus and unbacked debt.

Every coin in circulation is somebody's debt: ``issued * unit + joy == sum(art * rate) +
sin``, in rad. Debt of a seized vault becomes the system's (`sin`) until an auction has
raised it; fees and penalties are the system's surplus (`joy`). The two cancel as soon as
both are there. The contract waits before it does so, then auctions a surplus off for its
governance token and prints that token against a lasting debt; neither is modelled.
Source: makerdao/dss fa4f663, ``vow.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Books:
    """What the system has issued, has left over and owes.

    Parameters
    ----------
    unit : int
        Rad in one base unit of the stablecoin.
    issued : int
        Base units in circulation.
    joy, sin : int
        Surplus and unbacked debt, rad.
    lost : int
        Debt that finished auctions have not raised, rad.
    """

    unit: int
    issued: int = 0
    joy: int = 0
    sin: int = 0
    lost: int = 0

    def copy(self) -> Books:
        """Return the same sheet, to go back to."""
        return Books(self.unit, self.issued, self.joy, self.sin, self.lost)

    def ceil(self, rad: int) -> int:
        """Return the base units that cover an amount in rad."""
        return -(-rad // self.unit)

    def heal(self) -> None:
        """Cancel surplus against unbacked debt."""
        amount = min(self.joy, self.sin)
        self.joy -= amount
        self.sin -= amount

    def close(self, due: int, raised: int) -> None:
        """Write down what a finished auction for `due` (rad, without penalty) has not `raised` (rad)."""
        self.lost += max(0, due - raised)

    def residual(self, owed: int) -> int:
        """Return the base units, rounded up, by which the two sides differ if vaults owe `owed` rad."""
        return self.ceil(abs(self.issued * self.unit + self.joy - owed - self.sin))
