"""One pool's balance sheet: deposits in buckets, debt, bonds, and reserves, which take what is left.

Assets are what borrowers owe and the cash; liabilities are deposits, bonds and reserves. Debt is kept
as of the pool's start (t0) and grows with one inflator. All amounts wad. Sources: MODEL 1.10; ajna-core
0f59e780, ``PoolCommons.sol`` (``accrueInterest``), ``SettlerActions.sol`` (``settlePoolDebt``).
The rate is constant here: the contract changes it by a tenth every twelve hours at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

from ...fixed_point import SECONDS_PER_YEAR, WAD
from .auction import wdiv, wmul
from .buckets import Deposits, credited, price_at, removed, units_above


@dataclass(frozen=True, slots=True)
class Book:
    """Balance sheet of one pool.

    Parameters
    ----------
    deposits : Deposits
        Of the lenders.
    t0_debt, t0_auctioned : int
        Debt of all loans, and of those in auctions, as of the start.
    inflator : int
        Growth of debts up to now, wad.
    bonds : int
        Of kickers.
    reserves : int
        What the pool owns itself; negative if roundings ate more.
    auctioned_collateral, bucket_collateral : int
        Collateral in auctions, and what settled auctions have put into the lenders' buckets.
    written_off : int
        Debt for which no collateral was left, borne by reserves and lenders so far.
    """

    deposits: Deposits
    t0_debt: int
    t0_auctioned: int = 0
    inflator: int = WAD
    bonds: int = 0
    reserves: int = 0
    auctioned_collateral: int = 0
    bucket_collateral: int = 0
    written_off: int = 0

    @property
    def debt(self) -> int:
        """What all loans owe now."""
        return wmul(self.t0_debt, self.inflator)

    @property
    def auctioned(self) -> int:
        """What loans in auctions owe now."""
        return wmul(self.t0_auctioned, self.inflator)


class Settled(NamedTuple):
    """The balance sheet after settling an auction, and what is left of the loan: t0 debt, collateral."""

    book: Book
    t0_debt: int
    collateral: int


@lru_cache(maxsize=256)
def inflator_after(rate: int, seconds: int) -> int:
    """Return the growth of a debt at a rate a year (wad), compounded all the time; wad."""
    with localcontext() as context:
        context.prec = 40
        return int((Decimal(rate) * seconds / (Decimal(WAD) * SECONDS_PER_YEAR)).exp() * WAD)


def accrue(book: Book, inflator: int, lenders_share: int, highest_t0: int) -> Book:
    """Grow debts to an inflator, and pay lenders their share of the interest.

    Parameters
    ----------
    book : Book
    inflator : int
        Of now.
    lenders_share : int
        Part of the interest that goes to deposits, wad.
    highest_t0 : int
        Highest threshold price of a loan, with the contract's margin, as of the start: only
        buckets at least as high earn.
    """
    if inflator == book.inflator:
        return book
    interest = wmul(book.t0_debt, inflator) - book.debt
    due = interest * lenders_share // WAD
    deposits, paid = credited(book.deposits, due, wmul(highest_t0, inflator))
    return replace(book, deposits=deposits, inflator=inflator, reserves=book.reserves + interest - paid)


def repaid(book: Book, t0_repaid: int, received: int) -> Book:
    """Take a repayment in: t0 debt that is gone, and money, which is the pool's beyond the debt."""
    return _without(book, t0_repaid, received)


def bonded(book: Book, change: int, received: int = 0) -> Book:
    """Change what belongs to bonds, at the cost of reserves but for money received."""
    return replace(book, bonds=book.bonds + change, reserves=book.reserves + received - change)


def in_auctions(book: Book, t0_debt: int, collateral: int) -> Book:
    """Add debt and collateral of loans to what is in auctions; negative takes away."""
    return replace(
        book,
        t0_auctioned=book.t0_auctioned + t0_debt,
        auctioned_collateral=book.auctioned_collateral + collateral,
    )


def settle(book: Book, t0_debt: int, collateral: int, scale: int) -> Settled:
    """End an auction that nobody takes: collateral for deposits, then reserves, then deposits for nothing.

    Deposits go from the highest bucket down. Collateral that no deposit is left for stays in the auction
    (the contract moves it to the lowest bucket).

    Parameters
    ----------
    book : Book
        With the loan's debt in it.
    t0_debt, collateral : int
        Of the loan.
    scale : int
        Wad in one unit of the collateral token; what lenders get is rounded up to whole units.
    """
    while t0_debt and collateral and book.deposits:
        index, deposit = book.deposits[0]
        price, debt = price_at(index), wmul(t0_debt, book.inflator)
        covered = min(debt, deposit, collateral * price // WAD)
        used = min(collateral, units_above(wdiv(covered, price), scale))
        t0_covered = t0_debt if covered == debt else covered * WAD // book.inflator
        if covered < min(debt, deposit):
            used = collateral  # it is the collateral that falls short
        t0_debt, collateral = t0_debt - t0_covered, collateral - used
        book = replace(
            _without(book, t0_covered, covered),
            deposits=removed(book.deposits, covered) if covered else book.deposits,
            bucket_collateral=book.bucket_collateral + used,
        )
    if t0_debt and not collateral:
        bad = wmul(t0_debt, book.inflator)
        paid = min(bad, max(book.reserves, 0))
        t0_paid = t0_debt if paid == bad else paid * WAD // book.inflator
        t0_debt -= t0_paid
        book = replace(_without(book, t0_paid, 0), written_off=book.written_off + paid)
        while t0_debt and book.deposits:
            debt = wmul(t0_debt, book.inflator)
            forgiven = min(debt, book.deposits[0][1])
            t0_forgiven = t0_debt if forgiven == debt else forgiven * WAD // book.inflator
            t0_debt -= t0_forgiven
            book = replace(
                _without(book, t0_forgiven, forgiven),
                deposits=removed(book.deposits, forgiven),
                written_off=book.written_off + forgiven,
            )
    return Settled(book, t0_debt, collateral)


def _without(book: Book, t0_debt: int, paid: int) -> Book:
    """Strike a debt out; reserves bear, or keep, the difference to what is paid for it."""
    left = book.t0_debt - t0_debt
    gone = book.debt - wmul(left, book.inflator)
    return replace(book, t0_debt=left, reserves=book.reserves + paid - gone)
