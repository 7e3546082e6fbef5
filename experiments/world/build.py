"""Build a whole world for a model: parts in their order, then those who live in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.base import DecidingAgent
from ...agents.borrowers import BorrowerCohort, RebalancingCohort
from ...agents.liquidators import LiquidatorBot
from ...agents.makers import MarketMaker
from ...agents.population import PANIC, WATCHER, Population
from ...agents.searchers import MEVSearcher
from ...agents.strategies.avellaneda_stoikov import AvellanedaStoikov
from ...agents.strategies.borrower import BorrowerPolicy
from ...agents.strategies.searcher import SearcherStrategy
from ...agents.strategies.threshold_liquidator import ThresholdLiquidator
from ...market.ledger import LARGEST_ENDOWMENT, Ledger
from ...market.oracle import Oracle, Source
from ...market.pools.liquidity_pool import LiquidityPool
from ...market.streams import Streams
from ...market.trading import TradingFloor
from ...protocols.lending.aave.pool import AavePool
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.deciders import AgentConfig
from ..scenarios.objects import build_strategy, import_object
from . import assembly
from .assembly import Outside
from .conservation import ConservationCheck
from .crowd import build_population
from .par_desk import ParDesk
from .recorder import Recorder
from .watchlist import WatchList

STRATEGIES: dict[str, tuple[str, type]] = {
    "threshold": ("liquidator", ThresholdLiquidator),
    "avellaneda-stoikov": ("maker", AvellanedaStoikov),
    "searcher": ("searcher", SearcherStrategy),
}
"""Packaged strategies by name: the kind of agent they serve, and their class."""

AGENTS: dict[str, type[DecidingAgent]] = {
    "liquidator": LiquidatorBot,
    "maker": MarketMaker,
    "searcher": MEVSearcher,
}

LARGEST_TOTAL = 2.0**62
"""What borrowers may hold of one asset together, base units."""

FLASH_ENDOWMENT_USD = 5e10
"""What the flash lender has of each stable asset, USD: never short."""

ATTENTION = 0.5
"""Borrowers for whom half of the penalty is below this many times the gas of a reaction do not watch."""


@dataclass(slots=True)
class World:
    """Everything a model is made of."""

    ledger: Ledger
    floor: TradingFloor
    pools: dict[int, LiquidityPool]
    protocol: AavePool
    watch: WatchList
    oracle: Oracle
    sources: list[Source] | None
    outside: Outside
    desk: ParDesk
    conservation: ConservationCheck
    recorder: Recorder
    n_borrowers: int
    target_health: NDArray[np.float64]
    cohorts: list[BorrowerCohort]
    rebalancing: RebalancingCohort
    reset_health: NDArray[np.float64]
    reset_alert: NDArray[np.float64]
    cohort_of: NDArray[np.int8]
    deciders: list[DecidingAgent]
    quote: int
    gas_asset: int
    flash_lender: int
    first_wallet: int
    units: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    bonus: NDArray[np.float64]
    book_assets: NDArray[np.int64]
    book_list: list[int]
    lot_units: dict[int, int]
    snapshot_blocks: int
    gas_record: Callable[[int], None] | None
    others_gas: int


def build_world(model: Any, scenario: Scenario, streams: Streams) -> World:
    """Build the world of a scenario; every draw comes from a named stream.

    Raises
    ------
    ScenarioError
        If the scenario names something that does not exist or cannot run.
    """
    try:
        return _build(model, scenario, streams)
    except OverflowError as error:  # more money than the ledger's integers hold
        raise ScenarioError(f"assets: {error}") from error


def _build(model: Any, scenario: Scenario, streams: Streams) -> World:
    outside = assembly.build_outside(scenario, streams)
    prices = outside.path[0]
    ledger = assembly.build_ledger(scenario)
    quote = ledger.asset_index[scenario.quote]
    named = _open_accounts(scenario, ledger)
    makers = [account for config, _, account in named if _is_maker(config)]
    floor = assembly.build_floor(scenario, ledger, prices, makers, streams)
    _fund(ledger, floor, named, prices, quote)
    pools = assembly.build_pools(scenario, ledger, prices)
    oracle, sources = assembly.build_oracle(scenario, outside, floor, pools)
    stables = tuple(i for i, asset in enumerate(scenario.assets) if asset.stable)
    desk = ParDesk(ledger, stables)
    flash_lender = ledger.open_account("flash-lender")
    for asset in stables:
        units = min(int(FLASH_ENDOWMENT_USD) * ledger.assets[asset].unit, LARGEST_ENDOWMENT)
        ledger.endow(asset, flash_lender, units)

    market = assembly.build_market(scenario)
    population = build_population(scenario, market, prices, streams)
    protocol = AavePool(ledger, market, len(population), outside.start_s)
    _lend(ledger, protocol, population, prices, scenario)
    first_wallet = ledger.open_accounts("borrower", len(population))
    wealth = population.wealth * population.debt_usd.sum(axis=1) * ledger.assets[quote].unit
    ledger.endow_each(quote, first_wallet, _base_units(wealth, scenario.quote, "wealth"))

    thresholds = np.array([r.liquidation_threshold / 1e4 for r in market.reserves])
    bonus = np.array([max(r.liquidation_bonus - 10_000, 0) / 1e4 for r in market.reserves])
    close_factor = scenario.protocol.close_factor
    minds = _minds(scenario, outside, population, ledger, bonus)
    alert = np.where(minds, population.alert_level, 0.0)
    appointed = np.flatnonzero(minds & (population.reset_s < outside.times_s[-1]))
    blocks = (population.reset_s[appointed] // scenario.clock.block_time_s).astype(np.int64)
    fees = np.array([r.liquidation_protocol_fee / 1e4 for r in market.reserves])
    watch = WatchList(
        protocol, alert, bonus * (1.0 - fees), close_factor, assembly.full_close_below(scenario)
    )
    cohorts = [
        BorrowerCohort(model, "watchers", BorrowerPolicy(), population.delay_s),
        BorrowerCohort(model, "panic", BorrowerPolicy(panic=1.0, attention=0.25), population.delay_s),
    ]
    rebalancing = RebalancingCohort(model, "rebalancing", blocks, appointed)
    cohort_of = np.full(len(population) + 1, -1, np.int8)
    cohort_of[:-1][population.type_code == WATCHER] = 0
    cohort_of[:-1][population.type_code == PANIC] = 1
    deciders = [
        _make_agent(model, config, name, account, f"agents.{config.name}") for config, name, account in named
    ]
    recording = scenario.recording
    recorder = Recorder(
        scenario.symbols,
        floor,
        scenario.clock.n_blocks,
        trades=recording.trades,
        quotes=recording.quotes,
        bids=recording.bids,
    )
    every = recording.snapshot_every_s
    return World(
        ledger=ledger,
        floor=floor,
        pools=pools,
        protocol=protocol,
        watch=watch,
        oracle=oracle,
        sources=sources,
        outside=outside,
        desk=desk,
        conservation=ConservationCheck(ledger, floor, list(pools.values()), protocol),
        recorder=recorder,
        n_borrowers=len(population),
        target_health=population.target_health,
        cohorts=cohorts,
        rebalancing=rebalancing,
        reset_health=population.reset_health,
        reset_alert=population.reset_alert_level,
        cohort_of=cohort_of,
        deciders=deciders,
        quote=quote,
        gas_asset=ledger.asset_index.get("ETH", floor.specs[0].asset if floor.specs else quote),
        flash_lender=flash_lender,
        first_wallet=first_wallet,
        units=np.array([float(asset.unit) for asset in ledger.assets]),
        thresholds=thresholds,
        bonus=bonus,
        book_assets=np.array([spec.asset for spec in floor.specs], np.int64),
        book_list=[spec.asset for spec in floor.specs],
        lot_units={s.asset: round(s.lot * ledger.assets[s.asset].unit) for s in floor.specs},
        snapshot_blocks=0 if every is None else max(1, round(every / scenario.clock.block_time_s)),
        gas_record=getattr(outside.gas, "record", None),
        others_gas=int(getattr(scenario.chain.gas, "others_share", 0.0) * scenario.chain.block_gas_limit),
    )


def _open_accounts(scenario: Scenario, ledger: Ledger) -> list[tuple[AgentConfig, str, int]]:
    named: list[tuple[AgentConfig, str, int]] = []
    for config in scenario.agents:
        for k in range(config.count):
            name = config.name if config.count == 1 else f"{config.name}-{k}"
            if any(name == taken for _, taken, _ in named):
                raise ScenarioError(
                    f"agents: two agents would be called {name!r}; rename one of their groups"
                )
            named.append((config, name, ledger.open_account(name)))
    return named


def _fund(
    ledger: Ledger,
    floor: TradingFloor,
    named: Sequence[tuple[AgentConfig, str, int]],
    prices: NDArray[np.float64],
    quote: int,
) -> None:
    """Give agents their money: makers half in cash and half in what they quote, the others in cash."""
    maker = 0
    for config, _, account in named:
        cash = config.capital_usd
        if _is_maker(config) and floor.specs:
            cash /= 2.0
            scales = math.fsum(spec.size_scale for spec in floor.specs)
            targets = []
            for spec in floor.specs:
                each = cash * spec.size_scale / scales
                price = float(prices[spec.asset])
                ledger.endow(spec.asset, account, ledger.assets[spec.asset].to_units(each / price))
                targets.append(each / price / spec.lot)
            floor.aim(maker, targets)
            maker += 1
        ledger.endow(quote, account, ledger.assets[quote].to_units(cash))


def _lend(
    ledger: Ledger,
    protocol: AavePool,
    population: Population,
    prices: NDArray[np.float64],
    scenario: Scenario,
) -> None:
    """Put the population's positions into the protocol, in base units."""
    positions = protocol.positions
    for k, symbol in enumerate(population.collateral_symbols):
        asset = ledger.asset_index[symbol]
        units = np.ceil(population.collateral_tokens[:, k] * ledger.assets[asset].unit)
        positions.collateral[: len(population), asset] = _base_units(units, symbol, "collateral")
    for k, symbol in enumerate(population.debt_symbols):
        asset = ledger.asset_index[symbol]
        units = population.debt_usd[:, k] / prices[asset] * ledger.assets[asset].unit
        with np.errstate(over="ignore"):
            _base_units(units / scenario.protocol.utilisation, symbol, "money to lend")
        positions.debt[: len(population), asset] = units
    protocol.open(scenario.protocol.utilisation)


def _base_units(units: NDArray[np.float64], symbol: str, what: str) -> NDArray[np.int64]:
    """Return whole base units of the borrowers' money, if the ledger can hold their sum."""
    total = float(units.sum())
    if not total < LARGEST_TOTAL:
        raise ScenarioError(
            f"borrowers: {what} of {total:.3g} base units of {symbol} does not fit into int64; "
            f"lower total_debt_usd, or assets.{symbol}.decimals"
        )
    return units.astype(np.int64)


def _minds(
    scenario: Scenario, outside: Outside, population: Population, ledger: Ledger, bonus: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which borrowers watch at all: those for whom a liquidation would cost more than reacting now does."""
    columns = [ledger.asset_index[symbol] for symbol in population.collateral_symbols]
    values = population.collateral_tokens * outside.path[0, columns]
    penalty = 0.5 * bonus[np.array(columns)[values.argmax(axis=1)]] * population.debt_usd.sum(axis=1)
    ether = (
        outside.path[0, ledger.asset_index["ETH"]] if "ETH" in ledger.asset_index else outside.path[0].max()
    )
    gas_usd = scenario.chain.gas_per_repay * outside.gas.at(0).standard * 1e-9 * ether
    return np.asarray(penalty > ATTENTION * gas_usd)


def _agent_class(config: AgentConfig) -> type[DecidingAgent]:
    """Return the class of a group, packaged or the user's own."""
    if ":" not in config.kind:
        return AGENTS[config.kind]
    path = f"agents.{config.name}.kind"
    cls = import_object(config.kind, path)
    if not (isinstance(cls, type) and issubclass(cls, DecidingAgent)):
        raise ScenarioError(
            f"{path} = {config.kind!r} must be a class derived from agents.base.DecidingAgent"
        )
    if cls.decide is DecidingAgent.decide:
        raise ScenarioError(f"{path} = {config.kind!r} must have a method decide(view)")
    return cls


def _is_maker(config: AgentConfig) -> bool:
    """Whether the agents of a group keep standing quotes, and so have rows on the trading floor."""
    return issubclass(_agent_class(config), MarketMaker)


def _make_agent(model: Any, config: AgentConfig, name: str, account: int, path: str) -> DecidingAgent:
    latency = {"latency_s": config.latency_ms / 1e3, "latency_jitter_s": config.latency_jitter_ms / 1e3}
    cls = _agent_class(config)
    strategy = _make_strategy(config, cls, path)
    if ":" not in config.kind and ":" not in (config.strategy or ""):
        return cls(model, name, account, strategy, **latency)
    try:
        return cls(model, name, account, strategy, **latency)
    except Exception as error:  # whatever the user's class raises, or lacks
        raise ScenarioError(f"{path}: {cls.__name__} failed with {type(error).__name__}: {error}") from error


def _make_strategy(config: AgentConfig, agent: type[DecidingAgent], path: str) -> Any:
    parameters = dict(config.parameters)
    where = f"{path}.parameters"
    chosen: Any
    if config.strategy is None:
        serves = next((k for k in ("searcher", "maker", "liquidator") if issubclass(agent, AGENTS[k])), None)
        if serves is None:
            if parameters:
                raise ScenarioError(f"{where} needs {path}.strategy, the class they belong to")
            return None
        chosen = next(cls for kind, cls in STRATEGIES.values() if kind == serves)
    elif ":" in config.strategy:
        chosen = import_object(config.strategy, f"{path}.strategy")
        if not (isinstance(chosen, type) and callable(getattr(chosen, "decide", None))):
            raise ScenarioError(f"{path}.strategy = {config.strategy!r} must be a class with a method decide")
    elif config.strategy in STRATEGIES:
        kind, chosen = STRATEGIES[config.strategy]
        if ":" not in config.kind and kind != config.kind:
            raise ScenarioError(f"{path}.strategy = {config.strategy!r} serves a {kind}, not a {config.kind}")
    else:
        raise ScenarioError(
            f"{path}.strategy = {config.strategy!r}; allowed: {', '.join(STRATEGIES)} or module:Class"
        )
    if config.flash_loans and issubclass(chosen, ThresholdLiquidator):
        parameters = {"flash_loan": True, "exit": "pool"} | parameters
    if chosen is SearcherStrategy:
        inner = {"flash_loan": True, "exit": "pool"} if config.flash_loans else {}
        given = parameters.get("liquidation", {})
        if not isinstance(given, dict):
            raise ScenarioError(f"{where}.liquidation = {given!r}; allowed: a table")
        inner |= given
        parameters["liquidation"] = build_strategy(ThresholdLiquidator, inner, f"{where}.liquidation")
    return build_strategy(chosen, parameters, where)
