"""The causal forest of a cascade: which liquidation made which other one possible, and at what loss.

Every event has parents with weights that add up to 1 (`causes`): other liquidations whose sales had
moved the price, or a root such as the outside price. Losses are passed up along the weights, so that
each node is told what went through it, and the roots share the whole. This is bookkeeping along
recorded paths; what would have happened without a node is asked in `leave_one_out`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import pandas as pd

from ..runs import RunResult
from .causes import find_causes
from .claims import Floats


@dataclass(frozen=True, eq=False)
class CausalForest:
    """Events of a run, their parents, and losses along the paths.

    Attributes
    ----------
    events, edges : DataFrame
        As in `causes.Causes`, with these columns of `events` added: ``own_usd`` (loss of the borrower and
        of the creditors in this event), ``caused_usd`` (that and what was passed up to it), ``parent``
        (name of the parent of largest weight), ``parent_event`` (its row, -1 for a root) and ``generation``
        (events between it and a root, along those parents).
    """

    events: pd.DataFrame
    edges: pd.DataFrame

    @cached_property
    def branching_ratio(self) -> float:
        """Liquidations caused by an average liquidation: weight on parents that are liquidations, per event.

        NaN without events.
        """
        weight = float(self.edges.weight[self.edges.event >= 0].sum())
        return weight / len(self.events) if len(self.events) else np.nan

    def by_root(self) -> pd.DataFrame:
        """Return the loss that each root has caused in the end, through all generations; USD.

        Returns
        -------
        DataFrame
            Index root, columns ``loss_usd, share``, largest first. Defences of single borrowers are added
            up by protocol.
        """
        roots = self._root_shares()
        loss = pd.Series(roots.T @ self.events.own_usd.to_numpy(float), index=self._root_names, dtype=float)
        loss.index = loss.index.str.replace(r"^(defence/.*)-\d+$", r"\1", regex=True)
        total = loss.groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        whole = float(total.sum())
        shares = total / whole if whole else total * np.nan
        return pd.DataFrame({"loss_usd": total, "share": shares}).rename_axis("root")

    def across(self) -> pd.DataFrame:
        """Return losses by where they came from and where they were felt; USD.

        Returns
        -------
        DataFrame
            Index: protocols whose liquidations or borrowers' sales were a parent, and roots of the market;
            columns: protocol of the event. Sums over rows are the losses of each protocol.
        """
        edges, events = self.edges, self.events
        where = edges.parent.str.replace(r"^defence/(.*)-\d+$", r"\1", regex=True).to_numpy(object)
        inner = edges.event.to_numpy() >= 0
        where[inner] = events.protocol.to_numpy(object)[edges.event.to_numpy()[inner]]
        child = edges.child.to_numpy()
        loss = edges.weight.to_numpy(float) * events.own_usd.to_numpy(float)[child]
        flows = pd.DataFrame(
            {"from": where, "felt in": events.protocol.to_numpy(object)[child], "loss_usd": loss}
        )
        return flows.pivot_table(
            index="from", columns="felt in", values="loss_usd", aggfunc="sum", fill_value=0.0
        )

    def by_account(self) -> pd.DataFrame:
        """Return one row a borrower: ``protocol, account, own_usd, caused_usd``, largest cause first."""
        sums = self.events.groupby(["protocol", "account"], sort=False)[["own_usd", "caused_usd"]].sum()
        return sums.sort_values("caused_usd", ascending=False, kind="stable").reset_index()

    def creditors(self) -> pd.DataFrame:
        """Return who defaulted on whose creditors: ``protocol, account, bad_debt_usd, share``."""
        rows = self.events[self.events.bad_debt_usd > 0.0]
        owed = rows.groupby(["protocol", "account"], sort=False).bad_debt_usd.sum().reset_index()
        owed["share"] = owed.bad_debt_usd / owed.groupby("protocol").bad_debt_usd.transform("sum")
        return owed.sort_values("bad_debt_usd", ascending=False, kind="stable").reset_index(drop=True)

    def to_networkx(self) -> nx.DiGraph[str]:
        """Return parent -> child with weights; events have ``own_usd`` and ``caused_usd``."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        columns = ("protocol", "account", "own_usd", "caused_usd")
        for k, row in enumerate(zip(*(self.events[name].tolist() for name in columns), strict=True)):
            graph.add_node(_name(k), **dict(zip(columns, row, strict=True)))
        for child, parent, weight in zip(
            self.edges.child.tolist(), self.edges.parent.tolist(), self.edges.weight.tolist(), strict=True
        ):
            graph.add_edge(parent, _name(child), weight=weight)
        return graph

    @cached_property
    def _root_names(self) -> list[str]:
        return sorted(set(self.edges.parent[self.edges.event < 0]))

    def _root_shares(self) -> Floats:
        """Share of each root in each event, shape (events, roots); rows add up to 1."""
        place = {name: k for k, name in enumerate(self._root_names)}
        shares = np.zeros((len(self.events), len(place)))
        parents = _parents_by_child(self.edges)
        for child in _in_order(self.events):
            for parent, event, weight in parents[child]:
                if event < 0:
                    shares[child, place[parent]] += weight
                else:
                    shares[child] += weight * shares[event]
        return shares


def causal_forest(result: RunResult) -> CausalForest:
    """Build the causal forest of a run.

    Raises
    ------
    ContagionError
        If the run has no table of forced sales.
    """
    found = find_causes(result)
    events = found.events.copy()
    own = (events.loss_usd + events.bad_debt_usd).to_numpy(float)
    caused = own.copy()
    parents = _parents_by_child(found.edges)
    order = _in_order(events)
    for child in reversed(order):
        for _, event, weight in parents[child]:
            if event >= 0:
                caused[event] += weight * caused[child]
    main = [max(parents[k], key=lambda parent: parent[2]) for k in range(len(events))]
    generation = np.zeros(len(events), np.int64)
    for child in order:
        if main[child][1] >= 0:
            generation[child] = generation[main[child][1]] + 1
    events["own_usd"], events["caused_usd"] = own, caused
    events["parent"] = np.array([parent[0] for parent in main], dtype=object)
    events["parent_event"] = np.array([parent[1] for parent in main], np.int64)
    events["generation"] = generation
    return CausalForest(events, found.edges)


def _in_order(events: pd.DataFrame) -> list[int]:
    """Rows such that parents come before children: a sale moves only prices that are read later."""
    order: list[int] = np.argsort(events.t_eligible_s.to_numpy(float), kind="stable").tolist()
    return order


def _parents_by_child(edges: pd.DataFrame) -> dict[int, list[tuple[str, int, float]]]:
    parents: dict[int, list[tuple[str, int, float]]] = {}
    columns = (edges[name].tolist() for name in ("child", "parent", "event", "weight"))
    for child, parent, event, weight in zip(*columns, strict=True):
        parents.setdefault(child, []).append((parent, event, weight))
    return parents


def _name(event: int) -> str:
    return f"liquidation/{event}"
