"""The books of one Euler v2 vault: cash, exact debts, shares, interest.

Debts are kept with 31 fractional bits and rounded up to base units wherever they are
asked for. The functions return new states and leave what they are given untouched.
Source: euler-xyz/euler-vault-kit 5b98b42, ``Cache.sol`` and ``BorrowUtils.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from ....market.revert import Revert
from ...fixed_point import MAX_UINT256, PERCENTAGE_FACTOR, RAY
from ..maker.abaci import rpow
from .parameters import VaultParameters

DEBT_SHIFT = 31
"""Fractional bits of an exact debt."""
ONE_UNIT = 1 << DEBT_SHIFT
MAX_SANE_AMOUNT = 2**112 - 1
MAX_SANE_DEBT = MAX_SANE_AMOUNT << DEBT_SHIFT


@dataclass(frozen=True, slots=True)
class Vault:
    """Totals of a vault.

    Parameters
    ----------
    cash : int
        Tokens in the vault, base units.
    total_borrows : int
        What borrowers owe, exact (31 fractional bits).
    total_shares, accumulated_fees : int
        Shares of the depositors, and how many of them are fees.
    interest_accumulator : int
        Growth of a debt since the vault opened, ray.
    interest_rate : int
        Charged since the last change, per second, ray.
    """

    cash: int = 0
    total_borrows: int = 0
    total_shares: int = 0
    accumulated_fees: int = 0
    interest_accumulator: int = RAY
    interest_rate: int = 0


class DebtTransfer(NamedTuple):
    """Exact debts of two accounts after debt went from one to the other."""

    giver: int
    taker: int


class DebtDecrease(NamedTuple):
    """Books after an account owes less."""

    vault: Vault
    debt: int


def debt_in_assets(exact: int) -> int:
    """Round an exact debt up to base units."""
    return -(-exact >> DEBT_SHIFT)


def grown_debt(exact: int, accumulator_before: int, accumulator_now: int) -> int:
    """Charge an exact debt the interest since `accumulator_before`, rounded down."""
    return exact * accumulator_now // accumulator_before


def accrue(vault: Vault, parameters: VaultParameters, elapsed: int) -> Vault:
    """Charge interest for `elapsed` seconds; the fee is paid in fresh shares.

    Interest that would leave the contract's range is not charged: a vault must not lock.

    Parameters
    ----------
    vault : Vault
        As of the last accrual.
    parameters : VaultParameters
        Gives the fee.
    elapsed : int
        Seconds since then.
    """
    if elapsed == 0:
        return vault
    accumulator = _grown_accumulator(vault, elapsed)
    borrows = vault.total_borrows * accumulator // vault.interest_accumulator
    interest = borrows - vault.total_borrows
    fee = interest * parameters.interest_fee // (PERCENTAGE_FACTOR << DEBT_SHIFT)
    shares = vault.total_shares
    if fee:
        assets = vault.cash + debt_in_assets(borrows)
        shares = assets * shares // (assets - fee)
    if shares > MAX_SANE_AMOUNT or borrows > MAX_SANE_DEBT:
        return vault
    return replace(
        vault,
        total_borrows=borrows,
        total_shares=shares,
        accumulated_fees=vault.accumulated_fees + shares - vault.total_shares,
        interest_accumulator=accumulator,
    )


def with_new_rate(vault: Vault, parameters: VaultParameters) -> Vault:
    """Books with the interest rate that follows from what is lent now."""
    rate = parameters.interest.rate(vault.cash, debt_in_assets(vault.total_borrows))
    return replace(vault, interest_rate=rate)


def transfer_debt(giver: int, taker: int, assets: int) -> DebtTransfer:
    """Move debt between two accounts of a vault.

    Parameters
    ----------
    giver, taker : int
        Exact debts of who is relieved and who takes over.
    assets : int
        Debt to move, base units; within one unit of all of it, all of it moves.

    Raises
    ------
    Revert
        ``E_InsufficientDebt`` for more than the giver owes.
    """
    moved = assets << DEBT_SHIFT
    if abs(moved - giver) < ONE_UNIT:
        moved = giver
    if moved > giver:
        raise Revert("E_InsufficientDebt")
    return DebtTransfer(giver - moved, taker + moved)


def decrease_debt(vault: Vault, debt: int, assets: int) -> DebtDecrease:
    """Take `assets` off a debt and off the total; what is left is rounded up to base units.

    Parameters
    ----------
    vault : Vault
        Accrued.
    debt : int
        Of the account, exact.
    assets : int
        Base units.

    Raises
    ------
    Revert
        ``E_RepayTooMuch`` for more than is owed.
    """
    owed = debt_in_assets(debt)
    if assets > owed:
        raise Revert("E_RepayTooMuch")
    left = (owed - assets) << DEBT_SHIFT
    # Rounded debts may add up to more than the rounded total.
    total = max(0, vault.total_borrows - debt) + left
    return DebtDecrease(replace(vault, total_borrows=total), left)


def repay(vault: Vault, debt: int, assets: int) -> DebtDecrease:
    """Pay `assets` into the vault against a debt.

    Parameters and errors are those of `decrease_debt`.
    """
    after, left = decrease_debt(vault, debt, assets)
    return DebtDecrease(replace(after, cash=after.cash + assets), left)


def _grown_accumulator(vault: Vault, elapsed: int) -> int:
    try:
        grown = vault.interest_accumulator * rpow(vault.interest_rate + RAY, elapsed)
    except Revert:
        return vault.interest_accumulator
    return grown // RAY if grown <= MAX_UINT256 else vault.interest_accumulator
