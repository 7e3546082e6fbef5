"""Fill a block from the mempool and execute it: every transaction whole or not at all.

Gas is paid in the quote asset at the oracle price of the gas asset. The most a
transaction may cost is taken before it runs and what it did not use is given
back, as on chain; one whose sender cannot pay is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...agents.base import PastBid
from ...agents.liquidators import LiquidatorBot
from ...agents.searchers import MEVSearcher
from ...market.chain.mempool import Mempool
from ...market.chain.precedence_kernels import gas_used
from ...market.chain.transaction import Bundle, Transaction
from ...market.ledger import Reason
from ...market.revert import Revert
from .costs import GasPaid
from .execution import Defence, Liquidation
from .providers import RangeMove
from .recorder import GAS, PROFIT

if TYPE_CHECKING:
    from ..model import LiquidationMarket


_gas_used = gas_used.py_func

REMEMBERED = 2_000
"""Calls of past blocks that agents can look at."""

COMPETING = frozenset(("liquidation", "purchase", "bid", "chore"))
"""Kinds of transactions with which liquidators compete."""


class BlockResult(NamedTuple):
    """What a block did: gas used, transactions executed and reverted, liquidations."""

    gas_used: int
    executed: int
    reverted: int
    liquidations: int


class BlockBuilder:
    """Seals blocks at random moments and executes what is in time.

    Parameters
    ----------
    world : LiquidationMarket
    mempool : Mempool
    """

    def __init__(self, world: LiquidationMarket, mempool: Mempool) -> None:
        self.world = world
        self.mempool = mempool
        self.may_trade = True
        self._running = False
        self.validators = world.ledger.open_account("validators")
        self._undo: list[Callable[[], None]] = []
        self._written = self._marks()
        self._sealed: list[float] = world.stream("chain/seal").random(world.n_blocks).tolist()
        self.past_bids: deque[PastBid] = deque(maxlen=REMEMBERED)

    def on_undo(self, undo: Callable[[], None]) -> None:
        """Have `undo` called if the transaction under way reverts."""
        self._undo.append(undo)

    def settle(self) -> None:
        """Make what the transaction under way has done final, as a book trade cannot be undone."""
        if self._running:
            self.world.ledger.commit()
            self.world.ledger.begin()
            self._undo.clear()
            self._written = self._marks()

    def build(self, gas_limit: int) -> BlockResult:
        """Select and execute one block within `gas_limit`."""
        world = self.world
        closes_s = world.time_s + world.block_time_s * self._sealed[world.block]
        if not self.mempool.pending and world.rights is None:
            return BlockResult(0, 0, 0, 0)
        before = len(world.recorder.liquidations)
        gas_used = executed = reverted = 0
        if world.rights is not None:
            gas_used, executed, reverted = world.rights.execute(closes_s, gas_limit, self.run)
            gas_limit -= gas_used
        for candidate in self.mempool.select(closes_s, world.gas.floor, gas_limit):
            used, done, failed = self.run(candidate)
            gas_used += used
            executed += done
            reverted += failed
        return BlockResult(gas_used, executed, reverted, len(world.recorder.liquidations) - before)

    def run(self, candidate: Transaction | Bundle) -> tuple[int, int, int]:
        """Execute one candidate; return the gas it used, transactions executed, and of these reverted."""
        members = (candidate,) if isinstance(candidate, Transaction) else candidate.transactions
        charged: list[int] = []
        for member in members:
            units = self._charge(member)
            if units is None:
                self._refund(members, charged, [0] * len(charged))
                return 0, 0, 0
            charged.append(units)
        ledger = self.world.ledger
        rows: list[list[Any] | None] = []
        ledger.begin()
        self._undo.clear()
        self._written = self._marks()
        self._running = True
        try:
            for member in members:
                self.may_trade = member is members[-1]
                rows.append(member.action(self.world))
        except Revert as revert:
            self._roll_back()
            alone = isinstance(candidate, Transaction)
            used = [_gas_used(False, m.gas, m.revert_gas, m.protected or not alone) for m in members]
            paid = self._refund(members, charged, used)
            if alone:
                self._report(members[0], paid[0], False, revert.reason, None)
            else:  # nobody else sees it, but its sender knows
                sender = self.world.agent_of(members[0].sender)
                if isinstance(sender, LiquidatorBot):
                    sender.learn(False)
            return sum(used), len(members), len(members)
        finally:
            self.may_trade = True
            self._running = False
        ledger.commit()
        unit, gas = ledger.assets[self.world.quote].unit, 0
        for member, paid_units, row in zip(members, charged, rows, strict=True):
            self._report(member, paid_units / unit, True, "", row)
            gas += member.gas
        return gas, len(members), 0

    def _charge(self, transaction: Transaction) -> int | None:
        """Take the most that a transaction may cost; None if its sender does not hold it."""
        world = self.world
        ledger, quote = world.ledger, world.quote
        units = int(world.gas_usd(transaction.gas, transaction.price_gwei) * ledger.assets[quote].unit)
        if ledger.balance(transaction.sender, quote) < units:
            return None
        ledger.transfer(quote, transaction.sender, self.validators, units, Reason.GAS)
        return units

    def _refund(self, members: Sequence[Transaction], charged: list[int], used: list[int]) -> list[float]:
        """Give back what was not used of what was charged; return what each member charged has paid, USD."""
        ledger, quote = self.world.ledger, self.world.quote
        paid = []
        for member, advance, gas in zip(members, charged, used, strict=False):
            kept = advance * gas // member.gas
            if advance > kept:
                ledger.transfer(quote, self.validators, member.sender, advance - kept, Reason.GAS)
            paid.append(kept / ledger.assets[quote].unit)
        return paid

    def _marks(self) -> tuple[int, int, int, tuple[int, int, int]]:
        """Where the tables and the exits end now: what comes later goes if the transaction reverts."""
        recorder = self.world.recorder
        return len(recorder.liquidations), len(recorder.sales), len(recorder.costs), self.world.exits.mark()

    def _roll_back(self) -> None:
        world = self.world
        liquidations, sales, costs, lots = self._written
        world.ledger.rollback()
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        del world.recorder.liquidations[liquidations:]
        del world.recorder.sales[sales:]
        del world.recorder.costs[costs:]
        world.exits.drop_after(lots)

    def _report(
        self, transaction: Transaction, paid_usd: float, done: bool, reason: str, row: list[Any] | None
    ) -> None:
        """Write an executed transaction down and let its sender learn from it."""
        world = self.world
        agent = world.agent_of(transaction.sender)
        if agent is None:
            if not done and isinstance(transaction.action, Defence):
                world.credit[transaction.market].watch.calm([transaction.target])  # told again later
            return
        if row is not None:
            row[GAS] += paid_usd
            row[PROFIT] -= paid_usd
        if row is not None or transaction.kind in COMPETING:
            gas = transaction.gas if done else transaction.revert_gas
            floor_usd = world.gas_usd(gas, world.gas.floor)
            world.recorder.gas.append(GasPaid(
                row, transaction.market, transaction.target, world.block, transaction.kind, done, paid_usd,
                floor_usd,
            ))  # fmt: skip
        if transaction.kind == "liquidation" and isinstance(transaction.action, Liquidation):
            intent, price = transaction.action.intent, transaction.price_gwei * world.usd_per_gas_gwei()
            self.past_bids.append(PastBid(
                world.block, transaction.market, transaction.target, transaction.sender, price,
                intent.repay_usd * intent.opportunity.bonus,
            ))  # fmt: skip
        if transaction.kind in COMPETING:
            if row is None:
                world.recorder.other_gas_usd += paid_usd
            if isinstance(agent, LiquidatorBot):
                agent.learn(done)
        elif transaction.kind == "right" and isinstance(agent, LiquidatorBot):
            agent.take_stock()
        elif transaction.kind == "arbitrage" and isinstance(agent, MEVSearcher):
            agent.learn_arbitrage(done)
        elif isinstance(transaction.action, RangeMove):
            world.range_books.pay_gas((agent.account, transaction.action.intent.asset), paid_usd)
        world.recorder.bid(
            world.block, world.time_s, transaction.target, agent.name, transaction.kind,
            transaction.price_gwei, done, reason, paid_usd,
        )  # fmt: skip
