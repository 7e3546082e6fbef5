"""The exposure graph of a running world: from ledger, protocols, books and agents to arrays.

Reading changes nothing. With ``detail = "groups"`` borrowers are cohorts by main collateral, with
``"accounts"`` every borrower is a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .errors import ContagionError
from .exposure_graph import EDGE_KINDS, NODE_TYPES, ExposureGraph

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from ..world.credit import CreditMarket

Detail = Literal["groups", "accounts"]

IN_TABLE = ("collateral", "debt", "claim", "liquidity", "inventory", "oracle")
"""Kinds of edges in the table `exposures` of a run by groups."""


def take_snapshot(world: LiquidationMarket, detail: Detail = "groups") -> ExposureGraph:
    """Return who depends on whom now, valued at the oracle's prices.

    Parameters
    ----------
    world : LiquidationMarket
    detail : str
        ``groups`` or ``accounts``.

    Raises
    ------
    ContagionError
        If `detail` is neither.
    """
    if detail not in get_args(Detail):
        raise ContagionError(f"detail = {detail!r}; allowed: {', '.join(map(repr, get_args(Detail)))}")
    graph = _Builder(float(world.time_s))
    stable = {asset.symbol for asset in world.scenario.assets if asset.stable}
    symbols = [asset.symbol for asset in world.assets]
    for symbol in symbols:
        graph.node(symbol, "stablecoin" if symbol in stable else "asset")
    for market in world.credit:
        prefix = "" if len(world.credit) == 1 else f"{market.pool.name}/"
        _credit_edges(graph, world, market, symbols, prefix, detail)
    for asset, pool in world.pools.items():
        depth = pool.reserves[1] / world.assets[world.quote].unit
        graph.edge(graph.node(f"pool/{symbols[asset]}", "pool"), asset, "liquidity", depth)
    prices = world.oracle.price / world.world.units
    for agent in world.world.deciders:
        kind = "liquidity" if agent.role in ("maker", "range-provider") else "inventory"
        node = graph.node(agent.name, agent.role if agent.role in NODE_TYPES else "agent")
        held = world.holdings(agent.account) * prices
        graph.edges(node, np.arange(len(symbols)), kind, held)
    depths = world.floor.bid_depths_usd()
    for spec, usd in zip(world.floor.specs, depths, strict=True):
        graph.edge(graph.node(f"book/{symbols[spec.asset]}", "venue"), spec.asset, "depth", usd)
    for row, agent in enumerate(world.makers):
        for asset, units in world.floor.locked(row):
            if asset in world.floor.book_of_asset:
                venue = graph.node(f"book/{symbols[asset]}", "venue")
                graph.edge(graph.node(agent.name, "maker"), venue, "orders", units * prices[asset])
    return graph.build()


def exposure_table(world: LiquidationMarket) -> pd.DataFrame:
    """Edges of the present moment, as the table `exposures` of a run keeps them.

    Returns
    -------
    DataFrame
        Columns ``t_s, source, target, kind, weight_usd``: by groups those of `IN_TABLE`; every edge if
        the scenario records accounts.
    """
    detail: Detail = world.scenario.recording.exposures
    table = take_snapshot(world, detail).to_table()
    if detail == "groups":
        table = table[table.kind.isin(IN_TABLE)].reset_index(drop=True)
        for column in ("source", "target", "kind"):
            table[column] = table[column].cat.remove_unused_categories()
    return table


def graph_of_table(table: pd.DataFrame) -> ExposureGraph:
    """Build the graph of one moment from rows of the table `exposures`.

    The table has no types of nodes; they follow from the kinds of their edges, and agents other than
    makers count as liquidators.
    """
    types: dict[str, str] = {}
    columns = (table[name].astype("str") for name in ("source", "target", "kind"))
    triples = pd.DataFrame(dict(zip(("source", "target", "kind"), columns, strict=True))).drop_duplicates()
    for kind, source_type, target_type in _ENDS:
        rows = triples[triples.kind == kind]
        types.update(dict.fromkeys(rows.target, target_type))
        types.update({name: _pool_or(source_type, name, kind) for name in rows.source})
    nodes = pd.DataFrame({"name": list(types), "type": list(types.values())})
    return ExposureGraph.from_tables(table, nodes)


_ENDS = (
    ("oracle", "protocol", "asset"),
    ("collateral", "borrower", "asset"),
    ("inventory", "liquidator", "asset"),
    ("liquidity", "maker", "asset"),
    ("depth", "venue", "asset"),
    ("reserve", "protocol", "asset"),
    ("debt", "borrower", "protocol"),
    ("claim", "lender", "protocol"),
    ("orders", "maker", "venue"),
    ("issuance", "stablecoin", "protocol"),
)


def _pool_or(type_name: str, name: str, kind: str) -> str:
    return "pool" if kind == "liquidity" and name.startswith("pool/") else type_name


def _credit_edges(
    graph: _Builder,
    world: LiquidationMarket,
    market: CreditMarket,
    symbols: list[str],
    prefix: str,
    detail: Detail,
) -> None:
    """Edges of one lending protocol: its borrowers, its lenders, its oracle, its till, its coins."""
    pool, now_s = market.pool, int(world.time_s)
    protocol = graph.node(pool.name, "protocol")
    _, debt_value, value = pool.weights(now_s)
    units, owed = pool.positions.collateral[:-1], pool.positions.debt[:-1]
    collateral = units * value
    put_up, assets = collateral.sum(axis=0), np.arange(len(symbols))
    if detail == "groups":
        main = collateral.argmax(axis=1)
        del collateral  # so that a large crowd's values do not lie in memory twice
        for asset in np.unique(main).tolist():
            group = graph.node(f"{prefix}borrowers/{symbols[asset]}", "borrower")
            members = main == asset
            graph.edges(group, assets, "collateral", (units[members] * value).sum(axis=0))
            graph.edge(group, protocol, "debt", float((owed[members] * debt_value).sum()))
    else:
        first = graph.crowd(f"{prefix}borrower-", len(units))
        rows, columns = np.nonzero(collateral)
        graph.edges(first + rows, columns, "collateral", collateral[rows, columns])
        graph.edges(first + np.arange(len(units)), protocol, "debt", owed @ debt_value)
    lenders = graph.node(f"{prefix}lenders", "lender")
    graph.edge(lenders, protocol, "claim", float(pool.lent_usd(now_s).sum()))
    graph.edges(protocol, assets, "oracle", put_up)
    till = world.ledger.balances[pool.account] * (world.oracle.price / world.world.units) - put_up
    graph.edges(protocol, assets, "reserve", np.where(till > 1e-6 * put_up, till, 0.0))
    issued = pool.claims(now_s).get("outside")
    if issued is not None:
        graph.edges(assets, protocol, "issuance", np.maximum(issued * debt_value, 0.0))


class _Builder:
    """Nodes and edges as they are found; edges of weight 0 are dropped."""

    def __init__(self, t_s: float) -> None:
        self.t_s = t_s
        self.names: list[str] = []
        self.types: list[int] = []
        self._places: dict[str, int] = {}
        self._sources: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []
        self._kinds: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def node(self, name: str, type_name: str) -> int:
        """Place of a node, added if it is new."""
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self.names)
            self.names.append(name)
            self.types.append(NODE_TYPES.index(type_name))
        return place

    def crowd(self, prefix: str, count: int) -> int:
        """Add numbered borrowers; return the place of the first."""
        first = len(self.names)
        self.names += [f"{prefix}{k}" for k in range(count)]
        self.types += [NODE_TYPES.index("borrower")] * count
        return first

    def edge(self, source: int, target: int, kind: str, weight_usd: float) -> None:
        self.edges(source, target, kind, np.array([weight_usd]))

    def edges(self, source: ArrayLike, target: ArrayLike, kind: str, weights_usd: np.ndarray) -> None:
        """Add edges; one end may be the same for all."""
        keep = weights_usd > 0.0
        self._sources.append(np.broadcast_to(source, weights_usd.shape)[keep].astype(np.int32))
        self._targets.append(np.broadcast_to(target, weights_usd.shape)[keep].astype(np.int32))
        self._kinds.append(np.full(int(keep.sum()), EDGE_KINDS.index(kind), np.int8))
        self._weights.append(weights_usd[keep].astype(np.float64))

    def build(self) -> ExposureGraph:
        parts = map(np.concatenate, (self._sources, self._targets, self._kinds, self._weights))
        source, target, kinds, weights = parts
        return ExposureGraph(
            self.t_s, self.names, np.array(self.types, np.int8), source, target, kinds, weights
        )
