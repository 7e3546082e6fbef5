"""From decisions to requests: standing quotes, orders, and transactions in the mempool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...agents.base import (
    ArbitragePool,
    Buy,
    BuyOnBook,
    ConvertBands,
    DecidingAgent,
    Deposit,
    Intent,
    Kick,
    Liquidate,
    PendingLiquidation,
    PlaceBid,
    QuoteSides,
    Redeem,
    SandwichPool,
    Sell,
    SellToPool,
    SetQuotes,
    SetRange,
    TakePosition,
    Together,
    WithdrawDeposit,
    Work,
)
from ...agents.borrowers import BorrowerCohort
from ...agents.strategies.borrower import BorrowerState
from ...agents.strategies.range_provider import SWAPS_TO_MOVE, SWAPS_TO_OPEN
from ...market.chain.mempool import Mempool
from ...market.chain.transaction import Bundle, Transaction
from .execution import Arbitrage, Defence, Liquidation, PoolSandwich, Rebalance, SaleToPool, TakeOver
from .intents import check_intents
from .providers import RangeMove
from .sales import AuctionBid, Purchase, Upkeep
from .soft_liquidation import Conversion
from .stability import StabilityTransaction

if TYPE_CHECKING:
    from ..model import LiquidationMarket
    from .credit import CreditMarket

Integers = NDArray[np.int64]

Sent = (
    Liquidate | Kick | Buy | PlaceBid | Work | Deposit | WithdrawDeposit | Redeem
    | ArbitragePool | ConvertBands | SellToPool | SetRange
)  # fmt: skip
"""Intents that become transactions."""

Account = tuple[int, int]
"""Number of a protocol and row of a borrower in it."""

NOBODY: Mapping[Account, float] = {}


class Requests:
    """Turns what agents and borrowers want into something the world can execute.

    Parameters
    ----------
    world : LiquidationMarket
    mempool : Mempool

    Attributes
    ----------
    fresh_liquidations : bool
        Whether liquidations have been sent that searchers have not looked at.
    """

    def __init__(self, world: LiquidationMarket, mempool: Mempool) -> None:
        self.world = world
        self.mempool = mempool
        self.fresh_liquidations = False
        self._in_flight: set[tuple[int, str, int, int]] = set()
        self._ties = world.stream("chain/ties")
        self._checked = {agent.account for agent in world.world.deciders if not _packaged(agent)}

    def apply(
        self, agent: DecidingAgent, intents: Sequence[Intent], seen_s: Mapping[Account, float] = NOBODY
    ) -> None:
        """Carry out or send what an agent wants.

        Parameters
        ----------
        agent : DecidingAgent
        intents : sequence of Intent
        seen_s : mapping of (int, int) to float
            For answers to pending liquidations: when that of each account was seen.

        Raises
        ------
        IntentError
            If an agent asks for something that cannot be.
        """
        world = self.world
        if agent.account in self._checked:
            check_intents(world, agent, intents)
        for intent in intents:
            if isinstance(intent, SetQuotes):
                row, book = world.maker_rows[agent.account], world.floor.book_of_asset[intent.asset]
                world.floor.set_quote(row, book, *intent[1:])
            elif isinstance(intent, QuoteSides):
                row, book = world.maker_rows[agent.account], world.floor.book_of_asset[intent.asset]
                world.floor.set_sides(row, book, *intent[1:])
            elif isinstance(intent, Together):
                self._send_bundle(agent, intent.intents)
            elif isinstance(intent, Sell):
                self._sell(agent, intent)
            elif isinstance(intent, BuyOnBook):
                self._buy(agent, intent)
            elif isinstance(intent, TakePosition):
                world.venues[intent.offer.venue].bid(agent, intent)
            elif isinstance(intent, SandwichPool):
                self._send_sandwich(agent, intent)
            else:
                self._send(agent, intent, seen_s)

    def defend(self, market: CreditMarket, cohort: BorrowerCohort, rows: Integers) -> None:
        """Turn the decisions of a cohort's accounts into transactions."""
        world, pool, watch = self.world, market.pool, market.watch
        chain, price = world.scenario.chain, world.gas.standard
        gas_usd = world.gas_usd(chain.gas_per_repay, price)
        positions = pool.positions
        debt, penalty = positions.debt[rows] @ watch.debt_values, pool.penalty
        attends = cohort.policy.attends(debt, float(penalty.max()), gas_usd)
        if not attends.all():
            rows = rows[attends]
            if not len(rows):
                return
            debt = positions.debt[rows] @ watch.debt_values
        collateral = positions.collateral[rows] * watch.values
        value = collateral.sum(axis=1)
        health = watch.screen.health(rows)
        state = BorrowerState(
            health,
            value,
            debt,
            collateral @ pool.thresholds / np.maximum(value, 1e-300),
            penalty[collateral.argmax(axis=1)],
            world.ledger.balances[market.first_wallet + rows, world.quote] / world.assets[world.quote].unit,
            market.target_health[rows],
        )
        reaction = cohort.decide(state, gas_usd)
        acts = (reaction.repay_usd > 0.0) | (reaction.sell_usd > 0.0)
        watch.calm(rows[~acts & (health > state.target)])
        if not acts.any():
            return
        acting = rows[acts].tolist()
        repays, sales = reaction.repay_usd[acts].tolist(), reaction.sell_usd[acts].tolist()
        ties = self._ties.random(len(acting)).tolist()
        for row, repay, sale, tie in zip(acting, repays, sales, ties, strict=True):
            gas = chain.gas_per_repay + (chain.gas_per_swap if sale > 0.0 else 0)
            self._send_borrower(Defence(market, row, repay, sale), "defence", gas, price, tie)

    def rebalance(self, market: CreditMarket, rows: Integers) -> None:
        """Send the rebalancing transactions of accounts whose time has come."""
        world = self.world
        gas, price = world.scenario.chain.gas_per_repay, world.gas.standard
        for row, tie in zip(rows.tolist(), self._ties.random(len(rows)).tolist(), strict=True):
            action = Rebalance(market, row, float(market.reset_health[row]), float(market.reset_alert[row]))
            self._send_borrower(action, "rebalance", gas, price, tie)

    def pending_liquidations(self) -> list[PendingLiquidation]:
        """Return the highest bid on each account that the public mempool shows."""
        world = self.world
        if self.mempool.rule.sealed:
            return []
        shown = world.time_s + world.block_time_s - world.scenario.chain.public_delay_ms / 1000.0
        best: dict[Account, tuple[Transaction, Liquidate]] = {}
        for t in self.mempool.pending:
            if (
                isinstance(t, Transaction)
                and isinstance(t.action, Liquidation)
                and not t.private
                and t.arrival_s <= shown
            ):
                intent, rival = t.action.intent, best.get((t.market, t.target))
                if rival is None or (t.price_gwei, t.tie) > (rival[0].price_gwei, rival[0].tie):
                    best[t.market, t.target] = t, intent
        return [
            PendingLiquidation(
                intent.opportunity, intent.repay_usd, t.price_gwei, t.sender, t.arrival_s,
                *self._pool_sale(intent),
            )
            for t, intent in best.values()
        ]  # fmt: skip

    def _pool_sale(self, intent: Liquidate) -> tuple[float, float]:
        """Return the tokens that a call will sell in the pool, and the least it accepts for them (USD)."""
        world, wanted = self.world, intent.opportunity
        if intent.exit != "pool" or wanted.collateral not in world.pools:
            return 0.0, 0.0
        tokens = intent.repay_usd * (1.0 + wanted.bonus) / world.oracle_prices[wanted.collateral]
        least = tokens * intent.limit_price_usd * (1.0 - intent.max_slippage)
        if intent.flash_loan:
            least = max(least, intent.repay_usd * (1.0 + world.scenario.chain.flash_loan_fee))
        return tokens, least

    def block_sealed(self) -> None:
        """Take in what still waits after a block, and tell borrowers whose defence was given up."""
        pending = self.mempool.pending
        self._in_flight = {t.key for t in pending if isinstance(t, Transaction)}
        for dropped in self.mempool.take_dropped():
            if isinstance(dropped, Transaction) and isinstance(dropped.action, Defence):
                dropped.action.market.watch.calm([dropped.target])

    def _sell(self, agent: DecidingAgent, intent: Sell) -> None:
        world = self.world
        if world.floor.halted(intent.asset):
            return
        mid = world.floor.mid(intent.asset)
        units = int(intent.amount_usd / mid * world.assets[intent.asset].unit)
        units = min(units, world.ledger.balance(agent.account, intent.asset))
        lots = units // world.lot_units(intent.asset)
        world.sell_on_book(intent.asset, agent.account, lots, mid * (1.0 - intent.max_slippage))

    def _buy(self, agent: DecidingAgent, intent: BuyOnBook) -> None:
        world = self.world
        if world.floor.halted(intent.asset):
            return
        worst = world.floor.mid(intent.asset) * (1.0 + intent.max_slippage)
        usd = min(intent.amount_usd, world.cash_usd(agent.account))
        lots = int(usd / worst * world.assets[intent.asset].unit) // world.lot_units(intent.asset)
        world.buy_on_book(intent.asset, agent.account, lots, worst)

    def _send(self, agent: DecidingAgent, intent: Sent, seen_s: Mapping[Account, float]) -> None:
        """Send a transaction, unless the same request of the agent is still pending."""
        aim = _aim(intent)
        if (agent.account, *aim) in self._in_flight:
            return
        arrival_s = max(self.world.time_s, seen_s.get(aim[1:], 0.0)) + agent.delay_s()
        transaction = self._transaction(agent, intent, aim, arrival_s)
        if not self._can_pay(transaction):
            return
        self._in_flight.add(transaction.key)
        self.fresh_liquidations = self.fresh_liquidations or isinstance(intent, Liquidate)
        self.mempool.submit(transaction)

    def _send_bundle(self, agent: DecidingAgent, intents: Sequence[Liquidate | ArbitragePool]) -> None:
        """Send several requests of one agent as a bundle, which others do not see."""
        arrival_s = self.world.time_s + agent.delay_s()
        members = tuple(self._transaction(agent, intent, _aim(intent), arrival_s) for intent in intents)
        if members and all(self._can_pay(member) for member in members):
            self.mempool.submit(Bundle(members))

    def _send_sandwich(self, agent: DecidingAgent, intent: SandwichPool) -> None:
        """Send both trades of a sandwich, unless the agent's last one in this pool is still pending."""
        world, trade = self.world, PoolSandwich(agent, intent)
        gas, arrival_s = world.scenario.chain.gas_per_swap, max(world.time_s, intent.seen_s) + agent.delay_s()
        revert_gas, target = int(gas * world.scenario.chain.revert_gas_share), -1 - intent.asset
        trades = tuple(
            Transaction(
                agent.account, kind, gas, revert_gas, price, arrival_s, float(agent.stream.random()), action,
                target, private=True, protected=agent.revert_protection,
            )
            for kind, price, action in (
                ("front-run", intent.front_gwei, trade.front),
                ("back-run", intent.back_gwei, trade.back),
            )
        )  # fmt: skip
        if all(t.key not in self._in_flight and self._can_pay(t) for t in trades):
            self._in_flight.update(t.key for t in trades)
            self.mempool.extend(trades)

    def _transaction(
        self, agent: DecidingAgent, intent: Sent, aim: tuple[str, int, int], arrival_s: float
    ) -> Transaction:
        chain = self.world.scenario.chain
        kind, market, target = aim
        gas = chain.gas_per_liquidation
        action: Callable[[LiquidationMarket], object]
        if isinstance(intent, Liquidate):
            action = Liquidation(agent, intent)
            gas += chain.gas_per_swap if intent.exit == "pool" else 0
        elif isinstance(intent, ArbitragePool):
            action, gas = Arbitrage(agent, intent), chain.gas_per_swap
        elif isinstance(intent, ConvertBands):
            action, gas = Conversion(agent, intent), chain.gas_per_swap
        elif isinstance(intent, SellToPool):
            action, gas = SaleToPool(agent, intent), chain.gas_per_swap
        elif isinstance(intent, SetRange):
            action, gas = RangeMove(agent, intent), chain.gas_per_swap * self._swaps_of(agent, intent)
        elif isinstance(intent, Kick):
            action = TakeOver(agent, intent)
        elif isinstance(intent, Buy):
            action = Purchase(agent, intent)
            gas += chain.gas_per_swap if intent.exit == "pool" else 0
        elif isinstance(intent, PlaceBid):
            action, gas = AuctionBid(agent, intent), chain.gas_per_repay
        elif isinstance(intent, Work):
            action, gas = Upkeep(agent, intent), chain.gas_per_repay
        else:
            action = StabilityTransaction(agent, intent)
            gas = gas if isinstance(intent, Redeem) else chain.gas_per_repay
        tie = float(agent.stream.random())
        revert_gas = int(gas * chain.revert_gas_share)
        return Transaction(
            agent.account, kind, gas, revert_gas, intent.price_gwei, arrival_s, tie, action, target, market,
            private=agent.private,
            protected=agent.revert_protection or self.mempool.rule.sealed,
            ceiling_gwei=getattr(intent, "ceiling_gwei", 0.0),
        )  # fmt: skip

    def _swaps_of(self, agent: DecidingAgent, intent: SetRange) -> int:
        """Gas of a change of ranges, in that of swaps."""
        if intent.deposit_usd <= 0.0:
            return 1
        moved = (agent.account, intent.asset) in self.world.range_books.open
        return SWAPS_TO_MOVE if moved else SWAPS_TO_OPEN

    def _send_borrower(
        self, action: Defence | Rebalance, kind: str, gas: int, price: float, tie: float
    ) -> None:
        """Put a borrower's transaction into the mempool, if its wallet can pay the gas."""
        world, market, row = self.world, action.market, action.row
        revert_gas = int(gas * world.scenario.chain.revert_gas_share)
        transaction = Transaction(
            market.wallet(row), kind, gas, revert_gas, price, world.time_s, tie, action, row, market.number,
            protected=self.mempool.rule.sealed,
        )  # fmt: skip
        if self._can_pay(transaction):
            self.mempool.submit(transaction)

    def _can_pay(self, transaction: Transaction) -> bool:
        """Whether the sender holds what the gas may cost."""
        usd = self.world.gas_usd(transaction.gas, transaction.price_gwei)
        return self.world.cash_usd(transaction.sender) >= usd


def _aim(intent: Sent) -> tuple[str, int, int]:
    """Return the kind of transaction, the number of the protocol and what it competes for there."""
    if isinstance(intent, ArbitragePool):
        return "arbitrage", -1, -1 - intent.asset
    if isinstance(intent, SetRange):
        return "liquidity", -1, -1 - intent.asset
    if isinstance(intent, ConvertBands):
        return "arbitrage", intent.protocol, -1 - intent.collateral
    if isinstance(intent, SellToPool):
        return "swap", -1, -1 - intent.asset
    if isinstance(intent, Liquidate | Kick):
        return "liquidation", intent.opportunity.protocol, intent.opportunity.account
    if isinstance(intent, Buy | PlaceBid):
        kind = "purchase" if isinstance(intent, Buy) else "bid"
        return kind, intent.offer.protocol, intent.offer.sale.number
    if isinstance(intent, Work):
        return "chore", intent.errand.protocol, intent.errand.chore.number
    kind = "redemption" if isinstance(intent, Redeem) else "stability-pool"
    return kind, intent.protocol, -1 - intent.collateral


def _packaged(agent: DecidingAgent) -> bool:
    """Whether agent and strategy are our own, whose intents need no check."""
    classes = (type(agent), type(agent.strategy))
    return all(cls.__module__.startswith("liquidarium.") for cls in classes)
