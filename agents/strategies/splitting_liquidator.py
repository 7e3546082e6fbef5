"""How a liquidator takes more than the close factor allows: several calls on one account at once.

A call may repay the close factor's share, but the account stays liquidatable while its health is
below 1. So a first repayment that leaves it just below, in pieces if it is more than one call
allows, and then the close factor's share of the rest: the two-step attack of Qin et al.
(arXiv:2106.06389; MODEL 3.7, CASES G15). An account below the toxic boundary ``LT (1 + b)`` stays
liquidatable whatever is repaid (MODEL 3.6). At most one liquidation in a block stops both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...protocols.liquidation.toxicity import toxic_health
from ..base import Kick, Liquidate, Opportunity, PublicView, Together
from .liquidator import OwnState, Position
from .threshold_liquidator import ThresholdLiquidator

JUST_BELOW = 1e-4
"""Share of the repayment that would heal an account by which the calls before the last stop short of it."""


@dataclass(frozen=True, slots=True)
class SplittingLiquidator(ThresholdLiquidator):
    """Send several calls on one account as a bundle where they earn more than one.

    Parameters
    ----------
    pieces : int
        Most calls on one account: 2 is the two-step attack, more also split a first repayment that is beyond
        the close factor.

    Further parameters are those of `ThresholdLiquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    pieces: int = 2

    def __post_init__(self) -> None:
        ThresholdLiquidator.__post_init__(self)
        if not 2 <= self.pieces <= 100:
            raise ValueError(f"pieces must be from 2 to 100, got {self.pieces}")

    def decide(self, view: PublicView, own: OwnState) -> Sequence[Liquidate | Kick | Together]:
        """Return the calls worth sending, each replaced by several where these earn more."""
        calls = ThresholdLiquidator.decide(self, view, own)
        spent = sum(call.repay_usd for call in calls if isinstance(call, Liquidate))
        return [
            self._split(call, view, own, spent) if isinstance(call, Liquidate) else call for call in calls
        ]

    def _split(self, call: Liquidate, view: PublicView, own: OwnState, spent: float) -> Liquidate | Together:
        """Return a bundle in place of a call, if that earns more."""
        wanted = call.opportunity
        pieces = repayments(wanted, own.look(wanted), self.pieces)
        room = float("inf") if self.flash_loan else own.cash_usd - spent + call.repay_usd
        terms = self.exit_terms(wanted.collateral, wanted.bonus, view)
        repay, gross = self.size(terms, min(sum(pieces), room))
        if len(pieces) < 2 or repay < sum(pieces):
            return call
        _, once = self.size(terms, call.repay_usd)
        gas = self.gas_of_call(view)
        price = self.gas_price(gross, len(pieces) * gas, view, own)
        if price is None:
            return call
        gas_usd = gas * view.usd_per_gas_gwei
        if gross - len(pieces) * price * gas_usd <= once - call.price_gwei * gas_usd:
            return call
        if not self.flash_loan and repay + len(pieces) * price * gas_usd > room:
            return call
        return Together(
            tuple(call._replace(repay_usd=piece, price_gwei=price, ceiling_gwei=0.0) for piece in pieces)
        )


def repayments(wanted: Opportunity, position: Position, pieces: int) -> tuple[float, ...]:
    """Return what each of at most `pieces` calls repays so that all together repay most; USD.

    Parameters
    ----------
    wanted : Opportunity
        Its `repay_usd` is what one call may repay.
    position : Position
    pieces : int
    """
    share = min(1.0, wanted.repay_usd / position.owed_usd) if position.owed_usd > 0.0 else 1.0
    boundary = toxic_health(position.threshold, wanted.bonus)
    healing = float("inf")  # a toxic account is never healed
    if boundary < position.health_factor < 1.0:
        healing = position.debt_usd * (1.0 - position.health_factor) / (1.0 - boundary) * (1.0 - JUST_BELOW)
    owed, before, found = position.owed_usd, 0.0, []
    for left in range(pieces, 0, -1):
        most = share * (owed - before)
        first = min(most, healing - before) if left > 1 else most
        if first <= 0.0 or (left > 1 and first < wanted.least_usd):
            continue
        found.append(first)
        before += first
        if before >= owed * (1.0 - 1e-9):
            break
    return tuple(found)
