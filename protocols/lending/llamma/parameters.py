"""What a crvUSD market may be: band width, fees and discounts, as the contracts accept them.

Holds no state and no prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from math import isqrt

from ...fixed_point import WAD

MAX_FEE = WAD // 10
MAX_ADMIN_FEE = WAD
MAX_BORROW_RATE = 43_959_106_799
"""Highest interest rate the AMM takes, wad per second (300 % a year)."""
MAX_TICKS = 50
"""Most bands of one loan, and most bands one exchange crosses."""
MIN_TICKS = 4
MIN_LIQUIDATION_DISCOUNT = WAD // 100
MAX_LOAN_DISCOUNT = WAD // 2


@dataclass(frozen=True, slots=True)
class AmmParameters:
    """Settings of one LLAMMA.

    Parameters
    ----------
    amplification : int
        A; a band is 1/A of its price wide.
    sqrt_band_ratio, log_a_ratio : int
        ``sqrt(A / (A - 1))`` and ``ln(A / (A - 1))``, wad, as given at deployment;
        `derived` computes them.
    base_price : int
        Upper oracle price of band 0 before any interest, wad.
    fee, admin_fee : int
        Lowest exchange fee and the admin's share of it, wad.
    borrowed_decimals, collateral_decimals : int
        Decimals of the two tokens, at most 18.

    Attributes
    ----------
    borrowed_precision, collateral_precision : int
        What scales a token amount to 18 decimals.
    max_oracle_ratio : int
        ``(A / (A - 1))^50`` with the contract's rounding, wad: how far from the oracle
        an exchange may walk.

    Raises
    ------
    ValueError
        If the contract could not work with a setting.
    """

    amplification: int
    sqrt_band_ratio: int
    log_a_ratio: int
    base_price: int
    fee: int
    admin_fee: int = 0
    borrowed_decimals: int = 18
    collateral_decimals: int = 18
    borrowed_precision: int = field(init=False)
    collateral_precision: int = field(init=False)
    max_oracle_ratio: int = field(init=False)

    def __post_init__(self) -> None:
        _check("amplification", self.amplification, 2, 10_000)
        _check("sqrt_band_ratio", self.sqrt_band_ratio, WAD, 2 * WAD)
        _check("log_a_ratio", self.log_a_ratio, 1, WAD)
        _check("base_price", self.base_price, 1, 2**128)
        _check("fee", self.fee, 0, MAX_FEE)
        _check("admin_fee", self.admin_fee, 0, MAX_ADMIN_FEE)
        _check("borrowed_decimals", self.borrowed_decimals, 0, 18)
        _check("collateral_decimals", self.collateral_decimals, 0, 18)
        object.__setattr__(self, "borrowed_precision", 10 ** (18 - self.borrowed_decimals))
        object.__setattr__(self, "collateral_precision", 10 ** (18 - self.collateral_decimals))
        ratio = WAD
        for _ in range(MAX_TICKS):
            ratio = ratio * self.amplification // (self.amplification - 1)
        object.__setattr__(self, "max_oracle_ratio", ratio)

    @classmethod
    def derived(
        cls,
        amplification: int,
        base_price: int,
        fee: int,
        admin_fee: int = 0,
        borrowed_decimals: int = 18,
        collateral_decimals: int = 18,
    ) -> AmmParameters:
        """Return parameters whose two band constants follow from `amplification`."""
        _check("amplification", amplification, 2, 10_000)
        sqrt_ratio = isqrt(WAD * WAD * amplification // (amplification - 1))
        with localcontext() as context:
            context.prec = 60
            log_ratio = int((Decimal(amplification) / (amplification - 1)).ln() * WAD)
        return cls(
            amplification,
            sqrt_ratio,
            log_ratio,
            base_price,
            fee,
            admin_fee,
            borrowed_decimals,
            collateral_decimals,
        )


@dataclass(frozen=True, slots=True)
class ControllerParameters:
    """Terms of the loans on one LLAMMA.

    Parameters
    ----------
    loan_discount : int
        Haircut on what collateral is worth when a loan is opened, wad.
    liquidation_discount : int
        Haircut on what it is worth when its health is measured, wad.
    rate_per_second : int
        Interest, wad per second; the AMM takes `MAX_BORROW_RATE` at most.

    Raises
    ------
    ValueError
        If the controller refuses a setting.
    """

    loan_discount: int
    liquidation_discount: int
    rate_per_second: int = 0

    def __post_init__(self) -> None:
        _check("loan_discount", self.loan_discount, 0, MAX_LOAN_DISCOUNT)
        _check("liquidation_discount", self.liquidation_discount, MIN_LIQUIDATION_DISCOUNT, WAD)
        _check("rate_per_second", self.rate_per_second, 0, 2**128)
        if self.loan_discount <= self.liquidation_discount:
            raise ValueError(
                f"LLAMMA: loan_discount must be above liquidation_discount "
                f"{self.liquidation_discount}, got {self.loan_discount}"
            )


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"LLAMMA: {name} must lie in {low} to {high}, got {value}")
