"""How the price of a falling-price auction falls: Ajna's halvings, a model price, a fixed discount.

The same interface as Maker's price functions (`protocols.lending.maker.abaci`): a starting
price and the seconds since the start give a price, ray.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache

from ..fixed_point import RAY, WAD
from ..lending.maker.abaci import rpow


@dataclass(frozen=True, slots=True)
class AjnaDecrease:
    """Halvings that slow down: six of 20 minutes, six of 2 hours, then each hour (MODEL 1.10, CASES A11).

    The starting price is meant to lie far above the market; Ajna begins at 256 times the reference.
    """

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        fast, slow = 6 * 1_200, 6 * 7_200
        if elapsed <= fast:
            return _halved(top, elapsed, 1_200)
        if elapsed <= fast + slow:
            return _halved(top >> 6, elapsed - fast, 7_200)
        return _halved(top >> 12, elapsed - fast - slow, 3_600)


@dataclass(frozen=True, slots=True)
class TwoLegDecrease:
    """A fast straight leg and a slow one to zero (Derive's solvent auction; MODEL 1.11, CASES A14).

    Parameters
    ----------
    middle : int
        Share of the starting price between the legs; wad.
    fast_s, slow_s : int
        Seconds of each leg.

    Raises
    ------
    ValueError
        If the middle is not between 0 and 1 or a leg takes no time.
    """

    middle: int
    fast_s: int
    slow_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.middle <= WAD:
            raise ValueError(f"two-leg decrease: middle must be from 0 to {WAD} (wad), got {self.middle}")
        for key in ("fast_s", "slow_s"):
            if getattr(self, key) < 1:
                raise ValueError(f"two-leg decrease: {key} must be at least 1, got {getattr(self, key)}")

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        if elapsed < self.fast_s:
            share = WAD * self.fast_s - (WAD - self.middle) * elapsed
            return top * share // (WAD * self.fast_s)
        left = max(self.slow_s - (elapsed - self.fast_s), 0)
        return top * self.middle * left // (WAD * self.slow_s)


@dataclass(frozen=True, slots=True)
class ConstantPrice:
    """No fall at all: a storefront (Comet; MODEL 1.3, CASES L11)."""

    def price(self, top: int, elapsed: int) -> int:
        """Return `top` at any time."""
        return top


def _halved(price: int, elapsed: int, half_life: int) -> int:
    halvings, rest = divmod(elapsed, half_life)
    return (price >> halvings) * rpow(root_of_half(half_life), rest) // RAY


@lru_cache(maxsize=8)
def root_of_half(seconds: int) -> int:
    """Return the factor per second that halves in so many seconds, ray."""
    with localcontext() as context:
        context.prec = 60
        return int((Decimal(1) / 2) ** (Decimal(1) / seconds) * RAY)
