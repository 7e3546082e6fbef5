"""The controller's books: who owes what, and how debts grow with the AMM's base price.

Sources: ``_debt``, ``total_debt`` and ``_save_rate`` of ``Controller.vy``; conformance set
``curve_controller``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ....market.revert import Revert
from .parameters import MAX_BORROW_RATE, ControllerParameters
from .state import Amm, Interest


@dataclass(frozen=True, slots=True)
class Loan:
    """A debt (token units) as of an interest multiplier (wad)."""

    initial_debt: int
    multiplier: int


@dataclass(slots=True)
class Controller:
    """The loans on one LLAMMA.

    Parameters
    ----------
    parameters : ControllerParameters
        Terms of the loans.
    amm : Amm
        Holds their collateral.
    loans : dict
        User to loan.
    total : Loan or None
        Sum of all debts, kept apart and therefore rounded otherwise.
    others : int
        Loans that are kept elsewhere until somebody looks at them, see `crowd`.
    """

    parameters: ControllerParameters
    amm: Amm
    loans: dict[int, Loan] = field(default_factory=dict)
    total: Loan | None = None
    others: int = 0

    def debt(self, user: int, now: int) -> int:
        """Return what a user owes now, token units; rounded up unless it is the only loan."""
        loan = self.loans.get(user)
        if loan is None:
            return 0
        numerator = loan.initial_debt * self.amm.interest.at(now)
        debt, rest = divmod(numerator, loan.multiplier)
        return debt + (rest > 0 and len(self.loans) + self.others > 1)

    def total_debt(self, now: int) -> int:
        """Return the sum of debts as the contract keeps it, token units."""
        if self.total is None:
            return 0
        return self.total.initial_debt * self.amm.interest.at(now) // self.total.multiplier

    def owed(self, user: int, now: int) -> int:
        """Return what a user owes now, token units.

        Raises
        ------
        Revert
            ``Loan doesn't exist``.
        """
        if user not in self.loans:
            raise Revert("Loan doesn't exist")
        return self.debt(user, now)

    def record(self, user: int, debt: int, change: int, now: int) -> None:
        """Store a user's new debt, the change of the total, and the interest up to now.

        Parameters
        ----------
        user : int
            Whose loan it is; it is removed at a debt of 0.
        debt : int
            Token units.
        change : int
            Of the total, token units, signed; the total does not fall below 0 and without a change
            stays as it was stored.
        now : int
            Time, s.
        """
        multiplier = self.amm.interest.at(now)
        if change:
            self.total = Loan(max(0, self.total_debt(now) + change), multiplier)
        if debt:
            self.loans[user] = Loan(debt, multiplier)
        else:
            del self.loans[user]
        rate = min(self.parameters.rate_per_second, MAX_BORROW_RATE)
        self.amm.interest = Interest(multiplier, rate, now)
