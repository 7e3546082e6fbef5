"""The figure of a search: its designs, the Pareto set, and where fresh seeds put it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from ..figures.style import COLOURS, drawing, new_figure, save, usd
from ..statistics import Interval

FIGURE = "figure"
MOST_PANELS = 6


def draw_front(
    name: str,
    labels: list[str],
    searched: NDArray[np.float64],
    front: NDArray[np.float64],
    fresh: list[list[Interval]],
    knee: int | None,
    folder: Path,
) -> Path:
    """Draw each pair of objectives against each other and return the file."""
    pairs = list(combinations(range(len(labels)), 2))[:MOST_PANELS]
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    with drawing():
        figure = new_figure(6.0 if len(pairs) == 1 else 4.6 * columns, 0.6 + 4.0 * rows)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (i, j) in zip(panels, pairs, strict=False):
            axes.plot(searched[:, i], searched[:, j], ".", color="#b0b0b0", ms=5, label="tried")
            for old, new in zip(front, fresh, strict=True):
                axes.plot([old[i], new[i].value], [old[j], new[j].value], color=COLOURS[4], lw=0.7)
            axes.plot(
                front[:, i], front[:, j], ls="none", marker="s", ms=5, mfc="white", mec=COLOURS[1],
                label="Pareto set in the search",
            )  # fmt: skip
            x, y = [one[i] for one in fresh], [one[j] for one in fresh]
            axes.errorbar(
                [one.value for one in x], [one.value for one in y],
                xerr=_arms(x), yerr=_arms(y), color=COLOURS[0], fmt="o", ms=5, lw=1.0, capsize=2,
                label="the same on fresh seeds, 95 %",
            )  # fmt: skip
            if knee is not None:
                axes.plot(
                    [x[knee].value], [y[knee].value], marker="*", ms=15, ls="none", mfc="white",
                    mec=COLOURS[0], mew=1.4, zorder=5, label="knee",
                )  # fmt: skip
            axes.set_xlabel(labels[i])
            axes.set_ylabel(labels[j])
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: usd(value)))
        for axes in panels[len(pairs) :]:
            axes.set_axis_off()
        panels[0].legend(fontsize=8)
        figure.suptitle(f"{name}: what no other design beats", fontsize=11, fontweight="bold")
        return save(figure, folder, FIGURE)


def _arms(intervals: list[Interval]) -> NDArray[np.float64]:
    arms = [(one.value - one.low, one.high - one.value) for one in intervals]
    return np.asarray(np.nan_to_num(np.array(arms).T))
