"""Health of a loan: what its bands yield on the way down, less a discount, over its debt.

Sources: MODEL 1.8, ``_health`` and ``tokens_to_liquidate`` of ``Controller.vy``;
conformance set ``curve_controller``.
"""

from __future__ import annotations

from ...fixed_point import WAD
from .bands import oracle_price_up
from .deposits import amounts_of
from .loans import Controller
from .oracle import Quote
from .valuation import borrowed_if_price_falls


def health(controller: Controller, seen: Quote, user: int) -> int:
    """Return the health of a loan without the way down to its bands, wad, signed.

    Parameters
    ----------
    controller : Controller
        Loans and AMM.
    seen : Quote
        What the call sees.
    user : int
        Borrower.

    Raises
    ------
    Revert
        ``Loan doesn't exist``.
    """
    debt = controller.owed(user, seen.now)
    discounted = WAD - controller.parameters.liquidation_discount
    return borrowed_if_price_falls(controller.amm, seen, user) * discounted // debt - WAD


def full_health(controller: Controller, seen: Quote, user: int) -> int:
    """Return the health with what collateral above its bands is worth more, wad, signed.

    Below 0 anyone may liquidate. Parameters and errors are those of `health`.
    """
    amm = controller.amm
    value = health(controller, seen, user)
    first = amm.deposits[user].first
    edge = oracle_price_up(amm.parameters, seen, first)
    if first > amm.active_band and seen.price > edge:
        precision_x, precision_y = amm.precisions()
        collateral = amounts_of(amm, user)[1] * precision_y
        value += (seen.price - edge) * collateral // (controller.debt(user, seen.now) * precision_x)
    return value


def tokens_to_liquidate(controller: Controller, seen: Quote, user: int) -> int:
    """Return what a liquidator must bring beyond the borrowed token in the bands, token units."""
    debt = controller.owed(user, seen.now)
    return max(debt, amounts_of(controller.amm, user)[0]) - amounts_of(controller.amm, user)[0]
