"""What transactions do when a block executes them: liquidate, defend a position, arbitrage.

Each function is the action of one transaction: it moves value or raises `Revert`,
in which case the caller undoes what it has done. Book trades cannot be undone: they
make what came before them final, so each action trades as late as it can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...agents.base import ArbitragePool, DecidingAgent, Kick, Liquidate, SandwichPool, SellToPool
from ...agents.strategies.exits import Exit as ExitPlan
from ...market.ledger import InsufficientFundsError, Reason
from ...market.pools.pool import Pool
from ...market.revert import Revert
from ...protocols.fixed_point import WAD
from ...protocols.lending.llamma.pool import LlammaPool
from .costs import Exit, PoolSale, Purse

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from .credit import CreditMarket
    from .liquidation_rights import Right

SALE_LIMIT = 0.05
"""Borrowers who sell collateral accept prices down to this fraction below the mid."""

FREE_SHARE = 0.99
"""Share of the collateral beyond what health needs that borrowers dare to withdraw at once."""

WHOLE_DEBT = 0.999
"""Share of a debt from which on a call means all of it, interest since the list was published included."""

SQUARE_UP_LIMIT = 0.01
"""An arbitrage squares up on the book no further than this fraction from the mid."""


def check_exit(world: LiquidationMarket, asset: int, exit: ExitPlan) -> None:
    """Revert if an asset cannot be sold where the intent says."""
    if exit == "hold":
        return
    venue, venues = ("pool", world.pools) if exit == "pool" else ("book", world.floor.book_of_asset)
    if asset not in venues:
        raise Revert(f"{world.assets[asset].symbol} has no {venue} to be sold in")


def raise_money(
    world: LiquidationMarket, me: int, debt: int, amount: int, flash_loan: bool
) -> tuple[int, int]:
    """Get up to `amount` base units to pay with, lent or own; return the loan's fee and the amount."""
    ledger = world.ledger
    if flash_loan:
        ledger.transfer(debt, world.flash_lender, me, amount, Reason.FLASH_LOAN)
        return int(amount * world.scenario.chain.flash_loan_fee), amount
    cash = min(world.desk.cost(world.quote, debt, amount), ledger.balance(me, world.quote))
    cash = world.desk.cost(world.quote, debt, world.desk.worth(debt, world.quote, cash))
    return 0, world.desk.convert(me, world.quote, debt, cash)


def sell_to_pool(
    world: LiquidationMarket, me: int, asset: int, units: int, max_slippage: float, limit_usd: float = 0.0
) -> PoolSale:
    """Sell collateral to its pool, not far below the pool's price, or below `limit_usd` if that is given."""
    venue = world.pools[asset]
    _keep(world, venue)
    price = venue.price(asset)
    fair = (limit_usd or price) * units / world.assets[asset].unit
    least = int(fair * (1.0 - max_slippage) * world.assets[world.quote].unit)
    received = venue.swap(me, asset, units, least, now_s=world.time_s)
    return PoolSale(received, price, price * (1.0 - venue.fee_bps / 1e4), venue.price(asset))


def pay_back(
    world: LiquidationMarket, me: int, debt: int, spent: int, lent: int, fee: int, sold: PoolSale | None
) -> None:
    """Return a flash loan out of what the sale of the collateral brought."""
    price = world.desk.cost(world.quote, debt, max(spent + fee, 0))
    if price > (0 if sold is None else sold.received):
        raise Revert("flash loan not paid back")
    world.desk.convert(me, world.quote, debt, price)
    world.ledger.transfer(debt, me, world.flash_lender, lent + fee, Reason.FLASH_LOAN)


def _keep(world: LiquidationMarket, pool: Pool) -> None:
    """Have a pool restored to what it is now if the transaction under way reverts."""
    kept = pool.snapshot()
    world.on_undo(lambda: pool.restore(kept))


class Liquidation:
    """One liquidation call of an agent, with its exit; `right` is paid for if it goes through."""

    def __init__(self, agent: DecidingAgent, intent: Liquidate, right: Right | None = None) -> None:
        self.agent = agent
        self.intent = intent
        self.right = right

    def __call__(self, world: LiquidationMarket) -> list[Any]:
        """Execute; return the row written down.

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
        market = world.credit[intent.opportunity.protocol]
        pool, ledger, now = market.pool, world.ledger, int(world.time_s)
        if pool.health_factor(row, now) >= WAD:
            raise Revert("HEALTH_FACTOR_NOT_BELOW_THRESHOLD")
        unit = ledger.assets[debt].unit
        owed = pool.payoff(row, debt, now)
        cover = int(intent.repay_usd / world.oracle_prices[debt] * unit)
        if cover > WHOLE_DEBT * owed:
            cover = owed
        if cover <= 0:
            raise Revert("SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER")
        check_exit(world, collateral, intent.exit)
        world.on_undo(pool.checkpoint(row, (collateral, debt)))
        purse = Purse(ledger, me, world.quote, collateral, debt)
        try:
            fee, cover = raise_money(world, me, debt, cover, intent.flash_loan)
            result = pool.liquidate(row, collateral, debt, cover, me, now)
            seized, paid = result.collateral_to_liquidator, result.paid
            sold = None
            if intent.exit == "pool" and seized:
                sold = sell_to_pool(
                    world, me, collateral, seized, intent.max_slippage, intent.limit_price_usd
                )
            if intent.flash_loan:
                pay_back(world, me, debt, paid, cover, fee, sold)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, debt, world.quote, ledger.balance(me, debt))
        price = (0, 0) if self.right is None else self._use(self.right, world)
        moved = purse.close(paid, fee)
        return world.journal.liquidation(self.agent, intent, result, moved, sold, fee, price)

    def _use(self, right: Right, world: LiquidationMarket) -> tuple[int, int]:
        """Pay for the right; the account may be liquidated since it was offered."""
        opportunity = self.intent.opportunity
        since = world.credit[opportunity.protocol].watch.eligible_since
        before = since[opportunity.account]
        world.on_undo(lambda: since.__setitem__(opportunity.account, before))
        since[opportunity.account] = right.since_s
        return right.use(world, self.agent.account)


class TakeOver:
    """One kick of an agent: the protocol takes an account over."""

    def __init__(self, agent: DecidingAgent, intent: Kick) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> list[Any]:
        """Execute; return the row written down.

        Raises
        ------
        Revert
            If the rule refuses, or money for the stake is short.
        """
        opportunity, me, now = self.intent.opportunity, self.agent.account, int(world.time_s)
        pool, ledger = world.credit[opportunity.protocol].pool, world.ledger
        row, collateral, debt = opportunity.account, opportunity.collateral, opportunity.debt
        world.on_undo(pool.checkpoint(row, (collateral, debt)))
        before = ledger.balances[me].copy()
        purse = Purse(ledger, me, world.quote, collateral, debt)
        if pool.stake_share:
            raise_money(world, me, *pool.stake(row, now), False)
        result = pool.kick(row, me, now)
        for asset, units in result.reward:
            if asset in world.desk.stables:
                world.desk.convert(me, asset, world.quote, units)
        if result.bond is None:
            return world.journal.kick(self.agent, self.intent, result, ledger.balances[me] - before)
        world.desk.convert(me, debt, world.quote, ledger.balance(me, debt))
        staked = purse.close(result.bond.units)
        world.journal.stake(opportunity.protocol, result.bond.number, staked)
        change = ledger.balances[me] - before
        change[world.quote] -= staked.cash
        return world.journal.kick(self.agent, self.intent, result, change)


class Defence:
    """A borrower repays from wealth, or sells collateral through the book and repays."""

    def __init__(self, market: CreditMarket, row: int, repay_usd: float, sell_usd: float) -> None:
        self.market, self.row, self.repay_usd, self.sell_usd = market, row, repay_usd, sell_usd

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute the repayment, then the sale.

        Raises
        ------
        Revert
            If nothing is owed any more, or collateral may not be withdrawn.
        """
        row, market, pool, ledger = self.row, self.market, self.market.pool, world.ledger
        wallet = market.wallet(row)
        now = int(world.time_s)
        collateral, debt = market.main_assets(row)
        if pool.soft:
            collateral, debt = (int(assets[0]) for assets in pool.pairs(np.array([row])))
        owed = pool.debt_units(row, debt, now)
        if not owed:
            raise Revert("NO_DEBT_OF_SELECTED_TYPE")
        if self.sell_usd > 0.0:
            if collateral in world.floor.book_of_asset and world.floor.halted(collateral):
                raise Revert("the book is halted")
            if isinstance(pool, LlammaPool) and pool.converting(row):
                self._clear_a_part(world, pool, collateral, owed)
                market.watch.calm([row])
                return
            unit = ledger.assets[collateral].unit
            units = int(self.sell_usd / world.oracle_prices[collateral] * unit)
            units = min(
                units, pool.collateral_units(row, collateral, now), self._free_units(world, collateral)
            )
            world.on_undo(pool.checkpoint(row, (collateral,)))
            taken = pool.withdraw(row, collateral, units, wallet, now)
            worst = world.market_price(collateral) * (1.0 - SALE_LIMIT)
            if collateral in world.floor.book_of_asset:
                mid, lots = world.market_price(collateral), taken // world.lot_units(collateral)
                sold, received = world.sell_on_book(collateral, wallet, lots, worst)
                if sold:
                    after = world.market_price(collateral)
                    sale = Exit(collateral, sold, mid, mid, mid, received, world.block, after)
                    world.recorder.defences.append((market.number, row, sale))
            else:
                venue = world.pools[collateral]
                _keep(world, venue)
                least = int(worst * taken / unit * ledger.assets[world.quote].unit)
                price = venue.price(collateral)
                received = venue.swap(wallet, collateral, taken, least, now_s=world.time_s)
                sale = Exit(
                    collateral, taken, price, price, price, received, world.block, venue.price(collateral)
                )
                world.on_undo(lambda: world.recorder.defences.remove((market.number, row, sale)))
                world.recorder.defences.append((market.number, row, sale))
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
        market.watch.calm([row])

    def _clear_a_part(self, world: LiquidationMarket, pool: LlammaPool, collateral: int, owed: int) -> None:
        """Clear a part of the debt with the same part of one's own bands.

        Their collateral is sold in its pool and pays a flash loan back, all in one transaction.
        """
        row, wallet, now = self.row, self.market.wallet(self.row), int(world.time_s)
        debt, ledger, desk = pool.debt, world.ledger, world.desk
        if collateral not in world.pools:
            raise Revert(f"{world.assets[collateral].symbol} has no pool to be sold in at once")
        wanted = int(self.sell_usd / world.oracle_prices[debt] * world.assets[debt].unit)
        fraction = min(WAD, wanted * WAD // owed)
        lent = owed * fraction // WAD
        world.on_undo(pool.checkpoint(row, (collateral, debt)))
        fee, _ = raise_money(world, wallet, debt, lent, True)
        done = pool.self_liquidate(row, fraction, wallet, now)
        units, sold = done.collateral_to_liquidator, None
        if units:
            sold = sell_to_pool(world, wallet, collateral, units, SALE_LIMIT)
            sale = Exit(
                collateral, units, sold.price, sold.price, sold.price, sold.received, world.block, sold.after
            )
            world.on_undo(lambda: world.recorder.defences.remove((self.market.number, row, sale)))
            world.recorder.defences.append((self.market.number, row, sale))
        pay_back(world, wallet, debt, done.paid, lent, fee, sold)
        desk.convert(wallet, debt, world.quote, ledger.balance(wallet, debt))

    def _free_units(self, world: LiquidationMarket, collateral: int) -> int:
        """Most of a collateral that may be withdrawn without leaving the account unhealthy; base units."""
        owed, backed = self.market.debt_and_backing_usd(self.row)
        spare = FREE_SHARE * (backed - owed) / float(self.market.pool.thresholds[collateral])
        return max(0, int(spare / world.oracle_prices[collateral] * world.assets[collateral].unit))


class Rebalance:
    """A borrower brings collateral in, or takes some out, until health is what it wants."""

    def __init__(self, market: CreditMarket, row: int, target_health: float, alert_level: float) -> None:
        self.market, self.row = market, row
        self.target_health, self.alert_level = target_health, alert_level

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute; collateral brought in comes from outside the simulated world.

        Raises
        ------
        Revert
            If nothing is owed, or the rules refuse.
        """
        row, market, ledger, now = self.row, self.market, world.ledger, int(world.time_s)
        pool = market.pool
        collateral, _ = market.main_assets(row)
        owed, backed = market.debt_and_backing_usd(row)
        if owed <= 0.0:
            raise Revert("nothing owed")
        price, wallet = world.oracle_prices[collateral], market.wallet(row)
        missing = (self.target_health * owed - backed) / float(pool.thresholds[collateral])
        units = int(abs(missing) / price * ledger.assets[collateral].unit)
        world.on_undo(pool.checkpoint(row, (collateral,)))
        if missing > 0.0:
            ledger.endow(collateral, wallet, units)
            pool.supply(row, collateral, units, wallet, now)
        else:
            units = min(units, pool.collateral_units(row, collateral, now))
            pool.withdraw(row, collateral, units, wallet, now)
        market.target_health[row] = max(self.target_health, self.alert_level)
        market.watch.set_alert(row, self.alert_level)


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
        if pool.price(asset) < bid:
            scale = world.gaps.scale(asset, pool.depth_towards(bid))
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
        scale = world.gaps.scale(asset, pool.depth_towards(ask))
        tokens = min(scale * pool.tokens_to_arbitrage(asset, ask), 0.98 * cash / cash_unit / ask)
        gain = pool.quote_out(asset, tokens) - tokens * ask
        if scale * gain < self.intent.min_profit_usd or tokens * unit < lot:
            raise Revert("no profit left")
        bought = world.buy_on_book(asset, me, int(tokens * unit) // lot, ask * (1.0 + SQUARE_UP_LIMIT))
        if bought:
            _keep(world, pool)
            pool.swap(me, asset, bought, now_s=world.time_s)


class SaleToPool:
    """Sell an asset of one's own to its pool."""

    def __init__(self, agent: DecidingAgent, intent: SellToPool | SandwichPool) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute.

        Raises
        ------
        Revert
            If the pool pays less than is wanted, or the agent holds too little.
        """
        self.sell(world)

    def sell(self, world: LiquidationMarket) -> int:
        """Sell; return the quote units received. Raises as `__call__` does."""
        intent, pool = self.intent, world.pools[self.intent.asset]
        units = int(intent.tokens * world.assets[intent.asset].unit)
        least = int(intent.least_usd * world.assets[world.quote].unit)
        if units <= 0:
            raise Revert("nothing to sell")
        _keep(world, pool)
        return pool.swap(self.agent.account, intent.asset, units, least, now_s=world.time_s)


class PoolSandwich:
    """Two trades of one agent around somebody else's sale in a pool; each is a transaction of its own."""

    def __init__(self, agent: DecidingAgent, intent: SandwichPool) -> None:
        self.agent = agent
        self.intent = intent
        self.received = 0  # quote units, by the first trade

    def front(self, world: LiquidationMarket) -> None:
        """Sell; raises as `SaleToPool` does."""
        self.received = SaleToPool(self.agent, self.intent).sell(world)

    def back(self, world: LiquidationMarket) -> None:
        """Buy for what the sale has brought.

        Raises
        ------
        Revert
            If there was no sale.
        """
        if not self.received:
            raise Revert("no front-run to close")
        pool = world.pools[self.intent.asset]
        _keep(world, pool)
        pool.swap(self.agent.account, world.quote, self.received, now_s=world.time_s)
