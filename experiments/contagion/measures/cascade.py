"""Liquidations that cause liquidations: branching ratio, critical shock, amplified fall.

The *liquidation wall* says how much is sold by the time a price has fallen by a share ``x``. Where
its slope meets the inverse of the market's price impact, each sale triggers as much again:
branching ratio ``R(x) = impact * wall'(x)``, total ``first / (1 - R)``, explosive from 1 (MODEL 4.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..claims import Floats, vector
from ..errors import ContagionError, EmptyGraphError


@dataclass(frozen=True, eq=False)
class Wall:
    """What is sold by the time that a price has fallen.

    Attributes
    ----------
    falls : float64 ndarray, shape (n,)
        Fall of the price at which each sale is triggered, as a share; rising.
    sales_usd : float64 ndarray, shape (n,)
        Size of each sale at the starting price, USD.
    """

    falls: Floats
    sales_usd: Floats

    def sold_usd(self, fall: ArrayLike) -> Floats:
        """Return what is sold until the price has fallen by a share, USD."""
        heights = np.concatenate([[0.0], self.sales_usd.cumsum()])
        return np.asarray(heights[np.searchsorted(self.falls, np.asarray(fall, np.float64), side="right")])

    def slope_usd(self, fall: ArrayLike, bandwidth: float) -> Floats:
        """Return the wall's slope around a fall, USD per unit fall, averaged over `bandwidth`."""
        at = np.asarray(fall, dtype=np.float64)
        rise = self.sold_usd(at + 0.5 * bandwidth) - self.sold_usd(at - 0.5 * bandwidth)
        return np.asarray(rise / bandwidth)

    def settle(self, shock: float, impact_per_usd: float) -> tuple[float, float]:
        """Let a shock and the sales it triggers come to rest.

        Parameters
        ----------
        shock : float
            First fall of the price, a share from 0 to 1.
        impact_per_usd : float
            Further fall per USD sold, linear.

        Returns
        -------
        fall : float
            Least ``x`` with ``x = shock + impact_per_usd * sold_usd(x)``; 1 at most.
        sold : float
            What has been sold then, USD.
        """
        fall, sold = shock, 0.0
        while True:
            now = float(self.sold_usd(fall))
            if now <= sold or fall >= 1.0:
                return fall, now
            fall, sold = min(shock + impact_per_usd * now, 1.0), now


def wall_of_loans(
    collateral_usd: ArrayLike,
    debt_usd: ArrayLike,
    threshold: ArrayLike,
    bonus: ArrayLike = 0.0,
    close_factor: float = 1.0,
) -> Wall:
    """Build the wall of loans whose collateral falls with one price.

    A loan is liquidatable from ``x = 1 - debt / (collateral * threshold)``; what is sold then is
    ``close_factor * debt * (1 + bonus)``, all of the collateral at most.

    Parameters
    ----------
    collateral_usd, debt_usd : array_like, shape (n,)
        From 0. Loans without debt, and those without collateral, have no place in the wall.
    threshold : array_like, shape (n,)
        Liquidation threshold, above 0.
    bonus : array_like, shape (n,)
    close_factor : float
        Share of the debt that is repaid, above 0 to 1.
    """
    n = int(np.atleast_1d(np.asarray(collateral_usd)).size)
    collateral = vector(collateral_usd, n, "collateral_usd", low=0.0)
    debt = vector(debt_usd, n, "debt_usd", low=0.0)
    weight = vector(threshold, n, "threshold", above=0.0)
    extra = vector(bonus, n, "bonus", low=0.0)
    if not 0.0 < close_factor <= 1.0:
        raise ContagionError(f"close_factor = {close_factor:g}; allowed: above 0, up to 1")
    k = np.flatnonzero((debt > 0.0) & (collateral > 0.0))
    falls = np.maximum(1.0 - debt[k] / (collateral[k] * weight[k]), 0.0)
    sales = np.minimum(close_factor * debt[k] * (1.0 + extra[k]), collateral[k])
    order = np.argsort(falls, kind="stable")
    return Wall(falls[order], sales[order])


def branching_ratio(wall: Wall, fall: ArrayLike, impact_per_usd: float, bandwidth: float) -> Floats:
    """Return how much one USD of sales triggers, when the price has fallen by a share."""
    if not 0.0 <= impact_per_usd < math.inf:
        raise ContagionError(f"impact_per_usd = {impact_per_usd:g}; allowed: from 0")
    if not 0.0 < bandwidth <= 1.0:
        raise ContagionError(f"bandwidth = {bandwidth:g}; allowed: above 0, up to 1")
    return impact_per_usd * wall.slope_usd(fall, bandwidth)


def total_cascade(first: float, ratio: float) -> float:
    """Return all that is liquidated if each unit triggers `ratio` more: ``first / (1 - ratio)``.

    Infinite from a ratio of 1.

    Examples
    --------
    >>> round(total_cascade(10.0, 0.5), 9), total_cascade(10.0, 1.0)
    (20.0, inf)
    """
    if not (first >= 0.0 and ratio >= 0.0):
        raise ContagionError(f"first = {first:g} and ratio = {ratio:g}; allowed: from 0")
    return first / (1.0 - ratio) if ratio < 1.0 else math.inf


def critical_shock(wall: Wall, impact_per_usd: float, bandwidth: float = 0.01) -> float | None:
    """Return the least fall at which the branching ratio reaches 1, None if it never does.

    Parameters
    ----------
    wall : Wall
    impact_per_usd : float
        Fall of the price per USD sold: the inverse of depth.
    bandwidth : float
        Width over which the wall's steps are smoothed, as a share of the price.
    """
    if not len(wall.falls):
        raise EmptyGraphError("the wall has no loans; at least 1 is needed")
    half = 0.5 * bandwidth
    edges = np.concatenate([wall.falls - half, wall.falls + half, [0.0]])
    places = np.unique(np.clip(edges, 0.0, 1.0))
    # the slope is constant between edges, so it is asked just after each of them
    reached = np.flatnonzero(
        branching_ratio(wall, places + 1e-9 * bandwidth, impact_per_usd, bandwidth) >= 1.0
    )
    return float(places[reached[0]]) if len(reached) else None


def critical_leverage(volatility: float, volume_share: float, prefactor: float = 1.0) -> tuple[float, float]:
    """Return the price impact of unwinding a position and the leverage at which it costs all equity.

    Square-root impact ``I = prefactor * volatility * sqrt(Q / V)``; on average a position is sold at
    ``2 I / 3`` below the start, which eats the equity at a leverage of ``3 / (2 I)``. After Caccioli,
    Bouchaud and Farmer (2012, arXiv:1204.0922), re-derived.

    Parameters
    ----------
    volatility : float
        Daily, as a share.
    volume_share : float
        Position over daily volume.
    prefactor : float

    Returns
    -------
    impact, leverage : float

    Examples
    --------
    >>> impact, leverage = critical_leverage(0.05, 0.04)
    >>> round(impact, 9), round(leverage, 6)
    (0.01, 150.0)
    """
    for name, value in (("volatility", volatility), ("volume_share", volume_share), ("prefactor", prefactor)):
        if not 0.0 < value < math.inf:
            raise ContagionError(f"{name} = {value:g}; allowed: above 0")
    impact = prefactor * volatility * math.sqrt(volume_share)
    return impact, 1.5 / impact
