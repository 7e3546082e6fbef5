"""Closed forms of perpetuals: profit, bankruptcy price and liquidation price (MODEL 2.1).

Floats, to plan and to analyse; whether an account is liquidated is decided in whole units (`accounts`).
An inverse contract settles in coin, so a long position in it loses ever faster as the price falls.
"""

from __future__ import annotations

import math
from itertools import pairwise

from .tiers import NANO, UNBOUNDED, MarginTiers


def linear_pnl(quantity: float, entry: float, price: float) -> float:
    """Profit of a linear position, ``q (p - e)``; `quantity` is negative if short."""
    return quantity * (price - entry)


def inverse_pnl(contracts_usd: float, entry: float, price: float) -> float:
    """Profit of an inverse position in coins, ``N (1/e - 1/p)`` (CASES P03); negative `N` if short."""
    return contracts_usd * (1.0 / entry - 1.0 / price)


def linear_bankruptcy_price(wallet: float, quantity: float, entry: float) -> float:
    """Price at which a linear position has lost its margin; 0 if no price does."""
    return max(entry - wallet / quantity, 0.0)


def linear_liquidation_price(
    wallet: float, quantity: float, entry: float, tiers: MarginTiers, unit: int = 1
) -> float:
    """Price at which equity is the maintenance of the tier that the notional falls in (CASES P02).

    ``p = (W + cum - q e) / (|q| (m - sign q))``, in the first tier whose bound is at least ``|q| p``.

    Parameters
    ----------
    wallet : float
        Margin, whole units of the settlement asset.
    quantity : float
        Size, negative if short; not 0.
    entry : float
        Entry price.
    tiers : MarginTiers
    unit : int
        Base units in one whole unit of the settlement asset.

    Returns
    -------
    float
        0 if a long, infinity if a short position survives any price.
    """
    side = math.copysign(1.0, quantity)
    floors = pairwise((0, *tiers.bounds[:-1], UNBOUNDED))
    for (floor, bound), rate, cum in zip(floors, tiers.rates, tiers.cum, strict=True):
        slope = abs(quantity) * (rate / NANO - side)
        if slope == 0.0:
            continue
        price = (wallet + cum / unit - quantity * entry) / slope
        if floor / unit <= abs(quantity) * price <= bound / unit:
            return price
    return 0.0 if quantity > 0 else math.inf


def inverse_bankruptcy_price(margin: float, contracts_usd: float, entry: float) -> float:
    """Price at which an inverse position has lost its margin in coins, ``1 / (1/e + M/N)`` (CASES P03).

    `contracts_usd` is negative if short; infinity if a short position survives any price.
    """
    inverse = 1.0 / entry + margin / contracts_usd
    return 1.0 / inverse if inverse > 0.0 else math.inf


def inverse_liquidation_price(margin: float, contracts_usd: float, entry: float, rate: float) -> float:
    """Price at which an inverse position is liquidated, with maintenance on its entry value (CASES P03).

    ``1 / (1/e + (M - m |N|/e) / N)``; infinity if a short position survives any price.
    """
    return inverse_bankruptcy_price(margin - rate * abs(contracts_usd) / entry, contracts_usd, entry)
