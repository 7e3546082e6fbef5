"""The liquidation wall: debt that a common fall of prices makes liquidatable (MODEL 1.1).

Beside it stands what the market could absorb, as far as the tables know it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..runs import RunResult
from .style import AFTER, BEFORE, COLOURS, drawing, new_figure, save, usd_axis

DROPS = np.linspace(0.0, 0.6, 241)
"""Common price falls of the horizontal axis, fractions."""


def liquidatable_debt(
    health_factor: NDArray[np.float64], debt_usd: NDArray[np.float64], drops: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Debt with ``health_factor * (1 - drop) < 1`` for each drop (MODEL 1.1, CASES L36).

    Parameters
    ----------
    health_factor, debt_usd : ndarray, shape (n_accounts,)
    drops : ndarray, shape (n_drops,), fractions

    Returns
    -------
    ndarray, shape (n_drops,), USD

    Examples
    --------
    >>> liquidatable_debt(np.array([1.1, 2.0]), np.array([5.0, 7.0]), np.array([0.0, 0.2, 0.6]))
    array([ 0.,  5., 12.])
    """
    order = np.argsort(health_factor, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(debt_usd[order])])
    trigger = health_factor[order]
    with np.errstate(divide="ignore"):
        return sums[np.searchsorted(trigger, 1.0 / (1.0 - drops), side="left")]


def pool_depth(depth_usd: float, drops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quote that a constant-product pool pays out until its price has fallen by `drops`, fee left out.

    The product of the reserves is constant, so the quote reserve falls with the
    square root of the price.

    Examples
    --------
    >>> pool_depth(100.0, np.array([0.0, 0.19, 0.75]))
    array([ 0., 10., 50.])
    """
    return depth_usd * (1.0 - np.sqrt(1.0 - drops))


def draw_wall(result: RunResult, folder: Path) -> Path:
    """Draw the wall at start and end, and the depth of pools and books at the start.

    Needs the ``positions`` table; uses ``quotes`` if it has depths.
    """
    positions = result.positions
    highest = 0.0
    with drawing():
        figure = new_figure(8, 5)
        axes = figure.subplots()
        for snapshot, label, colour, line in ((0, "debt, start", BEFORE, "-"), (1, "debt, end", AFTER, "--")):
            rows = positions[positions["snapshot"] == snapshot]
            debt = liquidatable_debt(rows["health_factor"].to_numpy(), rows["debt_usd"].to_numpy(), DROPS)
            highest = max(highest, float(debt.max()))
            axes.step(100 * DROPS, debt, where="post", color=colour, ls=line, lw=1.6, label=label)
        depth = market_depth(result, DROPS)
        if depth.any():
            axes.plot(
                100 * DROPS,
                depth,
                ":",
                color=COLOURS[4],
                lw=1.8,
                label="depth, start: pools, and books within 1 %",
            )
        axes.set_xlabel("common fall of all collateral prices (%)")
        axes.set_ylabel("liquidatable debt, and depth (USD)")
        axes.set_xlim(0, 60)
        axes.set_ylim(0, 1.08 * highest if highest else None)  # depth may leave the picture, the wall may not
        axes.set_title(f"{result.scenario.name}, seed {result.seed}: liquidation wall")
        axes.legend(loc="upper left")
        usd_axis(axes)
        return save(figure, folder, "liquidation_wall")


def market_depth(result: RunResult, drops: NDArray[np.float64]) -> NDArray[np.float64]:
    """USD that could be sold at the start until prices have fallen by `drops`, shape (n_drops,).

    Pools in closed form; of the books the recorded bids within 1 %, which are
    a lower bound beyond it.
    """
    total = np.zeros(len(drops))
    for asset in result.scenario.risky:
        if asset.pool is not None:
            total += pool_depth(asset.pool.depth_usd, drops)
    quotes = result.tables.get("quotes", pd.DataFrame())
    if "depth_bid_usd" in quotes and len(quotes):
        at_start = quotes[quotes["block"] == quotes["block"].min()]
        total += float(at_start["depth_bid_usd"].sum()) * np.clip(drops / 0.01, 0.0, 1.0)
    return total
