"""When a provider of concentrated liquidity opens a range, moves it, and leaves.

Liquidity in a range of half width w around the price trades about ``1 / (1 - 1/sqrt(1 + w))``
times as much as the same money at all prices, earns fees for it, and loses as much more to those
who trade the pool to the outside price. Out of its range it earns nothing. Moving a range costs
gas and makes the loss so far final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..base import PublicView, SetRange

HOUR_S = 3600.0
SWAPS_TO_OPEN, SWAPS_TO_MOVE = 2, 3
"""Gas of opening a range and of moving one, in that of swaps: withdrawal, swap and deposit count alike."""

MOVES_KEPT = 5
"""Moves whose gas a provider keeps in cash at the going price."""

LEAST_USED = 0.5
"""Share of what a provider means to put in below which a range is put up again."""


class OwnRange(NamedTuple):
    """What a provider has in one concentrated pool.

    Attributes
    ----------
    asset : int
    lower_usd, upper_usd : float
        Prices that bound its range; 0 without one.
    worth_usd : float
        What the range would pay out now, fees included.
    kept_usd : float
        What the tokens would be worth now that were put in.
    spare_usd : float
        What else it may put in here.
    since_s : float
        When it opened the range, or left; minus infinity before that.
    """

    asset: int
    lower_usd: float
    upper_usd: float
    worth_usd: float
    kept_usd: float
    spare_usd: float
    since_s: float


@dataclass(frozen=True, slots=True)
class RangeProvider:
    """Keep a range around the price, and leave in stress.

    Parameters
    ----------
    half_width : float
        The range reaches from ``price / (1 + half_width)`` to ``price (1 + half_width)``.
    rebalance_after_s : float
        Age at which a range is moved to the price even if that has not left it, seconds; 0 for never.
    share : float
        Share of its money that a provider puts in.
    max_gas_share : float
        Most that gas may cost as a share of what is put in.
    max_slippage : float
        The swap before a deposit moves the pool's price by this fraction at most.
    leave_volatility : float
        Leave while the volatility of the book's price is above this, per square root of an hour; 0 for never.
    leave_loss : float
        Leave when a range is worth less by this fraction than the tokens put in; 0 for never.
    return_after_s : float
        Shortest time between leaving and coming back, seconds.
    look_blocks : int
        Blocks between two looks.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    half_width: float = 0.1
    rebalance_after_s: float = 0.0
    share: float = 0.95
    max_gas_share: float = 0.01
    max_slippage: float = 0.01
    leave_volatility: float = 0.0
    leave_loss: float = 0.0
    return_after_s: float = 1_800.0
    look_blocks: int = 5

    def __post_init__(self) -> None:
        if not 0.001 <= self.half_width <= 100:
            raise ValueError(f"half_width must be in [0.001, 100], got {self.half_width}")
        for key in ("share", "max_slippage"):
            if not 0 < getattr(self, key) < 1:
                raise ValueError(f"{key} must be above 0 and below 1, got {getattr(self, key)}")
        for key in ("rebalance_after_s", "max_gas_share", "leave_volatility", "leave_loss", "return_after_s"):
            if not getattr(self, key) >= 0:
                raise ValueError(f"{key} must not be negative, got {getattr(self, key)}")
        if self.look_blocks < 1:
            raise ValueError(f"look_blocks must be at least 1, got {self.look_blocks}")

    def decide(self, view: PublicView, own: Sequence[OwnRange]) -> list[SetRange]:
        """Return the ranges to open, to move and to leave, at most one for each pool."""
        wanted: list[SetRange] = []
        for mine in own:
            stressed = self._stressed(view, mine)
            if mine.worth_usd > 0.0:
                if stressed:
                    wanted.append(SetRange(mine.asset, 0.0, 0.0, 0.0, 0.0, 0.0, view.gas_urgent_gwei))
                elif self._stale(view, mine):
                    wanted += self._placed(view, mine, SWAPS_TO_MOVE)
            elif not stressed and view.time_s - mine.since_s >= self.return_after_s:
                wanted += self._placed(view, mine, SWAPS_TO_OPEN)
        return wanted

    def _placed(self, view: PublicView, mine: OwnRange, swaps: int) -> list[SetRange]:
        """Return a range around the price, if what goes in is worth the gas."""
        price, gas = view.pool_price[mine.asset], view.gas_standard_gwei
        deposit_usd = self.share * (mine.worth_usd + mine.spare_usd)
        swap_usd = view.gas_swap * gas * view.usd_per_gas_gwei
        if swaps * swap_usd > self.max_gas_share * deposit_usd:
            return []
        lower, upper = price / (1.0 + self.half_width), price * (1.0 + self.half_width)
        keep_usd = MOVES_KEPT * SWAPS_TO_MOVE * swap_usd
        return [SetRange(mine.asset, lower, upper, deposit_usd, keep_usd, self.max_slippage, gas)]

    def _stale(self, view: PublicView, mine: OwnRange) -> bool:
        """Whether the price has left a range, its time has come, or most of the money lies idle.

        It does after a deposit before which no more could be swapped; arbitrage has brought the
        pool's price back since then.
        """
        old = 0.0 < self.rebalance_after_s <= view.time_s - mine.since_s
        idle = mine.worth_usd < LEAST_USED * self.share * (mine.worth_usd + mine.spare_usd)
        return old or idle or not mine.lower_usd <= view.pool_price[mine.asset] <= mine.upper_usd

    def _stressed(self, view: PublicView, mine: OwnRange) -> bool:
        if 0.0 < self.leave_volatility < view.volatility[mine.asset] * HOUR_S**0.5:
            return True
        return 0.0 < self.leave_loss <= 1.0 - mine.worth_usd / mine.kept_usd if mine.kept_usd > 0.0 else False
