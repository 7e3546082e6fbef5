"""The books of one market inside a simulation: its totals, and what they are proved against.

`MarketBook` is immutable, so that whoever keeps one can go back to it. Each function
makes the book of after an event; the counts of loan tokens and shares are kept from what
the calls moved, apart from the totals that the rules keep.
"""

from __future__ import annotations

from dataclasses import dataclass

from .liquidation import Liquidation
from .market import Market, accrue
from .operations import Operation
from .parameters import MarketParameters
from .rates import adaptive_rate


@dataclass(frozen=True, slots=True)
class MarketBook:
    """One market of a pool.

    Parameters
    ----------
    parameters : MarketParameters
    market : Market
        Totals as the rules keep them.
    rate_at_target : int
        Of the interest-rate model, wad per second.
    lender_shares, fee_shares : int
        Supply shares of the lenders, and of the recipient of the fee.
    cash : int
        Loan base units that were paid in less those that were paid out.
    over_paid : int
        Part of `cash` that no total counts: repayments that rounding made larger than all debt.
    written_off : int
        Bad debt taken off the lenders' claims so far, loan base units.
    """

    parameters: MarketParameters
    market: Market
    rate_at_target: int
    lender_shares: int = 0
    fee_shares: int = 0
    cash: int = 0
    over_paid: int = 0
    written_off: int = 0


def accrued(book: MarketBook, now: int) -> MarketBook:
    """Charge interest at the adaptive rate up to `now`, seconds since the epoch."""
    if now == book.market.last_update:
        return book
    rate = adaptive_rate(book.market, book.rate_at_target, now)
    done = accrue(book.market, book.parameters, rate.borrow_rate, now)
    return MarketBook(
        book.parameters,
        done.market,
        rate.rate_at_target,
        book.lender_shares,
        book.fee_shares + done.fee_shares,
        book.cash,
        book.over_paid,
        book.written_off,
    )


def repaid(book: MarketBook, done: Operation) -> MarketBook:
    """Book a borrower's repayment; `book` is the one it was made on."""
    return _paid(book, done.market, done.assets, 0)


def liquidated(book: MarketBook, done: Liquidation) -> MarketBook:
    """Book a liquidation; `book` is the one it was made on."""
    return _paid(book, done.market, done.repaid_assets, done.bad_debt_assets)


def _paid(book: MarketBook, market: Market, paid: int, written_off: int) -> MarketBook:
    return MarketBook(
        book.parameters,
        market,
        book.rate_at_target,
        book.lender_shares,
        book.fee_shares,
        book.cash + paid,
        book.over_paid + max(0, paid - book.market.total_borrow_assets),
        book.written_off + written_off,
    )


def disagreement(book: MarketBook) -> tuple[int, int]:
    """Compare the rules' totals with the counts.

    Returns
    -------
    tuple of int
        Supply shares that nobody or two own, and loan base units that supply less borrow
        and the cash differ by.
    """
    market = book.market
    shares = market.total_supply_shares - book.lender_shares - book.fee_shares
    idle = market.total_supply_assets - market.total_borrow_assets
    return abs(shares), abs(book.cash - book.over_paid - idle)
