"""Derivative contracts: what a position of whole lots is worth at a price of whole ticks.

A position is worth ``value(lots, ticks)`` base units of the asset that the venue settles in,
and gains the change of that value. Values of opposite positions of equal size are opposite to
the unit, so that what one side of a trade gains the other loses, exactly. The contracts hold
no state: positions live in `accounts`, margin in `tiers`, closed forms in `perpetuals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class ContractError(ValueError):
    """A contract that cannot exist, or is used after it expired."""


class Shape(IntEnum):
    """How the value of a lot depends on the price; the codes that kernels know."""

    LINEAR = 0
    INVERSE = 1


class Right(IntEnum):
    """What an option gives a right to; the sign of its payoff in the price."""

    PUT = -1
    CALL = 1


class Contract(Protocol):
    """What a venue needs to know of a contract.

    Attributes
    ----------
    symbol : str
    shape : Shape
    multiplier : int
        Linear: base units per lot and tick. Inverse: base units times ticks per lot.
    expiry_s : int or None
        Second at which it is settled; None for a perpetual.
    """

    @property
    def symbol(self) -> str: ...  # noqa: D102
    @property
    def shape(self) -> Shape: ...  # noqa: D102
    @property
    def multiplier(self) -> int: ...  # noqa: D102
    @property
    def expiry_s(self) -> int | None: ...  # noqa: D102

    def value(self, lots: int, ticks: int) -> int:
        """Return the base units that a position of `lots` (negative if short) is worth at a price."""
        ...


def _check(symbol: str, multiplier: int, expiry_s: int | None) -> None:
    if not symbol:
        raise ContractError("contract: symbol must not be empty")
    if multiplier < 1:
        raise ContractError(f"contract {symbol}: multiplier must be at least 1, got {multiplier}")
    if expiry_s is not None and expiry_s <= 0:
        raise ContractError(f"contract {symbol}: expiry_s must be positive, got {expiry_s}")


@dataclass(frozen=True, slots=True)
class LinearContract:
    """Perpetual or dated future whose value is proportional to the price: ``PnL = q (p - e)`` (MODEL 2.1).

    A spot holding put up as collateral is one, too: bought for nothing, with its haircut as margin.

    Parameters
    ----------
    symbol : str
    multiplier : int
        Base units of the settlement asset per lot and tick.
    expiry_s : int, optional
        Second of the final settlement; None for a perpetual.

    Raises
    ------
    ContractError
        If the symbol is empty or a number is not positive.
    """

    symbol: str
    multiplier: int
    expiry_s: int | None = None

    def __post_init__(self) -> None:
        _check(self.symbol, self.multiplier, self.expiry_s)

    @property
    def shape(self) -> Shape:
        """Linear."""
        return Shape.LINEAR

    def value(self, lots: int, ticks: int) -> int:
        """Return the base units that a position of `lots` (negative if short) is worth at a price."""
        return lots * ticks * self.multiplier


@dataclass(frozen=True, slots=True)
class InverseContract:
    """Contract on a fixed amount of the quote currency, settled in coin (MODEL 2.1, CASES P03).

    ``PnL_coin = N (1/e - 1/p)``: a long position is worth ``-N/p``. Values are rounded to the
    nearest unit, the same for both sides.

    Parameters
    ----------
    symbol : str
    multiplier : int
        Base units of the coin times ticks per lot: a lot of 1 USD with ticks of .5 USD and
        ``10**8`` base units per coin has ``2 * 10**8``.
    expiry_s : int, optional
        Second of the final settlement; None for a perpetual.

    Raises
    ------
    ContractError
        If the symbol is empty or a number is not positive.
    """

    symbol: str
    multiplier: int
    expiry_s: int | None = None

    def __post_init__(self) -> None:
        _check(self.symbol, self.multiplier, self.expiry_s)

    @property
    def shape(self) -> Shape:
        """Inverse."""
        return Shape.INVERSE

    def value(self, lots: int, ticks: int) -> int:
        """Return base units that a position of `lots` (negative if short) is worth at a price above 0."""
        size = (2 * abs(lots) * self.multiplier + ticks) // (2 * ticks)
        return -size if lots > 0 else size


@dataclass(frozen=True, slots=True)
class OptionContract:
    """European option, settled in cash at expiry; its price moves in ticks like any other.

    Parameters
    ----------
    symbol : str
    multiplier : int
        Base units of the settlement asset per lot and tick.
    expiry_s : int
        Second of expiry.
    strike : int
        Ticks.
    right : Right

    Raises
    ------
    ContractError
        If the symbol is empty or a number is not positive.
    """

    symbol: str
    multiplier: int
    expiry_s: int
    strike: int
    right: Right

    def __post_init__(self) -> None:
        _check(self.symbol, self.multiplier, self.expiry_s)
        if self.strike <= 0:
            raise ContractError(f"contract {self.symbol}: strike must be positive, got {self.strike}")

    @property
    def shape(self) -> Shape:
        """Linear: in the price of the option."""
        return Shape.LINEAR

    def value(self, lots: int, ticks: int) -> int:
        """Return the base units that a position of `lots` (negative if short) is worth at its price."""
        return lots * ticks * self.multiplier

    def payoff(self, underlying: int) -> int:
        """Price of the option at expiry, ticks, when the underlying settles at so many ticks."""
        return max(int(self.right) * (underlying - self.strike), 0)


def check_live(contract: Contract, now_s: int) -> None:
    """Refuse what would trade or margin a contract that has expired.

    Raises
    ------
    ContractError
        If `now_s` is not before its expiry.
    """
    if contract.expiry_s is not None and now_s >= contract.expiry_s:
        raise ContractError(
            f"contract {contract.symbol}: expired at {contract.expiry_s} s, cannot be used at {now_s} s"
        )
