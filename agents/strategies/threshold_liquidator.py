"""How a liquidator bot values a call, sizes it, bids gas for it and decides to enter.

The value of repaying `r` is ``m r - k r^2 - gas``: a margin from the bonus and
the gap between oracle and market, less an exit cost that grows with size (MODEL
10.2, 2.7). The best size, the bid and the entry rule follow from it; the chance
of winning is what the bot has learned from its own outcomes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ..base import Kick, Liquidate, Opportunity, PublicView
from .exits import AT_ONCE, Exit, SaleStart, Schedule, spreading

POOL_KEEPS = 0.997
"""Share of a sale to a pool that its usual fee leaves."""


class OwnState(NamedTuple):
    """What a bot knows of itself: cash, chance of winning as learned, gain so far (USD), ledger account."""

    cash_usd: float
    win_rate: float
    gain_usd: float
    account: int = -1


class Valuation(NamedTuple):
    """Best size of one call and what it earns before gas, USD."""

    repay_usd: float
    gross_usd: float


NOTHING = Valuation(0.0, 0.0)


class ExitTerms(NamedTuple):
    """Profit before gas is ``margin r - cost r^2`` for a repayment r up to `visible_usd`."""

    margin: float
    cost: float
    visible_usd: float


NO_EXIT = ExitTerms(-1.0, 0.0, 0.0)
"""Of collateral that has no venue, or an empty one."""


@dataclass(frozen=True, slots=True)
class ThresholdLiquidator:
    """Enter when the expected profit, losing included, exceeds a threshold.

    Parameters
    ----------
    exit : str or Schedule
        ``book``, ``pool`` or ``hold``, or a schedule by which collateral is sold on the book over time.
    flash_loan : bool
        Borrow what is repaid inside the transaction (needs ``exit = "pool"``).
    bid_share : float
        Share of the gross profit offered as gas when all is calm.
    escalation : float
        Added to the share as the learned chance of winning falls to zero; 0 is a fixed share.
    raise_limit : float
        Share of the gross profit up to which it raises in a priority gas auction; up to 1.
    min_profit_usd : float
        Least expected profit that is worth a call.
    max_slippage : float
        Worst price accepted at the exit, as a fraction below the mid.
    max_calls : int
        Calls sent per block.
    loss_budget_usd : float
        The bot stops for good when it has lost this much.
    hold_risk : float
        Charge on held collateral: multiples of volatility over `hold_s`, or over the time that a schedule
        leaves it at risk.
    hold_s : float
        Time over which collateral that is held for good is at risk, seconds.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    exit: Exit = "book"
    flash_loan: bool = False
    bid_share: float = 0.3
    escalation: float = 0.4
    raise_limit: float = 0.9
    min_profit_usd: float = 50.0
    max_slippage: float = 0.03
    max_calls: int = 3
    loss_budget_usd: float = 250_000.0
    hold_risk: float = 1.0
    hold_s: float = 600.0

    def __post_init__(self) -> None:
        if not isinstance(self.exit, Schedule) and self.exit not in AT_ONCE:
            raise ValueError(f"exit must be a schedule or one of {', '.join(AT_ONCE)}, got {self.exit!r}")
        if self.flash_loan and self.exit != "pool":
            raise ValueError(f"flash_loan needs exit = 'pool', got {self.exit!r}")
        for key in ("bid_share", "escalation", "raise_limit", "max_slippage"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must be in [0, 1], got {getattr(self, key)}")
        for key in ("loss_budget_usd", "hold_risk", "hold_s"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")
        if self.max_calls < 1:
            raise ValueError(f"max_calls must be at least 1, got {self.max_calls}")
        if self.bid_share + self.escalation > 1:
            raise ValueError(
                f"bid_share + escalation must not exceed 1, got {self.bid_share + self.escalation}"
            )

    def exit_terms(self, collateral: int, bonus: float, view: PublicView) -> ExitTerms:
        """Return what repaying earns and what getting rid of the collateral costs."""
        if self.exit == "pool":
            depth = view.pool_depth_usd[collateral]
            if depth <= 0.0:
                return NO_EXIT
            market = view.pool_price[collateral] / view.oracle[collateral] * POOL_KEEPS
            curvature, visible = 1.0 / depth, depth * self.max_slippage
        else:
            depth = view.depth_usd[collateral]
            market = view.mids[collateral] / view.oracle[collateral]
            curvature = view.depth_band / (2.0 * depth) if depth > 0 else 0.0
            visible = depth * self.max_slippage / view.depth_band
        received = (1.0 + bonus) * market
        margin = received - 1.0 - (view.flash_fee if self.flash_loan else 0.0)
        if self.exit == "hold":
            margin -= self.hold_risk * view.volatility[collateral] * self.hold_s**0.5
            return ExitTerms(margin, 0.0, math.inf)
        if isinstance(self.exit, Schedule):
            start = SaleStart(view.volatility[collateral], depth, view.depth_band, view.block_time_s)
            parts = spreading(self.exit, start)
            margin -= self.hold_risk * start.volatility * parts.risk_s**0.5
            curvature, visible = curvature * parts.cost_share, visible / parts.largest
        return ExitTerms(margin, curvature * received * received, visible / received)

    def size(self, terms: ExitTerms, limit_usd: float, sold_usd: float = 0.0) -> Valuation:
        """Return the best repayment up to a limit, and its gross profit before gas.

        A deep exit leaves the full size; a thin one cuts it to ``m / (2 k)``. What
        the bot has already decided to repay for the same exit, `sold_usd`, costs margin.
        """
        margin = terms.margin - 2.0 * terms.cost * sold_usd
        limit = min(limit_usd, terms.visible_usd - sold_usd)
        if margin <= 0.0 or limit <= 0.0:
            return NOTHING
        if terms.cost > 0.0:
            limit = min(limit, margin / (2.0 * terms.cost))
        return Valuation(limit, (margin - terms.cost * limit) * limit)

    def least_gross(self, floor_usd: float, share: float, win: float, lost_share: float) -> float:
        """Gross profit above which a call is worth sending, losing included; USD.

        A call of gross profit g offers ``max(floor, share g)`` for gas and earns
        ``win (g - gas) - lost_share gas`` on average, which must exceed `min_profit_usd`.
        """
        if win <= 0.0:
            return math.inf
        at_floor = floor_usd + (self.min_profit_usd + lost_share * floor_usd) / win
        if share * at_floor <= floor_usd:
            return max(at_floor, floor_usd + self.min_profit_usd)
        kept = win * (1.0 - share) - lost_share * share
        return max(self.min_profit_usd / kept, floor_usd + self.min_profit_usd) if kept > 0.0 else math.inf

    def gas_price(self, gross_usd: float, gas: int, view: PublicView, win: float) -> float | None:
        """Return the gas price to offer for a gross profit, gwei; None if it is not worth the gas."""
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

    def decide(self, view: PublicView, own: OwnState) -> list[Liquidate | Kick]:
        """Return the calls worth sending, in the order of the published list.

        Each call is valued with the cash and the exit depth that the calls before it leave.
        """
        if own.gain_usd < -self.loss_budget_usd:
            return []
        calls: list[Liquidate | Kick] = []
        share = self.bid_share + self.escalation * (1.0 - own.win_rate)
        gas = view.gas_liquidation + (view.gas_swap if self.exit == "pool" else 0)
        usd_per_gwei = gas * view.usd_per_gas_gwei
        floor = view.gas_standard_gwei
        least = floor * usd_per_gwei + self.min_profit_usd
        cash, win = own.cash_usd, own.win_rate
        if cash < least:
            return []
        needed = self.least_call(view, win)
        if view.most_usd <= needed:
            return []
        terms: dict[int, ExitTerms] = {}
        sold: dict[int, float] = {}
        for opportunity in view.opportunities:
            collateral, bonus = opportunity.collateral, opportunity.bonus
            if opportunity.kick:
                kick = self._kick(opportunity, view, win, cash)
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
            calls.append(
                Liquidate(opportunity, repay, price, self.flash_loan, self.exit, self.max_slippage, ceiling)
            )
            if len(calls) == self.max_calls:
                break
            sold[collateral] += repay
            cash -= gas_usd if self.flash_loan else repay + gas_usd
        return calls

    def _kick(self, opportunity: Opportunity, view: PublicView, win: float, cash: float) -> Kick | None:
        """Return the kick of an account whose reward is worth the gas, losing included.

        Where the kick does not pay by itself nothing is bid for it beyond the going price: the
        race is for what is sold after it.
        """
        price = self.gas_price(opportunity.repay_usd * opportunity.bonus, view.gas_liquidation, view, win)
        if price is None:
            return None
        if not opportunity.pays:
            price = view.gas_standard_gwei
        affordable = price * (view.gas_liquidation * view.usd_per_gas_gwei) <= cash
        return Kick(opportunity, price) if affordable else None
