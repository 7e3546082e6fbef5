"""What transactions do when a block executes them: liquidate, defend a position, arbitrage.

Each function is the action of one transaction: it moves value or raises `Revert`,
in which case the caller undoes what it has done. Book trades cannot be undone: they
make what came before them final, so each action trades as late as it can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.base import ArbitragePool, DecidingAgent, Liquidate
from ...market.ledger import InsufficientFundsError, Reason
from ...market.pools.liquidity_pool import LiquidityPool
from ...market.revert import Revert
from ...protocols.fixed_point import WAD

if TYPE_CHECKING:
    from ..model import LiquidationMarket

SALE_LIMIT = 0.05
"""Borrowers who sell collateral accept prices down to this fraction below the mid."""

FREE_SHARE = 0.99
"""Share of the collateral beyond what health needs that borrowers dare to withdraw at once."""

SQUARE_UP_LIMIT = 0.01
"""An arbitrage squares up on the book no further than this fraction from the mid."""


def _keep(world: LiquidationMarket, pool: LiquidityPool) -> None:
    """Have a pool restored to what it is now if the transaction under way reverts."""
    kept = pool.snapshot()
    world.on_undo(lambda: pool.restore(kept))


class Liquidation:
    """One liquidation call of an agent, with its exit."""

    def __init__(self, agent: DecidingAgent, intent: Liquidate) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> int:
        """Execute; return the number of the liquidation.

        Raises
        ------
        Revert
            If the rule refuses, money is short, or the exit brings too little.
        """
        intent, me = self.intent, self.agent.account
        row, collateral, debt = (
            intent.opportunity.account,
            intent.opportunity.collateral,
            intent.opportunity.debt,
        )
        pool, ledger, now = world.protocol, world.ledger, int(world.time_s)
        if pool.health_factor(row, now) >= WAD:
            raise Revert("HEALTH_FACTOR_NOT_BELOW_THRESHOLD")
        unit = ledger.assets[debt].unit
        cover = min(int(intent.repay_usd / world.oracle_prices[debt] * unit), pool.debt_units(row, debt, now))
        if cover <= 0:
            raise Revert("SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER")
        if (intent.exit == "book" and collateral not in world.floor.book_of_asset) or (
            intent.exit == "pool" and collateral not in world.pools
        ):
            raise Revert(f"{ledger.assets[collateral].symbol} has no {intent.exit} to be sold in")
        world.on_undo(pool.checkpoint(row, (collateral, debt)))
        fee = 0
        try:
            if intent.flash_loan:
                ledger.transfer(debt, world.flash_lender, me, cover, Reason.FLASH_LOAN)
                fee = int(cover * world.scenario.chain.flash_loan_fee)
            else:
                cash = world.desk.cost(world.quote, debt, cover)
                cover = world.desk.convert(me, world.quote, debt, min(cash, ledger.balance(me, world.quote)))
            result = pool.liquidate(row, collateral, debt, cover, me, now)
            seized = result.collateral_to_liquidator
            got = 0
            if intent.exit == "pool":
                venue = world.pools[collateral]
                _keep(world, venue)
                fair = venue.price(collateral) * seized / ledger.assets[collateral].unit
                least = int(fair * (1.0 - intent.max_slippage) * ledger.assets[world.quote].unit)
                got = venue.swap(me, collateral, seized, least, now_s=world.time_s)
            if intent.flash_loan:
                price = world.desk.cost(world.quote, debt, result.debt_repaid + fee)
                if price > got:
                    raise Revert("flash loan not paid back")
                world.desk.convert(me, world.quote, debt, price)
                ledger.transfer(debt, me, world.flash_lender, cover + fee, Reason.FLASH_LOAN)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, debt, world.quote, ledger.balance(me, debt))
        return world.note_liquidation(self.agent, intent, result, got, fee)


class Defence:
    """A borrower repays from wealth, or sells collateral through the book and repays."""

    def __init__(self, row: int, repay_usd: float, sell_usd: float) -> None:
        self.row, self.repay_usd, self.sell_usd = row, repay_usd, sell_usd

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute the repayment, then the sale.

        Raises
        ------
        Revert
            If nothing is owed any more, or collateral may not be withdrawn.
        """
        row, pool, ledger = self.row, world.protocol, world.ledger
        wallet = world.wallet(row)
        now = int(world.time_s)
        collateral, debt = world.main_assets(row)
        owed = pool.debt_units(row, debt, now)
        if not owed:
            raise Revert("NO_DEBT_OF_SELECTED_TYPE")
        if self.sell_usd > 0.0:
            unit = ledger.assets[collateral].unit
            units = int(self.sell_usd / world.oracle_prices[collateral] * unit)
            units = min(
                units, pool.collateral_units(row, collateral, now), self._free_units(world, collateral)
            )
            world.on_undo(pool.checkpoint(row, (collateral,)))
            taken = pool.withdraw(row, collateral, units, wallet, now)
            worst = world.market_price(collateral) * (1.0 - SALE_LIMIT)
            if collateral in world.floor.book_of_asset:
                world.sell_on_book(collateral, wallet, taken // world.lot_units(collateral), worst)
            else:
                venue = world.pools[collateral]
                _keep(world, venue)
                least = int(worst * taken / unit * ledger.assets[world.quote].unit)
                venue.swap(wallet, collateral, taken, least, now_s=world.time_s)
        cash = ledger.balance(wallet, world.quote)
        wanted = owed
        if self.sell_usd <= 0.0:
            wanted = min(owed, int(self.repay_usd * ledger.assets[debt].unit))
        spend = min(world.desk.cost(world.quote, debt, wanted), cash)
        if spend > 0:
            world.on_undo(pool.checkpoint(row, (debt,)))
            paid_in = world.desk.convert(wallet, world.quote, debt, spend)
            if paid_in:
                pool.repay(row, debt, paid_in, wallet, now)
            world.desk.convert(wallet, debt, world.quote, ledger.balance(wallet, debt))
        world.watch.calm([row])

    def _free_units(self, world: LiquidationMarket, collateral: int) -> int:
        """Most of a collateral that may be withdrawn without leaving the account unhealthy; base units."""
        owed, backed = world.debt_and_backing_usd(self.row)
        spare = FREE_SHARE * (backed - owed) / float(world.world.thresholds[collateral])
        return max(0, int(spare / world.oracle_prices[collateral] * world.assets[collateral].unit))


class Rebalance:
    """A borrower brings collateral in, or takes some out, until health is what it wants."""

    def __init__(self, row: int, target_health: float, alert_level: float) -> None:
        self.row, self.target_health, self.alert_level = row, target_health, alert_level

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute; collateral brought in comes from outside the simulated world.

        Raises
        ------
        Revert
            If nothing is owed, or the rules refuse.
        """
        row, pool, ledger, now = self.row, world.protocol, world.ledger, int(world.time_s)
        collateral, _ = world.main_assets(row)
        owed, backed = world.debt_and_backing_usd(row)
        if owed <= 0.0:
            raise Revert("nothing owed")
        price, wallet = world.oracle_prices[collateral], world.wallet(row)
        missing = (self.target_health * owed - backed) / float(world.world.thresholds[collateral])
        units = int(abs(missing) / price * ledger.assets[collateral].unit)
        world.on_undo(pool.checkpoint(row, (collateral,)))
        if missing > 0.0:
            ledger.endow(collateral, wallet, units)
            pool.supply(row, collateral, units, wallet, now)
        else:
            units = min(units, pool.collateral_units(row, collateral, now))
            pool.withdraw(row, collateral, units, wallet, now)
        world.world.target_health[row] = max(self.target_health, self.alert_level)
        world.watch.set_alert(row, self.alert_level)


class Arbitrage:
    """Trade a pool to the edge of its no-arbitrage band around the book, and square up on the book."""

    def __init__(self, agent: DecidingAgent, intent: ArbitragePool) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute both legs, the pool's first.

        Raises
        ------
        Revert
            If the gap no longer pays.
        """
        asset, me, ledger = self.intent.asset, self.agent.account, world.ledger
        pool, quote = world.pools[asset], world.quote
        bid, ask = world.floor.touch(asset)
        unit, cash_unit, lot = ledger.assets[asset].unit, ledger.assets[quote].unit, world.lot_units(asset)
        cash = ledger.balance(me, quote)
        scale = world.gaps.scale(asset)
        if pool.price(asset) < bid:
            spend = min(int(scale * pool.tokens_to_arbitrage(quote, 1.0 / bid) * cash_unit), cash)
            gain = pool.quote_out(quote, spend / cash_unit) * bid - spend / cash_unit
            if scale * gain < self.intent.min_profit_usd or spend <= 0:
                raise Revert("no profit left")
            _keep(world, pool)
            bought = pool.swap(me, quote, spend, now_s=world.time_s)
            sold, _ = world.sell_on_book(asset, me, bought // lot, bid * (1.0 - SQUARE_UP_LIMIT))
            world.exits.sell_rest(self.agent, asset, bought - sold, SQUARE_UP_LIMIT)
            return
        if not math.isfinite(ask):
            raise Revert("nothing to buy on the book")
        tokens = min(scale * pool.tokens_to_arbitrage(asset, ask), 0.98 * cash / cash_unit / ask)
        gain = pool.quote_out(asset, tokens) - tokens * ask
        if scale * gain < self.intent.min_profit_usd or tokens * unit < lot:
            raise Revert("no profit left")
        bought = world.buy_on_book(asset, me, int(tokens * unit) // lot, ask * (1.0 + SQUARE_UP_LIMIT))
        if bought:
            _keep(world, pool)
            pool.swap(me, asset, bought, now_s=world.time_s)
