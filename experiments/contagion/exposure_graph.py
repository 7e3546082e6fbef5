"""Who depends on whom at one moment: a typed graph as sparse arrays.

A graph may have a node for every borrower of a crowd of a million, so it is a handful of arrays;
a networkx graph is made only when it is asked for. Where the numbers come from is another module's work
(`snapshots`), and what follows from them the measures'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from .claims import Floats
from .errors import ContagionError, EmptyGraphError, NegativeClaimError, UnknownNodeError

NODE_TYPES = (
    "asset", "stablecoin", "venue", "pool", "protocol", "lender", "borrower",
    "maker", "liquidator", "searcher", "depositor", "redeemer", "agent",
)  # fmt: skip
"""What a node can be; ``agent`` is a decider of another kind, ``venue`` an order book."""

EDGE_KINDS = (
    "collateral", "debt", "claim", "liquidity", "inventory", "oracle", "reserve", "orders", "depth",
    "issuance",
)  # fmt: skip
"""How the source depends on the target.

=========== ============================ ============================================================
kind        source and target            weight
=========== ============================ ============================================================
collateral  borrower, asset              what the borrower has put up
debt        borrower, protocol           what it owes
claim       lender, protocol             what lenders and depositors may claim
liquidity   pool or maker, asset         what the pool holds on its quote side; what the maker owns
inventory   bot, asset                   what it owns
oracle      protocol, asset              collateral whose worth is what the oracle says
reserve     protocol, asset              what is in the protocol's till beside collateral
orders      maker, venue                 what its asks have in escrow
depth       venue, asset                 bids near the price: what can be sold at once
issuance    stablecoin, protocol         coins in circulation that the protocol stands behind
=========== ============================ ============================================================
"""

OWNED = ("collateral", "liquidity", "inventory", "reserve")
"""Kinds by which a node owns an asset; a pool's ``liquidity`` counts one of its two equal sides."""


@dataclass(frozen=True, eq=False)
class ExposureGraph:
    """Nodes with types and edges with kinds.

    Parameters
    ----------
    t_s : float
        Moment, seconds since the start of the run.
    names : sequence of str, length n
        Distinct.
    types : int8 ndarray, shape (n,)
        Places in `NODE_TYPES`.
    source, target : int32 ndarray, shape (m,)
        Places in `names`.
    kinds : int8 ndarray, shape (m,)
        Places in `EDGE_KINDS`.
    weights_usd : float64 ndarray, shape (m,)
        Above 0; edges of weight 0 are left out.

    Raises
    ------
    EmptyGraphError, UnknownNodeError, NegativeClaimError, ContagionError
        If there are no nodes, an edge leads to none of them, or a number is out of range.
    """

    t_s: float
    names: Sequence[str]
    types: NDArray[np.int8]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    kinds: NDArray[np.int8]
    weights_usd: Floats

    def __post_init__(self) -> None:
        n, m = len(self.names), len(self.weights_usd)
        if n == 0:
            raise EmptyGraphError("the graph has no nodes; at least 1 is needed")
        if len(self.types) != n or not ((self.types >= 0) & (self.types < len(NODE_TYPES))).all():
            raise ContagionError(f"types need one of {len(NODE_TYPES)} codes for each of {n} nodes")
        if not len(self.source) == len(self.target) == len(self.kinds) == m:
            raise ContagionError(
                f"edges have {len(self.source)} sources, {len(self.target)} targets, {len(self.kinds)} kinds"
                f" and {m} weights; needed: as many of each"
            )
        for end in (self.source, self.target):
            wrong = (end < 0) | (end >= n)
            if wrong.any():
                edge = int(wrong.argmax())
                raise UnknownNodeError(f"edge {edge} leads to node {end[edge]}; there are {n}")
        if not ((self.kinds >= 0) & (self.kinds < len(EDGE_KINDS))).all():
            raise ContagionError(f"kinds need one of {len(EDGE_KINDS)} codes for each edge")
        if m and not 0.0 <= self.weights_usd.min() <= self.weights_usd.max() < np.inf:
            edge = int(np.argmax(~(self.weights_usd >= 0.0) | np.isinf(self.weights_usd)))
            weight = float(self.weights_usd[edge])
            text = (
                f"edge {edge} from {self.names[self.source[edge]]} to {self.names[self.target[edge]]} weighs"
                f" {weight:g} USD; allowed: finite numbers from 0"
            )
            raise NegativeClaimError(text) if weight < 0.0 else ContagionError(text)

    def __repr__(self) -> str:
        return f"ExposureGraph(t_s={self.t_s:g}, nodes={len(self.names)}, edges={len(self.weights_usd)})"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.names)}

    def node(self, name: str) -> int:
        """Return the place of a node.

        Raises
        ------
        UnknownNodeError
            If there is none of this name.
        """
        place = self._places.get(name)
        if place is None:
            raise UnknownNodeError(f"node {name!r} is not in the graph of {len(self.names)} nodes")
        return place

    def of_type(self, *types: str) -> NDArray[np.int64]:
        """Return the places of all nodes of some types."""
        codes = [_code(NODE_TYPES, name, "node type") for name in types]
        return np.flatnonzero(np.isin(self.types, codes))

    def of_kind(self, *kinds: str) -> NDArray[np.int64]:
        """Return the places of all edges of some kinds."""
        codes = [_code(EDGE_KINDS, name, "edge kind") for name in kinds]
        return np.flatnonzero(np.isin(self.kinds, codes))

    def matrix(self, *kinds: str) -> sparse.csr_array:
        """Return weights from source (row) to target (column), of some kinds or of all; USD."""
        edges = self.of_kind(*(kinds or EDGE_KINDS))
        n = len(self.names)
        cells = (self.source[edges], self.target[edges])
        return sparse.csr_array(sparse.coo_array((self.weights_usd[edges], cells), shape=(n, n)))

    def liabilities(self) -> sparse.csr_array:
        """Return who owes whom, ``[i, j]`` what *i* owes *j*, USD: debts, and claims the other way round.

        The form that all measures take; assets, venues and pools owe nothing.
        """
        return sparse.csr_array(self.matrix("debt") + self.matrix("claim", "issuance").T)

    def external_assets(self, returns: dict[str, float] | None = None) -> Floats:
        """Return what each node owns outside the network of debts, USD.

        Parameters
        ----------
        returns : dict of str to float, optional
            Return on some assets, by name, from -1: ``{"ETH": -0.3}`` values after a fall by 30 %.
        """
        growth = np.ones(len(self.names))
        for name, change in (returns or {}).items():
            if not -1.0 <= change < np.inf:
                raise ContagionError(f"return on {name} = {change:g}; allowed: from -1")
            growth[self.node(name)] += change
        return np.asarray(self.matrix(*OWNED) @ growth)

    # for other tools

    def to_table(self) -> pd.DataFrame:
        """Return one row per edge: ``t_s, source, target, kind, weight_usd``."""
        names = np.asarray(self.names, dtype=object)
        table = pd.DataFrame(
            {
                "t_s": self.t_s,
                "source": names[self.source],
                "target": names[self.target],
                "kind": np.asarray(EDGE_KINDS, dtype=object)[self.kinds],
                "weight_usd": self.weights_usd,
            }
        )
        words = dict.fromkeys(("source", "target", "kind"), "str")
        return table.astype(words).astype(dict.fromkeys(words, "category"))

    def nodes_table(self) -> pd.DataFrame:
        """Return one row per node: ``name, type``."""
        kinds = pd.Categorical.from_codes(self.types, pd.Index(NODE_TYPES))
        return pd.DataFrame({"name": np.asarray(self.names, dtype=object), "type": kinds})

    @classmethod
    def from_tables(cls, edges: pd.DataFrame, nodes: pd.DataFrame, t_s: float | None = None) -> ExposureGraph:
        """Build a graph from tables as `to_table` and `nodes_table` return them.

        Raises
        ------
        UnknownNodeError
            If an edge names a node that is not in `nodes`.
        ContagionError
            If a type or a kind is unknown, or edges of several moments are mixed.
        """
        moments = pd.unique(edges["t_s"]) if t_s is None and len(edges) else [t_s or 0.0]
        if len(moments) > 1:
            raise ContagionError(f"edges of {len(moments)} moments; needed: one, see `read_history`")
        names = [str(name) for name in nodes["name"]]
        index = pd.Index(names)
        if index.has_duplicates:
            raise ContagionError(f"node {index[index.duplicated()][0]!r} appears twice")
        ends = []
        for end in ("source", "target"):
            places = index.get_indexer(pd.Index(edges[end].astype("str")))
            if (places < 0).any():
                row = int(np.argmax(places < 0))
                raise UnknownNodeError(
                    f"edge {row} names {edges[end].iloc[row]!r}, which is not in the graph"
                )
            ends.append(places.astype(np.int32))
        types = _codes(NODE_TYPES, nodes["type"], "node type")
        kinds = _codes(EDGE_KINDS, edges["kind"], "edge kind")
        weights = edges["weight_usd"].to_numpy(np.float64)
        return cls(float(moments[0]), names, types, ends[0], ends[1], kinds, weights)

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """Return a typed graph: nodes have ``type``; edges have ``kind``, also as key, and ``weight_usd``."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(t_s=self.t_s)
        for name, code in zip(self.names, self.types.tolist(), strict=True):
            graph.add_node(name, type=NODE_TYPES[code])
        columns = (self.source.tolist(), self.target.tolist(), self.kinds.tolist(), self.weights_usd.tolist())
        for source, target, code, weight in zip(*columns, strict=True):
            kind = EDGE_KINDS[code]
            graph.add_edge(self.names[source], self.names[target], key=kind, kind=kind, weight_usd=weight)
        return graph

    def write_graphml(self, path: str | Path) -> None:
        """Write the typed graph as GraphML, which Gephi, igraph and networkx read."""
        nx.write_graphml(self.to_networkx(), path)

    def write_parquet(self, folder: str | Path) -> None:
        """Write ``nodes.parquet`` and ``edges.parquet`` into a folder, made if it is not there."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        self.nodes_table().to_parquet(place / "nodes.parquet", index=False)
        self.to_table().to_parquet(place / "edges.parquet", index=False)

    @classmethod
    def read_parquet(cls, folder: str | Path) -> ExposureGraph:
        """Read what `write_parquet` wrote."""
        place = Path(folder)
        return cls.from_tables(
            pd.read_parquet(place / "edges.parquet"), pd.read_parquet(place / "nodes.parquet")
        )


def _code(known: tuple[str, ...], name: str, what: str) -> int:
    if name not in known:
        raise ContagionError(f"{what} {name!r} is unknown; allowed: {', '.join(known)}")
    return known.index(name)


def _codes(known: tuple[str, ...], column: pd.Series, what: str) -> NDArray[np.int8]:
    codes = pd.Index(known).get_indexer(pd.Index(column.astype("str")))
    if (codes < 0).any():
        _code(known, str(column.iloc[int(np.argmax(codes < 0))]), what)
    return codes.astype(np.int8)
