"""A liquidation mechanism as exchangeable parts: trigger, sizing, pricing, and what may remain.

The parts are asked by a protocol's own rule, which keeps the books: the trigger
says whether an account may be liquidated, the sizing how much debt one call may
repay, the pricing what the repayment buys, the residual (if there is one)
what may be left over. They decide on integers and never touch a balance.
Auctions, whose price is a matter of time and bids, are mechanisms of their own
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class LiquidationContext(NamedTuple):
    """What a mechanism may look at when a call arrives.

    Parameters
    ----------
    health_factor : int
        Of the account, wad.
    total_collateral_base, total_debt_base : int
        Of the account, in the pool's base currency.
    liquidation_threshold : int
        Of the account, collateral-weighted; basis points.
    collateral_threshold : int
        Of the chosen collateral for this account; basis points.
    debt, collateral : int
        The account's whole debt and collateral balance in the two chosen reserves; base units.
    debt_price, collateral_price : int
        Base currency per whole token.
    debt_unit, collateral_unit : int
        Base units in a whole token.
    bonus : int
        Of the collateral reserve or its e-mode; basis points, 10500 for 5 %.
    protocol_fee : int
        Of the collateral reserve; basis points of the bonus part.
    now : int
        Seconds since the epoch.
    """

    health_factor: int
    total_collateral_base: int
    total_debt_base: int
    liquidation_threshold: int
    collateral_threshold: int
    debt: int
    collateral: int
    debt_price: int
    collateral_price: int
    debt_unit: int
    collateral_unit: int
    bonus: int
    protocol_fee: int
    now: int


class Trigger(Protocol):
    """Who may be liquidated."""

    def is_liquidatable(self, health_factor: int) -> bool:
        """Whether an account with this health factor (wad) may be liquidated."""


class Sizing(Protocol):
    """How much debt one call may repay."""

    def max_repay(self, context: LiquidationContext) -> int:
        """Most base units of the chosen debt that one call may repay."""


class Pricing(Protocol):
    """What a repayment buys."""

    def seize(self, context: LiquidationContext, repay: int) -> tuple[int, int, int]:
        """Price a repayment.

        Parameters
        ----------
        context : LiquidationContext
        repay : int
            Base units of debt offered, at most what the sizing allows.

        Returns
        -------
        tuple of int
            Base units of debt to pay after all (less than offered when the collateral runs out), of
            collateral seized, and of it the part that goes to the treasury.
        """


class Residual(Protocol):
    """What a call may leave behind."""

    def refusal(self, context: LiquidationContext, repay: int, seized: int) -> str | None:
        """Reason to refuse a call that repays and seizes so much (base units), or None."""


@dataclass(frozen=True, slots=True)
class LiquidationMechanism:
    """Trigger, sizing and pricing together, with a limit on residuals if wanted (MODEL 1.12).

    Parameters
    ----------
    trigger : Trigger
    sizing : Sizing
    pricing : Pricing
    residual : Residual, optional
        None allows any remainder.
    """

    trigger: Trigger
    sizing: Sizing
    pricing: Pricing
    residual: Residual | None = None
