"""From a scenario to the parts of a world: data in, runtime objects out.

Everything that can be wrong with data from outside is found here, before the
first block. The model owns what is built and gives it life.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...market.assets import Asset
from ...market.chain.gas import ConstantGas, Eip1559, GasPrice, LognormalGas, ReplayGas
from ...market.chain.inclusion import INCLUSION_RULES, InclusionRule
from ...market.ledger import LARGEST_ENDOWMENT, Ledger
from ...market.oracle import CallableSource, MedianSource, Oracle, PathSource, Source
from ...market.order_book.layout import MAX_AMOUNT
from ...market.order_flow import HawkesArrivals, OrderFlow, PoissonArrivals
from ...market.pools.concentrated_pool import ConcentratedPool
from ...market.pools.liquidity_pool import LiquidityPool
from ...market.pools.pool import Pool
from ...market.pools.twap import PoolTwap
from ...market.prices import (
    FixedPrice,
    GeometricBrownianMotion,
    HestonPrice,
    JointPrice,
    MertonJumpDiffusion,
    ReferencePrice,
    ReplayPrice,
)
from ...market.private_oracle import PrivateOracle
from ...market.revert import Revert
from ...market.streams import Streams
from ...market.trading import LADDER_ROOM, MAX_TICKS, BookSpec, FlowSpec, TradingFloor
from ..episodes import load_episode
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError, per_asset
from ..scenarios.chain import ChainConfig, Eip1559Gas, EpisodeGas
from ..scenarios.chain import ConstantGas as ConstantGasConfig
from ..scenarios.prices import EpisodePrices, FilePrices, GbmPrices, MertonPrices
from ..scenarios.scenario import correlation_matrix
from ..scenarios.venues import HaltConfig, PoolConfig
from ..scenarios.windows import read_bars
from .contract_paths import contract_path
from .option_listing import OptionListing, list_options

Floats = NDArray[np.float64]

PRICE_RANGE_USD = (1e-7, 1e10)
"""Lowest and highest price that an oracle with 8 decimals in int64 tells from its neighbours, USD."""

PROCESS_START_S = 1_600_000_000
"""Unix time at which runs without recorded data begin; interest counts seconds, not dates."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the world outside does, known before the run: times, prices, gas."""

    times_s: Floats
    path: Floats  # (n_blocks + 1, n_assets), USD per token
    gas: GasPrice
    start_s: int
    priced: tuple[int, ...] = ()  # stable assets whose price is recorded, so that they are not at par
    options: OptionListing | None = None  # their columns of the path hold fair values


def build_outside(scenario: Scenario, streams: Streams) -> Outside:
    """Build times, reference prices of all assets and gas prices."""
    clock = scenario.clock
    times: Floats = np.arange(clock.n_blocks + 1, dtype=np.float64) * clock.block_time_s
    source = _reference(scenario)
    joint = JointPrice([source, FixedPrice(_stable_prices(scenario, source.symbols))])
    order = [joint.symbols.index(asset.underlying or asset.symbol) for asset in scenario.assets]
    with np.errstate(over="ignore", invalid="ignore"):  # `_check_range` says what is wrong
        path = np.ascontiguousarray(joint.path(times, streams)[:, order])
    for column, asset in enumerate(scenario.assets):
        if asset.future is not None:
            path[:, column] = contract_path(asset, path[:, column], clock.block_time_s)
    _check_range(scenario, times, path)
    options = list_options(scenario, times, path)
    _check_books(scenario, path)
    start_s = PROCESS_START_S if scenario.start_s is None else int(scenario.start_s)
    priced = tuple(
        i for i, asset in enumerate(scenario.assets) if asset.stable and asset.symbol in source.symbols
    )
    return Outside(times, path, _gas(scenario, times, streams), start_s, priced, options)


def starting_prices(scenario: Scenario) -> dict[str, float]:
    """Return the reference price at the start of every asset that is not stable, USD per token."""
    source = _reference(scenario)
    first = source.path(np.zeros(1), Streams(0))[0]  # every path starts where the scenario says
    return dict(zip(source.symbols, first.tolist(), strict=True))


def _check_range(scenario: Scenario, times: Floats, path: Floats) -> None:
    """Refuse prices that the oracle cannot say, before anything begins."""
    low, high = PRICE_RANGE_USD
    for asset, prices in zip(scenario.assets, path.T, strict=True):
        wrong = ~((prices >= low) & (prices <= high))
        if wrong.any():
            at = int(wrong.argmax())
            raise ScenarioError(
                f"prices: {asset.symbol} costs {prices[at]:.6g} USD after {times[at]:g} s; "
                f"allowed: {low:g} to {high:g} USD"
            )


def _check_books(scenario: Scenario, path: Floats) -> None:
    """Refuse prices that a book cannot hold."""
    quote_unit = 10 ** scenario.asset(scenario.quote).decimals
    for asset, prices in zip(scenario.assets, path.T, strict=True):
        book, where = asset.book, f"assets.{asset.symbol}.book"
        if book is None:
            continue
        least, most = float(prices.min()), float(prices.max())
        finest = LADDER_ROOM * most / MAX_TICKS
        if not finest <= book.tick_usd <= least:
            raise ScenarioError(
                f"{where}.tick_usd = {book.tick_usd:g} does not suit prices from {least:.6g} to {most:.6g}"
                f" USD; allowed: {finest:.3g} to {least:.6g}"
            )
        largest = min(MAX_AMOUNT / 10**asset.decimals, MAX_AMOUNT / quote_unit / (4.0 * most))
        if book.lot > largest:
            raise ScenarioError(
                f"{where}.lot = {book.lot:g} is more than an order can hold; allowed: up to {largest:.3g}"
            )


def _stable_prices(scenario: Scenario, priced: tuple[str, ...]) -> dict[str, float]:
    return {a.symbol: a.price_usd or 1.0 for a in scenario.assets if a.stable and a.symbol not in priced}


def _reference(scenario: Scenario) -> ReferencePrice:
    prices = scenario.prices
    risky = [asset.symbol for asset in scenario.risky]
    start = scenario.start_s or 0.0
    end = start + scenario.clock.duration_s  # the same for every asset, so that none changes another's draws
    if isinstance(prices, EpisodePrices):
        bars = load_episode(prices.episode).bars
        held = [symbol for symbol in scenario.symbols if symbol in risky or symbol in bars]
        return ReplayPrice({symbol: bars[symbol] for symbol in held}, start, end)
    if isinstance(prices, FilePrices):
        series = {symbol: read_bars(path, f"prices.path.{symbol}") for symbol, path in prices.path.items()}
        return ReplayPrice(series, start, end)
    initial = {asset.symbol: float(asset.price_usd or 0.0) for asset in scenario.risky}
    correlation = correlation_matrix(prices.correlation, tuple(risky))
    drift = per_asset(prices.drift_per_year, risky)
    if isinstance(prices, GbmPrices):
        return GeometricBrownianMotion(
            initial,
            volatility=per_asset(prices.volatility_per_year, risky),
            drift=drift,
            correlation=correlation,
        )
    if isinstance(prices, MertonPrices):
        return MertonJumpDiffusion(
            initial,
            volatility=per_asset(prices.volatility_per_year, risky),
            intensity=prices.jumps_per_year,
            jump_mean=prices.jump_mean_log,
            jump_sd=prices.jump_sd_log,
            drift=drift,
            correlation=correlation,
        )
    return HestonPrice(
        initial,
        variance=prices.variance_start,
        mean_reversion=prices.variance_reversion_per_year,
        long_run_variance=prices.variance_mean,
        vol_of_variance=prices.volatility_of_variance,
        leverage=prices.price_variance_correlation,
        drift=drift,
        correlation=correlation,
    )


def _gas(scenario: Scenario, times: Floats, streams: Streams) -> GasPrice:
    config = scenario.chain.gas
    if isinstance(config, EpisodeGas):
        rows = load_episode(str(scenario.gas_episode)).gas
        return ReplayGas(
            rows.ts,
            rows.p30_gwei,
            rows.p60_gwei,
            rows.p90_gwei,
            times_s=times,
            start_s=float(scenario.start_s or 0),
        )
    if isinstance(config, ConstantGasConfig):
        return ConstantGas(config.price_gwei)
    if isinstance(config, Eip1559Gas):
        return Eip1559(config.base_fee_gwei, gas_limit=scenario.chain.block_gas_limit)
    return LognormalGas(
        times,
        streams("gas"),
        level=config.median_gwei,
        sd=config.sd_log,
        half_life_s=math.log(2.0) / config.reversion_per_s,
    )


def build_inclusion(chain: ChainConfig) -> InclusionRule:
    """Build the rule that fills blocks; what the scenario leaves out is the rule's own default."""
    boost_s = None if chain.boost_ms is None else chain.boost_ms / 1e3
    given: dict[str, Any] = {
        "minimum_raise": chain.minimum_raise,
        "rounds": chain.raise_rounds,
        "exact_up_to": chain.exact_bundles,
        "boost_s": boost_s,
        "half_gwei": chain.boost_half_gwei,
    }
    return INCLUSION_RULES[chain.inclusion](
        **{key: value for key, value in given.items() if value is not None}
    )


def build_ledger(scenario: Scenario) -> Ledger:
    """Open a ledger with one column per asset of the scenario."""
    return Ledger([Asset(asset.symbol, asset.decimals) for asset in scenario.assets], capacity=256)


def build_floor(
    scenario: Scenario, ledger: Ledger, prices: Floats, makers: list[int], streams: Streams
) -> TradingFloor:
    """Build the books with their background flow; `makers` are ledger accounts."""
    specs = [
        BookSpec(
            i,
            asset.book.tick_usd,
            asset.book.lot,
            float(prices[i]),
            asset.book.size_scale,
            _halt_blocks(asset.book.halt, scenario.clock.block_time_s),
            0.0 if asset.option is None else float(prices[scenario.symbols.index(str(asset.underlying))]),
            tuple((math.ceil(h.from_s / scenario.clock.block_time_s), h.scale) for h in asset.book.hours),
        )
        for i, asset in enumerate(scenario.assets)
        if asset.book is not None
    ]
    flow, clock = scenario.flow, scenario.clock
    arrivals: HawkesArrivals | PoissonArrivals
    if flow.kind == "hawkes":
        arrivals = HawkesArrivals(flow.orders_per_block, flow.branching_ratio, flow.decay_per_s)
    else:
        arrivals = PoissonArrivals(flow.orders_per_block)
    orders = OrderFlow(
        arrivals, [scenario.symbols[s.asset] for s in specs], clock.n_blocks, clock.block_time_s, streams
    )
    look = FlowSpec(
        flow.market_share,
        flow.cancel_share,
        flow.resting_orders,
        flow.mean_quantity_usd,
        flow.mean_offset_bps / 1e4,
        flow.anchor_per_s,
    )
    quote = ledger.asset_index[scenario.quote]
    return TradingFloor(ledger, quote, specs, look, orders, makers, clock.block_time_s, streams)


def _halt_blocks(halt: HaltConfig | None, block_time_s: float) -> tuple[int, int]:
    """Return the first block of a halt, and the first after it."""
    if halt is None:
        return 0, 0
    return math.ceil(halt.start_s / block_time_s), math.ceil((halt.start_s + halt.duration_s) / block_time_s)


def build_pools(scenario: Scenario, ledger: Ledger, prices: Floats) -> dict[int, Pool]:
    """Build the pools with their liquidity at the reference price, by asset."""
    pools: dict[int, Pool] = {}
    for i, asset in enumerate(scenario.assets):
        if asset.pool is None:
            continue
        build = _concentrated if asset.pool.kind == "concentrated" else _constant_product
        try:
            pools[i] = build(asset.pool, ledger, i, ledger.asset_index[scenario.quote], float(prices[i]))
        except Revert as error:
            raise ScenarioError(
                f"assets.{asset.symbol}.pool.depth_usd = {asset.pool.depth_usd:g} makes no pool "
                f"({error.reason}); allowed: reserves of at least a few thousand base units"
            ) from None
    return pools


def _constant_product(
    config: PoolConfig, ledger: Ledger, asset: int, quote: int, price: float
) -> LiquidityPool:
    symbol = ledger.assets[asset].symbol
    pool = LiquidityPool(ledger, asset, quote, name=f"pool/{symbol}", fee_bps=round(config.fee_bps))
    owner = ledger.open_account(f"liquidity-provider/{symbol}")
    base = ledger.assets[asset].to_units(config.depth_usd / price)
    cash = ledger.assets[quote].to_units(config.depth_usd)
    ledger.endow(asset, owner, base)
    ledger.endow(quote, owner, cash)
    pool.add_liquidity(owner, base, cash, now_s=0.0)
    return pool


def _concentrated(
    config: PoolConfig, ledger: Ledger, asset: int, quote: int, price: float
) -> ConcentratedPool:
    """Build a pool with liquidity of one owner who never moves: at all prices, and in the band if any."""
    symbol, fee = ledger.assets[asset].symbol, round(config.fee_bps)
    pool = ConcentratedPool(ledger, asset, quote, price=price, name=f"pool/{symbol}", fee_bps=fee)
    owner = ledger.open_account(f"liquidity-provider/{symbol}")
    ranges = [(pool.full_range, 1.0)]
    if config.band is not None:
        band = pool.range_around(price / (1.0 + config.band), price * (1.0 + config.band))
        share = 0.5 if config.band_share is None else config.band_share
        ranges = [(pool.full_range, 1.0 - share), (band, share)]
    for ticks, share in ranges:
        cash = ledger.assets[quote].to_units(share * config.depth_usd)
        liquidity = pool.liquidity_for(*ticks, LARGEST_ENDOWMENT, cash)
        for each, units in zip(pool.assets, pool.cost_of(*ticks, liquidity), strict=True):
            ledger.endow(each, owner, units)
        pool.add_liquidity(owner, *ticks, liquidity, now_s=0.0)
    return pool


def build_oracle(
    scenario: Scenario, outside: Outside, floor: TradingFloor, pools: dict[int, Pool]
) -> tuple[Oracle, list[Source] | None]:
    """Build the oracle and its sources; None where it reads the reference path itself."""
    config = scenario.oracle
    timing: dict[str, Any] = {
        "heartbeat_s": config.heartbeat_s,
        "deviation": config.deviation,
        "delay_s": config.delay_s,
    }
    if outside.options is not None:  # no protocol lends on them
        unheard = np.isin(np.arange(len(scenario.assets)), outside.options.assets)
        for key in ("heartbeat_s", "deviation"):
            timing[key] = np.where(unheard, math.inf, timing[key])
    oracle: Oracle
    if config.auction is None:
        oracle = Oracle(scenario.symbols, outside.path[0], **timing)
    else:
        hold_s = config.auction.fallback_delay_s
        oracle = PrivateOracle(scenario.symbols, outside.path[0], hold_s=hold_s, **timing)
    if config.source == "reference":
        return oracle, None
    sources: list[Source] = []
    for i, asset in enumerate(scenario.assets):
        reference = PathSource(outside.path[:, i])
        if asset.stable or asset.underlying is not None:
            sources.append(reference)
            continue
        parts: dict[str, Source] = {"reference": reference}
        if asset.book is not None:
            parts["book-mid"] = CallableSource(_mid_reader(floor, i))
        if i in pools:
            window = max(10.0 * scenario.clock.block_time_s, 60.0)
            parts["pool-twap"] = PoolTwap(pools[i], i, window, outside.times_s.tolist())
        sources.append(
            MedianSource(list(parts.values())) if config.source == "median" else parts[config.source]
        )
    return oracle, sources


def _mid_reader(floor: TradingFloor, asset: int):  # type: ignore[no-untyped-def]
    return lambda: floor.mid(asset)
