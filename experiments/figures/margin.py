"""Margin venues over the run: the mark against the outside price, who was closed, and who paid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..runs import RunResult
from .style import AFTER, BEFORE, COLOURS, LINES, drawing, new_figure, save, time_scale, usd_axis


def draw_margin(result: RunResult, folder: Path) -> Path:
    """Draw prices, liquidations and losses of every venue, one panel of prices for each contract.

    Needs the ``marks`` and ``margin_liquidations`` tables.
    """
    marks, cases = result.marks, result.margin_liquidations
    venues = [str(name) for name in marks["venue"].unique()]
    seconds, time_label = time_scale(result.scenario)
    with drawing():
        listed = {venue: _listed(marks, venue) for venue in venues}
        n_panels = sum(len(symbols) + 2 for symbols in listed.values())
        figure = new_figure(9, 1.0 + 2.0 * n_panels)
        panels = figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0]
        rest = iter(panels)
        for venue, symbols in listed.items():
            seen, closed = marks[marks["venue"] == venue], cases[cases["venue"] == venue]
            given = result.deleveragings[result.deleveragings["venue"] == venue]
            for symbol in symbols:
                price, holders = next(rest), _holders(result, closed, venue, symbol)
                _prices(price, seen[seen["instrument"] == symbol], holders, seconds)
                price.set_title(f"{result.scenario.name}, seed {result.seed}: {venue}, {symbol}")
            _interest(next(rest), seen, closed, seconds)
            _losses(next(rest), seen[seen["instrument"] == symbols[0]], closed, given, seconds)
        panels[-1].set_xlabel(time_label)
        figure.align_ylabels(panels)
        return save(figure, folder, "margin_venues")


def _listed(marks: pd.DataFrame, venue: str) -> list[str]:
    """Contracts of a venue, in the order of the scenario."""
    return [str(symbol) for symbol in marks.loc[marks["venue"] == venue, "instrument"].unique()]


def _holders(result: RunResult, closed: pd.DataFrame, venue: str, symbol: str) -> pd.DataFrame:
    """Cases of accounts that held a contract."""
    held = result.margin_positions
    here = (held["venue"] == venue) & (held["instrument"] == symbol)
    return closed[closed["id"].isin(held.loc[here, "id"])]


def _prices(panel: Axes, seen: pd.DataFrame, closed: pd.DataFrame, seconds: float) -> None:
    t = seen["t_s"] / seconds
    panel.plot(t, seen["mark"], color=BEFORE, lw=2.0, alpha=0.55, label="mark")
    panel.plot(t, seen["reference"], "--", color="black", lw=0.8, label="outside price")
    low, high = panel.get_ylim()
    room = 0.3 * (high - low)
    for share, label, rows, colour in (
        (0.16, "liquidations", closed, "black"),
        (0.0, "unsafe at the mark only", closed[closed["is_false"]], AFTER),
    ):
        base = low - room + share * (high - low)
        panel.vlines(
            rows["t_s"] / seconds, base, base + 0.11 * (high - low), color=colour, lw=0.7, alpha=0.7,
            label=f"{len(rows)} {label}",
        )  # fmt: skip
    panel.set_ylim(low - room, high)
    panel.set_ylabel("price (USD)")
    if seen["halted"].any():
        panel.fill_between(
            t, low - room, high, where=seen["halted"], color="grey", alpha=0.25, lw=0, label="halt"
        )
    _legend(panel)


def _interest(panel: Axes, seen: pd.DataFrame, closed: pd.DataFrame, seconds: float) -> None:
    interest = seen.groupby("t_s")["open_interest_usd"].sum()
    panel.plot(interest.index / seconds, interest, color=COLOURS[0], ls=LINES[0], label="open longs")
    _steps(panel, closed["t_s"], closed["closed_usd"], seconds, COLOURS[1], LINES[1], "closed by liquidation")
    panel.set_ylim(bottom=0.0)
    panel.set_ylabel("positions (USD)")
    usd_axis(panel)
    _legend(panel)


def _losses(
    panel: Axes, seen: pd.DataFrame, closed: pd.DataFrame, given: pd.DataFrame, seconds: float
) -> None:
    panel.plot(
        seen["t_s"] / seconds,
        seen["insurance_fund_usd"],
        color=COLOURS[0],
        ls=LINES[0],
        label="insurance fund",
    )
    _steps(panel, given["t_s"], given["haircut_usd"], seconds, COLOURS[1], LINES[1], "given up by winners")
    _steps(panel, closed["t_s"], closed["deficit_usd"], seconds, COLOURS[2], LINES[2], "covered by nobody")
    panel.set_ylabel("USD")
    usd_axis(panel)
    _legend(panel)


def _steps(
    panel: Axes, t_s: pd.Series, usd: pd.Series, seconds: float, colour: str, line: object, label: str
) -> None:
    """Draw a sum that grows over time, from the beginning to the end of what is drawn already."""
    order, end = np.argsort(t_s.to_numpy(), kind="stable"), np.asarray(panel.lines[0].get_xdata())[-1]
    t = np.concatenate([[0.0], t_s.to_numpy(float)[order] / seconds, [end]])
    total = np.concatenate([[0.0], usd.to_numpy(float)[order].cumsum()])
    panel.step(t, np.append(total, total[-1]), where="post", color=colour, ls=line, label=label)


def _legend(panel: Axes) -> None:
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
