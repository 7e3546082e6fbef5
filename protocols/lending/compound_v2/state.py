"""What a Compound v2 or Venus pool remembers: one market, and one account in one market.

States are values: every rule takes them and returns new ones, so a call that
reverts cannot have changed anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from .params import WAD


@dataclass(frozen=True, slots=True)
class MarketState:
    """One cToken or vToken market as stored at `accrual_block`.

    Parameters
    ----------
    cash, total_borrows, total_reserves : int
        Base units of the underlying.
    total_supply : int
        Base units of the cToken (8 decimals).
    borrow_index : int
        Growth of one unit of debt since the start, wad.
    accrual_block : int
        Block up to which interest is booked.
    """

    cash: int = 0
    total_borrows: int = 0
    total_reserves: int = 0
    total_supply: int = 0
    borrow_index: int = WAD
    accrual_block: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """One account in one market.

    Parameters
    ----------
    tokens : int
        cTokens held, base units.
    principal : int
        Debt at the last borrow or repayment, base units of the underlying.
    interest_index : int
        The market's borrow index at that time, wad; 0 if nothing was ever borrowed.
    entered : bool
        Whether the account uses the market: only then its tokens and its debt count.
    """

    tokens: int = 0
    principal: int = 0
    interest_index: int = 0
    entered: bool = False
