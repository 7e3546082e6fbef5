"""Whether rights to liquidate can be sold: somebody bids in time, and the reserve is within reach."""

from __future__ import annotations

from ..model import LiquidationMarket
from .findings import Finding


def rights_findings(world: LiquidationMarket) -> list[Finding]:
    """Look at the sale of rights to liquidate, if there is one."""
    config, found = world.scenario.oracle.auction, []
    if config is None:
        return []
    fastest = min((bot.latency_s for bot in world.bots if bot.taking is not None), default=float("inf"))
    if fastest > config.window_s:
        found.append(
            Finding(
                "nobody-bids",
                "oracle.auction",
                config.window_s,
                f"no liquidator bids within window_s = {config.window_s:g}: every price that makes accounts "
                f"liquidatable waits {config.fallback_delay_s:g} s; lengthen the window, or add faster bots",
            )
        )
    most = 0.0
    for market in world.credit:
        debt = market.pool.positions.debt[: market.n_borrowers] @ market.watch.debt_values
        most = max(most, float(debt.max(initial=0.0)) * float(market.pool.bonus.max()))
    if config.reserve_usd > most:
        found.append(
            Finding(
                "auction-cannot-clear",
                "oracle.auction",
                config.reserve_usd,
                f"no bid reaches reserve_usd = {config.reserve_usd:,.0f}: the bonus on the largest debt is "
                f"{most:,.0f} USD at the oracle's price; lower the reserve",
            )
        )
    return found
