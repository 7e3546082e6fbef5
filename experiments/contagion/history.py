"""Exposure graphs over time: the snapshots of a run, totals by kind, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .errors import EmptyGraphError
from .exposure_graph import EDGE_KINDS, ExposureGraph
from .snapshots import graph_of_table


def read_history(exposures: pd.DataFrame) -> list[ExposureGraph]:
    """Return one graph for each moment of a run's table `exposures`, in order of time.

    Raises
    ------
    EmptyGraphError
        If the table has no rows.
    """
    if not len(exposures):
        raise EmptyGraphError("the table of exposures has no rows; at least one snapshot is needed")
    return [graph_of_table(rows) for _, rows in exposures.groupby("t_s", sort=True)]


def totals(graphs: Sequence[ExposureGraph]) -> pd.DataFrame:
    """Return the sum of all weights by kind: one row a moment (index ``t_s``), one column a kind; USD."""
    if not graphs:
        raise EmptyGraphError("there are no graphs; at least 1 is needed")
    sums = [np.bincount(g.kinds, g.weights_usd, minlength=len(EDGE_KINDS)) for g in graphs]
    moments = pd.Index([g.t_s for g in graphs], name="t_s")
    return pd.DataFrame(np.array(sums), index=moments, columns=pd.Index(EDGE_KINDS)).sort_index()


def difference(before: ExposureGraph, after: ExposureGraph) -> pd.DataFrame:
    """Return what changed between two graphs, largest changes first.

    Returns
    -------
    DataFrame
        Columns ``source, target, kind, before_usd, after_usd, change_usd``; an edge that is in one
        graph only has 0 in the other, edges that did not change are left out.
    """
    key = ["source", "target", "kind"]
    sides = []
    for graph, name in ((before, "before_usd"), (after, "after_usd")):
        table = graph.to_table().astype(dict.fromkeys(key, "str"))
        sides.append(table.groupby(key).weight_usd.sum().rename(name))
    both = pd.concat(sides, axis=1).fillna(0.0)
    both["change_usd"] = both.after_usd - both.before_usd
    changed = both[both.change_usd != 0.0].reset_index()
    order = changed.change_usd.abs().sort_values(ascending=False, kind="stable").index
    return changed.loc[order].reset_index(drop=True)
