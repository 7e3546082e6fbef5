"""Forced sales of one illiquid asset by holders that must keep a capital ratio.

Cifuentes, Ferrucci and Shin (2005), Liquidity risk and contagion, Journal of the European Economic
Association 3, 556-566 (MODEL 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..claims import Floats, vector
from ..errors import ContagionError, EmptyGraphError, NotConvergedError

MAX_STEPS = 100_000
STILL = 1e-15


@dataclass(frozen=True, eq=False)
class FireSale:
    """Where sales and price agree.

    Attributes
    ----------
    price : float
        1 before any sale.
    sold : float64 ndarray, shape (n,)
        Units of the asset that each holder sells.
    insolvent : bool ndarray, shape (n,)
        Whose assets are worth less than its liabilities at `price`.
    steps : int
    """

    price: float
    sold: Floats
    insolvent: NDArray[np.bool_]
    steps: int


def cifuentes_ferrucci_shin(
    cash: ArrayLike, holdings: ArrayLike, liabilities: ArrayLike, required_ratio: float, impact: float
) -> FireSale:
    """Find the greatest price at which sales clear, from 1 downwards.

    With ``p`` the price, a holder with capital ``k = p q + c - l`` and ``k / (p q)`` below the
    required ratio ``r`` sells ``q - k / (r p)`` units, all if it is insolvent, and cash raised is riskless.
    The price answers with ``p = exp(-impact * units sold)``.

    Parameters
    ----------
    cash, holdings, liabilities : array_like, shape (n,)
        Liquid assets, units of the illiquid asset, and debts; from 0.
    required_ratio : float
        Least capital over risky assets, above 0.
    impact : float
        Fall of the log price per unit sold, from 0.

    Examples
    --------
    >>> mild = cifuentes_ferrucci_shin([10, 5], [50, 60], [55, 59.2], 0.1, 0.0003)
    >>> round(mild.price, 10), round(float(mild.sold.sum()), 9)
    (0.9991459961, 2.847896009)
    """
    n = int(np.atleast_1d(np.asarray(holdings)).size)
    if n == 0:
        raise EmptyGraphError("holdings are empty; at least 1 holder is needed")
    liquid = vector(cash, n, "cash", low=0.0)
    units = vector(holdings, n, "holdings", low=0.0)
    debts = vector(liabilities, n, "liabilities", low=0.0)
    if not 0.0 < required_ratio < np.inf:
        raise ContagionError(f"required_ratio = {required_ratio:g}; allowed: above 0")
    if not 0.0 <= impact < np.inf:
        raise ContagionError(f"impact = {impact:g}; allowed: from 0")
    price = 1.0
    for steps in range(1, MAX_STEPS + 1):
        sold = _sales(price, liquid, units, debts, required_ratio)
        answer = float(np.exp(-impact * sold.sum()))
        if answer <= 0.0:
            raise ContagionError(
                f"impact = {impact:g} takes the price to 0 when {sold.sum():g} units are sold"
            )
        if price - answer <= STILL * price:
            return FireSale(price, sold, price * units + liquid < debts, steps)
        price = answer
    raise NotConvergedError(f"the price still falls after {MAX_STEPS:,} steps")


def _sales(price: float, cash: Floats, units: Floats, debts: Floats, ratio: float) -> Floats:
    capital = price * units + cash - debts
    wanted = units - capital / (ratio * price)
    return np.where(capital <= 0.0, units, np.clip(wanted, 0.0, units))
