"""Hard liquidation, repayment, and what a borrower who repays a part of it takes out.

A liquidator pays (a part of) the debt and takes the bands' contents; borrowers may do the
same to themselves at any health. Sources: MODEL 1.8, ``liquidate_extended`` and ``repay``
of ``Controller.vy``; conformance set ``curve_controller``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....market.revert import Revert
from ...fixed_point import EMPTY_REVERT, WAD
from .borrowing import top_band
from .collateral import move_bands
from .deposits import withdraw
from .health import full_health
from .loans import Controller
from .oracle import Quote


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Outcome of a hard liquidation, token units.

    Parameters
    ----------
    debt : int
        Debt cleared.
    borrowed_received, collateral_received : int
        What was taken out of the bands; the first pays debt before the liquidator does.
    """

    debt: int
    borrowed_received: int
    collateral_received: int

    @property
    def borrowed_delta(self) -> int:
        """Borrowed token that the liquidator gains, negative if it pays."""
        return self.borrowed_received - self.debt


@dataclass(frozen=True, slots=True)
class Repayment:
    """What the payer gains of each token, token units, negative if it pays."""

    borrowed_delta: int
    collateral_delta: int


def withdrawn_fraction(fraction: int, discount: int) -> int:
    """Return the part of the collateral handed over for a part of the debt.

    ``((1 + h/2)/(1 + h) (1 - frac) + frac) frac`` (MODEL 1.8): less than proportional, so
    that a partial liquidation leaves the loan healthier.

    Parameters
    ----------
    fraction : int
        Of the debt, wad.
    discount : int
        h, the liquidation discount; 0 for the borrower itself, wad.
    """
    if fraction == WAD:
        return WAD
    return ((WAD + discount // 2) * (WAD - fraction) // (WAD + discount) + fraction) * fraction // WAD


def liquidate(
    controller: Controller, seen: Quote, user: int, fraction: int = WAD, *, by_owner: bool = False
) -> Liquidation:
    """Clear debt for the contents of the borrower's bands.

    Parameters
    ----------
    controller : Controller
        Changed in place.
    seen : Quote
        What the call sees.
    user : int
        Borrower.
    fraction : int
        Of the debt, wad; more than 1e18 counts as 1e18.
    by_owner : bool
        The borrower itself may at any health, and without the discount.

    Raises
    ------
    Revert
        ``Loan doesn't exist``; ``Not enough rekt`` for a loan whose full health is not
        below 0; without a reason if no debt would be cleared.
    """
    debt = controller.owed(user, seen.now)
    if not by_owner and full_health(controller, seen, user) >= 0:
        raise Revert("Not enough rekt")
    fraction = min(fraction, WAD)
    cleared = debt * fraction // WAD
    if cleared == 0:
        raise Revert(EMPTY_REVERT)
    discount = 0 if by_owner else controller.parameters.liquidation_discount
    x, y = withdraw(controller.amm, user, withdrawn_fraction(fraction, discount))
    controller.record(user, debt - cleared, -cleared, seen.now)
    return Liquidation(cleared, x, y)


def repay(controller: Controller, seen: Quote, user: int, amount: int) -> Repayment:
    """Pay debt back; a loan that is not being converted moves its bands down.

    Parameters
    ----------
    controller : Controller
        Changed in place.
    seen : Quote
        What the call sees.
    user : int
        Borrower.
    amount : int
        Token units; more than the debt pays all of it.

    Raises
    ------
    Revert
        ``Loan doesn't exist``, or what `first_band` raises for the rest of the loan.
    """
    if amount == 0:
        return Repayment(0, 0)
    debt = controller.owed(user, seen.now)
    paid = min(debt, amount)
    if paid == debt:
        x, y = withdraw(controller.amm, user, WAD)
        controller.record(user, 0, -paid, seen.now)
        return Repayment(x - paid, y)
    held = controller.amm.deposits[user]
    if held.first > top_band(controller.amm):
        move_bands(controller, seen, user, debt - paid)
    controller.record(user, debt - paid, -paid, seen.now)
    return Repayment(-paid, 0)
