"""What transactions do with collateral that protocols sell: buy it, bid for it, keep auctions going."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...agents.base import Buy, DecidingAgent, Errand, Offer, PlaceBid, Work
from ...market.ledger import InsufficientFundsError
from ...market.revert import Revert
from ...protocols.lending.pool import Sale
from .costs import Purse, Wages
from .execution import check_exit, pay_back, raise_money, sell_to_pool

if TYPE_CHECKING:
    from ..model import LiquidationMarket


LISTED = 16
"""Offers that are published at most, those with the most to gain first."""


def offers_now(
    world: LiquidationMarket, best_usd: Sequence[float], listed: int | None = LISTED
) -> list[Offer]:
    """Return what protocols sell at this moment, if it may be worth the gas.

    Parameters
    ----------
    world : LiquidationMarket
    best_usd : sequence of float
        Highest price at which each asset could be sold, USD per token.
    listed : int or None
        Most offers, those with the most to gain first; None for all that leave something to gain beyond
        the standing bid, oldest first.
    """
    now, assets, prices = int(world.time_s), world.assets, world.oracle_prices
    gas_usd = world.gas_usd(world.scenario.chain.gas_per_liquidation, world.gas.floor)
    found: list[tuple[float, Offer]] = []
    for market in world.credit:
        for sale in market.pool.sales_worth(now, best_usd, prices):
            per_unit = prices[sale.debt] / assets[sale.debt].unit
            tokens = sale.units / assets[sale.collateral].unit
            price, most = sale.price * prices[sale.debt], sale.most * per_unit
            gain = tokens * best_usd[sale.collateral]
            if sale.kind == "price":
                gain = min(gain, most / price * best_usd[sale.collateral]) if price > 0.0 else gain
                gain -= min(tokens * price, most)
            elif listed is None:
                gain = _beyond_standing_bid(sale, gain, per_unit)
            if gain > gas_usd:
                found.append((gain, Offer(market.number, sale, price, most, tokens, per_unit)))
    if listed is not None:
        found.sort(key=lambda item: (-item[0], item[1].protocol, item[1].sale.number))
    return [offer for _, offer in found[:listed]]


def prices_ahead(world: LiquidationMarket, offer: Offer, times_s: Sequence[float]) -> list[float]:
    """Return what an offer will cost at later times if nobody buys, USD per token; NaN once it has ended."""
    pool, usd = world.credit[offer.protocol].pool, world.oracle_prices[offer.sale.debt]
    ahead = ({sale.number: sale.price for sale in pool.sales(int(at_s))} for at_s in times_s)
    return [prices.get(offer.sale.number, math.nan) * usd for prices in ahead]


def _beyond_standing_bid(sale: Sale, worth_usd: float, usd_per_unit: float) -> float:
    """Return what the least bid that beats the standing one would gain; USD."""
    if sale.least_bid:
        return worth_usd - sale.least_bid * usd_per_unit
    if sale.most_units:
        return worth_usd * sale.most_units / sale.units - sale.most * usd_per_unit
    return 0.0  # it waits for its winner


def errands_now(world: LiquidationMarket) -> list[Errand]:
    """Return the upkeep that waits to be done."""
    now = int(world.time_s)
    return [Errand(market.number, chore) for market in world.credit for chore in market.pool.chores(now)]


class Purchase:
    """Buy from a sale at the price of the moment, with its exit."""

    def __init__(self, agent: DecidingAgent, intent: Buy) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> list[Any]:
        """Execute; return the row written down.

        Raises
        ------
        Revert
            If the sale is over or too dear, money is short, or the exit brings too little.
        """
        intent, me, now = self.intent, self.agent.account, int(world.time_s)
        offer, sale = intent.offer, intent.offer.sale
        pool, collateral, debt = world.credit[offer.protocol].pool, sale.collateral, sale.debt
        check_exit(world, collateral, intent.exit)
        world.on_undo(pool.checkpoint(sale.account, (collateral, debt)))
        purse = Purse(world.ledger, me, world.quote, collateral, debt)
        try:
            wanted = math.ceil(intent.spend_usd / offer.usd_per_unit)  # no unit is left over as dust
            fee, pay = raise_money(world, me, debt, wanted, intent.flash_loan)
            worst = intent.worst_usd / world.oracle_prices[debt]
            result = pool.buy(sale.number, pay, worst, me, now)
            sold = None
            if intent.exit == "pool":
                sold = sell_to_pool(world, me, collateral, result.units, intent.max_slippage)
            if intent.flash_loan:
                pay_back(world, me, debt, result.paid, pay, fee, sold)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, debt, world.quote, world.ledger.balance(me, debt))
        moved = purse.close(result.paid, fee)
        return world.journal.sale(self.agent, intent, offer.protocol, sale, result, moved, sold, fee)


class AuctionBid:
    """Bid in an auction; the money stays with the protocol until somebody bids more."""

    def __init__(self, agent: DecidingAgent, intent: PlaceBid) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute.

        Raises
        ------
        Revert
            If the bid is too low or money is short.
        """
        intent, me, now = self.intent, self.agent.account, int(world.time_s)
        offer, sale = intent.offer, intent.offer.sale
        pool = world.credit[offer.protocol].pool
        world.on_undo(pool.checkpoint(sale.account, (sale.collateral, sale.debt)))
        purse = Purse(world.ledger, me, world.quote, sale.collateral, sale.debt)
        try:
            raise_money(world, me, sale.debt, intent.pay_units, False)
            pool.bid(sale.number, intent.pay_units, intent.units, me, now)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, sale.debt, world.quote, world.ledger.balance(me, sale.debt))
        world.journal.bid(offer.protocol, sale, me, purse, intent.pay_units, intent.exit, intent.max_slippage)


class Upkeep:
    """Do a chore of a protocol: restart a stale auction, hand out a won one."""

    def __init__(self, agent: DecidingAgent, intent: Work) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute; what an auction sold is written down for its winner.

        Raises
        ------
        Revert
            If it has been done already.
        """
        errand, me, now = self.intent.errand, self.agent.account, int(world.time_s)
        chore, pool = errand.chore, world.credit[errand.protocol].pool
        sale = next((s for s in pool.sales(now) if s.number == chore.number), None)
        row = -1 if sale is None else sale.account
        assets = () if sale is None else (sale.collateral, sale.debt)
        world.on_undo(pool.checkpoint(row, assets))
        if chore.kind == "deal" and sale is not None:
            self._deal(world, sale)
            return
        numbers = pool.bonds_of(chore.number) if chore.kind == "bond" else ()
        wages = Wages(world.ledger, me, world.quote, world.desk.stables)
        pool.work(chore.kind, chore.number, me, now)
        earned = wages.earned()
        for asset in world.desk.stables:
            if asset != world.quote:
                world.desk.convert(me, asset, world.quote, world.ledger.balance(me, asset))
        if numbers:
            world.journal.bonds(self.agent, errand.protocol, chore.number, numbers, wages.close())
        elif earned:
            world.journal.chore(self.agent, errand.protocol, chore.number, wages.close())

    def _deal(self, world: LiquidationMarket, sale: Sale) -> None:
        """Hand out what an auction has sold; bids that have not won, or more than was due, come back."""
        ledger, protocol, debt = world.ledger, self.intent.errand.protocol, sale.debt
        before = {
            agent.account: (
                ledger.balance(agent.account, sale.collateral),
                ledger.balance(agent.account, debt),
            )
            for agent in world.world.deciders
        }
        number, now = self.intent.errand.chore.number, int(world.time_s)
        result = world.credit[protocol].pool.work("deal", number, self.agent.account, now)
        for account, (_, held) in before.items():
            units = ledger.balance(account, debt) - held
            if units > 0:
                cash = units
                if debt != world.quote:
                    cash = world.desk.convert(account, debt, world.quote, units)
                world.journal.refund(protocol, sale, account, units, cash)
        winner = None if result is None else world.agent_of(result.buyer)
        if result is not None and winner is not None:
            gained = ledger.balance(result.buyer, sale.collateral) - before[result.buyer][0]
            moved = world.journal.won(protocol, sale, result.buyer, gained)
            world.journal.sale(winner, None, protocol, sale, result, moved)
