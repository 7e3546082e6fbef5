"""What liquidators did, written down row by row, and what they hold handed to the exits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...agents.base import Buy, DecidingAgent, Kick, Liquidate, PlaceBid
from ...agents.strategies.exits import Exit
from ...protocols.fixed_point import WAD
from ...protocols.lending.pool import Bought, Called, Kicked, Sale
from .costs import NOTHING, Amounts, Cost, Moved, Payment, PoolSale, Purse

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
        self._bids: dict[tuple[int, int], dict[int, Moved]] = {}  # what bids that stand have paid, by bidder
        self._exits: dict[tuple[int, int, int], tuple[Exit, float]] = {}  # what a bidder does with a lot
        self._stakes: dict[tuple[int, int], Moved] = {}  # what kickers have put in, by auction

    def liquidation(
        self,
        agent: DecidingAgent,
        intent: Liquidate,
        result: Called,
        moved: Moved,
        sold: PoolSale | None,
        fee: int,
        right: tuple[int, int] = (0, 0),
    ) -> list[Any]:
        """Write a call down, with its exit if it was in the pool.

        `fee` went to the flash lender, and quote units were paid for the `right` to make it: to the
        protocol and to others.
        """
        world, opportunity = self.world, intent.opportunity
        collateral, debt = opportunity.collateral, opportunity.debt
        units = result.collateral_to_liquidator
        repaid = self.value_usd([(debt, result.debt_repaid)])
        received = self.value_usd([(collateral, units)])
        returned = self.value_usd([(debt, result.debt_received)])
        seized = self.value_usd([(collateral, units + result.protocol_fee)]) + returned
        proceeds = 0.0 if sold is None else sold.received / world.assets[world.quote].unit
        paid = (
            repaid if not result.debt_fee else self.value_usd([(debt, result.debt_repaid + result.debt_fee)])
        )
        cost = paid + self.value_usd([(debt, fee)]) + sum(right) / world.assets[world.quote].unit - returned
        bonus = received - paid + returned
        row = self._liquidated(agent, intent, result.health_factor, repaid, seized, bonus)
        row += [0.0, self._impact(proceeds, received, collateral), proceeds - cost]
        entry = self._cost(
            "call", agent, opportunity.protocol, opportunity.account, opportunity.account, collateral, row,
            moved,
            taken=((collateral, units + result.protocol_fee), (debt, result.debt_received)),
            given_back=((debt, result.debt_repaid),),
            received=((collateral, units),),
        )  # fmt: skip
        entry.right = right
        if sold is None:
            world.exits.hold(agent, entry, collateral, units, intent.exit, intent.max_slippage)
        else:
            entry.sold(sold)
        return row

    def kick(
        self, agent: DecidingAgent, intent: Kick, result: Kicked, change: NDArray[np.int64]
    ) -> list[Any]:
        """Write down that a protocol has taken an account over, and hand the kicker's reward to the exits.

        `change` is that of the kicker's ledger balances, by asset.
        """
        debt = self.value_usd(result.debt)
        taken = (*result.collateral, *result.set_aside)
        seized = self.value_usd(taken) - self.value_usd(result.credit)
        reward = self.value_usd(result.reward)
        row = self._liquidated(agent, intent, result.health_factor, debt, seized, reward)
        stables = self.world.desk.stables
        cash = self.value_usd(part for part in result.reward if part[0] in stables)
        row += [0.0, float("nan"), cash]
        opportunity = intent.opportunity
        wages = tuple([Payment(asset, -units) for asset, units in result.reward if asset in stables])
        to_sell = tuple([part for part in result.reward if part[0] not in stables])
        gained = tuple([(asset, int(change[asset])) for asset in sorted({part[0] for part in to_sell})])
        entry = self._cost(
            "kick", agent, opportunity.protocol, opportunity.account, opportunity.account,
            opportunity.collateral, row, Moved(wages, int(change[self.world.quote]), gained),
            taken=taken,
            given_back=(*result.debt, *result.credit),
            received=to_sell,
        )  # fmt: skip
        for asset, units in to_sell:
            self.world.exits.hold(agent, entry, asset, units, self._venue(asset), REWARD_LIMIT)
        return row

    def sale(
        self,
        agent: DecidingAgent,
        intent: Buy | PlaceBid | None,
        protocol: int,
        sale: Sale,
        result: Bought,
        moved: Moved,
        sold: PoolSale | None = None,
        fee: int = 0,
    ) -> list[Any]:
        """Write down that a protocol has sold collateral; it goes to the exits unless it is sold already."""
        world = self.world
        paid = self.value_usd([(sale.debt, result.paid)])
        bought = self.value_usd([(sale.collateral, result.units)])
        proceeds = 0.0 if sold is None else sold.received / world.assets[world.quote].unit
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
        entry = self._cost(
            "sale", agent, protocol, sale.number, sale.account, sale.collateral, row, moved,
            given_back=((sale.collateral, result.returned), (sale.debt, result.refunded)),
            received=((sale.collateral, result.units),),
        )  # fmt: skip
        if sold is None:
            exit: Exit = self._venue(sale.collateral)
            limit = REWARD_LIMIT
            if intent is not None:
                exit, limit = intent.exit, intent.max_slippage
            elif exit == "book":
                exit, limit = self._exits.get((protocol, sale.number, agent.account), (exit, limit))
            world.exits.hold(agent, entry, sale.collateral, result.units, exit, limit)
        else:
            entry.sold(sold)
        return row

    def bid(
        self, protocol: int, sale: Sale, bidder: int, purse: Purse, pay: int, exit: Exit, max_slippage: float
    ) -> None:
        """Remember what a bidder has put in: until somebody outbids it, or until sealed bids are opened.

        Remember, too, how it would get rid of the lot.
        """
        self._exits[protocol, sale.number, bidder] = exit, max_slippage
        before = self._bids.get((protocol, sale.number), {})
        paid = before.get(bidder, NOTHING)
        more = purse.close(pay - sum(payment.units for payment in paid.payments))
        others = before if self.world.credit[protocol].pool.sealed_bids else {}
        own = Moved((*paid.payments, *more.payments), paid.cash + more.cash)
        self._stand(protocol, sale, {**others, bidder: own})

    def refund(self, protocol: int, sale: Sale, bidder: int, units: int, cash: int) -> None:
        """Take note of what a bidder gets back when bids are opened, and of the cash it was swapped for."""
        before = self._bids[protocol, sale.number]
        paid = before[bidder]
        own = Moved((*paid.payments, Payment(sale.debt, -units)), paid.cash + cash)
        self._stand(protocol, sale, {**before, bidder: own})

    def won(self, protocol: int, sale: Sale, winner: int, gained: int) -> Moved:
        """Return what the winner of an auction has paid with its bids, and the collateral it has received."""
        paid = self._bids[protocol, sale.number][winner]
        return paid._replace(gained=((sale.collateral, gained),))

    def _stand(self, protocol: int, sale: Sale, bids: dict[int, Moved]) -> None:
        key = (protocol, sale.number)
        before = self._bids.get(key, {})
        self.world.on_undo(lambda: self._bids.update({key: before}))
        self._bids[key] = bids

    def stake(self, protocol: int, number: int, moved: Moved) -> None:
        """Remember what a kicker has put in for an auction, until it gets its bond back."""
        self._stakes[protocol, number] = moved

    def bond(self, agent: DecidingAgent, protocol: int, number: int, moved: Moved) -> None:
        """Write down what a kicker's bond has earned or lost, now that `moved` has come back."""
        paid = self._stakes[protocol, number]
        net = Moved((*paid.payments, *moved.payments), paid.cash + moved.cash)
        self.chore(agent, protocol, number, net)

    def chore(self, agent: DecidingAgent, protocol: int, number: int, moved: Moved) -> None:
        """Write down what upkeep has earned."""
        self._cost("chore", agent, protocol, number, -1, -1, None, moved)

    def _cost(
        self,
        kind: str,
        agent: DecidingAgent,
        protocol: int,
        target: int,
        account: int,
        asset: int,
        row: list[Any] | None,
        moved: Moved,
        *,
        taken: Amounts = (),
        given_back: Amounts = (),
        received: Amounts = (),
    ) -> Cost:
        """Begin an entry of the table of costs; see `Cost`."""
        world = self.world
        mids = {part[0]: world.market_price(part[0]) for part in received}
        entry = Cost(
            kind, protocol, target, account, agent.name, asset, world.block, world.oracle_prices, row, taken,
            given_back, received, mids, moved,
        )  # fmt: skip
        world.recorder.costs.append(entry)
        return entry

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
