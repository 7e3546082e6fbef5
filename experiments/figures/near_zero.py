"""Near-zero lots under flip and clip, with intervals over seeds, and their paired difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from .style import AFTER, BEFORE, drawing, new_figure, save

LEVEL = 0.95


def draw_near_zero(
    runs: pd.DataFrame, folder: Path, name: str, label: str, ticks: Sequence[str], title: str
) -> Path:
    """Draw shares above and differences below, one place for each value.

    Parameters
    ----------
    runs : DataFrame
        ``value, kind, seed, near_zero`` with kinds flip and clip.
    folder : Path
    name : str
        Of the file.
    label, title : str
        Of the horizontal axis, and of the whole.
    ticks : sequence of str
        What to write at each value, in ascending order.
    """
    table = runs.pivot(index="seed", columns=["kind", "value"], values="near_zero")
    values = sorted(runs.value.unique())
    places = np.arange(len(values))
    with drawing():
        figure = new_figure(6.4, 5.4)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for kind, colour, marker, line, shift in (
            ("flip", BEFORE, "o", "-", -0.06),
            ("clip", AFTER, "s", "--", 0.06),
        ):
            means, halves = zip(*(interval(table[kind, value]) for value in values), strict=True)
            above.errorbar(
                places + shift,
                means,
                yerr=halves,
                color=colour,
                marker=marker,
                linestyle=line,
                capsize=3,
                label=kind,
            )
        above.set_ylabel("share of lots sold\nfor under 1 DAI")
        above.set_ylim(-0.05, 1.05)
        above.set_title(title)
        above.legend()
        pairs = [interval(table["flip", value] - table["clip", value]) for value in values]
        below.errorbar(
            places,
            [p[0] for p in pairs],
            yerr=[p[1] for p in pairs],
            color="black",
            marker="D",
            linestyle=":",
            capsize=3,
        )
        below.axhline(0.0, color="black", linewidth=0.8)
        below.set_ylabel("flip less clip,\npaired by seed")
        below.set_ylim(-0.15, 1.05)
        below.set_xticks(places, ticks)
        below.set_xlabel(f"{label}\n(mean and {LEVEL:.0%} t interval over {len(table)} seeds)")
        return save(figure, folder, name)


def interval(values: pd.Series[float]) -> tuple[float, float]:
    """Return mean and half-width of the t interval."""
    sample = values.to_numpy(np.float64)
    n = len(sample)
    half = float(stats.t.ppf((1.0 + LEVEL) / 2.0, n - 1) * stats.sem(sample)) if n > 1 else 0.0
    return float(sample.mean()), half
