"""From decisions to requests: standing quotes, orders, and transactions in the mempool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...agents.base import (
    ArbitragePool,
    DecidingAgent,
    Intent,
    Liquidate,
    PendingLiquidation,
    Sell,
    SetQuotes,
    Together,
)
from ...agents.borrowers import BorrowerCohort
from ...agents.strategies.borrower import BorrowerState
from ...market.chain.mempool import Mempool
from ...market.chain.transaction import Bundle, Transaction
from .execution import Arbitrage, Defence, Liquidation, Rebalance
from .intents import check_intents

if TYPE_CHECKING:
    from ..model import LiquidationMarket

Integers = NDArray[np.int64]

NOBODY: Mapping[int, float] = {}


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
        self._in_flight: set[tuple[int, int]] = set()
        self._ties = world.stream("chain/ties")
        self._largest_bonus = float(world.world.bonus.max())
        self._checked = {agent.account for agent in world.world.deciders if not _packaged(agent)}

    def apply(
        self, agent: DecidingAgent, intents: Sequence[Intent], seen_s: Mapping[int, float] = NOBODY
    ) -> None:
        """Carry out or send what an agent wants.

        Parameters
        ----------
        agent : DecidingAgent
        intents : sequence of Intent
        seen_s : mapping of int to float
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
            elif isinstance(intent, Liquidate | ArbitragePool):
                self._send(agent, intent, seen_s)
            elif isinstance(intent, Together):
                self._send_bundle(agent, intent.intents)
            else:
                self._sell(agent, intent)

    def defend(self, cohort: BorrowerCohort, rows: Integers) -> None:
        """Turn the decisions of a cohort's accounts into transactions."""
        world = self.world
        chain, price = world.scenario.chain, world.gas.standard
        gas_usd = world.gas_usd(chain.gas_per_repay, price)
        positions, watch = world.protocol.positions, world.watch
        debt = positions.debt[rows] @ watch.debt_values
        attends = cohort.policy.attends(debt, self._largest_bonus, gas_usd)
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
            np.where(value > 0, collateral @ world.world.thresholds / np.maximum(value, 1e-300), 0.0),
            world.world.bonus[collateral.argmax(axis=1)],
            world.ledger.balances[world.world.first_wallet + rows, world.quote]
            / world.assets[world.quote].unit,
            world.world.target_health[rows],
        )
        reaction = cohort.decide(state, gas_usd)
        acts = (reaction.repay_usd > 0.0) | (reaction.sell_usd > 0.0)
        watch.calm(rows[~acts & (health > state.target)])
        picked = np.flatnonzero(acts)
        ties = self._ties.random(len(picked)).tolist() if len(picked) else []
        for i, tie in zip(picked.tolist(), ties, strict=True):
            sells = float(reaction.sell_usd[i])
            gas = chain.gas_per_repay + (chain.gas_per_swap if sells > 0.0 else 0)
            action = Defence(int(rows[i]), float(reaction.repay_usd[i]), sells)
            self._send_borrower(int(rows[i]), "defence", gas, price, tie, action)

    def rebalance(self, rows: Integers) -> None:
        """Send the rebalancing transactions of accounts whose time has come."""
        world = self.world
        gas, price, wanted = world.scenario.chain.gas_per_repay, world.gas.standard, world.world
        for row, tie in zip(rows.tolist(), self._ties.random(len(rows)).tolist(), strict=True):
            action = Rebalance(row, float(wanted.reset_health[row]), float(wanted.reset_alert[row]))
            self._send_borrower(row, "rebalance", gas, price, tie, action)

    def pending_liquidations(self) -> list[PendingLiquidation]:
        """Return the highest bid on each account that the public mempool shows."""
        world = self.world
        shown = world.time_s + world.block_time_s - world.scenario.chain.public_delay_ms / 1000.0
        best: dict[int, tuple[Transaction, Liquidate]] = {}
        for t in self.mempool.pending:
            if isinstance(t, Transaction) and isinstance(t.action, Liquidation) and t.arrival_s <= shown:
                intent, rival = t.action.intent, best.get(t.target)
                if rival is None or (t.price_gwei, t.tie) > (rival[0].price_gwei, rival[0].tie):
                    best[t.target] = t, intent
        return [
            PendingLiquidation(intent.opportunity, intent.repay_usd, t.price_gwei, t.sender, t.arrival_s)
            for t, intent in best.values()
        ]

    def block_sealed(self) -> None:
        """Take in what still waits after a block, and tell borrowers whose defence was given up."""
        pending = self.mempool.pending
        self._in_flight = {(t.sender, t.target) for t in pending if isinstance(t, Transaction)}
        for dropped in self.mempool.take_dropped():
            if isinstance(dropped, Transaction) and isinstance(dropped.action, Defence):
                self.world.watch.calm([dropped.target])

    def _sell(self, agent: DecidingAgent, intent: Sell) -> None:
        world = self.world
        mid = world.floor.mid(intent.asset)
        units = int(intent.amount_usd / mid * world.assets[intent.asset].unit)
        units = min(units, world.ledger.balance(agent.account, intent.asset))
        lots = units // world.lot_units(intent.asset)
        world.sell_on_book(intent.asset, agent.account, lots, mid * (1.0 - intent.max_slippage))

    def _send(
        self, agent: DecidingAgent, intent: Liquidate | ArbitragePool, seen_s: Mapping[int, float]
    ) -> None:
        """Send a transaction, unless the same request of the agent is still pending."""
        target = intent.opportunity.account if isinstance(intent, Liquidate) else -1 - intent.asset
        if (agent.account, target) in self._in_flight:
            return
        arrival_s = max(self.world.time_s, seen_s.get(target, 0.0)) + agent.delay_s()
        transaction = self._transaction(agent, intent, arrival_s)
        if not self._can_pay(transaction):
            return
        self._in_flight.add((agent.account, target))
        self.fresh_liquidations = self.fresh_liquidations or transaction.kind == "liquidation"
        self.mempool.submit(transaction)

    def _send_bundle(self, agent: DecidingAgent, intents: Sequence[Liquidate | ArbitragePool]) -> None:
        """Send several requests of one agent as a bundle, which others do not see."""
        arrival_s = self.world.time_s + agent.delay_s()
        members = tuple(self._transaction(agent, intent, arrival_s) for intent in intents)
        if members and all(self._can_pay(member) for member in members):
            self.mempool.submit(Bundle(members))

    def _transaction(
        self, agent: DecidingAgent, intent: Liquidate | ArbitragePool, arrival_s: float
    ) -> Transaction:
        chain = self.world.scenario.chain
        action: Liquidation | Arbitrage
        if isinstance(intent, Liquidate):
            kind, target, action = "liquidation", intent.opportunity.account, Liquidation(agent, intent)
            gas = chain.gas_per_liquidation + (chain.gas_per_swap if intent.exit == "pool" else 0)
        else:
            kind, target, action = "arbitrage", -1 - intent.asset, Arbitrage(agent, intent)
            gas = chain.gas_per_swap
        tie = float(agent.stream.random())
        revert_gas = int(gas * chain.revert_gas_share)
        return Transaction(
            agent.account, kind, gas, revert_gas, intent.price_gwei, arrival_s, tie, action, target
        )

    def _send_borrower(
        self, row: int, kind: str, gas: int, price: float, tie: float, action: Defence | Rebalance
    ) -> None:
        """Put a borrower's transaction into the mempool, if its wallet can pay the gas."""
        world = self.world
        revert_gas = int(gas * world.scenario.chain.revert_gas_share)
        transaction = Transaction(
            world.wallet(row), kind, gas, revert_gas, price, world.time_s, tie, action, row
        )
        if self._can_pay(transaction):
            self.mempool.submit(transaction)

    def _can_pay(self, transaction: Transaction) -> bool:
        """Whether the sender holds what the gas may cost."""
        usd = self.world.gas_usd(transaction.gas, transaction.price_gwei)
        return self.world.cash_usd(transaction.sender) >= usd


def _packaged(agent: DecidingAgent) -> bool:
    """Whether agent and strategy are our own, whose intents need no check."""
    classes = (type(agent), type(agent.strategy))
    return all(cls.__module__.startswith("liquidarium.") for cls in classes)
