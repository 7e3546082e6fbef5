"""Ajna: lending without an oracle, lenders' deposits in buckets of price, kickers who stake bonds.

`buckets` is the price grid and what is read off deposits, `auction` the rules of kick and take, `book` a
pool's balance sheet with interest and settlement, `loans` the order of the loans; `pool` is the pool of
the simulation. Amounts and prices are wad. Sources: MODEL 1.10, CASES A11-A13; ajna-core 0f59e780.
"""

from __future__ import annotations

from .auction import (
    Auction,
    Take,
    auction_price,
    bond_factor,
    bond_penalty_factor,
    is_collateralized,
    kick,
    neutral_ratio,
    take,
    take_penalty,
)
from .book import Book, accrue, settle
from .buckets import lowest_utilized_price, price_at

__all__ = [
    "Auction",
    "Book",
    "Take",
    "accrue",
    "auction_price",
    "bond_factor",
    "bond_penalty_factor",
    "is_collateralized",
    "kick",
    "lowest_utilized_price",
    "neutral_ratio",
    "price_at",
    "settle",
    "take",
    "take_penalty",
]
