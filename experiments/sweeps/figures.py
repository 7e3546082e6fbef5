"""The figure of a sweep: means along a factor, a map of two factors, or Sobol indices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ..figures.style import COLOURS, LINES, drawing, new_figure, save, usd, usd_axis
from ..runs.metrics import Metric
from ..statistics import SobolIndices, t_interval
from .plan import SweepPlan

FIGURE = "figure"
MARKERS = "osD^vPX*"
WIDEST = 1.6
"""Largest Sobol index drawn; more than 1 is noise."""

MOST_LINES = 8
"""Lines of a panel beyond which the other factors are averaged over."""


def draw_sweep(
    plan: SweepPlan,
    metrics: Mapping[str, Metric],
    runs: pd.DataFrame,
    sobol: Mapping[str, SobolIndices],
    folder: Path,
) -> Path:
    """Draw what the plan's picture asks for and return the file."""
    shown = [name.partition(":")[2] or name for name in plan.picture.metrics] or list(metrics)[:6]
    kind = plan.picture.kind
    if kind == "tornado":
        shown = [name for name in shown if name in sobol]
    columns = min(len(shown), 3) or 1
    rows = max(1, -(-len(shown) // columns))
    height = 0.5 + 0.35 * len(plan.factors) if kind == "tornado" else 3.2
    with drawing():
        figure = new_figure(4.4 * columns, 1.0 + max(height, 2.2) * rows)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(panels, shown, strict=False):
            if kind == "tornado":
                _tornado(axes, plan, sobol[name], metrics[name].label)
            elif kind == "heatmap":
                _heatmap(axes, plan, runs, name, metrics[name].label)
            else:
                _lines(axes, plan, runs, name, metrics[name].label, axes is panels[0])
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        seeds = runs.seed.nunique()
        shows = "means" if kind == "heatmap" else "95 % intervals"
        figure.suptitle(f"{plan.name}: {seeds} seeds a point, {shows}", fontsize=11, fontweight="bold")
        return save(figure, folder, FIGURE)


def _lines(axes: Axes, plan: SweepPlan, runs: pd.DataFrame, metric: str, label: str, first: bool) -> None:
    names = [factor.name for factor in plan.factors]
    x = plan.picture.x or names[0]
    others = [name for name in names if name != x]
    groups: list[tuple[Any, pd.DataFrame]] = (
        list(runs.groupby(others, sort=False)) if others else [((), runs)]
    )
    if len(groups) > MOST_LINES:
        groups = [((), runs)]
    ticks = list(dict.fromkeys(runs[x]))  # in the order of the plan
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in ticks)
    log = numeric and plan.picture.x_scale == "log"
    for k, (values, part) in enumerate(groups):
        centres = {value: t_interval(rows[metric]) for value, rows in part.groupby(x, sort=numeric)}
        places = np.array([value if numeric else ticks.index(value) for value in centres], float)
        aside = k - (len(groups) - 1) / 2
        if log:
            places *= 1.03**aside
        else:
            places += aside * (0.008 * (max(ticks) - min(ticks)) if numeric else 0.12)
        middle = np.array([interval.value for interval in centres.values()])
        low = np.array([interval.low for interval in centres.values()])
        high = np.array([interval.high for interval in centres.values()])
        spread = np.nan_to_num(np.vstack([middle - low, high - middle]))
        named = zip(others, values, strict=False)
        axes.errorbar(
            places, middle, yerr=spread, color=COLOURS[k % len(COLOURS)],
            ls=LINES[k % len(LINES)] if numeric else "none",
            marker=MARKERS[k % len(MARKERS)], ms=4.5, lw=1.4, capsize=3,
            label=", ".join(f"{_words(name)}: {_text(value)}" for name, value in named),
        )  # fmt: skip
    if not numeric:
        axes.set_xticks(range(len(ticks)), [_text(tick) for tick in ticks], rotation=20, ha="right")
    if log:
        least = min((tick for tick in ticks if tick > 0), default=1.0)
        axes.set_xscale("symlog", linthresh=least, linscale=0.3)
    if numeric and (log or x.endswith("_usd")):
        usd_axis(axes, "x")
    if len(groups) > 1 and first:
        axes.legend(fontsize=7)
    axes.set_xlabel(_words(x))
    axes.set_ylabel(label)
    usd_axis(axes)


def _short(value: float) -> str:
    """Write a number that fits into a cell: one digit of what is smaller than a thousandth."""
    return f"{value:.1g}" if abs(value) < 1e-3 else usd(value)


def _heatmap(axes: Axes, plan: SweepPlan, runs: pd.DataFrame, metric: str, label: str) -> None:
    names = [factor.name for factor in plan.factors]
    x = plan.picture.x or names[0]
    y = plan.picture.y or next(name for name in names if name != x)
    table = runs.pivot_table(index=y, columns=x, values=metric, aggfunc="mean").sort_index(ascending=False)
    table.index = [_text(value) for value in table.index]
    table.columns = [_text(value) for value in table.columns]
    sns.heatmap(
        table, ax=axes, cmap="Greys", annot=table.map(_short), fmt="", annot_kws={"fontsize": 8},
        cbar_kws={"label": label, "format": FuncFormatter(lambda value, _: usd(value))}, linewidths=0.4,
    )  # fmt: skip
    axes.set_xlabel(_words(x))
    axes.set_ylabel(_words(y))
    axes.tick_params(axis="y", rotation=0)


def _tornado(axes: Axes, plan: SweepPlan, found: SobolIndices, label: str) -> None:
    order = np.argsort(found.total)
    places = np.arange(len(order))
    bars = (
        ("total", found.total, found.total_low, found.total_high, 0.2, COLOURS[0], ""),
        ("first order", found.first, found.first_low, found.first_high, -0.2, "#c9c9c9", "//"),
    )
    for name, value, low, high, shift, colour, hatch in bars:
        width = np.clip(value[order], 0.0, None)
        error = np.clip(np.vstack([width - low[order], high[order] - width]), 0.0, None)
        axes.barh(
            places + shift, width, 0.38, xerr=error, color=colour, hatch=hatch, edgecolor="black", lw=0.4,
            label=name, error_kw={"lw": 1.0, "capsize": 2},
        )  # fmt: skip
    axes.set_yticks(places, [_words(plan.factors[k].name) for k in order])
    widest = float(np.nanmax([*found.total_high, *found.first_high, 0.1]))
    axes.set_xlabel("Sobol index" if widest <= WIDEST else "Sobol index (some intervals end outside)")
    axes.set_title(label)
    axes.set_xlim(0.0, min(1.05 * widest, WIDEST))
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=7, loc="lower right")


def _words(name: str) -> str:
    """Name of a factor as a label; a unit at its end in brackets."""
    stem = name.removesuffix("_usd")
    return stem.replace("_", " ") + (" (USD)" if stem != name else "")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
