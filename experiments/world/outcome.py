"""Tables of a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from .cost_table import cost_table
from .margin.records import margin_tables
from .sale_table import forced_sale_table
from .welfare import welfare_table

if TYPE_CHECKING:
    from ..model import LiquidationMarket


def run_tables(world: LiquidationMarket) -> dict[str, pd.DataFrame]:
    """Return every table of the run by name."""
    tables = world.recorder.tables(world.outside.times_s, world.ledger.name)
    symbols = [asset.symbol for asset in world.assets]
    updates = world.oracle.updates
    tables["oracle_updates"] = pd.DataFrame(
        {
            "t_s": [u.t_s for u in updates],
            "asset": pd.Categorical.from_codes([u.asset for u in updates], pd.Index(symbols)),
            "price": [u.price for u in updates],
            "observed": [u.observed for u in updates],
            "reason": pd.Categorical([u.reason for u in updates], ["deviation", "heartbeat"]),
        }
    )
    tables["costs"] = cost_table(world)
    if world.rights is not None:
        tables["rights"] = world.rights.table()
    tables["forced_sales"] = forced_sale_table(world)
    tables["welfare"] = welfare_table(world, world.start_holdings)
    if world.range_books.pools:
        tables["range_providers"] = world.range_books.table()
    return tables | margin_tables([venue.records for venue in world.venues])
