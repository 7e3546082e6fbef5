"""What contracts are worth in the outside world: the prices that their books are anchored to.

A perpetual follows its underlying. A dated future stands above it by a carry that is gone at expiry; what it
ends at is an average of the underlying, so from the beginning of the averaging on part of its price is known.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...market.prices.reference import YEAR_S
from ..scenarios.venues import AssetConfig, FutureConfig

Floats = NDArray[np.float64]


def contract_path(asset: AssetConfig, underlying: Floats, block_time_s: float) -> Floats:
    """Return the outside price of a contract.

    Parameters
    ----------
    asset : AssetConfig
        The contract.
    underlying : float64 ndarray, shape (n_blocks + 1,)
        Outside price of what it follows, USD.
    block_time_s : float

    Returns
    -------
    float64 ndarray, shape (n_blocks + 1,)
        USD; for a future constant from its expiry on, where it is the final price.
    """
    if asset.future is None:
        return underlying
    return _future_path(asset.future, underlying, block_time_s)


def expiry_block(future: FutureConfig, block_time_s: float) -> int:
    """Return the first block that is not before the expiry."""
    return math.ceil(future.expiry_s / block_time_s - 1e-9)


def _future_path(future: FutureConfig, underlying: Floats, block_time_s: float) -> Floats:
    """``F = known + rest S exp(c tau)``: the known part of the average, and what the rest may be."""
    end = expiry_block(future, block_time_s)
    looks = min(max(round(future.average_s / block_time_s), 1), end)  # prices in the average
    blocks = np.arange(len(underlying))
    averaged = np.where((blocks > end - looks) & (blocks <= end), underlying, 0.0)
    rest = np.clip(end - blocks, 0, looks)
    tau = np.maximum(end - blocks, 0) * block_time_s / YEAR_S
    ahead = underlying * np.exp(future.carry_per_year * tau)
    path: Floats = (averaged.cumsum() + rest * ahead) / looks
    return path
