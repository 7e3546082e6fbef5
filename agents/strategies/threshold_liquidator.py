"""How a liquidator bot bids a share of the profit, and enters when that is worth it on average.

What a call is worth is in `liquidator`; the chance of winning is what the bot has learned from its
own outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base import Kick, Liquidate, PublicView, Together
from .liquidator import ExitTerms, Liquidator, OwnState, Position, Valuation


@dataclass(frozen=True, slots=True)
class ThresholdLiquidator(Liquidator):
    """Enter when the expected profit, losing included, exceeds a threshold.

    Parameters
    ----------
    bid_share : float
        Share of the gross profit offered as gas when all is calm.
    escalation : float
        Added to the share as the learned chance of winning falls to zero; 0 is a fixed share.
    raise_limit : float
        Share of the gross profit up to which it raises in a priority gas auction; up to 1.

    Further parameters are those of `Liquidator`.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    bid_share: float = 0.3
    escalation: float = 0.4
    raise_limit: float = 0.9

    def __post_init__(self) -> None:
        Liquidator.__post_init__(self)
        for key in ("bid_share", "escalation", "raise_limit"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must be in [0, 1], got {getattr(self, key)}")
        if self.bid_share + self.escalation > 1:
            raise ValueError(
                f"bid_share + escalation must not exceed 1, got {self.bid_share + self.escalation}"
            )

    def gas_price(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float | None:
        """Return the gas price to offer for a gross profit, gwei; None if it is not worth the gas."""
        win = own.win_rate
        per_gwei = gas * view.usd_per_gas_gwei
        share = self.bid_share + self.escalation * (1.0 - win)
        floor, lost_share = view.gas_standard_gwei, (1.0 - win) * view.revert_gas_share
        if gross_usd <= self.least_gross(floor * per_gwei, share, win, lost_share):
            return None
        return max(floor, share * gross_usd / per_gwei)

    def least_call(self, view: PublicView, win: float) -> float:
        """Gross profit above which a call is worth sending now, with a chance `win` of winning; USD."""
        gas = view.gas_liquidation + (view.gas_swap if self.exit == "pool" else 0)
        floor_usd = view.gas_standard_gwei * (gas * view.usd_per_gas_gwei)
        share = self.bid_share + self.escalation * (1.0 - win)
        return self.least_gross(floor_usd, share, win, (1.0 - win) * view.revert_gas_share)

    def decide(self, view: PublicView, own: OwnState) -> Sequence[Liquidate | Kick | Together]:
        """Return the calls worth sending, in the order of the published list.

        Each call is valued with the cash and the exit depth that the calls before it leave.
        """
        if own.gain_usd < -self.loss_budget_usd:
            return []
        calls: list[Liquidate | Kick | Together] = []
        share = self.bid_share + self.escalation * (1.0 - own.win_rate)
        gas = self.gas_of_call(view)
        usd_per_gwei = gas * view.usd_per_gas_gwei
        floor = view.gas_standard_gwei
        least = floor * usd_per_gwei + self.min_profit_usd
        cash, win = own.cash_usd, own.win_rate
        if cash < least:
            return []
        lost_share = (1.0 - win) * view.revert_gas_share
        needed = self.least_gross(floor * usd_per_gwei, share, win, lost_share)
        if view.most_usd <= needed:
            return []
        terms: dict[int, ExitTerms] = {}
        sold: dict[int, float] = {}
        for opportunity in view.opportunities:
            collateral, bonus = opportunity.collateral, opportunity.bonus
            if opportunity.kick:
                kick = self._kick(opportunity, view, own, cash)
                if kick is not None:
                    calls.append(kick)
                    cash -= kick.price_gwei * view.gas_liquidation * view.usd_per_gas_gwei
                    if len(calls) == self.max_calls:
                        break
                continue
            if collateral not in terms:
                terms[collateral] = self.exit_terms(collateral, bonus, view)
                sold[collateral] = 0.0
            exit_terms = terms[collateral]
            limit = opportunity.repay_usd if self.flash_loan else min(opportunity.repay_usd, cash)
            if exit_terms.margin * limit <= needed:
                continue
            repay, gross = self.size(exit_terms, limit, sold[collateral])
            if gross <= needed or repay < opportunity.least_usd:
                continue
            price = max(floor, share * gross / usd_per_gwei)
            gas_usd = price * usd_per_gwei
            if gas_usd > cash:
                continue
            ceiling = min(self.raise_limit * gross, cash) / usd_per_gwei
            limit_usd = view.pool_price[collateral] if self.fixed_limit else 0.0
            calls.append(
                Liquidate(
                    opportunity,
                    repay,
                    price,
                    self.flash_loan,
                    self.exit,
                    self.max_slippage,
                    ceiling,
                    limit_usd,
                )
            )
            if len(calls) == self.max_calls:
                break
            sold[collateral] += repay
            cash -= gas_usd if self.flash_loan else repay + gas_usd
        return calls


__all__ = ["ExitTerms", "OwnState", "Position", "ThresholdLiquidator", "Valuation"]
