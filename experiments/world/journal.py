"""What liquidators did, written down row by row, and what they hold handed to the exits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...agents.base import Buy, DecidingAgent, Kick, Liquidate, PlaceBid
from ...protocols.fixed_point import WAD
from ...protocols.lending.pool import Bought, Called, Kicked, Sale

if TYPE_CHECKING:
    from ..model import LiquidationMarket

REWARD_LIMIT = 0.03
"""Rewards and won lots without an exit of their own are sold down to this fraction below the mid."""

NOTHING_LEFT = 1e9
"""Health factor written down for an account without debt."""


class Journal:
    """Rows of liquidations and of sales.

    Parameters
    ----------
    world : LiquidationMarket
    """

    def __init__(self, world: LiquidationMarket) -> None:
        self.world = world

    def liquidation(
        self, agent: DecidingAgent, intent: Liquidate, result: Called, got: int, fee: int
    ) -> list[Any]:
        """Write a call down; `got` quote units came from its exit, `fee` went to the flash lender."""
        world, opportunity = self.world, intent.opportunity
        collateral, debt = opportunity.collateral, opportunity.debt
        repaid = self.value_usd([(debt, result.debt_repaid)])
        seized = self.value_usd([(collateral, result.collateral_to_liquidator)])
        proceeds = got / world.assets[world.quote].unit
        cost = repaid + self.value_usd([(debt, fee)])
        row = self._liquidated(agent, intent, result.health_factor, repaid, seized, seized - repaid)
        row += [0.0, self._impact(proceeds, seized, collateral), proceeds - cost]
        if not got:
            units = result.collateral_to_liquidator
            world.exits.hold(agent, row, collateral, units, intent.exit, intent.max_slippage)
        return row

    def kick(self, agent: DecidingAgent, intent: Kick, result: Kicked) -> list[Any]:
        """Write down that a protocol has taken an account over, and hand the kicker's reward to the exits."""
        debt = self.value_usd(result.debt)
        collateral = self.value_usd(result.collateral) - self.value_usd(result.credit)
        row = self._liquidated(
            agent, intent, result.health_factor, debt, collateral, self.value_usd(result.reward)
        )
        stables = self.world.desk.stables
        cash = self.value_usd(part for part in result.reward if part[0] in stables)
        row += [0.0, float("nan"), cash]
        for asset, units in result.reward:
            if asset not in stables:
                self.world.exits.hold(agent, row, asset, units, self._venue(asset), REWARD_LIMIT)
        return row

    def sale(
        self,
        agent: DecidingAgent,
        intent: Buy | PlaceBid | None,
        protocol: int,
        sale: Sale,
        result: Bought,
        got: int = 0,
        fee: int = 0,
    ) -> list[Any]:
        """Write down that a protocol has sold collateral; it goes to the exits unless it is sold already."""
        world = self.world
        paid = self.value_usd([(sale.debt, result.paid)])
        bought = self.value_usd([(sale.collateral, result.units)])
        proceeds = got / world.assets[world.quote].unit
        symbols = world.assets
        row: list[Any] = [
            len(world.recorder.sales), world.credit[protocol].pool.name, sale.number, sale.account,
            agent.name, symbols[sale.collateral].symbol, symbols[sale.debt].symbol, world.time_s, world.block,
            paid, bought,
            self.value_usd([(sale.collateral, result.returned), (sale.debt, result.refunded)]),
            0.0, self._impact(proceeds, bought, sale.collateral),
            proceeds - paid - self.value_usd([(sale.debt, fee)]),
        ]  # fmt: skip
        world.recorder.sales.append(row)
        if not got:
            exit, limit = self._venue(sale.collateral), REWARD_LIMIT
            if intent is not None:
                exit, limit = intent.exit, intent.max_slippage
            world.exits.hold(agent, row, sale.collateral, result.units, exit, limit)
        return row

    def _venue(self, asset: int) -> str:
        """Return where collateral goes whose holder has named no exit."""
        return "book" if asset in self.world.floor.book_of_asset else "hold"

    def value_usd(self, amounts: Iterable[tuple[int, int]]) -> float:
        """Return what amounts of (asset, base units) are worth at the oracle's prices; USD."""
        prices, assets = self.world.oracle_prices, self.world.assets
        return float(sum(units / assets[asset].unit * prices[asset] for asset, units in amounts))

    def _liquidated(
        self,
        agent: DecidingAgent,
        intent: Liquidate | Kick,
        health_before: int,
        repaid: float,
        seized: float,
        bonus: float,
    ) -> list[Any]:
        """Begin the row of an account that lost its position or a part of it."""
        world, opportunity = self.world, intent.opportunity
        market, account = world.credit[opportunity.protocol], opportunity.account
        since = float(market.watch.eligible_since[account])
        health = market.pool.health_factor(account, int(world.time_s)) / WAD
        if health >= 1.0:
            market.watch.eligible_since[account] = np.nan
        assets = world.assets
        row: list[Any] = [
            len(world.recorder.liquidations), market.pool.name, account, agent.name,
            assets[opportunity.collateral].symbol, assets[opportunity.debt].symbol, since, world.time_s,
            world.block, health_before / WAD, min(health, NOTHING_LEFT), repaid, seized, bonus,
            market.uncovered_usd(account),
        ]  # fmt: skip
        world.recorder.liquidations.append(row)
        return row

    def _impact(self, proceeds: float, value_usd: float, asset: int) -> float:
        """How far below the market a sale ended, basis points; NaN if nothing was sold yet."""
        if not proceeds:
            return float("nan")
        tokens = value_usd / self.world.oracle_prices[asset]
        return (1.0 - proceeds / (tokens * self.world.market_price(asset))) * 1e4
