"""Liquidity pools on the ledger, with readings: constant product and concentrated liquidity."""

from .concentrated_liquidity import ConcentratedParameters, ConcentratedState
from .concentrated_pool import ConcentratedPool
from .constant_product import PairState
from .liquidity_pool import LiquidityPool
from .pool import Pool
from .twap import PoolTwap

__all__ = [
    "ConcentratedParameters", "ConcentratedPool", "ConcentratedState", "LiquidityPool", "PairState", "Pool",
    "PoolTwap",
]  # fmt: skip
