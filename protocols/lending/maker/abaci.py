"""How the price of a falling-price auction falls: Maker's three price functions.

An abacus turns the starting price and the seconds since the start into a price. All
three agree with the contracts to the last unit (MODEL 1.4; set ``maker_liq2``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from ...fixed_point import MAX_UINT256, RAY
from .vat import check_range, checked


class Abacus(Protocol):
    """A price function."""

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        ...


@lru_cache(maxsize=1 << 14)
def rpow(base: int, exponent: int) -> int:
    """Raise a ray to a whole power by squaring, each product rounded half up.

    Parameters
    ----------
    base : int
        Ray.
    exponent : int
        Not negative.

    Raises
    ------
    ValueError
        If `exponent` is negative, which no contract can ask for.
    """
    if exponent < 0:
        raise ValueError(f"exponent must not be negative, got {exponent}")
    result = base if exponent % 2 else RAY
    exponent //= 2
    while exponent:
        base = checked(base * base + RAY // 2) // RAY
        if exponent % 2:
            result = checked(result * base + RAY // 2) // RAY
        exponent //= 2
    return result


@dataclass(frozen=True, slots=True)
class LinearDecrease:
    """Straight line to zero.

    Parameters
    ----------
    tau : int
        Seconds until the price is zero.

    Raises
    ------
    ValueError
        If `tau` is out of range.
    """

    tau: int

    def __post_init__(self) -> None:
        check_range("LinearDecrease", tau=(self.tau, MAX_UINT256))

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        if elapsed >= self.tau:
            return 0
        return checked(top * (checked((self.tau - elapsed) * RAY) // self.tau)) // RAY


@dataclass(frozen=True, slots=True)
class StairstepExponentialDecrease:
    """Steps of equal length, each multiplying the price by the same factor.

    Parameters
    ----------
    cut : int
        Factor per step, ray, at most 1.
    step : int
        Seconds per step, at least 1.
    unsafe : bool
        Accept a rising price (`cut` above 1).

    Raises
    ------
    ValueError
        If a setting is out of range.
    """

    cut: int
    step: int
    unsafe: bool = False

    def __post_init__(self) -> None:
        _check_cut("StairstepExponentialDecrease", self.cut, self.unsafe)
        check_range("StairstepExponentialDecrease", step=(self.step, MAX_UINT256))
        if self.step == 0:
            raise ValueError(
                "Maker StairstepExponentialDecrease: step must be at least 1 (no price exists at 0)"
            )

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        return checked(top * rpow(self.cut, elapsed // self.step)) // RAY


@dataclass(frozen=True, slots=True)
class ExponentialDecrease:
    """The same factor every second.

    Parameters
    ----------
    cut : int
        Factor per second, ray, at most 1.
    unsafe : bool
        Accept a rising price (`cut` above 1).

    Raises
    ------
    ValueError
        If `cut` is out of range.
    """

    cut: int
    unsafe: bool = False

    def __post_init__(self) -> None:
        _check_cut("ExponentialDecrease", self.cut, self.unsafe)

    def price(self, top: int, elapsed: int) -> int:
        """Price after `elapsed` seconds of an auction that started at `top`, ray."""
        return checked(top * rpow(self.cut, elapsed)) // RAY


def _check_cut(owner: str, cut: int, unsafe: bool) -> None:
    check_range(owner, cut=(cut, MAX_UINT256))
    if cut > RAY and not unsafe:
        raise ValueError(
            f"Maker {owner}: cut must be at most {RAY} (cut-gt-RAY), got {cut}; "
            f"pass unsafe=True to try it all the same"
        )
