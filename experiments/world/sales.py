"""What transactions do with collateral that protocols sell: buy it, bid for it, keep auctions going."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...agents.base import Buy, DecidingAgent, Errand, Offer, PlaceBid, Work
from ...market.ledger import InsufficientFundsError
from ...market.revert import Revert
from .execution import check_exit, pay_back, raise_money, sell_to_pool

if TYPE_CHECKING:
    from ..model import LiquidationMarket


def offers_now(world: LiquidationMarket) -> list[Offer]:
    """Return everything that protocols sell at this moment."""
    now, assets, prices = int(world.time_s), world.assets, world.oracle_prices
    offers = []
    for market in world.credit:
        for sale in market.pool.sales(now):
            per_unit = prices[sale.debt] / assets[sale.debt].unit
            tokens = sale.units / assets[sale.collateral].unit
            offers.append(
                Offer(
                    market.number,
                    sale,
                    sale.price * prices[sale.debt],
                    sale.most * per_unit,
                    tokens,
                    per_unit,
                )
            )
    return offers


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
        try:
            wanted = math.ceil(intent.spend_usd / offer.usd_per_unit)  # no unit is left over as dust
            fee, pay = raise_money(world, me, debt, wanted, intent.flash_loan)
            worst = intent.worst_usd / world.oracle_prices[debt]
            result = pool.buy(sale.number, pay, worst, me, now)
            got = 0
            if intent.exit == "pool":
                got = sell_to_pool(world, me, collateral, result.units, intent.max_slippage)
            if intent.flash_loan:
                pay_back(world, me, debt, result.paid, pay, fee, got)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, debt, world.quote, world.ledger.balance(me, debt))
        return world.journal.sale(self.agent, intent, offer, result, got, fee)


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
        try:
            raise_money(world, me, sale.debt, intent.pay_units, False)
            pool.bid(sale.number, intent.pay_units, intent.units, me, now)
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        world.desk.convert(me, sale.debt, world.quote, world.ledger.balance(me, sale.debt))


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
        offered = next((o for o in world.offers() if _is(o, errand)), None)
        row = -1 if offered is None else offered.sale.account
        assets = () if offered is None else (offered.sale.collateral, offered.sale.debt)
        world.on_undo(pool.checkpoint(row, assets))
        result = pool.work(chore.kind, chore.number, me, now)
        for asset in world.desk.stables:
            if asset != world.quote:
                world.desk.convert(me, asset, world.quote, world.ledger.balance(me, asset))
        winner = None if result is None else world.agent_of(result.buyer)
        if result is not None and winner is not None and offered is not None:
            world.journal.sale(winner, None, offered, result)


def _is(offer: Offer, errand: Errand) -> bool:
    return offer.protocol == errand.protocol and offer.sale.number == errand.chore.number
