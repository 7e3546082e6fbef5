"""What a borrower changes in a loan that is not being converted: its bands move.

All three withdraw the collateral and deposit what it then is where the debt needs it, with
as many bands as before. Source: ``_add_collateral_borrow`` of ``Controller.vy``
(curvefi/curve-stablecoin afc2608); no vectors, but the parts are those that
``curve_controller`` replays.
"""

from __future__ import annotations

from ....market.revert import Revert
from ...fixed_point import EMPTY_REVERT, WAD
from .borrowing import first_band
from .deposits import deposit, withdraw
from .loans import Controller
from .oracle import Quote


def add_collateral(controller: Controller, seen: Quote, user: int, amount: int) -> None:
    """Add collateral to a loan.

    Parameters
    ----------
    controller : Controller
        Changed in place.
    seen : Quote
        What the call sees.
    user : int
        Borrower.
    amount : int
        Collateral, token units; 0 changes nothing.

    Raises
    ------
    Revert
        ``Loan doesn't exist``, ``Already in underwater mode`` if a band is being
        converted, or what `first_band` raises.
    """
    if amount:
        _change(controller, seen, user, amount, 0)


def remove_collateral(controller: Controller, seen: Quote, user: int, amount: int) -> None:
    """Take collateral out of a loan; parameters and errors are those of `add_collateral`.

    More than there is reverts without a reason, as the contract's arithmetic does.
    """
    if amount:
        _change(controller, seen, user, -amount, 0)


def borrow_more(controller: Controller, seen: Quote, user: int, debt: int, collateral: int = 0) -> None:
    """Borrow more, and add collateral if wanted.

    Parameters
    ----------
    controller, seen, user : Controller, Quote, int
        As for `add_collateral`.
    debt, collateral : int
        To add, token units; a debt of 0 changes nothing.

    Raises
    ------
    Revert
        As for `add_collateral`.
    """
    if debt:
        _change(controller, seen, user, collateral, debt)


def move_bands(controller: Controller, seen: Quote, user: int, debt: int, change: int = 0) -> None:
    """Put the collateral of a loan, and a change of it, where a debt needs it.

    Parameters
    ----------
    controller : Controller
        Its AMM is replaced; after a `Revert` it is the one that was there.
    seen : Quote
        What the call sees.
    user : int
        Borrower.
    debt : int
        Token units.
    change : int
        Of the collateral, token units, signed.

    Raises
    ------
    Revert
        As for `add_collateral`.
    """
    before = controller.amm
    held = before.deposits[user]
    controller.amm = before.copy(user)
    try:
        x, y = withdraw(controller.amm, user, WAD)
        if x:
            raise Revert("Already in underwater mode")
        if y + change < 0:
            raise Revert(EMPTY_REVERT)
        first = first_band(controller, seen, y + change, debt, held.last - held.first + 1)
        deposit(controller.amm, user, y + change, first, first + held.last - held.first)
    except Revert:
        controller.amm = before
        raise


def _change(controller: Controller, seen: Quote, user: int, collateral: int, borrowed: int) -> None:
    debt = controller.owed(user, seen.now) + borrowed
    move_bands(controller, seen, user, debt, collateral)
    controller.record(user, debt, borrowed, seen.now)
