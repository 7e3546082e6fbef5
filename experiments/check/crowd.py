"""Do the liquidations of this crowd pay: gas against rewards, and dust that no call may close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model import LiquidationMarket
from ..scenarios.lending.laboratory import FullSizing, LaboratoryConfig, SizingConfig, WholePositionSizing
from ..world.credit import CreditMarket
from .findings import Finding

SAMPLES = 200
"""Blocks at which the price of gas is read."""

NOTABLE = 0.05
"""Share of accounts from which on unpaid liquidations are worth a warning."""


def crowd_findings(world: LiquidationMarket, market: CreditMarket) -> list[Finding]:
    """Compare rewards with gas, and debts with the dust floor."""
    rows = np.arange(market.n_borrowers)
    debt = market.pool.positions.debt[rows] @ market.watch.debt_values
    rows, debt = rows[debt > 0.0], debt[debt > 0.0]
    if not len(rows):
        return []
    return _gas(world, market, rows, debt) + _dust(world, market, debt)


def _gas(
    world: LiquidationMarket, market: CreditMarket, rows: NDArray[np.int64], debt: NDArray[np.float64]
) -> list[Finding]:
    pool = market.pool
    if pool.batched:  # one call pays its gas once for all of them
        return []
    values = pool.positions.collateral[rows] * market.watch.values
    if pool.kicked:
        rewards = pool.kick_rewards_usd(rows, values.sum(axis=1), debt)
    else:
        rewards = pool.close_factor * debt * pool.bonus[values.argmax(axis=1)]
    blocks = np.unique(np.linspace(0, world.n_blocks - 1, SAMPLES).astype(int))
    standard = float(np.median([world.outside.gas.at(block).standard for block in blocks.tolist()]))
    gas_usd = world.gas_usd(world.scenario.chain.gas_per_liquidation, standard)
    poor = float(np.mean(rewards < gas_usd))
    if poor < NOTABLE:
        return []
    unpaid = float(debt[rewards < gas_usd].sum())
    return [
        Finding(
            "gas-dearer-than-reward",
            pool.name,
            poor,
            f"{poor:.0%} of accounts, with {unpaid:,.0f} USD of debt, pay a liquidator less than the gas "
            f"of a call ({gas_usd:,.0f} USD at the median price); what falls below the trigger there stays",
        )
    ]


def _dust(world: LiquidationMarket, market: CreditMarket, debt: NDArray[np.float64]) -> list[Finding]:
    config = world.scenario.lending[market.number]
    if not isinstance(config, LaboratoryConfig) or market.pool.kicked:
        return []
    sizing = config.mechanism.sizing
    if not isinstance(sizing, SizingConfig) or isinstance(sizing, FullSizing | WholePositionSizing):
        return []
    if not sizing.dust_usd or getattr(sizing, "share", 0.0) == 1.0 or sizing.kind == "takers-choice":
        return []
    stuck = float(np.mean(debt <= sizing.dust_usd))
    if not stuck:
        return []
    return [
        Finding(
            "dust-cannot-be-closed",
            market.pool.name,
            stuck,
            f"{stuck:.0%} of accounts owe no more than sizing.dust_usd = {sizing.dust_usd:g}: a call that "
            "may repay a part only would leave less than that and is refused; let small debts be closed "
            "whole (kind = 'whole-position')",
        )
    ]
