"""Prices over the run, with a tick for each liquidation and the depth of the books below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..runs import RunResult
from .style import AFTER, BEFORE, COLOURS, LINES, drawing, new_figure, no_data, save, time_scale, usd_axis

_MOST_POINTS = 2_000
"""Points drawn of a line; more would not be seen."""


def draw_price_path(result: RunResult, folder: Path) -> Path:
    """Draw mid and reference price of each asset, liquidations of it as collateral, and bid depth.

    Options are left out: they have a picture of their own.

    Needs the ``quotes`` and ``liquidations`` tables.
    """
    quotes, calls = result.quotes, result.liquidations
    assets = [
        asset.symbol
        for asset in result.scenario.assets
        if asset.option is None and (quotes["asset"] == asset.symbol).any()
    ]
    seconds, time_label = time_scale(result.scenario)
    with drawing():
        figure = new_figure(9, 1.6 + 2.0 * max(len(assets), 1) + 1.6)
        panels = figure.subplots(len(assets) + 1, 1, sharex=bool(assets), squeeze=False)[:, 0]
        for panel, symbol in zip(panels, assets, strict=False):
            rows = quotes[quotes["asset"] == symbol]
            _prices(panel, rows, symbol, seconds)
            _ticks(panel, calls[calls["collateral"] == symbol], seconds)
        _depth(panels[-1], quotes, assets, seconds)
        panels[0].set_title(f"{result.scenario.name}, seed {result.seed}: prices, liquidations and depth")
        panels[-1].set_xlabel(time_label)
        figure.align_ylabels(panels)
        return save(figure, folder, "price_path")


def _prices(panel: Axes, rows: pd.DataFrame, symbol: str, seconds: float) -> None:
    rows = rows.iloc[:: max(len(rows) // _MOST_POINTS, 1)]
    panel.plot(rows["t_s"] / seconds, rows["mid"], color=BEFORE, lw=2.2, alpha=0.55, label="book mid")
    panel.plot(rows["t_s"] / seconds, rows["reference"], "--", color="black", lw=0.8, label="reference")
    panel.set_ylabel(f"{symbol} (USD)")
    low, high = panel.get_ylim()
    panel.set_ylim(low - 0.2 * (high - low), high)  # room for the ticks below the price


def _ticks(panel: Axes, calls: pd.DataFrame, seconds: float) -> None:
    label = f"{len(calls)} liquidations"
    low, high = panel.get_ylim()
    panel.vlines(
        calls["t_done_s"] / seconds,
        low,
        low + 0.13 * (high - low),
        color=AFTER,
        lw=0.9,
        alpha=0.8,
        label=label,
    )
    panel.set_ylim(low, high)
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def _depth(panel: Axes, quotes: pd.DataFrame, assets: list[str], seconds: float) -> None:
    panel.set_ylabel("bids within 1 % (USD)")
    if not assets:
        no_data(panel, "no quotes were recorded")
        return
    for i, symbol in enumerate(assets):
        rows = quotes[quotes["asset"] == symbol]
        step = max(len(rows) // 300, 1)
        groups = np.arange(len(rows)) // step  # means, as depth jumps from block to block
        smooth = rows[["t_s", "depth_bid_usd"]].groupby(groups).mean()
        panel.plot(
            smooth["t_s"] / seconds,
            smooth["depth_bid_usd"],
            ls=LINES[i % len(LINES)],
            color=COLOURS[i % len(COLOURS)],
            lw=1.2,
            label=symbol,
        )
    if (quotes["depth_bid_usd"] > 0).all():
        panel.set_yscale("log")
    usd_axis(panel)
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
