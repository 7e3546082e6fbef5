"""The cascade as a tree: who was liquidated when, after whose sale, and at what loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from ..figures.style import COLOURS, drawing, new_figure, no_data, save, usd
from .forest import CausalForest

SHOWN = 40
"""Most events that are drawn: those through which most losses went, and their parents."""

MARKS = ("o", "s", "^", "D", "v", "P")


def draw_cascade(forest: CausalForest, title: str, block_time_s: float, folder: Path) -> Path:
    """Draw the causal forest along main parents, time to the right and families below each other."""
    with drawing():
        figure = new_figure(11, 6.5)
        axes = figure.subplots()
        axes.set_title(title)
        if not len(forest.events):
            no_data(axes, "nothing was liquidated")
            return save(figure, folder, "cascade")
        events = _chosen(forest)
        rows = _rows(events)
        _draw(axes, events, rows, block_time_s)
        hidden = len(forest.events) - len(events)
        note = f"; {hidden} smaller events not shown" if hidden else ""
        axes.set_xlabel(f"time (minutes){note}")
        return save(figure, folder, "cascade")


def _chosen(forest: CausalForest) -> pd.DataFrame:
    """Return the events of largest caused loss with all their main ancestors, in order of time."""
    events = forest.events
    parent = events.parent_event.to_numpy()
    keep: set[int] = set()
    for largest in events.caused_usd.sort_values(ascending=False, kind="stable").index.tolist():
        chain, event = [], int(largest)
        while event >= 0 and event not in keep:
            chain.append(event)
            event = int(parent[event])
        if len(keep) + len(chain) > SHOWN:
            break
        keep.update(chain)
    return events.loc[sorted(keep)].sort_values(["block", "t_eligible_s"], kind="stable")


def _rows(events: pd.DataFrame) -> dict[int, float]:
    """Give each event a row of its own: roots one after the other, children under their parent."""
    children: dict[int, list[int]] = {}
    roots: dict[str, list[int]] = {}
    for event, parent, name in zip(events.index, events.parent_event, events.parent, strict=True):
        if parent >= 0:
            children.setdefault(int(parent), []).append(int(event))
        else:
            roots.setdefault(_family(str(name)), []).append(int(event))
    order: list[int] = []

    def visit(event: int) -> None:
        order.append(event)
        for child in children.get(event, ()):
            visit(child)

    for name in sorted(roots):
        for event in roots[name]:
            visit(event)
    return {event: float(k) for k, event in enumerate(order)}


def _family(root: str) -> str:
    """Return the name under which a root is drawn."""
    return "defending borrowers" if root.startswith("defence/") else root


def _draw(axes: Axes, events: pd.DataFrame, rows: dict[int, float], block_time_s: float) -> None:
    minutes = dict(zip(events.index.tolist(), (events.block * block_time_s / 60.0).tolist(), strict=True))
    first = min(minutes.values())
    span = max(max(minutes.values()) - first, 1.0)
    left = first - 0.06 * span
    lines: list[Any] = []
    for event, parent in zip(events.index.tolist(), events.parent_event.tolist(), strict=True):
        y = rows[event]
        if parent >= 0:
            lines.append([(minutes[parent], rows[parent]), (minutes[parent], y), (minutes[event], y)])
        else:
            axes.plot([left, minutes[event]], [y, y], color="0.8", lw=0.6, zorder=1)
    axes.add_collection(LineCollection(lines, colors="0.35", linewidths=1.1, zorder=2))
    largest = float(events.own_usd.max())
    protocols = sorted(events.protocol.unique())
    for k, protocol in enumerate(protocols):
        mine = events[events.protocol == protocol]
        size = 20.0 + 260.0 * np.maximum(mine.own_usd.to_numpy(float), 0.0) / max(largest, 1.0)
        axes.scatter(
            [minutes[event] for event in mine.index], [rows[event] for event in mine.index], s=size,
            marker=MARKS[k % len(MARKS)], color=COLOURS[k % len(COLOURS)], edgecolors="black", zorder=3,
        )  # fmt: skip
    for event, account, caused, own in zip(
        events.index.tolist(), events.account.tolist(), events.caused_usd.tolist(), events.own_usd.tolist(),
        strict=True,
    ):  # fmt: skip
        passed = f" +{usd(caused - own)}" if caused - own >= 0.005 * max(largest, 1.0) else ""
        axes.annotate(
            f"{account}: {usd(own)}{passed}", (minutes[event], rows[event]), xytext=(11, 0),
            textcoords="offset points", va="center", fontsize=6.5, zorder=4,
        )  # fmt: skip
    _name_roots(axes, events, rows, left)
    axes.set_xlim(left, first + 1.13 * span)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.grid(axis="y", visible=False)
    handles: list[Line2D] = [
        Line2D([], [], ls="", marker=MARKS[k % len(MARKS)], color=COLOURS[k % len(COLOURS)],
               markeredgecolor="black", label=f"{protocol}: own loss (area)")
        for k, protocol in enumerate(protocols)
    ]  # fmt: skip
    handles.append(
        Line2D([], [], color="0.35", lw=1.1, label="its sales moved the price the other was judged by")
    )
    handles.append(Line2D([], [], ls="", label="account: own loss +losses passed up to it (USD)"))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.09), ncol=2, fontsize=8)


def _name_roots(axes: Axes, events: pd.DataFrame, rows: dict[int, float], left: float) -> None:
    """Name the roots on the left, each beside the middle of its rows."""
    places: dict[str, list[float]] = {}
    for event, parent, name in zip(events.index.tolist(), events.parent_event, events.parent, strict=True):
        if parent < 0:
            places.setdefault(_family(str(name)), []).append(rows[event])
    ticks = [(min(values), name) for name, values in places.items()]
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
