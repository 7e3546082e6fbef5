"""Pictures of contagion: who lost in the network, loss against shock, measures against the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ..figures.style import COLOURS, LINES, drawing, new_figure, no_data, save, usd_axis
from .agreement import MEASURES, METRICS, wall_of
from .cascade_figure import draw_cascade
from .exposure_graph import NODE_TYPES, ExposureGraph
from .history import read_history
from .measures import critical_shock

if TYPE_CHECKING:
    from .study import ContagionStudy

SHOCKS = np.linspace(0.0, 0.6, 121)
BANDWIDTH = 0.02
COLUMNS = {"lender": 3, "protocol": 2, "borrower": 1, "asset": 0, "stablecoin": 0, "pool": -1}
"""Where types of nodes stand, from left to right; agents stand on the left."""


def write_figures(study: ContagionStudy, folder: Path) -> list[Path]:
    """Draw all figures of a study as PNG files."""
    title = f"{study.scenario}, seed {study.seeds[0]}: what led to what"
    block_time_s = study.result.scenario.clock.block_time_s
    return [
        draw_network(study, folder),
        draw_cascade(study.forests[0], title, block_time_s, folder),
        draw_shocks(study, folder),
        draw_agreement(study, folder),
    ]


def draw_network(study: ContagionStudy, folder: Path) -> Path:
    """Draw the groups before and after the crash, coloured by what they have lost."""
    crash = study.agreements[0].crash
    graphs = read_history(study.result.exposures)
    before = [graph for graph in graphs if graph.t_s <= crash.start_s][-1]
    after = next((graph for graph in graphs if graph.t_s >= crash.end_s), graphs[-1])
    lost = _losses(before, after)
    places = _places(before)
    norm = Normalize(0.0, max(0.05, *lost.values()))
    with drawing():
        figure = new_figure(11, 5.5)
        for axes, graph, values in zip(
            figure.subplots(1, 2), (before, after), (dict.fromkeys(lost, 0.0), lost), strict=True
        ):
            drawn = graph.to_networkx()
            drawn.remove_nodes_from([node for node in drawn if node not in places])
            edges: list[tuple[str, str, float]] = list(drawn.edges(data="weight_usd"))
            largest = max(weight for _, _, weight in edges)
            for source, target, weight in edges:
                width = 0.3 + 4.0 * (weight / largest) ** 0.5
                nx.draw_networkx_edges(
                    drawn, places, edgelist=[(source, target)], width=width, ax=axes, alpha=0.35, arrowsize=6
                )
            nodes = list(drawn)
            nx.draw_networkx_nodes(
                drawn, places, nodelist=nodes, node_color=[values.get(node, 0.0) for node in nodes],
                cmap="YlOrRd", vmin=norm.vmin, vmax=norm.vmax, node_size=170, edgecolors="black", ax=axes,
            )  # fmt: skip
            agents = {node for node, (x, _) in places.items() if x < 0.0}
            beside = {node: (x - 0.12, y) for node, (x, y) in places.items() if node in agents}
            above = {node: (x, y + 0.045) for node, (x, y) in places.items() if node not in agents}
            _label(axes, drawn, beside, "right")
            _label(axes, drawn, above, "center")
            axes.set_title(f"{graph.t_s / 60:.0f} min")
            axes.set_xlim(-1.9, 3.4)
            axes.set_ylim(-0.05, 1.1)
            axes.axis("off")
        colours = ScalarMappable(norm, "YlOrRd")
        figure.colorbar(colours, ax=figure.axes, label="value lost since the snapshot (share)", shrink=0.7)
        figure.suptitle(f"{study.scenario}, seed {study.seeds[0]}: exposures before and after the crash")
        return save(figure, folder, "network")


def _label(
    axes: Axes,
    graph: nx.MultiDiGraph[str],
    places: dict[str, tuple[float, float]],
    side: Literal["right", "center"],
) -> None:
    """Name the nodes that are drawn, each at its place."""
    labels = {node: node for node in places if node in graph}
    nx.draw_networkx_labels(
        graph, places, labels, font_size=6, ax=axes, clip_on=False, horizontalalignment=side
    )


def _losses(before: ExposureGraph, after: ExposureGraph) -> dict[str, float]:
    """Share of its worth that each node has lost: of what it holds and claims, less what it owes."""
    worth = []
    for graph in (before, after):
        owes = graph.liabilities()
        claims = np.asarray(owes.sum(axis=0)).ravel() - np.asarray(owes.sum(axis=1)).ravel()
        values = graph.external_assets() + claims
        protocols = graph.of_type("protocol")
        values[protocols] = np.asarray(graph.matrix("debt").sum(axis=0)).ravel()[protocols]
        held = np.asarray(graph.matrix("oracle").sum(axis=0)).ravel()
        assets = graph.of_type("asset")
        values[assets] = held[assets]
        worth.append(dict(zip(graph.names, values.tolist(), strict=True)))
    first, last = worth
    return {
        name: min(max(1.0 - last.get(name, 0.0) / value, 0.0), 1.0) if value > 0.0 else 0.0
        for name, value in first.items()
    }


def _places(graph: ExposureGraph) -> dict[str, tuple[float, float]]:
    """Columns by type, evenly filled."""
    columns: dict[int, list[str]] = {}
    for name, code in zip(graph.names, graph.types.tolist(), strict=True):
        columns.setdefault(COLUMNS.get(NODE_TYPES[code], -1), []).append(name)
    return {
        name: (float(column), (row + 0.5) / len(names))
        for column, names in columns.items()
        for row, name in enumerate(names)
    }


def draw_shocks(study: ContagionStudy, folder: Path) -> Path:
    """Draw sales and creditors' losses against the first fall of each collateral, with critical points.

    Alone, and with the falls that sales add: spread over the crash, or all at once. Critical is the least
    first fall from which sales at once bring the price to where each sale triggers as much again.
    """
    found = study.agreements[0]
    crash = found.crash
    with drawing():
        figure = new_figure(11, 4.8)
        sales, losses = figure.subplots(1, 2)
        for k, (name, rows) in enumerate(found.accounts.groupby("main_collateral")):
            asset, wall = str(name), wall_of(rows)
            colour, line = COLOURS[k % len(COLOURS)], LINES[k % len(LINES)]
            cases = (
                ("alone", 0.0, ":", 1.2),
                ("spread over the crash", crash.impact_per_usd.get(asset, 0.0), line, 1.8),
                ("at once", crash.impact_at_once_per_usd.get(asset, 0.0), line, 0.9),
            )
            for label, impact, style, width in cases:
                falls, sold = zip(*(wall.settle(shock, impact) for shock in SHOCKS), strict=True)
                lost = [_creditors_loss(rows, fall) for fall in falls]
                look: dict[str, Any] = {"ls": style, "color": colour, "lw": width}
                for axes, values in ((sales, sold), (losses, lost)):
                    axes.plot(100 * SHOCKS, values, label=f"{asset}, {label}", **look)
            impact = crash.impact_at_once_per_usd.get(asset, 0.0)
            text, critical = f"{asset}: no critical shock", critical_shock(wall, impact, BANDWIDTH)
            first = [shock for shock in SHOCKS if critical and wall.settle(shock, impact)[0] >= critical]
            if first:
                text = f"{asset}: critical at once from {first[0]:.1%}"
                for axes in (sales, losses):
                    axes.axvline(100 * first[0], color=colour, lw=1.2, ls=line)
            sales.plot([], [], color=colour, ls="", marker="|", markersize=10, label=text)
        for axes, what in ((sales, "collateral sold (USD)"), (losses, "loss of creditors (USD)")):
            axes.set_xlabel("first fall of the price (%)")
            axes.set_ylabel(what)
            axes.set_ylim(bottom=0.0)
            usd_axis(axes)
        figure.legend(*sales.get_legend_handles_labels(), loc="outside lower center", ncol=4, fontsize=8)
        figure.suptitle(f"{study.scenario}, seed {study.seeds[0]}: sales and losses against the first shock")
        return save(figure, folder, "shock")


def _creditors_loss(rows: pd.DataFrame, fall: float) -> float:
    """Return the debt that collateral does not cover after a fall by a share; USD."""
    left = rows.collateral_usd.to_numpy(float) * (1.0 - min(fall, 1.0))
    return float(np.maximum(rows.debt_usd.to_numpy(float) - left, 0.0).sum())


def draw_agreement(study: ContagionStudy, folder: Path) -> Path:
    """Draw how well each measure agreed with the simulation, with intervals over seeds."""
    table = study.table()
    shown = [metric for metric in METRICS if not metric.endswith("_usd")]
    with drawing():
        figure = new_figure(8, 4.5)
        axes = figure.subplots()
        known, lowest = False, 0.0
        for k, measure in enumerate(MEASURES):
            for j, metric in enumerate(shown):
                mean, high = (float(table[key].to_dict()[measure, metric]) for key in ("mean", "high"))
                if not np.isfinite(mean):
                    continue
                known, lowest = True, min(lowest, mean)
                place = j + 0.18 * (k - 1.5)
                half = high - mean if np.isfinite(high) else 0.0
                axes.errorbar(
                    place, mean, yerr=half, fmt="osD^"[k], color=COLOURS[k], capsize=3,
                    label=measure if j == 0 else None,
                )  # fmt: skip
        if not known:
            no_data(axes, "nothing was liquidated, and nothing predicted")
        else:
            axes.set_xticks(range(len(shown)), [metric.replace("_", " ") for metric in shown])
            axes.axhline(0.0, color="black", lw=0.8)
            axes.set_ylim(-1.05 if lowest < 0.0 else 0.0, 1.05)
            axes.set_ylabel("agreement (1 is perfect)")
            axes.legend(loc="upper right")
        n = len(study.seeds)
        axes.set_title(f"{study.scenario}: predictions against simulation, seeds: {n}")
        return save(figure, folder, "agreement")
