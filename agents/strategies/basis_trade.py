"""Strategies in a contract and its underlying: trade the basis, or push the price and trade back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...market.prices.reference import YEAR_S


def _positive(rule: object, *names: str) -> None:
    for name in names:
        if not getattr(rule, name) > 0:
            raise ValueError(f"{name} must be above 0, got {getattr(rule, name):g}")


@dataclass(frozen=True, slots=True)
class BasisTrade:
    """Trade a contract against its underlying when the basis is further from fair than a threshold.

    The fair basis is what carrying the underlying to the contract's expiry costs, ``exp(c tau) - 1``: nothing
    for a perpetual. With another contract for the underlying it is a calendar trade.

    Parameters
    ----------
    contract, underlying : str
        Symbols.
    threshold : float
        Distance from the fair basis, as a fraction, from which the pair is traded.
    size_usd : float
        Amount of a pair in one block.
    max_slippage : float
        Worst price, as a fraction beyond the mid.
    carry_per_year : float
        Rate that carrying is taken to cost.
    expiry_s : float
        When the contract ends; 0 for never.
    average_s : float
        Time before expiry in which it does not trade: the final price is an average, and partly known.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    contract: str
    underlying: str
    threshold: float = 0.002
    size_usd: float = 100_000.0
    max_slippage: float = 0.002
    carry_per_year: float = 0.0
    expiry_s: float = 0.0
    average_s: float = 0.0

    def __post_init__(self) -> None:
        _positive(self, "threshold", "size_usd", "max_slippage")
        if not abs(self.carry_per_year) <= 5:
            raise ValueError(f"carry_per_year must be from -5 to 5, got {self.carry_per_year:g}")
        if not self.expiry_s >= 0:
            raise ValueError(f"expiry_s must not be negative, got {self.expiry_s:g}")
        if not self.average_s >= 0:
            raise ValueError(f"average_s must not be negative, got {self.average_s:g}")
        for name in ("carry_per_year", "average_s"):
            if getattr(self, name) and not self.expiry_s:
                raise ValueError(f"{name} does nothing without expiry_s, the end to which it counts")

    def side(self, basis: float, time_s: float) -> int:
        """Whether to buy the contract (1), sell it (-1) or do nothing, at contract / underlying - 1."""
        left_s = max(self.expiry_s - time_s, 0.0)
        if self.expiry_s and left_s <= self.average_s:
            return 0
        away = basis - math.expm1(self.carry_per_year * left_s / YEAR_S)
        if away < -self.threshold:
            return 1
        return -1 if away > self.threshold else 0


@dataclass(frozen=True, slots=True)
class PushAndReverse:
    """Sell in a few blocks, wait for liquidations, and buy back; or the other way round.

    Parameters
    ----------
    contract : str
        Symbol of what is pushed.
    start_s : float
        Beginning of the attack.
    push_usd : float
        Amount sold over `push_s`; negative to buy first.
    push_s, hold_s, back_s : float
        Length of the push, of the wait and of the trade back, seconds.
    max_slippage : float
        Worst price of one block, as a fraction beyond the mid.

    Raises
    ------
    ValueError
        If the amount is 0, or a time or the slippage out of range.
    """

    contract: str
    start_s: float
    push_usd: float
    push_s: float = 30.0
    hold_s: float = 60.0
    back_s: float = 300.0
    max_slippage: float = 0.2

    def __post_init__(self) -> None:
        _positive(self, "push_s", "back_s", "max_slippage")
        if not (self.start_s >= 0 and self.hold_s >= 0):
            raise ValueError(
                f"start_s and hold_s must not be negative, got {self.start_s:g}, {self.hold_s:g}"
            )
        if self.push_usd == 0:
            raise ValueError("push_usd must not be 0")

    def amount_usd(self, time_s: float, block_time_s: float, pushed_usd: float) -> float:
        """Amount to buy in this block (sell if negative).

        Parameters
        ----------
        time_s, block_time_s : float
        pushed_usd : float
            What is to be traded back, at the present mid.
        """
        since = time_s - self.start_s
        if 0.0 <= since < self.push_s:
            return -self.push_usd * min(block_time_s / self.push_s, 1.0)
        back = since - self.push_s - self.hold_s
        if back < 0.0:
            return 0.0
        left_s = max(self.back_s - back, block_time_s)
        whole = pushed_usd * min(block_time_s / left_s, 1.0)
        return whole if self.push_usd > 0 else -whole
