"""What a liquidation is worth, and what every strategy of a liquidator shares.

The value of repaying `r` is ``m r - k r^2 - gas``: a margin from the bonus and the gap between
oracle and market, less an exit cost that grows with size (MODEL 10.2, 2.7). The best size
follows from it. What is bid for gas, and whether it is worth a try, each strategy says itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..base import Kick, Liquidate, Offer, Opportunity, PublicView, Together
from .exits import AT_ONCE, Exit, SaleStart, Schedule, spreading

if TYPE_CHECKING:
    from .auction_taker import AuctionTaker


class Position(NamedTuple):
    """What anybody can look up of an account that may be liquidated.

    Attributes
    ----------
    debt_usd : float
        All debts.
    owed_usd : float
        The debt that a call would repay.
    threshold : float
        Liquidation threshold of the collateral that a call would seize.
    health_factor : float
        By the protocol's own rule; the published list is more cautious.
    """

    debt_usd: float
    owed_usd: float
    threshold: float
    health_factor: float


def _nobody_draws() -> float:
    raise TypeError("this strategy draws: give OwnState.draw, a function that returns uniform numbers")


def _nobody_looks(opportunity: Opportunity) -> Position:
    raise TypeError("this strategy looks positions up: give OwnState.look")


def _no_prices(offer: Offer, times_s: Sequence[float]) -> list[float]:
    raise TypeError("this strategy looks ahead: give OwnState.prices")


class OwnState(NamedTuple):
    """What a bot knows of itself, and what it can look up.

    Attributes
    ----------
    cash_usd : float
    win_rate : float
        Chance of winning as learned.
    gain_usd : float
        So far.
    account : int
        Of the ledger.
    draw : callable
        Returns a number uniform in [0, 1) from the bot's own stream of bids.
    look : callable
        Returns the `Position` of an opportunity.
    prices : callable
        Returns what an offer will cost at later times (s) if nobody buys, USD per token; NaN once
        its auction has ended.
    """

    cash_usd: float
    win_rate: float
    gain_usd: float
    account: int = -1
    draw: Callable[[], float] = _nobody_draws
    look: Callable[[Opportunity], Position] = _nobody_looks
    prices: Callable[[Offer, Sequence[float]], list[float]] = _no_prices


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
class Liquidator(ABC):
    """How a liquidation is valued and sized; strategies say what to bid for it.

    Parameters
    ----------
    exit : str or Schedule
        ``book``, ``pool`` or ``hold``, or a schedule by which collateral is sold on the book over time.
    flash_loan : bool
        Borrow what is repaid inside the transaction (needs ``exit = "pool"``).
    min_profit_usd : float
        Least expected profit that is worth a call.
    max_slippage : float
        Worst price accepted at the exit, as a fraction below the mid.
    fixed_limit : bool
        Count `max_slippage` in a pool from the price when the call is sent; if not, from the price
        that it finds, which others may have moved.
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
    min_profit_usd: float = 50.0
    max_slippage: float = 0.03
    fixed_limit: bool = False
    max_calls: int = 3
    loss_budget_usd: float = 250_000.0
    hold_risk: float = 1.0
    hold_s: float = 600.0

    def __post_init__(self) -> None:
        if not isinstance(self.exit, Schedule) and self.exit not in AT_ONCE:
            raise ValueError(f"exit must be a schedule or one of {', '.join(AT_ONCE)}, got {self.exit!r}")
        if self.flash_loan and self.exit != "pool":
            raise ValueError(f"flash_loan needs exit = 'pool', got {self.exit!r}")
        if self.fixed_limit and self.exit != "pool":
            raise ValueError(f"fixed_limit needs exit = 'pool', got {self.exit!r}")
        if not 0 <= self.max_slippage <= 1:
            raise ValueError(f"max_slippage must be in [0, 1], got {self.max_slippage}")
        for key in ("loss_budget_usd", "hold_risk", "hold_s"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")
        if self.max_calls < 1:
            raise ValueError(f"max_calls must be at least 1, got {self.max_calls}")

    @abstractmethod
    def gas_price(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float | None:
        """Return the gas price to offer for a gross profit, gwei; None if it is not worth the gas."""

    def ceiling_gwei(self, gross_usd: float, gas: int, view: PublicView, own: OwnState) -> float:
        """Return the gas price up to which a call is raised when it is outbid, gwei; 0 for never."""
        return 0.0

    def least_call(self, view: PublicView, win: float) -> float:
        """Gross profit that a call must exceed to be worth a look, with a chance `win` of winning; USD."""
        return view.gas_standard_gwei * (self.gas_of_call(view) * view.usd_per_gas_gwei) + self.min_profit_usd

    def taker(self) -> AuctionTaker:
        """Return how a bot of this strategy buys what protocols sell."""
        from .auction_taker import AuctionTaker

        return AuctionTaker(self)

    def exit_terms(self, collateral: int, bonus: float, view: PublicView) -> ExitTerms:
        """Return what repaying earns and what getting rid of the collateral costs."""
        if self.exit == "pool":
            depth = view.pool_depth_usd[collateral]
            if depth <= 0.0:
                return NO_EXIT
            market = view.pool_price[collateral] / view.oracle[collateral] * view.pool_keeps[collateral]
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
        if not isinstance(self.exit, str):
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

    def gas_of_call(self, view: PublicView) -> int:
        """Return the gas of a call with its exit."""
        return view.gas_liquidation + (view.gas_swap if self.exit == "pool" else 0)

    def decide(self, view: PublicView, own: OwnState) -> Sequence[Liquidate | Kick | Together]:
        """Return the calls worth sending, in the order of the published list.

        Each call is valued with the cash and the exit depth that the calls before it leave.
        """
        if own.gain_usd < -self.loss_budget_usd:
            return []
        calls: list[Liquidate | Kick | Together] = []
        gas, cash = self.gas_of_call(view), own.cash_usd
        sold: dict[int, float] = {}
        for opportunity in view.opportunities:
            if len(calls) == self.max_calls:
                break
            if opportunity.kick:
                kick = self._kick(opportunity, view, own, cash)
                if kick is not None:
                    calls.append(kick)
                    gas_usd = kick.price_gwei * view.gas_liquidation * view.usd_per_gas_gwei
                    cash -= gas_usd + opportunity.stake_usd
                continue
            terms = self.exit_terms(opportunity.collateral, opportunity.bonus, view)
            limit = opportunity.repay_usd if self.flash_loan else min(opportunity.repay_usd, cash)
            before = sold.get(opportunity.collateral, 0.0)
            repay, gross = self.size(terms, limit, before)
            if gross <= 0.0 or repay < opportunity.least_usd:
                continue
            price = self.gas_price(gross, gas, view, own)
            if price is None or price * gas * view.usd_per_gas_gwei > cash:
                continue
            limit_usd = view.pool_price[opportunity.collateral] if self.fixed_limit else 0.0
            ceiling = self.ceiling_gwei(gross, gas, view, own)
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
            sold[opportunity.collateral] = before + repay
            cash -= price * gas * view.usd_per_gas_gwei + (0.0 if self.flash_loan else repay)
        return calls

    def _kick(self, opportunity: Opportunity, view: PublicView, own: OwnState, cash: float) -> Kick | None:
        """Return the kick of an account whose reward is worth the gas, losing included.

        Where the kick does not pay by itself nothing is bid for it beyond the going price: the
        race is for what is sold after it.
        """
        price = self.gas_price(opportunity.repay_usd * opportunity.bonus, view.gas_liquidation, view, own)
        if price is None:
            return None
        if not opportunity.pays:
            price = view.gas_standard_gwei
        gas_usd = price * (view.gas_liquidation * view.usd_per_gas_gwei)
        affordable = gas_usd + opportunity.stake_usd <= cash
        return Kick(opportunity, price) if affordable else None
