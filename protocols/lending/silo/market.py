"""The books of one silo that lends: what lenders are owed, debt shares, interest.

Interest goes to lenders but for the fees, which are kept apart as an amount. The functions
return new states and leave what they are given untouched.
Source: silo-finance/silo-contracts-v2 340a49b, ``SiloMathLib.sol`` and ``SiloLendingLib.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import RAY, SECONDS_PER_YEAR, WAD, ceil_div
from ...interest import variable_rate
from .parameters import SiloParameters


@dataclass(frozen=True, slots=True)
class Silo:
    """Totals, base units of the asset lent.

    Parameters
    ----------
    deposits : int
        What lenders are owed, interest included.
    debt_assets, debt_shares : int
        What borrowers owe, and the shares it is split into.
    revenue : int
        Fees of the protocol and the deployer that nobody has collected.
    updated : int
        Time of the last accrual, s since the epoch.
    """

    deposits: int = 0
    debt_assets: int = 0
    debt_shares: int = 0
    revenue: int = 0
    updated: int = 0

    @property
    def cash(self) -> int:
        """Base units that should lie in the silo."""
        return self.deposits + self.revenue - self.debt_assets


class Repayment(NamedTuple):
    """Books after a repayment, and the shares it burnt."""

    silo: Silo
    shares: int


def accrue(silo: Silo, parameters: SiloParameters, now: int) -> Silo:
    """Charge interest up to `now`, s since the epoch; what is charged is rounded up."""
    elapsed = now - silo.updated
    if elapsed == 0:
        return silo
    used = min(silo.debt_assets * RAY // silo.deposits, RAY) if silo.deposits else 0
    growth = variable_rate(parameters.interest, used) * elapsed // (SECONDS_PER_YEAR * (RAY // WAD))
    interest = ceil_div(silo.debt_assets * growth, WAD)
    fees = interest * parameters.dao_fee // WAD
    return replace(
        silo,
        deposits=silo.deposits + interest - fees,
        debt_assets=silo.debt_assets + interest,
        revenue=silo.revenue + fees,
        updated=now,
    )


def debt_assets(silo: Silo, shares: int) -> int:
    """Count what shares of the debt owe, base units, rounded up."""
    return ceil_div(shares * silo.debt_assets, silo.debt_shares) if silo.debt_shares else 0


def repay(silo: Silo, assets: int, shares: int) -> Repayment:
    """Pay `assets` against a debt of `shares`; shares burnt are rounded down.

    Debts rounded up may add up to more than their total; what is paid beyond it is revenue.

    Raises
    ------
    Revert
        ``RepayZero`` for too little to count, ``RepayTooHigh`` for more than is owed.
    """
    owed = debt_assets(silo, shares)
    if assets > owed:
        raise Revert("RepayTooHigh")
    burnt = shares if assets == owed else assets * silo.debt_shares // max(silo.debt_assets, 1)
    burnt = min(burnt, shares)
    if burnt == 0:
        raise Revert("RepayZero")
    paid = min(assets, silo.debt_assets)
    after = replace(
        silo,
        debt_assets=silo.debt_assets - paid,
        debt_shares=silo.debt_shares - burnt,
        revenue=silo.revenue + assets - paid,
    )
    return Repayment(after, burnt)
