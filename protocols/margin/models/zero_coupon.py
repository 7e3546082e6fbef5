"""Yield of a zero-coupon bond or a fixed-rate loan from its price (CASES O12)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .inputs import Floats, ParameterError


class Yield(NamedTuple):
    """Yields per year, compounded once a year and continuously."""

    annual: Floats
    continuous: Floats


def zero_coupon_yield(price: ArrayLike, years: ArrayLike) -> Yield:
    """Yield at which a price grows to 1: ``P^(-1/T) - 1`` and ``-ln P / T``.

    Parameters
    ----------
    price : array_like
        Per unit of face value, positive; arguments broadcast.
    years : array_like
        To maturity, positive.

    Raises
    ------
    ParameterError
        If an argument is not positive.
    """
    p, t = np.broadcast_arrays(np.asarray(price, np.float64), np.asarray(years, np.float64))
    if not (np.all(p > 0.0) and np.all(t > 0.0)):
        raise ParameterError("price and years to maturity of a bond must be above 0")
    continuous: Floats = -np.log(p) / t
    return Yield(np.expm1(continuous), continuous)
