"""Who starts what all gain from but one must pay for: the volunteer's dilemma (MODEL 3.5).

Where a kick, or the restart of an auction, pays nothing by itself the reward lies in what is sold
after it, and is open to everybody. With n keepers who gain `v` each and a kick that costs `c`,
each volunteers with probability ``1 - (c/v)^(1/(n-1))``, so that nobody does with
``(c/v)^(n/(n-1))`` (CASES G13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base import Errand, Kick, Liquidate, Opportunity, PublicView, Together, Work
from .auction_taker import AuctionTaker
from .closed_forms import volunteer_probability
from .liquidator import OwnState
from .threshold_liquidator import ThresholdLiquidator


@dataclass(frozen=True, slots=True)
class Volunteer(ThresholdLiquidator):
    """Kick and restart without a reward only as often as the mixed equilibrium says; else as `threshold`.

    Each time that the list of accounts has news is a round of the game; for restarts, each block.

    Parameters
    ----------
    rivals : int
        Other keepers who could do it; without any, it kicks whenever that pays.
    benefit_share : float
        Share of the reward in what is sold later that each keeper hopes to get.

    Further parameters are those of `ThresholdLiquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    rivals: int = 4
    benefit_share: float = 0.2

    def __post_init__(self) -> None:
        ThresholdLiquidator.__post_init__(self)
        if self.rivals < 0:
            raise ValueError(f"rivals must not be negative, got {self.rivals}")
        if not 0 < self.benefit_share <= 1:
            raise ValueError(f"benefit_share must be above 0 and at most 1, got {self.benefit_share}")

    def chance(self, opportunity: Opportunity, view: PublicView) -> float:
        """Return the probability of kicking an account in one round."""
        value = self.benefit_share * opportunity.repay_usd * opportunity.bonus
        cost = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
        return volunteer_probability(self.rivals + 1, value, cost)

    def taker(self) -> AuctionTaker:
        """Return how it buys what protocols sell, and which auctions it restarts."""
        return VolunteerTaker(self)

    def least_call(self, view: PublicView, win: float) -> float:
        """Gross profit that a call must exceed to be worth a look now: what its gas costs; USD."""
        return view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei

    def decide(self, view: PublicView, own: OwnState) -> Sequence[Liquidate | Kick | Together]:
        """Return the kicks that it volunteers for, then the calls worth sending."""
        if own.gain_usd < -self.loss_budget_usd:
            return []
        kicks: list[Liquidate | Kick | Together] = []
        cash = own.cash_usd
        for opportunity in view.opportunities:
            if len(kicks) < self.max_calls and opportunity.kick and not opportunity.pays:
                cost = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
                if own.draw() < self.chance(opportunity, view) and cost <= cash:
                    kicks.append(Kick(opportunity, view.gas_standard_gwei))
                    cash -= cost
        paid = [o for o in view.opportunities if not o.kick or o.pays]
        if not paid:
            return kicks
        calls = ThresholdLiquidator.decide(
            self, view._replace(opportunities=paid), own._replace(cash_usd=cash)
        )
        return [*kicks, *calls][: self.max_calls]


@dataclass(frozen=True, slots=True)
class VolunteerTaker(AuctionTaker):
    """Purchases of a `Volunteer`: as others', but it restarts auctions that do not pay for it, sometimes."""

    def _work(self, errand: Errand, view: PublicView, own: OwnState) -> Work | None:
        work, chore, inner = AuctionTaker._work(self, errand, view, own), errand.chore, self.liquidation
        if work is not None or chore.kind != "redo" or not isinstance(inner, Volunteer):
            return work
        gas_usd = view.gas_standard_gwei * view.gas_liquidation * view.usd_per_gas_gwei
        if gas_usd > own.cash_usd:
            return None
        cost, value = gas_usd - chore.reward_usd, inner.benefit_share * chore.hope_usd
        restarts = own.draw() < volunteer_probability(inner.rivals + 1, value, cost)
        return Work(errand, view.gas_standard_gwei) if restarts else None
