"""Whether a liquidation is toxic: lowers the health that it should restore (MODEL 3.6)."""

from __future__ import annotations

import numpy as np

from ...protocols.liquidation.toxicity import toxic_health, toxic_loan_to_value
from ..model import LiquidationMarket
from ..world.credit import CreditMarket
from .findings import Finding

LARGE = 0.99
"""Quantile of the accounts whose collateral is sold at once when slippage is judged."""


def bonus_findings(world: LiquidationMarket, market: CreditMarket) -> list[Finding]:
    """Compare threshold and bonus of every collateral with the boundary, the oracle and the exit."""
    if market.pool.kicked:  # what an auction costs the account is not fixed beforehand
        return []
    found = []
    for asset, threshold in enumerate(market.pool.thresholds.tolist()):
        listed = world.scenario.assets[asset]
        if threshold <= 0.0 or listed.stable:
            continue
        bonus, where = float(market.pool.penalty_at_trigger[asset]), f"{market.pool.name}.{listed.symbol}"
        boundary = toxic_health(threshold, bonus)
        if boundary >= 1.0:
            found.append(
                Finding(
                    "toxic-at-trigger",
                    where,
                    boundary,
                    f"LT (1 + b) = {boundary:.4g} is not below 1: a bonus of {bonus:.4g} at a threshold of "
                    f"{threshold:.4g} makes every call lower health; keep it below 1/LT - 1 = "
                    f"{1.0 / threshold - 1.0:.4g}",
                )
            )
            continue
        deviation = world.scenario.oracle.deviation
        if 1.0 - deviation <= boundary:
            found.append(
                Finding(
                    "oracle-deviation",
                    where,
                    deviation,
                    f"the price may be {deviation:.4g} off before it is renewed, the buffer between trigger "
                    f"and toxic health {boundary:.4g} is {1.0 - boundary:.4g}: accounts pass through it "
                    "unseen; lower oracle.deviation or the bonus",
                )
            )
        found += _slippage(world, market, asset, threshold, bonus, where)
    return found


def _slippage(
    world: LiquidationMarket, market: CreditMarket, asset: int, threshold: float, bonus: float, where: str
) -> list[Finding]:
    """Whether selling a large account's collateral in the pool is toxic at the trigger (CASES X05)."""
    pool = world.pools.get(asset)
    if pool is None:
        return []
    depth = pool.depth_towards(pool.price(asset) * (1.0 - bonus))
    debt = market.pool.positions.debt[: market.n_borrowers] @ market.watch.debt_values
    held = market.pool.positions.collateral[: market.n_borrowers, asset] * market.watch.values[asset]
    sold = np.minimum(held, (1.0 + bonus) * market.pool.close_factor * debt)
    if not (sold > 0.0).any():
        return []
    large = float(np.quantile(sold[sold > 0.0], LARGE))
    frontier = toxic_loan_to_value(bonus, large, depth)
    if frontier > threshold:
        return []
    return [
        Finding(
            "toxic-with-slippage",
            where,
            frontier,
            f"one call on a large account ({LARGE:.0%} quantile) sells {large:,.0f} USD into a pool of "
            f"{depth:,.0f} USD; with that slippage loans above {frontier:.4g} of their collateral are toxic, "
            f"and calls begin at {threshold:.4g}; size by depth, or lower the close factor",
        )
    ]
