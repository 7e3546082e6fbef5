"""Bidding for positions that a venue auctions: take what is cheaper than it will bring on the book."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class PositionOffer(NamedTuple):
    """A position that a venue auctions, and its price now.

    Attributes
    ----------
    venue, case : int
        Number of the venue in the world, and of the liquidation in the venue.
    asset : int
        The contract.
    lots : int
        For sale; negative if the taker sells to the venue, which buys a short position back.
    price_usd : float
        Asked now, USD per token.
    lot : float
        Tokens in a lot.
    """

    venue: int
    case: int
    asset: int
    lots: int
    price_usd: float
    lot: float


class BookState(NamedTuple):
    """What a bidder knows of a book: mid, depth within a band (USD), volatility per root of a second."""

    mid_usd: float
    depth_usd: float
    depth_band: float
    volatility: float


@dataclass(frozen=True, slots=True)
class PositionBidder:
    """Take as much as pays most after the cost of selling it again, and sell it evenly over a while.

    A position of ``V`` USD offered ``m`` below the mid earns ``m V - c V^2``; in an even book
    ``c = band / (2 depth)``. ``m`` is reduced by `margin` and by the risk of holding it: `risk` standard
    deviations of the price over `unwind_s`.

    Parameters
    ----------
    margin : float
        Gain asked for beyond all costs, as a fraction; 0 or more.
    risk : float
        Standard deviations charged for holding; 0 or more.
    unwind_s : float
        Time over which what was taken is sold again, s; above 0.
    max_slippage : float
        Worst price of these sales, as a fraction beyond the mid; from 0 to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    margin: float = 0.001
    risk: float = 0.5
    unwind_s: float = 60.0
    max_slippage: float = 0.01

    def __post_init__(self) -> None:
        for name in ("margin", "risk"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        if not 0 < self.unwind_s < math.inf:
            raise ValueError(f"unwind_s must be above 0, got {self.unwind_s:g}")
        if not 0 <= self.max_slippage <= 1:
            raise ValueError(f"max_slippage must be from 0 to 1, got {self.max_slippage:g}")

    def worst_usd(self, side: int, book: BookState) -> float:
        """Price at which a smallest position is just worth taking; USD per token.

        Parameters
        ----------
        side : int
            1 to buy, -1 to sell.
        book : BookState
        """
        costs = self.margin + self.risk * book.volatility * math.sqrt(self.unwind_s)
        return book.mid_usd * (1.0 - side * costs)

    def size_usd(self, side: int, price_usd: float, book: BookState) -> float:
        """Worth of the position to take at a price; 0 for none."""
        gain = side * (self.worst_usd(side, book) - price_usd) / book.mid_usd
        if gain <= 0.0 or book.depth_usd <= 0.0:
            return 0.0
        return gain * book.depth_usd / book.depth_band

    def unwind_usd(self, excess_usd: float, block_time_s: float) -> float:
        """Return how much of what was taken is traded back in a block; USD, with the sign of the excess."""
        return excess_usd * min(block_time_s / self.unwind_s, 1.0)
