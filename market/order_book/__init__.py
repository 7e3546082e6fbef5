"""Limit order books with price-time priority, matched in compiled code."""

from .layout import (
    BUY,
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    POST_ONLY,
    SELL,
    SelfTrade,
    Status,
)
from .order_book import OrderBook

__all__ = [
    "BUY",
    "FILL_OR_KILL",
    "IMMEDIATE_OR_CANCEL",
    "POST_ONLY",
    "SELL",
    "OrderBook",
    "SelfTrade",
    "Status",
]
