"""Collateral sold because of liquidations, and by borrowers who defend themselves: one row a sale.

Everything was noted for the costs of a liquidation, or when a borrower sold; here it becomes a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from .costs import Exit

SOURCES = ("call", "kick", "sale", "defence")
"""Why something was sold: as in ``costs``, and ``defence`` for a borrower who sells to repay."""

COLUMNS = (
    "source", "id", "protocol", "account", "seller", "asset", "venue", "block", "t_s", "quantity",
    "received_usd", "price_before", "price_after",
)  # fmt: skip


def forced_sale_table(world: LiquidationMarket) -> pd.DataFrame:
    """Return every forced sale on a book or in a pool, by block; columns `COLUMNS`.

    ``id`` is the row of ``liquidations`` (``call``, ``kick``) or of ``sales`` (``sale``), -1 for a
    defence. Prices are those of the venue, USD per token; on a book its mid.
    """
    rows: list[tuple[Any, ...]] = []

    def add(source: str, row: int, market: int, account: int, seller: str, sale: Exit, venue: str) -> None:
        asset = world.assets[sale.asset]
        rows.append(
            (
                source, row, world.credit[market].pool.name, account, seller, asset.symbol, venue, sale.block,
                sale.block * world.block_time_s, sale.units / asset.unit,
                sale.received / world.assets[world.quote].unit, sale.price, sale.after,
            )
        )  # fmt: skip

    for cost in world.recorder.costs:
        if cost.row is not None:
            for sale in cost.exits:
                # a sale in a pool is part of the transaction, and moves no balance afterwards
                venue = "book" if sale.given else "pool"
                add(cost.kind, cost.row[0], cost.market, cost.account, cost.liquidator, sale, venue)
    for market, account, sale in world.recorder.defences:
        venue = "book" if sale.asset in world.floor.book_of_asset else "pool"
        add("defence", -1, market, account, "borrower", sale, venue)
    rows.sort(key=lambda row: row[COLUMNS.index("block")])
    frame = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    if not rows:
        frame = frame.astype({"id": np.int64, "account": np.int64, "block": np.int64})
        numbers = ("t_s", "quantity", "received_usd", "price_before", "price_after")
        frame = frame.astype(dict.fromkeys(numbers, np.float64))
    words = {
        "source": pd.CategoricalDtype(pd.Index(SOURCES)),
        "venue": pd.CategoricalDtype(pd.Index(("book", "pool"))),
        "asset": pd.CategoricalDtype(pd.Index([asset.symbol for asset in world.assets])),
        "protocol": pd.CategoricalDtype(pd.Index([market.pool.name for market in world.credit])),
    }
    return frame.astype({"seller": "str"}).astype(words | {"seller": "category"})
