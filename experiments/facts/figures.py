"""The figure of the battery: memory, kurtosis under aggregation, impact and dispersion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ..figures.style import COLOURS, drawing, new_figure, save
from .curves import ADDED, LAGS, WINDOWS, Curves

FIGURE = "facts"


def draw_facts(curves: Curves, title: str, bar_s: float, folder: Path) -> Path:
    """Draw the curves and return the file."""
    with drawing():
        figure = new_figure(9.0, 6.6)
        panels = figure.subplots(2, 2).ravel()
        _memory(panels[0], curves, bar_s)
        _kurtosis(panels[1], curves, bar_s)
        _impact(panels[2], curves, bar_s)
        _dispersion(panels[3], curves)
        figure.suptitle(
            f"Stylised facts: {title}, means over books and seeds", fontweight="bold", fontsize=11
        )
        return save(figure, folder, FIGURE)


def _memory(axes: Axes, curves: Curves, bar_s: float) -> None:
    lags = np.arange(1, LAGS + 1)
    axes.axhline(0.0, color="black", lw=0.6)
    axes.plot(
        lags, curves.volatility_memory, color=COLOURS[0], marker="o", ms=2.5, label="|returns| of the mid"
    )
    axes.plot(
        lags,
        curves.outside_volatility_memory,
        color=COLOURS[1],
        ls="--",
        label="|returns| of the outside price",
    )
    axes.plot(lags, curves.memory, color=COLOURS[4], ls=":", lw=1.8, label="returns of the mid")
    axes.set_title("Memory")
    axes.set_xlabel(f"lag (bars of {bar_s:g} s)")
    axes.set_ylabel("autocorrelation")
    axes.legend(fontsize=8)


def _kurtosis(axes: Axes, curves: Curves, bar_s: float) -> None:
    added = np.array(ADDED)
    axes.plot(added, curves.kurtosis, color=COLOURS[0], marker="o", label="mid")
    axes.plot(
        added, curves.outside_kurtosis, color=COLOURS[1], ls="--", marker="s", ms=4, label="outside price"
    )
    if curves.kurtosis[0] > 0:
        axes.plot(
            added, curves.kurtosis[0] / added, color=COLOURS[4], ls=":", lw=1.8, label="if independent, 1/n"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(added, [str(n) for n in added])
    axes.set_title("Kurtosis under aggregation")
    axes.set_xlabel(f"bars of {bar_s:g} s added up, n")
    axes.set_ylabel("excess kurtosis")
    axes.legend(fontsize=8)


def _impact(axes: Axes, curves: Curves, bar_s: float) -> None:
    shown = ~np.isnan(curves.impact)
    flow, impact = curves.flow[shown], curves.impact[shown]
    axes.axhline(0.0, color="black", lw=0.6)
    axes.plot(flow, impact, color=COLOURS[0], marker="o", label="mean over bars of like flow")
    if impact.sum() > 0.0:
        root = np.sqrt(flow)
        axes.plot(
            flow,
            root * (root @ impact) / (root @ root),
            color=COLOURS[4],
            ls=":",
            lw=1.8,
            label="square root",
        )
    axes.set_xscale("log")
    axes.set_title("Impact")
    axes.set_xlabel(f"|bought - sold| in {bar_s:g} s, over its mean")
    axes.set_ylabel("move of the mid with the flow (bps)")
    axes.legend(fontsize=8)


def _dispersion(axes: Axes, curves: Curves) -> None:
    axes.plot(WINDOWS, curves.dispersion, color=COLOURS[0], marker="o", label="trades")
    axes.axhline(1.0, color=COLOURS[4], ls=":", lw=1.8, label="Poisson")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title("Clustering of trades")
    axes.set_xlabel("window (blocks)")
    axes.set_ylabel("index of dispersion of counts")
    axes.legend(fontsize=8, loc="upper left")
