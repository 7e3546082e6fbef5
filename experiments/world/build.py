"""Build a whole world for a model: parts in their order, then those who live in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents.base import DecidingAgent
from ...agents.contract_traders import (
    BasisArbitrageur,
    BookManipulator,
    PositionBidderAgent,
    VolatilityManipulator,
)
from ...agents.keepers import KeeperBot
from ...agents.learners import LearningBot
from ...agents.liquidators import LiquidatorBot
from ...agents.makers import MarketMaker
from ...agents.manipulators import MarketManipulator
from ...agents.option_makers import OptionMarketMaker
from ...agents.providers import RangeProviderAgent
from ...agents.searchers import MEVSearcher
from ...agents.stability import DepositorAgent, RedeemerAgent
from ...agents.strategies.avellaneda_stoikov import AvellanedaStoikov
from ...agents.strategies.basis_trade import BasisTrade, PushAndReverse
from ...agents.strategies.best_responder import BestResponder
from ...agents.strategies.dutch_liquidator import DutchLiquidator
from ...agents.strategies.keeper import Keeper
from ...agents.strategies.learning import LearningLiquidator
from ...agents.strategies.liquidator import Liquidator
from ...agents.strategies.manipulator import Manipulator
from ...agents.strategies.mixed_bidder import MixedBidder
from ...agents.strategies.option_maker import OptionDealer
from ...agents.strategies.position_bidder import PositionBidder
from ...agents.strategies.range_provider import RangeProvider
from ...agents.strategies.redeemer import Redeemer
from ...agents.strategies.searcher import SearcherStrategy
from ...agents.strategies.splitting_liquidator import SplittingLiquidator
from ...agents.strategies.stability_depositor import StabilityDepositor
from ...agents.strategies.threshold_liquidator import ThresholdLiquidator
from ...agents.strategies.volatility_push import VolatilityPush
from ...agents.strategies.volunteer import Volunteer
from ...market.ledger import LARGEST_ENDOWMENT, Ledger
from ...market.oracle import Oracle, Source
from ...market.pools.pool import Pool
from ...market.streams import Streams
from ...market.trading import TradingFloor
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from ..scenarios.deciders import AgentConfig
from ..scenarios.exit_plans import read_exit
from ..scenarios.objects import build_strategy, import_object
from . import assembly
from .assembly import Outside
from .conservation import ConservationCheck
from .credit import CreditMarket, build_credit_market
from .crowd import build_population, reference_thresholds
from .exposure_limits import limited
from .lending.kinds import lending_kinds
from .liquidation_rights import check_rights
from .manipulation import check_manipulators
from .margin.build import build_venues
from .margin.venue import MarginVenue
from .par_desk import ParDesk
from .recorder import Recorder
from .same_borrowers import chosen, same_borrowers
from .stability import entrust_deposits

STRATEGIES: dict[str, tuple[str, type]] = {
    "threshold": ("liquidator", ThresholdLiquidator),
    "mixed": ("liquidator", MixedBidder),
    "best-response": ("liquidator", BestResponder),
    "splitting": ("liquidator", SplittingLiquidator),
    "dutch": ("liquidator", DutchLiquidator),
    "volunteer": ("liquidator", Volunteer),
    "manipulator": ("manipulator", Manipulator),
    "avellaneda-stoikov": ("maker", AvellanedaStoikov),
    "option-dealer": ("option-maker", OptionDealer),
    "searcher": ("searcher", SearcherStrategy),
    "stability-depositor": ("stability-depositor", StabilityDepositor),
    "redeemer": ("redeemer", Redeemer),
    "keeper": ("keeper", Keeper),
    "learning": ("learner", LearningLiquidator),
    "basis-trade": ("arbitrageur", BasisTrade),
    "push-and-reverse": ("book-manipulator", PushAndReverse),
    "volatility-push": ("volatility-manipulator", VolatilityPush),
    "position-bidder": ("position-bidder", PositionBidder),
    "range-provider": ("range-provider", RangeProvider),
}
"""Packaged strategies by name: the kind of agent they serve, and their class."""

AGENTS: dict[str, type[DecidingAgent]] = {
    "liquidator": LiquidatorBot,
    "maker": MarketMaker,
    "option-maker": OptionMarketMaker,
    "searcher": MEVSearcher,
    "stability-depositor": DepositorAgent,
    "redeemer": RedeemerAgent,
    "keeper": KeeperBot,
    "learner": LearningBot,
    "manipulator": MarketManipulator,
    "arbitrageur": BasisArbitrageur,
    "book-manipulator": BookManipulator,
    "volatility-manipulator": VolatilityManipulator,
    "position-bidder": PositionBidderAgent,
    "range-provider": RangeProviderAgent,
}

UNSANDWICHED = {
    "first-come": "who has seen a transaction comes after it",
    "random": "no price puts a trade before another",
    "sealed-bundle": "nobody sees what others send",
}
"""Rules under which no sandwich can be made, and why."""

FLASH_ENDOWMENT_USD = 5e10
"""What the flash lender has of each stable asset, USD: never short."""


@dataclass(slots=True)
class World:
    """Everything a model is made of."""

    ledger: Ledger
    floor: TradingFloor
    pools: dict[int, Pool]
    credit: list[CreditMarket]
    venues: list[MarginVenue]
    oracle: Oracle
    sources: list[Source] | None
    outside: Outside
    desk: ParDesk
    conservation: ConservationCheck
    recorder: Recorder
    deciders: list[DecidingAgent]
    quote: int
    gas_asset: int
    flash_lender: int
    units: NDArray[np.float64]
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
    _stock_option_makers(scenario, ledger, named, prices)
    pools = assembly.build_pools(scenario, ledger, prices)
    oracle, sources = assembly.build_oracle(scenario, outside, floor, pools)
    stables = tuple(i for i, asset in enumerate(scenario.assets) if asset.stable)
    desk = ParDesk(ledger, stables)
    flash_lender = ledger.open_account("flash-lender")
    for asset in stables:
        units = min(int(FLASH_ENDOWMENT_USD) * ledger.assets[asset].unit, LARGEST_ENDOWMENT)
        ledger.endow(asset, flash_lender, units)

    gas_asset = ledger.asset_index.get("ETH", floor.specs[0].asset if floor.specs else quote)
    credit = _build_credit(model, scenario, ledger, outside, gas_asset, streams)
    check_rights(scenario, credit)
    venues = build_venues(scenario, ledger, floor, outside, streams)
    check_manipulators(scenario)
    _check_searchers(scenario, ledger, pools)
    _check_contract_traders(scenario)
    _check_bidders(scenario)
    _check_providers(scenario)
    deciders = [
        _make_agent(model, config, name, account, f"agents.{config.name}") for config, name, account in named
    ]
    for agent, (config, _, _) in zip(deciders, named, strict=True):
        agent.private, agent.revert_protection = config.private, config.revert_protection
    entrust_deposits(credit, deciders)
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
        credit=credit,
        venues=venues,
        oracle=oracle,
        sources=sources,
        outside=outside,
        desk=desk,
        conservation=ConservationCheck(
            ledger, floor, list(pools.values()), [*(market.pool for market in credit), *venues]
        ),
        recorder=recorder,
        deciders=deciders,
        quote=quote,
        gas_asset=gas_asset,
        flash_lender=flash_lender,
        units=np.array([float(asset.unit) for asset in ledger.assets]),
        book_assets=np.array([spec.asset for spec in floor.specs], np.int64),
        book_list=[spec.asset for spec in floor.specs],
        lot_units={s.asset: round(s.lot * ledger.assets[s.asset].unit) for s in floor.specs},
        snapshot_blocks=0 if every is None else max(1, round(every / scenario.clock.block_time_s)),
        gas_record=getattr(outside.gas, "record", None),
        others_gas=int(getattr(scenario.chain.gas, "others_share", 0.0) * scenario.chain.block_gas_limit),
    )


def _build_credit(
    model: Any, scenario: Scenario, ledger: Ledger, outside: Outside, gas_asset: int, streams: Streams
) -> list[CreditMarket]:
    """Draw the borrowers, spread them over the protocols, and open these."""
    prices = outside.path[0]
    drawn = build_population(scenario, prices, streams)
    reference = reference_thresholds(scenario)
    columns = [ledger.asset_index[symbol] for symbol in drawn.collateral_symbols]
    drawn_at = np.array([reference[symbol] for symbol in drawn.collateral_symbols])
    kinds, configs = lending_kinds(), scenario.lending
    home = np.zeros(len(drawn), np.int64)
    if len(configs) > 1:
        weights = np.array([config.share for config in configs])
        home = streams("borrowers/protocol").choice(len(configs), len(drawn), p=weights / weights.sum())
    markets = []
    names = [config.name or config.kind for config in configs]
    for account in getattr(scenario.borrowers, "without", ()):
        if account.rpartition("-")[0] not in names:
            raise ScenarioError(
                f"borrowers.without names {account!r}; allowed: PROTOCOL-ACCOUNT with {', '.join(names)}"
            )
    for number, config in enumerate(configs):
        kind, name = kinds[config.kind], config.name or config.kind
        rows = np.flatnonzero(home == number)
        if not len(rows):
            raise ScenarioError(f"protocols.{name} has no borrower; raise borrowers.count or its share")
        terms = kind.terms(config, scenario)
        those = drawn if len(configs) == 1 else chosen(drawn, rows)
        crowd = same_borrowers(
            those, prices[columns], drawn_at, terms, keep_debt=scenario.borrowers.keep_debt, name=name
        )
        where = f"protocols.{name}" if scenario.protocols else "protocol"
        crowd = limited(crowd, prices[columns], config, scenario.borrowers, name, where)
        accounts = int(np.count_nonzero(those.collateral_tokens)) if terms.single_collateral else len(those)
        markets.append(
            build_credit_market(
                model,
                scenario,
                number,
                config,
                kind,
                crowd,
                ledger,
                outside,
                gas_asset,
                accounts - len(crowd),
            )
        )
    return markets


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
    """Give agents their money: makers half in cash and half in what they quote, the others in cash.

    Options are left to option makers, who have a stock of their own.
    """
    maker = 0
    for config, _, account in named:
        cash = config.capital_usd
        if _makes_options(config):
            maker += 1
        elif _is_maker(config) and floor.specs:
            cash /= 2.0
            scales = math.fsum(spec.size_scale for spec in floor.specs if not spec.notional_usd)
            targets = []
            for spec in floor.specs:
                if spec.notional_usd:
                    targets.append(0.0)
                    continue
                each = cash * spec.size_scale / scales
                price = float(prices[spec.asset])
                ledger.endow(spec.asset, account, ledger.assets[spec.asset].to_units(each / price))
                targets.append(each / price / spec.lot)
            floor.aim(maker, targets)
            maker += 1
        ledger.endow(quote, account, ledger.assets[quote].to_units(cash))
        for symbol, usd in config.inventory_usd.items():
            if symbol not in ledger.asset_index or ledger.asset_index[symbol] == quote:
                others = [asset.symbol for k, asset in enumerate(ledger.assets) if k != quote]
                raise ScenarioError(
                    f"agents.{config.name}.inventory_usd.{symbol} is no asset; allowed: {', '.join(others)}"
                )
            asset = ledger.asset_index[symbol]
            ledger.endow(asset, account, ledger.assets[asset].to_units(usd / float(prices[asset])))


def _stock_option_makers(
    scenario: Scenario,
    ledger: Ledger,
    named: Sequence[tuple[AgentConfig, str, int]],
    prices: NDArray[np.float64],
) -> None:
    """Give option makers something to deliver: of each option and of the hedge as much as their capital buys.

    What they sell of it they are short of, as their gains count changes only.
    """
    options = {asset.symbol: asset.underlying for asset in scenario.assets if asset.option is not None}
    for config, _, account in named:
        if not _makes_options(config):
            continue
        where = f"agents.{config.name}.parameters"
        given = config.parameters
        underlying = given.get("underlying")
        if underlying not in options.values():
            raise ScenarioError(
                f"{where}.underlying = {underlying!r}; allowed: underlyings of options, "
                f"{', '.join(sorted({str(each) for each in options.values()})) or 'of which there is none'}"
            )
        books = [a.symbol for a in scenario.assets if a.book is not None and a.option is None]
        related = [s for s in books if underlying in (s, scenario.asset(s).underlying)]
        hedge = given.get("hedge") or underlying
        if hedge not in related:
            raise ScenarioError(f"{where}.hedge = {hedge!r}; allowed: {', '.join(related)}")
        tokens = config.capital_usd / float(prices[ledger.asset_index[str(underlying)]])
        for symbol in (hedge, *(s for s, on in options.items() if on == underlying)):
            asset = ledger.asset_index[symbol]
            ledger.endow(asset, account, ledger.assets[asset].to_units(tokens))


def _check_searchers(scenario: Scenario, ledger: Ledger, pools: dict[int, Pool]) -> None:
    """Refuse sandwiches that nobody could make."""
    for config in scenario.agents:
        if config.kind != "searcher" or not config.parameters.get("sandwiches"):
            continue
        where = f"agents.{config.name}.parameters.sandwiches = {config.parameters['sandwiches']}"
        if scenario.chain.inclusion in UNSANDWICHED:
            raise ScenarioError(
                f"{where} does nothing under chain.inclusion = {scenario.chain.inclusion!r}: "
                f"{UNSANDWICHED[scenario.chain.inclusion]}; allowed where a gas price overtakes what is seen"
            )
        if not any(ledger.asset_index[symbol] in pools for symbol in config.inventory_usd):
            raise ScenarioError(
                f"{where} needs a stock to sell: agents.{config.name}.inventory_usd of an asset with a pool"
            )


def _check_contract_traders(scenario: Scenario) -> None:
    """Refuse traders of contracts that name no book."""
    books = [asset.symbol for asset in scenario.assets if asset.book is not None]
    kinds = ("arbitrageur", "book-manipulator", "volatility-manipulator")
    for config in scenario.agents:
        for key in ("contract", "underlying", "option") if config.kind in kinds else ():
            symbol = config.parameters.get(key)
            if symbol is not None and symbol not in books:
                raise ScenarioError(
                    f"agents.{config.name}.parameters.{key} = {symbol!r}; allowed: assets with a book, "
                    f"{', '.join(books)}"
                )


def _check_bidders(scenario: Scenario) -> None:
    """Refuse bidders for positions where no venue auctions any."""
    executions = [venue.liquidation.execution for venue in scenario.venues]
    if any("auction" in (how, how.get("kind") if isinstance(how, dict) else "") for how in executions):
        return
    for config in scenario.agents:
        if config.kind == "position-bidder" and config.count:
            raise ScenarioError(
                f"agents.{config.name}.kind = 'position-bidder' has nothing to bid for; allowed with "
                "liquidation.execution = 'auction' of a venue"
            )


def _check_providers(scenario: Scenario) -> None:
    """Refuse providers of ranges where no pool has any."""
    if any(asset.pool is not None and asset.pool.kind == "concentrated" for asset in scenario.assets):
        return
    for config in scenario.agents:
        if config.kind == "range-provider" and config.count:
            raise ScenarioError(
                f"agents.{config.name}.kind = 'range-provider' has no pool to provide for; allowed with "
                "pool.kind = 'concentrated' of an asset"
            )


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


def _makes_options(config: AgentConfig) -> bool:
    """Whether the agents of a group are option makers."""
    return issubclass(_agent_class(config), OptionMarketMaker)


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
        kinds = (
            "searcher", "option-maker", "maker", "keeper", "learner", "liquidator", "stability-depositor",
            "redeemer", "manipulator", "arbitrageur", "book-manipulator", "range-provider",
            "position-bidder", "volatility-manipulator",
        )  # fmt: skip
        serves = next((kind for kind in kinds if issubclass(agent, AGENTS[kind])), None)
        if serves is None:
            if parameters:
                raise ScenarioError(f"{where} needs {path}.strategy, the class they belong to")
            return None
        chosen = next(cls for kind, cls in STRATEGIES.values() if kind == serves)
    elif ":" in config.strategy:
        chosen = import_object(config.strategy, f"{path}.strategy")
        if not (isinstance(chosen, type) and callable(getattr(chosen, "decide", None))):
            raise ScenarioError(f"{path}.strategy = {config.strategy!r} must be a class with a method decide")
        if issubclass(chosen, DecidingAgent):
            raise ScenarioError(
                f"{path}.strategy = {config.strategy!r} is an agent, not a strategy; name it in {path}.kind"
            )
    elif config.strategy in STRATEGIES:
        kind, chosen = STRATEGIES[config.strategy]
        if ":" not in config.kind and kind != config.kind:
            raise ScenarioError(f"{path}.strategy = {config.strategy!r} serves a {kind}, not a {config.kind}")
    else:
        raise ScenarioError(
            f"{path}.strategy = {config.strategy!r}; allowed: {', '.join(STRATEGIES)} or module:Class"
        )
    if issubclass(chosen, Liquidator):
        parameters = _with_exit(config, parameters, where)
    if chosen in (SearcherStrategy, Manipulator):
        given = parameters.get("liquidation", {})
        if not isinstance(given, dict):
            raise ScenarioError(f"{where}.liquidation = {given!r}; allowed: a table")
        inner = _with_exit(config, given, f"{where}.liquidation")
        if chosen is Manipulator:
            inner = {"exit": "hold", "max_calls": 16} | inner
        parameters["liquidation"] = build_strategy(ThresholdLiquidator, inner, f"{where}.liquidation")
    if chosen is LearningLiquidator and isinstance(parameters.get("options"), dict):
        parameters["options"] = {
            name: _with_exit(config, given, f"{where}.options.{name}") if isinstance(given, dict) else given
            for name, given in parameters["options"].items()
        }
    return build_strategy(chosen, parameters, where)


def _with_exit(config: AgentConfig, parameters: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a liquidator's parameters with its exit read; flash loans go with the pool."""
    given = {"flash_loan": True, "exit": "pool"} if config.flash_loans else {}
    given |= parameters
    if "exit" in given:
        given["exit"] = read_exit(given["exit"], f"{where}.exit")
    return given
