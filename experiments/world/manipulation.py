"""What a manipulator may look up: how the oracle reads markets, and what a false price would uncover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...agents.strategies.manipulator import Reading, Uncovered
from ..scenarios.base import ScenarioError

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from ..scenarios import Scenario

UNMOVED = {
    "reference": "prices of the outside world, which nobody here moves",
    "median": "the median of several prices, which none of them moves alone",
}
"""Why other sources of an oracle cannot be manipulated."""


def reading(world: LiquidationMarket, asset: int) -> Reading | None:
    """Return how the oracle reads a market of an asset, or None if it reads none."""
    scenario = world.scenario
    oracle, block_s = scenario.oracle, world.block_time_s
    if oracle.source == "book-mid" and asset in world.floor.book_of_asset:
        return Reading("book", math.exp(-scenario.flow.anchor_per_s * block_s), 1, oracle.deviation)
    if oracle.source == "pool-twap" and asset in world.pools:
        blocks = round(max(10.0 * block_s, 60.0) / block_s)
        return Reading("pool", 1.0, blocks, oracle.deviation, world.pools[asset].depth_towards)
    return None


def uncovered(world: LiquidationMarket, asset: int, factors: Sequence[float]) -> list[Uncovered]:
    """Return what the oracle's price of an asset times each factor would make liquidatable (MODEL 1.1).

    Counts accounts that are sound now, and what one call each may repay of them. Where accounts
    are kicked rather than called there is nothing to repay, and so nothing to gain.
    """
    repaid, bonus = np.zeros(len(factors)), np.zeros(len(factors))
    for market in world.credit:
        pool = market.pool
        if pool.kicked or not pool.thresholds[asset] > 0.0:
            continue
        backing_weight, debt_weight, value = pool.weights(int(world.time_s))
        positions = pool.positions
        backing = positions.collateral[: pool.lenders] @ backing_weight
        owed = positions.debt[: pool.lenders] @ debt_weight
        held = positions.collateral[: pool.lenders, asset].astype(np.float64)
        reward = float(pool.bonus[asset])
        for k, factor in enumerate(factors):
            hit = (owed > 0.0) & (backing >= owed)
            hit &= backing - (1.0 - factor) * held * backing_weight[asset] < owed
            covered = np.minimum(pool.close_factor * owed, held * value[asset] * factor / (1.0 + reward))
            repay = float(covered[hit].sum())
            repaid[k] += repay
            bonus[k] += repay * reward
    mean = np.divide(bonus, repaid, out=np.zeros(len(factors)), where=repaid > 0.0)
    return [Uncovered(*pair) for pair in zip(repaid.tolist(), mean.tolist(), strict=True)]


def check_manipulators(scenario: Scenario) -> None:
    """Refuse manipulators where the oracle reads no market price that one could move.

    Raises
    ------
    ScenarioError
        With the reason.
    """
    source = scenario.oracle.source
    for config in scenario.agents:
        if config.kind != "manipulator":
            continue
        where = f"agents.{config.name}"
        if source in UNMOVED:
            raise ScenarioError(
                f"{where}.kind = 'manipulator' can move nothing: oracle.source = {source!r} reads "
                f"{UNMOVED[source]}; allowed with book-mid or pool-twap"
            )
        venue = "book" if source == "book-mid" else "pool"
        stocked = [a for a in scenario.assets if config.inventory_usd.get(a.symbol)]
        if not any(getattr(asset, venue) is not None and not asset.stable for asset in stocked):
            raise ScenarioError(
                f"{where} needs a stock to sell: {where}.inventory_usd of an asset with a {venue}"
            )
