"""Venues with options over the run: the volatility they believed, and what kind of account they closed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..runs import RunResult
from .style import AFTER, BEFORE, COLOURS, LINES, drawing, new_figure, save, time_scale

KINDS = ("sold options, no hedge", "sold options and a hedge", "bought options", "no options")


def draw_options(result: RunResult, folder: Path) -> Path:
    """Draw volatility and liquidations by kind of account of every venue with options.

    Needs the ``underlyings``, ``margin_liquidations`` and ``margin_positions`` tables.
    """
    known = result.underlyings
    venues = [str(name) for name in known["venue"].unique()]
    seconds, time_label = time_scale(result.scenario)
    with drawing():
        figure = new_figure(9, 1.0 + 4.6 * len(venues))
        panels = figure.subplots(2 * len(venues), 1, sharex=True, squeeze=False)[:, 0]
        for k, venue in enumerate(venues):
            volatility, closed = panels[2 * k : 2 * k + 2]
            _volatility(volatility, known[known["venue"] == venue], seconds)
            volatility.set_title(f"{result.scenario.name}, seed {result.seed}: {venue}")
            _closed(closed, result, venue, seconds)
        panels[-1].set_xlabel(time_label)
        figure.align_ylabels(panels)
        return save(figure, folder, "option_venues")


def _volatility(panel: Axes, known: pd.DataFrame, seconds: float) -> None:
    for name, rows in known.groupby("underlying", observed=True):
        t = rows["t_s"] / seconds
        panel.plot(t, 100.0 * rows["volatility"], color=BEFORE, lw=2.0, alpha=0.6, label=f"{name}, venue")
        panel.plot(
            t, 100.0 * rows["reference_volatility"], "--", color="black", lw=0.8, label=f"{name}, published"
        )
    panel.set_ylabel("volatility (% a year)")
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def _closed(panel: Axes, result: RunResult, venue: str, seconds: float) -> None:
    cases = result.margin_liquidations[result.margin_liquidations["venue"] == venue]
    kinds = _kinds(result, venue).reindex(cases["id"]).to_numpy()
    end = float(result.underlyings["t_s"].max()) / seconds
    for i, kind in enumerate(KINDS):
        first = np.sort(cases[kinds == kind].groupby("account")["t_s"].min().to_numpy(float)) / seconds
        t, count = np.concatenate([[0.0], first, [end]]), np.arange(len(first) + 2)
        count[-1] = len(first)
        panel.step(
            t, count, where="post", color=COLOURS[i % len(COLOURS)], ls=LINES[i % len(LINES)],
            label=f"{kind}: {len(first)}",
        )  # fmt: skip
    false = cases[cases["is_false"]]
    low, high = panel.get_ylim()
    panel.vlines(
        false["t_s"] / seconds, low, low + 0.06 * (high - low), color=AFTER, lw=0.7, alpha=0.7,
        label=f"{len(false)} unsafe at the mark only",
    )  # fmt: skip
    panel.set_ylim(low, high)
    panel.set_ylabel("accounts liquidated so far")
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, title="accounts", title_fontsize=8)


def _kinds(result: RunResult, venue: str) -> pd.Series:
    """Kind of account by case, from the positions at its check."""
    held = result.margin_positions[result.margin_positions["venue"] == venue]
    options = {a.symbol for a in result.scenario.assets if a.option is not None}
    is_option = held["instrument"].isin(options)
    frame = pd.DataFrame(
        {
            "sold": is_option & (held["lots"] < 0),
            "bought": is_option & (held["lots"] > 0),
            "linear": ~is_option,
        }
    )
    found = frame.groupby(held["id"].to_numpy()).any()
    kinds = np.select(
        [found["sold"] & ~found["linear"], found["sold"], found["bought"]], list(KINDS[:3]), KINDS[3]
    )
    return pd.Series(kinds, index=found.index)
