"""Stability pools and redemption in a world: what agents see of them, and what their transactions do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...agents.base import DecidingAgent, Deposit, Redeem, StabilitySystem, WithdrawDeposit
from ...agents.stability import DepositorAgent
from ...market.ledger import InsufficientFundsError
from ...market.revert import Revert
from ...protocols.lending.liquity.pool import LiquityPool

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from .credit import CreditMarket


def systems_now(world: LiquidationMarket) -> list[StabilitySystem]:
    """Return every system with a stability pool, protocol by protocol."""
    now = int(world.time_s)
    systems = []
    for market in world.credit:
        if isinstance(market.pool, LiquityPool):
            for status in market.pool.statuses(now):
                unit = world.assets[status.debt_asset].unit
                systems.append(
                    StabilitySystem(market.number, status, status.debt / unit, status.deposited / unit)
                )
    return systems


def deposit_usd(
    world: LiquidationMarket, account: int, protocol: int, collateral: int
) -> tuple[float, float]:
    """Return what an agent has left in a stability pool and the collateral it has earned there, USD."""
    pool = _pool(world, protocol, collateral)
    left, gain = pool.deposit_of(collateral, account)
    price = world.oracle_prices[collateral]
    assets = world.assets
    return left / assets[pool.debt_asset].unit, gain / assets[collateral].unit * price


def entrust_deposits(credit: Sequence[CreditMarket], deciders: Sequence[DecidingAgent]) -> None:
    """Hand the deposits of the start to the depositors among the agents, if there are any."""
    accounts = [agent.account for agent in deciders if isinstance(agent, DepositorAgent)]
    if accounts:
        for market in credit:
            if isinstance(market.pool, LiquityPool):
                market.pool.entrust(accounts)


class StabilityTransaction:
    """A deposit, a withdrawal or a redemption of an agent."""

    def __init__(self, agent: DecidingAgent, intent: Deposit | WithdrawDeposit | Redeem) -> None:
        self.agent = agent
        self.intent = intent

    def __call__(self, world: LiquidationMarket) -> None:
        """Execute; collateral received goes to the book, block by block, as far as the limit allows.

        Raises
        ------
        Revert
            If the rules refuse, money is short, or a redemption brings less than was paid for it.
        """
        intent, me, now = self.intent, self.agent.account, int(world.time_s)
        pool = _pool(world, intent.protocol, intent.collateral)
        stable, desk, quote = pool.debt_asset, world.desk, world.quote
        amount = int(intent.amount_usd * world.assets[stable].unit)
        world.on_undo(pool.checkpoint(-1, (intent.collateral, stable)))
        before = world.ledger.balance(me, intent.collateral)
        try:
            if not isinstance(intent, WithdrawDeposit):
                cash = min(desk.cost(quote, stable, amount), world.ledger.balance(me, quote))
                amount = desk.convert(me, quote, stable, cash)
            if isinstance(intent, Deposit):
                pool.deposit(intent.collateral, amount, me, now)
            elif isinstance(intent, WithdrawDeposit):
                pool.withdraw_deposit(intent.collateral, amount, me, now)
            else:
                pool.redeem(intent.collateral, amount, me, now)
                _check_worth(
                    world,
                    intent.collateral,
                    world.ledger.balance(me, intent.collateral) - before,
                    stable,
                    amount,
                )
            desk.convert(me, stable, quote, world.ledger.balance(me, stable))
        except InsufficientFundsError as error:
            raise Revert(str(error)) from None
        gained = world.ledger.balance(me, intent.collateral) - before
        if gained and not isinstance(intent, Deposit) and intent.collateral in world.floor.book_of_asset:
            world.exits.sell_rest(self.agent, intent.collateral, gained, intent.max_slippage)


def _check_worth(world: LiquidationMarket, asset: int, units: int, stable: int, paid: int) -> None:
    """Let a redeemer's transaction look at the best bid: prices have moved since it was sent.

    Raises
    ------
    Revert
        If the collateral is not worth the stablecoin there.
    """
    bid, _ = world.floor.touch(asset)
    received = units / world.assets[asset].unit * bid
    if received < paid / world.assets[stable].unit * world.market_price(stable):
        raise Revert("collateral redeemed is worth less than was paid for it")


def _pool(world: LiquidationMarket, protocol: int, collateral: int) -> LiquityPool:
    """Return the protocol of this number, if it has a stability pool for the collateral.

    Raises
    ------
    Revert
        If it has none.
    """
    pool = world.credit[protocol].pool
    if not isinstance(pool, LiquityPool) or collateral not in pool.systems:
        raise Revert(f"{pool.name} has no stability pool for asset {collateral}")
    return pool
