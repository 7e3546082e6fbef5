"""The market in motion: one Mesa model whose step is one block.

The model holds the world, lets agents see and answer, and executes what the
block includes. What it is built from is in `world.assembly`, how decisions become
transactions in `world.requests`, what these do in `world.execution`, how a block
executes them in `world.block_builder`, what is written down in `world.recorder`.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from numpy.typing import NDArray

from ..agents.base import DecidingAgent, Offer, Opportunity, OptionBoard, PublicView
from ..agents.keepers import KeeperBot
from ..agents.liquidators import LiquidatorBot
from ..agents.makers import MarketMaker
from ..agents.searchers import MEVSearcher
from ..market.chain.mempool import Mempool
from ..market.revert import Revert
from ..market.streams import Streams
from ..market.trading_layout import MID
from ..protocols.fixed_point import WAD
from .scenarios import Scenario, load_scenario
from .scenarios.base import ScenarioError, root_seed
from .scenarios.credit import RecordedVaults
from .world.assembly import build_inclusion
from .world.block_builder import BlockBuilder, BlockResult
from .world.build import World, build_world
from .world.credit import CreditMarket
from .world.exits import Exits
from .world.expiries import Expiries
from .world.gaps import PoolGaps
from .world.journal import Journal
from .world.liquidation_rights import rights_of
from .world.manipulation import reading, uncovered
from .world.option_books import OptionBooks
from .world.providers import RangeBooks
from .world.recorded_kicks import KickSchedule
from .world.recorder import REPAID
from .world.requests import Requests
from .world.sales import LISTED, errands_now, offers_now, prices_ahead
from .world.soft_liquidation import BandGaps
from .world.stability import deposit_usd, systems_now
from .world.welfare import holdings_by_group

if TYPE_CHECKING:
    from ..agents.strategies.manipulator import Reading, Uncovered
    from ..agents.strategies.range_provider import OwnRange
    from .contagion.exposure_graph import ExposureGraph
    from .contagion.snapshots import Detail

HOUR_S = 3600.0

BEYOND_ROUNDING = 1.001
"""Factor that keeps a bound above what it bounds, however the strategies round."""


@contextmanager
def _only_new_garbage() -> Iterator[None]:
    """Let the garbage collector look only at what is made from here on.

    A look at all that was there before, libraries and the world itself, takes a tenth of a day's run.
    """
    if gc.get_freeze_count():  # somebody else is in charge
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


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
        if not isinstance(collect_every, int) or collect_every < 0:
            raise ScenarioError(f"collect_every = {collect_every!r}; allowed: a whole number from 0")
        self.root_seed = loaded.seed if seed is None else root_seed(seed)
        super().__init__(rng=self.root_seed % 2**32)
        self.scenario = loaded
        self.stream: Callable[[str], np.random.Generator] = Streams(self.root_seed)
        self.block = 0
        self.time_s = 0.0
        world: World = build_world(self, self.scenario, self.stream)
        self.world = world
        self.ledger, self.floor, self.pools = world.ledger, world.floor, world.pools
        self.credit, self.oracle, self.desk = world.credit, world.oracle, world.desk
        self.venues = world.venues
        self.outside, self.recorder, self.conservation = world.outside, world.recorder, world.conservation
        self.quote, self.flash_lender = world.quote, world.flash_lender
        self.assets = world.ledger.assets
        self.n_blocks = self.scenario.clock.n_blocks
        self.block_time_s = self.scenario.clock.block_time_s
        chain = self.scenario.chain
        self.mempool = Mempool(build_inclusion(chain), chain.patience_s)
        self.oracle_prices: list[float] = self.oracle.price.tolist()
        self.exits = Exits(self)
        self.range_books = RangeBooks(self)
        listing = self.outside.options
        self.option_books = None if listing is None else OptionBooks(self, listing)
        self.expiries = Expiries(self)
        self.journal = Journal(self)
        self.n_transactions = 0
        self._gas_asset = world.gas_asset
        self._pool_keeps = [
            1.0 - self.pools[i].fee_bps / 1e4 if i in self.pools else 0.0 for i in range(len(self.assets))
        ]
        self._book_path = np.ascontiguousarray(self.outside.path[:, world.book_assets])
        self._answered = -1
        self._view: PublicView | None = None
        self._market_view: PublicView | None = None
        self.mids: list[float] = self.floor.mids()
        self._next_hour_s = HOUR_S
        self.bots = [a for a in world.deciders if isinstance(a, LiquidatorBot)]
        self.searchers = [a for a in self.bots if isinstance(a, MEVSearcher)]
        self.makers = [a for a in world.deciders if isinstance(a, MarketMaker)]
        known = {id(a) for a in (*self.bots, *self.makers)}
        self.others = [a for a in world.deciders if id(a) not in known]
        self.maker_rows = {agent.account: k for k, agent in enumerate(self.makers)}
        self._by_account = {agent.account: agent for agent in world.deciders}
        self.builder = BlockBuilder(self, self.mempool)
        self.requests = Requests(self, self.mempool)
        self.rights = rights_of(self)
        keepers = any(isinstance(bot, KeeperBot) for bot in self.bots)
        self._listed = None if keepers else LISTED  # keepers follow every auction
        self._sellers = any(market.pool.kicked for market in self.credit)
        self.gaps = PoolGaps(self)
        self.band_gaps = BandGaps(self) if any(market.pool.soft for market in self.credit) else None
        vaults = loaded.borrowers
        self.kicks = KickSchedule(self, self.lending, vaults) if isinstance(vaults, RecordedVaults) else None
        self._others_paid = self.outside.gas.at(0).floor
        self.start_holdings = holdings_by_group(self)
        self._start_holdings: dict[int, NDArray[np.int64]] = {
            agent.account: self.holdings(agent.account) for agent in world.deciders
        }
        self.collect_every = collect_every
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "block": "block",
                "liquidations": lambda m: len(m.recorder.liquidations),
                "debt_repaid_usd": lambda m: math.fsum(row[REPAID] for row in m.recorder.liquidations),
                "bad_debt_usd": lambda m: m.bad_debt_usd(),
                "conservation_error_usd": lambda m: m.conservation.error_usd(m.oracle_prices),
            }
        )
        self._update_prices()
        for market in self.credit:
            market.restricted_at_start = market.pool.restricted(0)
            market.alert(market.watch.reprice(0.0), self.block, self.block_time_s)
        self.snapshot()

    @property
    def lending(self) -> CreditMarket:
        """The only lending protocol, or the first of several."""
        return self.credit[0]

    # one block, in order

    def step(self) -> None:
        """Run one block.

        Raises
        ------
        ValueError
            If the run is over.
        """
        if self.block >= self.n_blocks:
            raise ValueError(f"the run is over: it has {self.n_blocks:,} blocks, and all are done")
        self._trade()
        if self.venues:
            self._margin()
        self._publish_and_screen()
        self._decide()
        result = self._execute()
        self.exits.sell()
        self._check()
        self._record(result)
        self.block += 1
        self.time_s = self.block * self.block_time_s
        if self.block >= self.n_blocks:
            self._finish()

    def _trade(self) -> None:
        """Let the outside price move and the books trade."""
        self.gas = self.outside.gas.at(self.block)
        if self.outside.priced:
            now = self.outside.path[self.block]
            self.desk.reprice({asset: float(now[asset]) for asset in self.outside.priced})
        if self.expiries.waiting:
            self.expiries.settle(self.block)
        if self.option_books is not None:
            self.option_books.prepare(self.block)
        self.floor.trade(self.block, self._book_path[self.block])
        self.mids = self.floor.mids()

    def _margin(self) -> None:
        """Let margin venues mark, margin and liquidate their traders; their orders move the books."""
        for venue in self.venues:
            venue.step(self.block, self.time_s)
        self.mids = list(map(self.floor.mid, self.world.book_list))

    def _publish_and_screen(self) -> None:
        """Publish oracle prices that are due; find who has become liquidatable or alarmed."""
        sources = self.world.sources
        if sources is None:
            observed = self.outside.path[self.block]
        else:
            observed = np.array([source.observe(self.block) for source in sources])
        news = len(self.oracle.update(self.time_s, observed)) or self.time_s >= self._next_hour_s
        if news:
            self._update_prices()
        if self.rights is not None:
            self._view = self._market_view = None
            news = self.rights.look() or news
        if self.kicks is not None:
            self.kicks.kick()
        gas_usd = self.gas_usd(self.scenario.chain.gas_per_liquidation, self.gas.floor)
        for market in self.credit:
            if news:
                market.alert(market.watch.reprice(self.time_s), self.block, self.block_time_s)
            if market.pool.positions.touched:
                market.alert(market.watch.look(), self.block, self.block_time_s)
            market.watch.refresh(gas_usd, self.time_s)

    def _decide(self) -> None:
        """Ask the agents that are due, and collect what they want done."""
        self._view = self._market_view = None
        version = listed = 0
        for market in self.credit:
            for cohort in market.cohorts:
                rows = cohort.due(self.block)
                if rows is not None:
                    self.requests.defend(market, cohort, rows)
            rows = market.rebalancing.due(self.block)
            if rows is not None:
                self.requests.rebalance(market, rows)
            version += market.watch.version
            listed += market.watch.n_listed
        for maker in self.makers:
            if maker.due(version, self.block):
                self.requests.apply(maker, maker.decide(self.market_view()))
        if listed and version != self._answered:
            view = self.view()
            if view.opportunities:
                self._answered = version
                for bot in self.bots:
                    if bot.due(version, self.block):
                        intents = bot.decide(view)
                        if intents:
                            self.requests.apply(bot, intents)
        if self._sellers:
            view = self.view()
            if view.offers or view.errands:
                for bot in self.bots:
                    self.requests.apply(bot, bot.trade(view))
        for agent in self.others:
            if agent.due(version, self.block):
                self.requests.apply(agent, agent.decide(self.view()))
        if self.searchers:
            self._search()

    def _search(self) -> None:
        """Let searchers answer to the public mempool and to gaps between pools and books."""
        if self.requests.fresh_liquidations:
            self.requests.fresh_liquidations = False
            pending = self.requests.pending_liquidations()
            seen_s = {(p.opportunity.protocol, p.opportunity.account): p.arrival_s for p in pending}
            view = self.view()._replace(pending=pending)
            for searcher in self.searchers:
                copies = searcher.react(view)
                if copies:
                    self.requests.apply(searcher, copies, seen_s)
        gains = self.gaps.news()
        if gains:
            view = self.market_view()
            for searcher in self.searchers:
                trades = searcher.arbitrage(view, gains)
                if trades:
                    self.requests.apply(searcher, trades)
        if self.band_gaps is not None:
            bands = self.band_gaps.news()
            for searcher in self.searchers if bands else ():
                conversions = searcher.convert(self.market_view(), bands)
                if conversions:
                    self.requests.apply(searcher, conversions)

    def _execute(self) -> BlockResult:
        """Fill the block from the mempool; each transaction happens whole or not at all."""
        self._view = self._market_view = None
        result = self.builder.build(self.scenario.chain.block_gas_limit - self._others_gas())
        self.requests.block_sealed()
        return result

    def _check(self) -> None:
        """Prove that no money was made or lost."""
        if self.range_books.open:
            self.range_books.count_losses()
        self.conservation.block()
        if self.time_s >= self._next_hour_s:
            self._next_hour_s += HOUR_S
            self.conservation.full()

    def _record(self, result: BlockResult) -> None:
        """Write the block down."""
        recorder, gas = self.recorder, self.gas
        recorder.quote()
        recorder.flush_trades()
        recorder.blocks.append((self.block, self.time_s, gas.floor, gas.standard, gas.urgent, *result))
        self.n_transactions += result.executed
        if self.world.gas_record is not None:
            self.world.gas_record(result.gas_used + self._others_gas())
        every = self.world.snapshot_blocks
        if every and self.block and self.block % every == 0:
            self.snapshot()
        if self.collect_every and self.block % self.collect_every == 0:
            self.datacollector.collect(self)

    def _finish(self) -> None:
        self.conservation.full()
        self.exits.value_leftovers()
        for venue in self.venues:
            venue.finish()
        self.snapshot()
        if not self.collect_every:
            self.datacollector.collect(self)
        self.running = False

    # what agents may ask for

    def view(self) -> PublicView:
        """Return what anybody may know now; built once per block, when first asked for."""
        if self._view is None:
            market = self.market_view()
            mids, pool_price = market.mids, market.pool_price
            opportunities, most_usd = self._worth_selling(mids, pool_price)
            view = market._replace(
                opportunities=opportunities, most_usd=most_usd, past=self.builder.past_bids
            )
            if self._sellers:
                offers = offers_now(self, list(map(max, mids, pool_price)), self._listed)
                view = view._replace(offers=offers, errands=errands_now(self), stability=systems_now(self))
            if self.venues:
                view = view._replace(positions=[offer for venue in self.venues for offer in venue.offers()])
            self._view = view
        return self._view

    def market_view(self) -> PublicView:
        """Return the view without what protocols offer: books, pools, oracle and gas."""
        if self._market_view is None:
            world, floor = self.world, self.floor
            mids, oracle = list(self.oracle_prices), self.oracle_prices
            n = len(mids)
            volatility, depth, pool_price, pool_depth = [0.0] * n, [-1.0] * n, [0.0] * n, [0.0] * n
            for asset, mid, sigma, usd in zip(
                world.book_list, self.mids, floor.volatilities(), floor.bid_depths_usd(), strict=True
            ):
                mids[asset], volatility[asset], depth[asset] = mid, sigma, usd
            for asset, pool in self.pools.items():
                pool_price[asset] = pool.price(asset)
                pool_depth[asset] = pool.depth_towards(pool_price[asset] * (1.0 - floor.depth_band))
            chain, gas = self.scenario.chain, self.gas
            self._market_view = PublicView(
                self.block, self.time_s, self.block_time_s, mids, oracle, volatility, depth, floor.depth_band,
                pool_price, pool_depth, self._pool_keeps,
                gas.floor, gas.standard, gas.urgent, self.usd_per_gas_gwei(),
                chain.gas_per_liquidation, chain.gas_per_swap,
                0.0 if self.mempool.rule.sealed else chain.revert_gas_share,
                chain.flash_loan_fee, [], [], 0.0,
            )  # fmt: skip
        return self._market_view

    def cash_usd(self, account: int) -> float:
        """Return what an account holds of the quote asset, USD."""
        return float(self.ledger.balance(account, self.quote)) / self.assets[self.quote].unit

    def tokens(self, account: int, asset: int) -> float:
        """Return what an account holds of an asset, whole tokens."""
        return float(self.ledger.balance(account, asset)) / self.assets[asset].unit

    def deposit_usd(self, account: int, protocol: int, collateral: int) -> tuple[float, float]:
        """Return what an account has left in a stability pool and has earned there, USD."""
        return deposit_usd(self, account, protocol, collateral)

    def reading(self, asset: int) -> Reading | None:
        """Return how the oracle reads a market of an asset, or None if it reads none."""
        return reading(self, asset)

    def uncovered(self, asset: int, factors: Sequence[float]) -> list[Uncovered]:
        """Return what the oracle's price of an asset times each factor would make liquidatable."""
        return uncovered(self, asset, factors)

    def ranges(self, account: int) -> list[OwnRange]:
        """Return what an account has in every concentrated pool."""
        return self.range_books.ranges(account)

    def option_board(self) -> OptionBoard | None:
        """Return what anybody may know of the options that trade, or None where there are none."""
        return None if self.option_books is None else self.option_books.board(self.block)

    def position(self, opportunity: Opportunity) -> tuple[float, float, float, float]:
        """Return an account's debts and the debt a call would repay (USD), threshold and exact health."""
        market = self.credit[opportunity.protocol]
        debts = market.pool.positions.debt[opportunity.account] * market.watch.debt_values
        threshold = float(market.pool.thresholds[opportunity.collateral])
        health = market.pool.health_factor(opportunity.account, int(self.time_s)) / WAD
        return float(debts.sum()), float(debts[opportunity.debt]), threshold, health

    def price_to_overtake(self, price_gwei: float, behind_s: float) -> float | None:
        """Return the gas price that puts a transaction before one that arrived earlier; None for none."""
        return self.mempool.rule.overtake(price_gwei, behind_s)

    def sale_prices(self, offer: Offer, times_s: Sequence[float]) -> list[float]:
        """Return what an offer will cost at later times if nobody buys, USD per token; NaN once it ended."""
        return prices_ahead(self, offer, times_s)

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
        self.builder.on_undo(undo)

    def agent_of(self, account: int) -> DecidingAgent | None:
        """Return the agent that owns a ledger account, or None."""
        return self._by_account.get(account)

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
        if sold:
            self.builder.settle()
        return sold * self.lot_units(asset), received

    def buy_on_book(self, asset: int, account: int, lots: int, worst_usd: float) -> int:
        """Buy at once; return base units bought. Raises as `sell_on_book` does."""
        self._check_may_trade()
        bought = self.floor.buy(asset, account, lots, worst_usd)[0]
        if bought:
            self.builder.settle()
        return bought * self.lot_units(asset)

    def _check_may_trade(self) -> None:
        if not self.builder.may_trade:
            raise Revert("only the last transaction of a bundle may trade on a book")

    # the whole

    def run(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Run all blocks; `progress` is told the blocks done and the total."""
        with _only_new_garbage():
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
        """Debt beyond collateral by account, and losses that protocols have taken; oracle's prices, USD."""
        total = 0.0
        unit_prices = self.oracle.price / self.world.units
        for market in self.credit:
            _, debt, value = market.pool.weights(int(self.time_s))
            positions = market.pool.positions
            open_usd = np.maximum(positions.debt @ debt - positions.collateral @ value, 0.0)[:-1].sum()
            total += float(open_usd) + float(market.pool.deficit() @ unit_prices)
        return total

    def exposures(self, detail: Detail = "groups") -> ExposureGraph:
        """Who depends on whom now, by cohorts of borrowers or account by account; see `contagion`."""
        from .contagion.snapshots import take_snapshot

        return take_snapshot(self, detail)

    def snapshot(self) -> None:
        """Write down every position and the exposures."""
        from .contagion.snapshots import exposure_table
        from .world.snapshots import position_table

        self.recorder.positions.append(position_table(self, len(self.recorder.positions)))
        self.recorder.exposures.append(exposure_table(self))

    # helpers

    def _worth_selling(self, mids: list[float], pool_price: list[float]) -> tuple[list[Opportunity], float]:
        """Return listed accounts that pay, and a bound on what any of them earns."""
        kept: list[Opportunity] = []
        most_usd = 0.0
        for opportunity in (o for market in self.credit for o in market.watch.opportunities):
            asset, bonus = opportunity.collateral, opportunity.bonus
            oracle, price = self.oracle_prices[asset], max(mids[asset], pool_price[asset])
            if opportunity.kick or (1.0 + bonus) * price > oracle:
                margin = bonus if opportunity.kick else (1.0 + bonus) * (price / oracle) - 1.0
                kept.append(opportunity)
                most_usd = max(most_usd, margin * opportunity.repay_usd)
        return kept, most_usd * BEYOND_ROUNDING

    def _update_prices(self) -> None:
        self.oracle_prices = self.oracle.price.tolist()
        answers = self.oracle.answer.tolist()
        for market in self.credit:
            market.pool.set_prices(answers)

    def usd_per_gas_gwei(self) -> float:
        """Return what one unit of gas at one gwei costs, at the oracle's price; USD."""
        return 1e-9 * self.oracle_prices[self._gas_asset]

    def gas_usd(self, gas: int, gwei: float) -> float:
        """Return what an amount of gas at a price costs, at the oracle's price; USD."""
        return gas * gwei * self.usd_per_gas_gwei()

    def _others_gas(self) -> int:
        """Gas that the rest of the chain uses in this block: less when the base fee has risen."""
        share = self.world.others_gas
        if not share:
            return 0
        floor = self.gas.floor
        return min(
            self.scenario.chain.block_gas_limit, int(share * (self._others_paid / floor if floor else 1.0))
        )

    def holdings(self, account: int) -> NDArray[np.int64]:
        """Return what an account owns of each asset, with resting orders, bids and deposits; base units."""
        held: NDArray[np.int64] = self.ledger.balances[account].copy()
        row = self.maker_rows.get(account)
        if row is not None:
            for asset, units in self.floor.locked(row):
                held[asset] += units
        if self._sellers:
            for market in self.credit:
                for asset, units in market.pool.held_for(account):
                    held[asset] += units
        if self.range_books.open:
            for asset, units in self.range_books.held_for(account):
                held[asset] += units
        for asset, units in self.exits.resting(account):
            held[asset] += units
        return held

    def unit_values(self) -> NDArray[np.float64]:
        """USD per base unit of every asset: the mid where there is a book, else the oracle's price."""
        values = self.oracle.price.copy()
        values[self.world.book_assets] = self.floor.state[:, MID]
        return values / self.world.units
