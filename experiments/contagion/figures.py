"""Pictures of contagion: who lost in the network, loss against shock, measures against the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ..figures.style import COLOURS, LINES, drawing, new_figure, no_data, save, usd_axis
from .agreement import MEASURES, METRICS, wall_of
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
    return [draw_network(study, folder), draw_shocks(study, folder), draw_agreement(study, folder)]


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
            lifted = {node: (x, y + 0.045) for node, (x, y) in places.items()}
            nx.draw_networkx_labels(drawn, lifted, font_size=6, ax=axes, clip_on=False)
            axes.set_title(f"{graph.t_s / 60:.0f} min")
            axes.set_ylim(-0.05, 1.1)
            axes.axis("off")
        colours = ScalarMappable(norm, "YlOrRd")
        figure.colorbar(colours, ax=figure.axes, label="value lost since the snapshot (share)", shrink=0.7)
        figure.suptitle(f"{study.scenario}, seed {study.seeds[0]}: exposures before and after the crash")
        return save(figure, folder, "network")


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
    """Draw what a fall of each collateral would make be sold, alone and with the sales it triggers."""
    found = study.agreements[0]
    with drawing():
        figure = new_figure(8, 5)
        axes = figure.subplots()
        for k, (asset, rows) in enumerate(found.accounts.groupby("main_collateral")):
            wall, impact = wall_of(rows), found.crash.impact_per_usd.get(str(asset), 0.0)
            colour = COLOURS[k % len(COLOURS)]
            settled = [wall.settle(shock, impact)[1] for shock in SHOCKS]
            axes.plot(
                100 * SHOCKS, wall.sold_usd(SHOCKS), ":", color=colour, lw=1.2, label=f"{asset}, first round"
            )
            line = LINES[k % len(LINES)]
            axes.plot(100 * SHOCKS, settled, ls=line, color=colour, lw=1.8, label=f"{asset}, with feedback")
            critical = critical_shock(wall, impact, BANDWIDTH)
            if critical is not None:
                axes.axvline(100 * critical, color=colour, lw=1.0, ls=line)
                axes.annotate(
                    f"{asset}: critical at {critical:.0%}", (100 * critical, 0.98 - 0.07 * k),
                    xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
                    fontsize=8, va="top",
                )  # fmt: skip
            else:
                axes.plot([], [], " ", label=f"{asset}: no critical shock")
        axes.set_xlabel("first fall of the price (%)")
        axes.set_ylabel("collateral sold (USD)")
        axes.set_ylim(bottom=0.0)
        axes.set_title(f"{study.scenario}, seed {study.seeds[0]}: sales against shock")
        axes.legend(loc="upper left")
        usd_axis(axes)
        return save(figure, folder, "shock")


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
