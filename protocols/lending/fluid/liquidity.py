"""The books of an asset that Fluid's liquidity layer lends to all vaults: raw debt and its exchange price.

What borrowers owe is raw debt times an exchange price with 12 decimals, which interest raises.
Interest goes to lenders but for a fee. The functions return new states and leave what they are
given untouched. Any interest-rate curve may be set; here it is two straight lines.
Source: Instadapp/fluid-contracts-public a9949b4, ``liquidityCalcs.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from ...fixed_point import PERCENTAGE_FACTOR, RAY, SECONDS_PER_YEAR, ceil_div
from ...interest import KinkedCurve, variable_rate

EXCHANGE_PRICES_PRECISION = 10**12


@dataclass(frozen=True, slots=True)
class Liquidity:
    """Totals of one asset, base units.

    Parameters
    ----------
    deposits : int
        What lenders are owed, interest included.
    raw_debt : int
        Of all vaults.
    exchange_price : int
        Base units owed for a raw unit, 12 decimals.
    revenue : int
        Fees on interest, and what roundings have left.
    updated : int
        Time of the last accrual, s since the epoch.
    """

    deposits: int
    raw_debt: int
    exchange_price: int = EXCHANGE_PRICES_PRECISION
    revenue: int = 0
    updated: int = 0

    def owed(self, raw: int) -> int:
        """Return what raw debt owes, base units, rounded up."""
        return ceil_div(raw * self.exchange_price, EXCHANGE_PRICES_PRECISION)

    def raw(self, units: int) -> int:
        """Return the raw debt that base units repay, rounded down."""
        return units * EXCHANGE_PRICES_PRECISION // self.exchange_price

    @property
    def cash(self) -> int:
        """Base units that should lie here."""
        return self.deposits + self.revenue - self.owed(self.raw_debt)


class Repayment(NamedTuple):
    """Books after a repayment, and what it cost."""

    liquidity: Liquidity
    paid: int


def accrue(liquidity: Liquidity, curve: KinkedCurve, fee: int, now: int) -> Liquidity:
    """Raise the exchange price up to `now`, s since the epoch.

    Parameters
    ----------
    liquidity : Liquidity
    curve : KinkedCurve
    fee : int
        Share of the interest that lenders do not get; basis points.
    now : int
    """
    elapsed = now - liquidity.updated
    if elapsed == 0:
        return liquidity
    owed = liquidity.owed(liquidity.raw_debt)
    used = min(owed * RAY // liquidity.deposits, RAY) if liquidity.deposits else 0
    growth = liquidity.exchange_price * variable_rate(curve, used) * elapsed // (SECONDS_PER_YEAR * RAY)
    after = replace(liquidity, exchange_price=liquidity.exchange_price + growth, updated=now)
    interest = after.owed(after.raw_debt) - owed
    fees = interest * fee // PERCENTAGE_FACTOR
    return replace(after, deposits=liquidity.deposits + interest - fees, revenue=liquidity.revenue + fees)


def repay(liquidity: Liquidity, raw: int) -> Repayment:
    """Repay raw debt at the exchange price, rounded up; what is paid beyond all debt is revenue."""
    paid = liquidity.owed(raw)
    after = replace(liquidity, raw_debt=max(0, liquidity.raw_debt - raw))
    lent = liquidity.owed(liquidity.raw_debt) - after.owed(after.raw_debt)
    return Repayment(replace(after, revenue=after.revenue + paid - lent), paid)
