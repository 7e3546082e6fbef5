"""Liquidity pools: the constant-product pair, its place on the ledger and its readings."""

from .constant_product import PairState
from .liquidity_pool import LiquidityPool
from .twap import PoolTwap

__all__ = ["LiquidityPool", "PairState", "PoolTwap"]
