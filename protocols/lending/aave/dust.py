"""The largest liquidation that leaves no dust: what a bot's contract asks for when all is out of reach.

From version 3.3 on a call that leaves some of the debt and some of the collateral must
leave enough of both (MODEL 1.2). Whoever cannot or may not take the whole of
either therefore repays no more than this.
"""

from __future__ import annotations

from ...fixed_point import PERCENTAGE_FACTOR, ceil_div
from ...liquidation import DustFloor

MUST_NOT_LEAVE_DUST = "MustNotLeaveDust"
"""Reason of the refusal, `DustFloor.refusal`."""


def most_without_dust(
    floor: DustFloor,
    *,
    owed: int,
    balance: int,
    debt_price: int,
    collateral_price: int,
    debt_unit: int,
    collateral_unit: int,
    bonus: int,
) -> int:
    """Return the largest repayment after which debt and collateral are both worth the floor.

    Parameters
    ----------
    floor : DustFloor
    owed, balance : int
        Debt and collateral of the account in the two chosen reserves; base units.
    debt_price, collateral_price : int
        Base currency per whole token, above 0.
    debt_unit, collateral_unit : int
        Base units in a whole token.
    bonus : int
        Collateral value seized per value repaid; basis points, 10500 for 5 %.

    Returns
    -------
    int
        Base units of debt; 0 or less where no such repayment exists.
    """
    debt_to_leave = ceil_div(floor.minimum_base * debt_unit, debt_price)
    seizable = balance - ceil_div(floor.minimum_base * collateral_unit, collateral_price)
    paid_for = seizable * PERCENTAGE_FACTOR // bonus
    return min(
        owed - debt_to_leave, paid_for * collateral_price * debt_unit // (debt_price * collateral_unit)
    )
