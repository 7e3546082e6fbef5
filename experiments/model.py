"""The market in motion: one Mesa model whose step is one block.

The model holds the world, lets agents see and answer, and executes what the
block includes. What it is built from is in `world.assembly`, what transactions do
in `world.execution`, what is written down in `world.recorder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mesa
import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ..agents.base import (
    ArbitragePool,
    DecidingAgent,
    Intent,
    Liquidate,
    PendingLiquidation,
    PublicView,
    Sell,
    SetQuotes,
    Together,
)
from ..agents.borrowers import BorrowerCohort
from ..agents.liquidators import LiquidatorBot
from ..agents.makers import MarketMaker
from ..agents.searchers import MEVSearcher
from ..agents.strategies.borrower import BorrowerState
from ..market.chain.inclusion import INCLUSION_RULES
from ..market.chain.mempool import Mempool
from ..market.chain.transaction import Bundle, Transaction
from ..market.ledger import Reason
from ..market.revert import Revert
from ..market.streams import Streams
from ..market.trading_layout import ASK_DEPTH_USD, BID_DEPTH_USD, MID
from .scenarios import Scenario, load_scenario
from .world.build import World, build_world
from .world.execution import WAD, Arbitrage, Defence, Liquidation, Rebalance
from .world.exits import Exits
from .world.welfare import holdings_by_group

HOUR_S = 3600.0

GAP_MEMORY_BLOCKS = 8
"""Searchers look again at a gap between pool and book that does not grow after this many blocks."""


class LiquidationMarket(mesa.Model):  # type: ignore[misc]
    """Borrowers, bots, makers and searchers on books, pools and a lending protocol.

    Parameters
    ----------
    scenario : str, path or Scenario
        What to run.
    seed : int, optional
        Root seed; the scenario's own if left out.
    overrides : sequence of str
        Changes to the scenario, each ``path.to.key=value``.
    collect_every : int
        Blocks between two rows of `datacollector`; 0 collects at the last block only
        (`mesa.batch_run` of Mesa 3.3 needs a row for every block).

    Examples
    --------
    >>> model = LiquidationMarket("quickstart", seed=1)
    >>> model.step()
    >>> model.block
    1
    """

    scenario: Scenario = None  # type: ignore[assignment]  # hides a property of newer Mesa with this name

    def __init__(
        self,
        scenario: Any = "quickstart",
        seed: int | None = None,
        overrides: Sequence[str] = (),
        collect_every: int = 1,
    ) -> None:
        loaded = load_scenario(scenario, overrides)
        self.root_seed = loaded.seed if seed is None else seed
        super().__init__(rng=self.root_seed % 2**32)
        self.scenario = loaded
        self.stream: Callable[[str], np.random.Generator] = Streams(self.root_seed)
        self.block = 0
        self.time_s = 0.0
        world: World = build_world(self, self.scenario, self.stream)
        self.world = world
        self.ledger, self.floor, self.pools = world.ledger, world.floor, world.pools
        self.protocol, self.watch, self.oracle, self.desk = (
            world.protocol,
            world.watch,
            world.oracle,
            world.desk,
        )
        self.outside, self.recorder, self.conservation = world.outside, world.recorder, world.conservation
        self.quote, self.flash_lender = world.quote, world.flash_lender
        self.assets = world.ledger.assets
        self.n_blocks = self.scenario.clock.n_blocks
        self.block_time_s = self.scenario.clock.block_time_s
        self.mempool = Mempool(INCLUSION_RULES[self.scenario.chain.inclusion]())
        self.oracle_prices: list[float] = self.oracle.price.tolist()
        self.exits = Exits(self)
        self.n_transactions = 0
        self._validators = self.ledger.open_account("validators")
        self._gas_asset = world.gas_asset
        self._undo: list[Callable[[], None]] = []
        self._may_trade = True
        self._seal = self.stream("chain/seal")
        self._ties = self.stream("chain/ties")
        self._book_path = np.ascontiguousarray(self.outside.path[:, world.book_assets])
        self._answered = -1
        self._largest_bonus = float(world.bonus.max())
        self._gains_shown: dict[int, float] = {}
        self._liquidations_sent = False
        self._mids: list[float] = self.floor.mids()
        self._arbitraged = [
            (asset, self.floor.book_of_asset[asset], pool, world.units[asset] / world.units[self.quote],
             pool.fee_bps / 1e4)
            for asset, pool in self.pools.items()
            if asset in self.floor.book_of_asset
        ]  # fmt: skip
        self._in_flight: set[tuple[int, int]] = set()
        self._next_hour_s = HOUR_S
        self.bots = [a for a in world.deciders if isinstance(a, LiquidatorBot)]
        self.searchers = [a for a in self.bots if isinstance(a, MEVSearcher)]
        self.makers = [a for a in world.deciders if isinstance(a, MarketMaker)]
        known = {id(a) for a in (*self.bots, *self.makers)}
        self.others = [a for a in world.deciders if id(a) not in known]
        self._maker_row = {agent.account: k for k, agent in enumerate(self.makers)}
        self._by_account = {agent.account: agent for agent in world.deciders}
        self.start_holdings = holdings_by_group(self)
        self._start_holdings: dict[int, NDArray[np.int64]] = {
            agent.account: self.holdings(agent.account) for agent in world.deciders
        }
        self.collect_every = collect_every
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "block": "block",
                "liquidations": lambda m: len(m.recorder.liquidations),
                "debt_repaid_usd": lambda m: float(sum(row[11] for row in m.recorder.liquidations)),
                "bad_debt_usd": lambda m: m.bad_debt_usd(),
                "conservation_error_usd": lambda m: m.conservation.error_usd(m.oracle_prices),
            }
        )
        self._update_prices()
        self._alert(self.watch.reprice(0.0))
        self.snapshot()

    # one block, in order

    def step(self) -> None:
        """Run one block."""
        self._trade()
        self._publish_and_screen()
        self._decide()
        gas_used, executed, reverted, liquidated = self._execute()
        self.exits.sell()
        self._check()
        self._record(gas_used, executed, reverted, liquidated)
        self.block += 1
        self.time_s = self.block * self.block_time_s
        if self.block >= self.n_blocks:
            self._finish()

    def _trade(self) -> None:
        """Let the outside price move and the books trade."""
        self.gas = self.outside.gas.at(self.block)
        self.floor.trade(self.block, self._book_path[self.block])
        self._mids = self.floor.mids()

    def _publish_and_screen(self) -> None:
        """Publish oracle prices that are due; find who has become liquidatable or alarmed."""
        sources = self.world.sources
        if sources is None:
            observed = self.outside.path[self.block]
        else:
            observed = np.array([source.observe(self.block) for source in sources])
        if len(self.oracle.update(self.time_s, observed)) or self.time_s >= self._next_hour_s:
            self._update_prices()
            self._alert(self.watch.reprice(self.time_s))
        if self.protocol.positions.touched:
            self._alert(self.watch.look(self.time_s))
        self.watch.refresh(self._liquidation_gas_usd(self.gas.floor), self.time_s)

    def _decide(self) -> None:
        """Ask the agents that are due, and collect what they want done."""
        self._view: PublicView | None = None
        for cohort in self.world.cohorts:
            rows = cohort.due(self.block)
            if rows is not None:
                self._defend(cohort, rows)
        rows = self.world.rebalancing.due(self.block)
        if rows is not None:
            self._rebalance(rows)
        version = self.watch.version
        for maker in self.makers:
            if maker.due(version, self.block):
                self._apply(maker, maker.decide(self.view()))
        if self.watch.opportunities and version != self._answered:
            self._answered = version
            for bot in self.bots if self.view().opportunities else ():
                if bot.due(version, self.block):
                    self._apply(bot, bot.decide(self.view()))
        for agent in self.others:
            if agent.due(version, self.block):
                self._apply(agent, agent.decide(self.view()))
        if self.searchers:
            self._search()

    def _search(self) -> None:
        """Let searchers answer to the public mempool and to gaps between pools and books."""
        if self._liquidations_sent:
            self._liquidations_sent = False
            view = self.view()._replace(pending=self._pending_liquidations())
            for searcher in self.searchers:
                self._apply(searcher, searcher.react(view))
        gains = self._pool_gains()
        if gains and any(gain > 1.2 * self._gains_shown.get(asset, 0.0) for asset, gain in gains.items()):
            for searcher in self.searchers:
                self._apply(searcher, searcher.arbitrage(self.view(), gains))
            self._gains_shown = gains
        elif self._gains_shown and self.block % GAP_MEMORY_BLOCKS == 0:
            self._gains_shown = {}

    def _execute(self) -> tuple[int, int, int, int]:
        """Fill the block from the mempool; each transaction happens whole or not at all."""
        closes_s = self.time_s + self.block_time_s * float(self._seal.random())
        self._view = None
        if not self.mempool.pending:
            self._in_flight.clear()  # of calls whose sender could not pay the gas
            return 0, 0, 0, 0
        limit = self.scenario.chain.block_gas_limit - self.world.others_gas
        before = len(self.recorder.liquidations)
        gas_used = executed = reverted = 0
        for candidate in self.mempool.select(closes_s, self.gas.floor, limit):
            used, failed = self._run(candidate)
            gas_used += used
            executed += 1
            reverted += failed
        self._in_flight = {(t.sender, t.target) for t in self.mempool.pending if isinstance(t, Transaction)}
        return gas_used, executed, reverted, len(self.recorder.liquidations) - before

    def _check(self) -> None:
        """Prove that no money was made or lost."""
        self.conservation.block()
        if self.time_s >= self._next_hour_s:
            self._next_hour_s += HOUR_S
            self.conservation.full()

    def _record(self, gas_used: int, executed: int, reverted: int, liquidated: int) -> None:
        """Write the block down."""
        recorder = self.recorder
        recorder.quote()
        recorder.flush_trades()
        gas = self.gas
        recorder.blocks.append(
            (
                self.block,
                self.time_s,
                gas.floor,
                gas.standard,
                gas.urgent,
                gas_used,
                executed,
                reverted,
                liquidated,
            )
        )
        self.n_transactions += executed
        if self.world.gas_record is not None:
            self.world.gas_record(gas_used + self.world.others_gas)
        every = self.world.snapshot_blocks
        if every and self.block and self.block % every == 0:
            self.snapshot()
        if self.collect_every and self.block % self.collect_every == 0:
            self.datacollector.collect(self)

    def _finish(self) -> None:
        self.conservation.full()
        self.exits.value_leftovers()
        self.snapshot()
        if not self.collect_every:
            self.datacollector.collect(self)
        self.running = False

    # what agents may ask for

    def view(self) -> PublicView:
        """Return what anybody may know now; built once per block, when first asked for."""
        if self._view is None:
            world, floor = self.world, self.floor
            mids, oracle = list(self.oracle_prices), self.oracle_prices
            n = len(mids)
            volatility, depth, pool_price, pool_depth = [0.0] * n, [-1.0] * n, [0.0] * n, [0.0] * n
            for asset, mid, sigma, usd in zip(
                world.book_list, self._mids, floor.volatilities(), floor.bid_depths_usd(), strict=True
            ):
                mids[asset], volatility[asset], depth[asset] = mid, sigma, usd
            for asset, pool in self.pools.items():
                pool_price[asset] = pool.price(asset)
                pool_depth[asset] = pool.state.reserve1 / self.assets[self.quote].unit
            chain, gas = self.scenario.chain, self.gas
            self._view = PublicView(
                self.block, self.time_s, self.block_time_s, mids, oracle, volatility, depth, floor.depth_band,
                pool_price, pool_depth, gas.floor, gas.standard, gas.urgent, self._usd_per_gas_gwei(),
                chain.gas_per_liquidation, chain.gas_per_swap, chain.revert_gas_share,
                [o for o in self.watch.opportunities
                 if (1 + o.bonus) * max(mids[o.collateral], pool_price[o.collateral]) > oracle[o.collateral]],
                [],
            )  # fmt: skip
        return self._view

    def cash_usd(self, account: int) -> float:
        """Return what an account holds of the quote asset, USD."""
        return float(self.ledger.balances[account, self.quote]) / self.assets[self.quote].unit

    def gain_usd(self, account: int) -> float:
        """Change of an account's holdings since the start, at present mids, USD."""
        start = self._start_holdings.get(account)
        if start is None:
            return 0.0
        change = self.holdings(account) - start
        return float(change @ self.unit_values())

    # what transactions may ask for

    def on_undo(self, undo: Callable[[], None]) -> None:
        """Have `undo` called if the transaction under way reverts."""
        self._undo.append(undo)

    def wallet(self, row: int) -> int:
        """Ledger account of a borrower."""
        return self.world.first_wallet + row

    def main_assets(self, row: int) -> tuple[int, int]:
        """Most valuable collateral and debt of a borrower."""
        amounts = self.protocol.positions.amounts[row] * np.tile(self._unit_oracle, 2)
        n = len(self.assets)
        return int(amounts[:n].argmax()), int(amounts[n:].argmax())

    def arbitrage_scale(self, asset: int) -> float:
        """Share of the pool's optimal trade that remains optimal when the book side moves too.

        A pool with quote reserve Y costs ``s^2 / Y`` to trade s, the book ``k s^2``
        with ``k = band / (2 depth)``, so the best size shrinks by ``1 / (1 + k Y)``.
        """
        row = self.floor.state[self.floor.book_of_asset[asset]]
        depth = min(row[BID_DEPTH_USD], row[ASK_DEPTH_USD])
        if depth <= 0.0:
            return 0.0
        reserve = self.pools[asset].state.reserve1 / self.assets[self.quote].unit
        return float(1.0 / (1.0 + self.floor.depth_band / (2.0 * depth) * reserve))

    def debt_and_backing_usd(self, row: int) -> tuple[float, float]:
        """Return what a borrower owes and its collateral times thresholds, at the oracle's prices; USD."""
        n = len(self.assets)
        worth = self.protocol.positions.amounts[row] * np.tile(self._unit_oracle, 2)
        return float(worth[n:].sum()), float(worth[:n] @ self.world.thresholds)

    def market_price(self, asset: int) -> float:
        """Return the mid of an asset's book, or the oracle's price where there is no book; USD per token."""
        return self.floor.mid(asset) if asset in self.floor.book_of_asset else self.oracle_prices[asset]

    def lot_units(self, asset: int) -> int:
        """Return the base units in one lot of an asset's book."""
        return self.world.lot_units[asset]

    def sell_on_book(self, asset: int, account: int, lots: int, worst_usd: float) -> tuple[int, int]:
        """Sell at once; return base units sold and quote units received.

        Raises
        ------
        Revert
            Inside a bundle, unless its last transaction asks: book trades cannot be undone.
        """
        self._check_may_trade()
        sold, received = self.floor.sell(asset, account, lots, worst_usd)
        return sold * self.lot_units(asset), received

    def buy_on_book(self, asset: int, account: int, lots: int, worst_usd: float) -> int:
        """Buy at once; return base units bought. Raises as `sell_on_book` does."""
        self._check_may_trade()
        return self.floor.buy(asset, account, lots, worst_usd)[0] * self.lot_units(asset)

    def _check_may_trade(self) -> None:
        if not self._may_trade:
            raise Revert("only the last transaction of a bundle may trade on a book")

    def as_rows(self, row: int) -> NDArray[np.int64]:
        """One account as an array."""
        return np.array([row], np.int64)

    def note_liquidation(
        self, agent: DecidingAgent, intent: Liquidate, result: Any, got: int, fee: int
    ) -> int:
        """Write a liquidation down and hand what was seized to the exits; return its number."""
        opportunity = intent.opportunity
        row, collateral, debt = opportunity.account, opportunity.collateral, opportunity.debt
        prices, assets = self.oracle_prices, self.assets
        repaid = result.debt_repaid / assets[debt].unit * prices[debt]
        seized = result.collateral_to_liquidator / assets[collateral].unit * prices[collateral]
        since = float(self.watch.eligible_since[row])
        health = self.protocol.health_factor(row, int(self.time_s)) / WAD
        number = len(self.recorder.liquidations)
        if health >= 1.0:
            self.watch.eligible_since[row] = np.nan
        proceeds = got / assets[self.quote].unit
        cost = repaid + fee / assets[debt].unit * prices[debt]
        impact = float("nan")
        if got:
            impact = (1.0 - proceeds / (seized / prices[collateral] * self.market_price(collateral))) * 1e4
        self.recorder.liquidations.append(
            [
                number, self.protocol.market.name, row, agent.name,
                assets[collateral].symbol, assets[debt].symbol, since,
                self.time_s, self.block, result.health_factor / WAD, min(health, 1e9), repaid, seized,
                seized - repaid, 0.0, impact, self._uncovered_usd(row), (proceeds if got else 0.0) - cost,
            ]
        )  # fmt: skip
        if not got:
            self.exits.hold(agent, intent, number, collateral, result.collateral_to_liquidator)
        return number

    # the whole

    def run(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Run all blocks; `progress` is told the blocks done and the total."""
        while self.running:
            self.step()
            if progress is not None:
                progress(self.block, self.n_blocks)

    def close(self) -> None:
        """Free the agents that Mesa keeps by model, so that long sweeps do not grow."""
        for agent in list(self.agents):
            agent.remove()
        getattr(mesa.Agent, "_ids", {}).pop(self, None)  # newer Mesa has no such table

    def market_events(self) -> int:
        """Book commands, trades, transactions and oracle updates so far."""
        return self.floor.n_commands + self.floor.n_trades + self.n_transactions + len(self.oracle.updates)

    def bad_debt_usd(self) -> float:
        """Debt beyond collateral, summed over accounts, at the oracle's prices; USD."""
        _, debt, value = self.protocol.weights(int(self.time_s))
        positions = self.protocol.positions
        return float(np.maximum(positions.debt @ debt - positions.collateral @ value, 0.0)[:-1].sum())

    def exposures(self) -> nx.MultiDiGraph[str]:
        """Who depends on whom now, as a typed graph; see `contagion.exposure_graph`."""
        from .contagion.exposure_graph import exposure_graph

        return exposure_graph(self)

    def snapshot(self) -> None:
        """Write down every position and the exposures between groups."""
        from .contagion.exposure_graph import exposure_table
        from .world.snapshots import position_table

        self.recorder.positions.append(position_table(self, len(self.recorder.positions)))
        self.recorder.exposures.append(exposure_table(self))

    # helpers

    def _update_prices(self) -> None:
        self.oracle_prices = self.oracle.price.tolist()
        self._unit_oracle = self.oracle.price / self.world.units
        self.protocol.set_prices(self.oracle.answer.tolist())

    def _usd_per_gas_gwei(self) -> float:
        return 1e-9 * self.oracle_prices[self._gas_asset]

    def _liquidation_gas_usd(self, gwei: float) -> float:
        return self.scenario.chain.gas_per_liquidation * gwei * self._usd_per_gas_gwei()

    def holdings(self, account: int) -> NDArray[np.int64]:
        """Return what an account owns of each asset, a maker's resting orders included; base units."""
        held: NDArray[np.int64] = self.ledger.balances[account].copy()
        row = self._maker_row.get(account)
        if row is not None:
            for asset, units in self.floor.locked(row):
                held[asset] += units
        return held

    def unit_values(self) -> NDArray[np.float64]:
        """USD per base unit of every asset: the mid where there is a book, else the oracle's price."""
        values = self.oracle.price.copy()
        values[self.world.book_assets] = self.floor.state[:, MID]
        return values / self.world.units

    def _uncovered_usd(self, row: int) -> float:
        """Debt left on an account that has nothing left to seize, USD."""
        supplied, borrowed = self.protocol.positions.rows(row)
        worth = sum(q * p for q, p in zip(supplied, self._unit_oracle.tolist(), strict=True))
        owed = sum(q * p for q, p in zip(borrowed, self._unit_oracle.tolist(), strict=True))
        return owed if worth < 1e-6 * owed else 0.0

    def _alert(self, rows: NDArray[np.int64]) -> None:
        if not len(rows):
            return
        codes = self.world.cohort_of[rows]
        for k, cohort in enumerate(self.world.cohorts):
            mine = rows[codes == k]
            if len(mine):
                cohort.alert(mine, self.block, self.block_time_s)

    def _defend(self, cohort: BorrowerCohort, rows: NDArray[np.int64]) -> None:
        """Turn the decisions of a cohort's accounts into transactions."""
        chain, price = self.scenario.chain, self.gas.standard
        gas_usd = chain.gas_per_repay * price * self._usd_per_gas_gwei()
        owed = self.protocol.positions.debt[rows] @ self._unit_oracle
        rows = rows[cohort.policy.attends(owed, self._largest_bonus, gas_usd)]
        if not len(rows):
            return
        positions, wallets = self.protocol.positions, self.world.first_wallet + rows
        collateral = positions.collateral[rows] * self._unit_oracle
        debt = positions.debt[rows] * self._unit_oracle
        value = collateral.sum(axis=1)
        main = collateral.argmax(axis=1)
        health = self.watch.screen.health(rows)
        state = BorrowerState(
            health,
            value,
            debt.sum(axis=1),
            np.where(value > 0, collateral @ self.world.thresholds / np.maximum(value, 1e-300), 0.0),
            self.world.bonus[main],
            self.ledger.balances[wallets, self.quote] / self.assets[self.quote].unit,
            self.world.target_health[rows],
        )
        reaction = cohort.decide(state, gas_usd)
        acts = (reaction.repay_usd > 0.0) | (reaction.sell_usd > 0.0)
        self.watch.calm(rows[~acts & (health > state.target)])
        picked = np.flatnonzero(acts)
        ties = self._ties.random(len(picked)).tolist() if len(picked) else []
        for i, tie in zip(picked.tolist(), ties, strict=True):
            sells = float(reaction.sell_usd[i])
            gas = chain.gas_per_repay + (chain.gas_per_swap if sells > 0.0 else 0)
            action = Defence(int(rows[i]), float(reaction.repay_usd[i]), sells)
            self._send(int(rows[i]), "defence", gas, price, tie, action)

    def _rebalance(self, rows: NDArray[np.int64]) -> None:
        """Send the rebalancing transactions of accounts whose time has come."""
        gas, price, world = self.scenario.chain.gas_per_repay, self.gas.standard, self.world
        for row, tie in zip(rows.tolist(), self._ties.random(len(rows)).tolist(), strict=True):
            action = Rebalance(row, float(world.reset_health[row]), float(world.reset_alert[row]))
            self._send(row, "rebalance", gas, price, tie, action)

    def _send(
        self, row: int, kind: str, gas: int, price: float, tie: float, action: Defence | Rebalance
    ) -> None:
        """Put a borrower's transaction into the mempool, if its wallet can pay the gas."""
        revert_gas = int(gas * self.scenario.chain.revert_gas_share)
        transaction = Transaction(
            self.wallet(row), kind, gas, revert_gas, price, self.time_s, tie, action, row
        )
        if self._can_pay(transaction):
            self.mempool.submit(transaction)

    def _apply(self, agent: DecidingAgent, intents: Sequence[Intent]) -> None:
        """Turn an agent's intents into standing quotes, orders and transactions."""
        if not intents:
            return
        for intent in intents:
            if isinstance(intent, SetQuotes):
                row, book = self._maker_row[agent.account], self.floor.book_of_asset[intent.asset]
                self.floor.set_quote(row, book, *intent[1:])
            elif isinstance(intent, Liquidate | ArbitragePool):
                self._transact(agent, intent)
            elif isinstance(intent, Together):
                self._bundle(agent, intent.intents)
            elif isinstance(intent, Sell):
                if intent.asset not in self.floor.book_of_asset:
                    raise ValueError(
                        f"{agent.name} wants to sell {self.assets[intent.asset].symbol}, which has no book"
                    )
                mid = self.floor.mid(intent.asset)
                units = int(intent.amount_usd / mid * self.assets[intent.asset].unit)
                units = min(units, self.ledger.balance(agent.account, intent.asset))
                lots = units // self.lot_units(intent.asset)
                self.sell_on_book(intent.asset, agent.account, lots, mid * (1.0 - intent.max_slippage))
            else:
                raise TypeError(f"{agent.name} asked for {intent!r}, which is no intent of agents.base")

    def _transact(self, agent: DecidingAgent, intent: Liquidate | ArbitragePool) -> None:
        """Send what an agent asks for, unless the same request of its own is still pending."""
        transaction = self._transaction(agent, intent, self.time_s + agent.delay_s())
        if (agent.account, transaction.target) in self._in_flight or not self._can_pay(transaction):
            return
        self._in_flight.add((agent.account, transaction.target))
        self._liquidations_sent = self._liquidations_sent or transaction.kind == "liquidation"
        self.mempool.submit(transaction)

    def _bundle(self, agent: DecidingAgent, intents: Sequence[Liquidate | ArbitragePool]) -> None:
        """Send several requests of one agent as a bundle, which others do not see."""
        arrival_s = self.time_s + agent.delay_s()
        members = tuple(self._transaction(agent, intent, arrival_s) for intent in intents)
        if members and all(self._can_pay(member) for member in members):
            self.mempool.submit(Bundle(members))

    def _transaction(
        self, agent: DecidingAgent, intent: Liquidate | ArbitragePool, arrival_s: float
    ) -> Transaction:
        chain = self.scenario.chain
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

    def _can_pay(self, transaction: Transaction) -> bool:
        """Whether the sender holds what the gas may cost."""
        usd = transaction.gas * transaction.price_gwei * self._usd_per_gas_gwei()
        return self.cash_usd(transaction.sender) >= usd

    def _pending_liquidations(self) -> list[PendingLiquidation]:
        """Return what the public mempool shows of liquidations."""
        shown = self.time_s + self.block_time_s - self.scenario.chain.public_delay_ms / 1000.0
        return [
            PendingLiquidation(t.action.intent.opportunity, t.action.intent.repay_usd, t.price_gwei, t.sender)
            for t in self.mempool.pending
            if isinstance(t, Transaction) and isinstance(t.action, Liquidation) and t.arrival_s <= shown
        ]

    def _pool_gains(self) -> dict[int, float]:
        """Pools whose gap to the book pays for gas: what closing it earns, USD.

        Trading a constant-product pool with quote reserve Y to a price off by g
        beyond the fee earns about ``Y g^2 / 4`` (MODEL 3.8), less what the book takes.
        """
        gains: dict[int, float] = {}
        least = -1.0
        for asset, book, pool, per_unit, fee in self._arbitraged:
            state = pool.state
            off = abs(self._mids[book] * state.reserve0 / (state.reserve1 * per_unit) - 1.0) - fee
            if off <= 0.0:
                continue
            if least < 0.0:
                least = self.scenario.chain.gas_per_swap * self.gas.standard * self._usd_per_gas_gwei()
            reserve_usd = state.reserve1 / self.assets[self.quote].unit
            gain = self.arbitrage_scale(asset) * off * off * reserve_usd / 4.0
            if gain > least:
                gains[asset] = gain
        return gains

    def _run(self, candidate: Transaction | Bundle) -> tuple[int, int]:
        """Execute one candidate; return the gas it used and how many transactions reverted."""
        if isinstance(candidate, Transaction):
            return self._run_transaction(candidate)
        members = candidate.transactions
        self.ledger.begin()
        self._undo.clear()
        written = len(self.recorder.liquidations)
        numbers = []
        try:
            for member in members:
                self._may_trade = member is members[-1]
                numbers.append(member.action(self))
        except Revert:
            self._roll_back(written)
            return 0, len(members)
        finally:
            self._may_trade = True
        self.ledger.commit()
        used = 0
        for member, number in zip(members, numbers, strict=True):
            used += member.gas
            self._pay_gas(member, member.gas, True, "", number)
        return used, 0

    def _run_transaction(self, transaction: Transaction) -> tuple[int, int]:
        self.ledger.begin()
        self._undo.clear()
        written = len(self.recorder.liquidations)
        number = None
        try:
            number = transaction.action(self)
        except Revert as revert:
            self._roll_back(written)
            self._pay_gas(transaction, transaction.revert_gas, False, revert.reason, None)
            return transaction.revert_gas, 1
        self.ledger.commit()
        self._pay_gas(transaction, transaction.gas, True, "", number)
        return transaction.gas, 0

    def _roll_back(self, written: int) -> None:
        self.ledger.rollback()
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        del self.recorder.liquidations[written:]
        self.exits.drop_from(written)

    def _pay_gas(
        self, transaction: Transaction, gas: int, done: bool, reason: str, number: int | None
    ) -> None:
        """Charge gas in the quote asset at the gas asset's oracle price, as far as the sender has it."""
        usd = gas * transaction.price_gwei * self._usd_per_gas_gwei()
        units = min(
            int(usd * self.assets[self.quote].unit), self.ledger.balance(transaction.sender, self.quote)
        )
        self.ledger.transfer(self.quote, transaction.sender, self._validators, units, Reason.GAS)
        agent = self._by_account.get(transaction.sender)
        if agent is None:
            return
        paid = units / self.assets[self.quote].unit
        if number is not None:
            row = self.recorder.liquidations[number]
            row[14] = paid
            row[17] -= paid
        if transaction.kind == "liquidation":
            if not done:
                self.recorder.failed_gas_usd += paid
            if isinstance(agent, LiquidatorBot):
                agent.learn(done)
        elif transaction.kind == "arbitrage" and isinstance(agent, MEVSearcher):
            agent.learn_arbitrage(done)
        self.recorder.bid(
            self.block, self.time_s, transaction.target, agent.name, transaction.kind,
            transaction.price_gwei, done, reason, paid,
        )  # fmt: skip
