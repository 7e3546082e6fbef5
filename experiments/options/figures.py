"""The figure of a chain: the smile of each expiry with its quotes, total variances, term structure."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ...protocols.margin.models.svi import SliceFit
from ..figures.style import COLOURS, LINES, drawing, new_figure, save
from .analysis import ChainAnalysis

FIGURE = "options"


def draw_chain(found: ChainAnalysis, folder: Path) -> Path:
    """Draw one panel for each slice and two for the surface; return the file."""
    fits = found.fit.slices
    columns = 2 if len(fits) <= 2 else 3
    rows = math.ceil((len(fits) + 2) / columns)
    used = found.quotes[found.quotes.fitted]
    with drawing():
        figure = new_figure(3.5 * columns, 2.7 * rows)
        panels = figure.subplots(rows, columns).ravel()
        for axes, fit in zip(panels, fits, strict=False):
            _smile(axes, fit, used[used.years == fit.slice.years])
        panels[0].legend(fontsize=8)
        _variances(panels[len(fits)], found)
        _term_structure(panels[len(fits) + 1], found)
        for axes in panels[len(fits) + 2 :]:
            axes.set_axis_off()
        figure.suptitle(f"{found.chain.title}: fitted surface", fontweight="bold", fontsize=11)
        return save(figure, folder, FIGURE)


def days(years: float) -> str:
    """Time to expiry as a label.

    Examples
    --------
    >>> [days(years) for years in (0.001, 0.02, 0.5)]
    ['9 hours', '7.3 days', '182 days']
    """
    left = years * 365
    return f"{24 * left:.0f} hours" if left < 1.0 else f"{left:.3g} days"


def _smile(axes: Axes, fit: SliceFit, quotes: pd.DataFrame) -> None:
    k = np.log(quotes.strike / quotes.underlying_usd)
    low, high = quotes.bid_volatility * 100, quotes.ask_volatility * 100
    axes.vlines(k, low, high, color=COLOURS[4], lw=2.5, label="bid to ask")
    grid = np.linspace(k.min() - 0.02, k.max() + 0.02, 200)
    axes.plot(grid, fit.slice.volatility(grid) * 100, color=COLOURS[0], lw=1.5, label="fitted slice")
    repaired = ", repaired" if fit.repaired else ""
    axes.set_title(f"{days(fit.slice.years)}{repaired}")
    axes.set_xlabel("log-moneyness ln(K/F)")
    axes.set_ylabel("volatility (%)")


def _variances(axes: Axes, found: ChainAnalysis) -> None:
    grid = np.linspace(-0.6, 0.6, 200)
    fits = found.fit.slices
    for i, fit in enumerate(fits):
        colour, line = COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]
        axes.plot(grid, fit.slice.total_variance(grid), lw=1.3, color=colour, ls=line)
    axes.set_yscale("log")
    axes.set_title("Total variance, nearest lowest")
    axes.set_xlabel("log-moneyness ln(K/F)")
    axes.set_ylabel("total variance")


def _term_structure(axes: Axes, found: ChainAnalysis) -> None:
    terms = found.fit.surface.term_structure()
    axes.plot(terms.years * 365, terms.volatility * 100, color=COLOURS[0], marker="o", label="at the forward")
    strips = found.model_free
    axes.plot(
        strips.years * 365, strips.volatility * 100, color=COLOURS[1], ls="--", marker="s", label="model-free"
    )
    axes.set_xscale("log")
    left = terms.years * 365
    axes.set_xticks(left, [_short(each) for each in left.tolist()], fontsize=8, rotation=45)
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
    axes.set_title("Term structure")
    axes.set_xlabel("days to expiry")
    axes.set_ylabel("volatility (%)")
    axes.legend(fontsize=8, loc="upper center", ncols=2)


def _short(left: float) -> str:
    return f"{left:.2g}" if left < 10 else f"{left:.0f}"
