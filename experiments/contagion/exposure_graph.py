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


def exposure_table(world: LiquidationMarket) -> pd.DataFrame:
    """Edges of the present moment.

    Returns
    -------
    DataFrame
        Columns ``t_s, source, target, kind, weight_usd``.
    """
    rows: list[tuple[str, str, str, float]] = []
    symbols = [asset.symbol for asset in world.assets]
    _, debt_value, value = world.protocol.weights(int(world.time_s))
    positions, protocol = world.protocol.positions, world.protocol.market.name
    collateral = positions.collateral[:-1] * value
    debt = positions.debt[:-1] * debt_value
    main = collateral.argmax(axis=1)
    for asset in np.unique(main).tolist():
        group = f"borrowers/{symbols[asset]}"
        members = main == asset
        for other, usd in enumerate(collateral[members].sum(axis=0).tolist()):
            rows.append((group, symbols[other], "collateral", usd))
        rows.append((group, protocol, "debt", float(debt[members].sum())))
    claims = positions.collateral[-1] * value
    rows.append(("lenders", protocol, "claim", float(claims.sum())))
    for asset, usd in enumerate(collateral.sum(axis=0).tolist()):
        if usd > 0:
            rows.append((protocol, symbols[asset], "oracle", usd))
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


def exposure_graph(world: LiquidationMarket) -> nx.MultiDiGraph[str]:
    """Return the exposures of the moment; edges have ``kind`` and ``weight_usd``."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(t_s=world.time_s)
    table = exposure_table(world)
    columns = (table[name].tolist() for name in ("source", "target", "kind", "weight_usd"))
    for source, target, kind, weight in zip(*columns, strict=True):
        graph.add_edge(source, target, key=kind, kind=kind, weight_usd=weight)
    return graph
