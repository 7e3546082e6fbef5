"""Liquidity pools: constant product (on the ledger, with readings) and concentrated liquidity."""

from .concentrated_liquidity import ConcentratedParameters, ConcentratedState
from .constant_product import PairState
from .liquidity_pool import LiquidityPool
from .twap import PoolTwap

__all__ = ["ConcentratedParameters", "ConcentratedState", "LiquidityPool", "PairState", "PoolTwap"]
