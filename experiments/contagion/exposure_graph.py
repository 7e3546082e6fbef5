"""Who depends on whom at one moment: a typed graph over groups of the world.

Nodes are borrowers by main collateral, lenders, the protocol, pools, makers,
liquidators, searchers and assets. Edges carry a type and a weight in USD:
``collateral`` (group to asset), ``debt`` (group to protocol), ``claim`` (lenders
to protocol), ``liquidity`` (pool or maker to asset), ``inventory`` (bot to asset),
``oracle`` (protocol to asset). Clearing and contagion measures come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from ..world.credit import CreditMarket


def exposure_table(world: LiquidationMarket) -> pd.DataFrame:
    """Edges of the present moment.

    Returns
    -------
    DataFrame
        Columns ``t_s, source, target, kind, weight_usd``.
    """
    rows: list[tuple[str, str, str, float]] = []
    symbols = [asset.symbol for asset in world.assets]
    for market in world.credit:
        prefix = "" if len(world.credit) == 1 else f"{market.pool.name}/"
        rows += _credit_edges(market, symbols, prefix, int(world.time_s))
    for asset, pool in world.pools.items():
        depth = pool.state.reserve1 / world.assets[world.quote].unit
        rows.append((f"pool/{symbols[asset]}", symbols[asset], "liquidity", depth))
    prices = world.oracle.price / world.world.units
    for agent in world.world.deciders:
        kind = "liquidity" if agent.role == "maker" else "inventory"
        held = world.holdings(agent.account) * prices
        for asset, usd in enumerate(held.tolist()):
            rows.append((agent.name, symbols[asset], kind, usd))
    table = pd.DataFrame(
        [row for row in rows if row[3] > 0.0], columns=["source", "target", "kind", "weight_usd"]
    )
    table.insert(0, "t_s", world.time_s)
    return table.astype({"source": "category", "target": "category", "kind": "category"})


def _credit_edges(
    market: CreditMarket, symbols: list[str], prefix: str, now_s: int
) -> list[tuple[str, str, str, float]]:
    """Edges of one lending protocol: its borrowers by main collateral, its lenders, its oracle."""
    pool = market.pool
    rows: list[tuple[str, str, str, float]] = []
    _, debt_value, value = pool.weights(now_s)
    units, owed = pool.positions.collateral[:-1], pool.positions.debt[:-1]
    collateral = units * value
    main, totals = collateral.argmax(axis=1), collateral.sum(axis=0).tolist()
    del collateral  # so that a large crowd's values do not lie in memory twice
    for asset in np.unique(main).tolist():
        group = f"{prefix}borrowers/{symbols[asset]}"
        members = main == asset
        for other, usd in enumerate((units[members] * value).sum(axis=0).tolist()):
            rows.append((group, symbols[other], "collateral", usd))
        rows.append((group, pool.name, "debt", float((owed[members] * debt_value).sum())))
    rows.append((f"{prefix}lenders", pool.name, "claim", float(pool.lent_usd(now_s).sum())))
    for asset, usd in enumerate(totals):
        if usd > 0:
            rows.append((pool.name, symbols[asset], "oracle", usd))
    return rows


def exposure_graph(world: LiquidationMarket) -> nx.MultiDiGraph[str]:
    """Return the exposures of the moment; edges have ``kind`` and ``weight_usd``."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(t_s=world.time_s)
    table = exposure_table(world)
    columns = (table[name].tolist() for name in ("source", "target", "kind", "weight_usd"))
    for source, target, kind, weight in zip(*columns, strict=True):
        graph.add_edge(source, target, key=kind, kind=kind, weight_usd=weight)
    return graph
