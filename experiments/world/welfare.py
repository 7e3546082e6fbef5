"""Who gained and who lost: what every group owns at the start and at the end.

A group owns ledger balances, funds of its resting orders, and claims on the
protocol less debts to it; the protocol owns what is left. The sum over groups is
what the outside world brought in and does not change, so gains sum to zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..model import LiquidationMarket

Holdings = dict[str, NDArray[np.float64]]

_PLURAL = {
    role: f"{role}s"
    for role in (
        "liquidator",
        "searcher",
        "maker",
        "option-maker",
        "depositor",
        "redeemer",
        "manipulator",
        "arbitrageur",
        "range-provider",
        "position-bidder",
    )
}


def holdings_by_group(world: LiquidationMarket) -> Holdings:
    """Return the base units of every asset that each group owns, claims positive and debts negative."""
    ledger = world.ledger
    roles = {agent.account: _PLURAL.get(agent.role, agent.role) for agent in world.world.deciders}
    groups: Holdings = {}

    def add(group: str, units: NDArray[np.float64]) -> None:
        groups[group] = groups.get(group, np.zeros(len(world.assets))) + units

    for first, count, name in ledger.runs():
        held = ledger.balances[first : first + count].sum(axis=0).astype(np.float64)
        add(roles.get(first) or _group_of(name), held)
    for row, maker in enumerate(world.makers):
        for asset, units in world.floor.locked(row):
            locked = np.zeros(len(world.assets))
            locked[asset] = units
            add(roles[maker.account], locked)
            add("traders", -locked)  # escrow counts as theirs otherwise
    for account, role in roles.items():
        for asset, units in world.range_books.held_for(account):
            provided = np.zeros(len(world.assets))
            provided[asset] = units
            add(role, provided)
            add("liquidity-providers", -provided)  # the pool's account counts as theirs otherwise
    for market in world.credit:
        claims = market.pool.claims(int(world.time_s))
        for group, claim in claims.items():
            add(group, claim)
        add("protocol", -np.sum(list(claims.values()), axis=0))
    return groups


def welfare_table(world: LiquidationMarket, start: Holdings) -> pd.DataFrame:
    """Gain of every group since `start`, at the last mids; USD.

    What borrowers brought in from outside during the run stands in a column of its
    own and is no gain.
    """
    values = world.unit_values()
    end = holdings_by_group(world)
    names = sorted(end)
    change = {name: float((end[name] - start.get(name, 0.0)) @ values) for name in names}
    brought = -change["outside"]
    change["borrowers"] -= brought
    change["outside"] = 0.0
    return pd.DataFrame(
        {
            "group": pd.Categorical(names, names),
            "gain_usd": [change[name] for name in names],
            "brought_in_usd": [brought if name == "borrowers" else 0.0 for name in names],
        }
    )


def _group_of(name: str) -> str:
    kind = name.split("/", maxsplit=1)[0]
    return {
        "traders": "traders",
        "escrow": "traders",
        "borrower": "borrowers",
        "pool": "liquidity-providers",
        "liquidity-provider": "liquidity-providers",
    }.get(kind, kind)
