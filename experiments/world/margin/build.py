"""Build the margin venues of a scenario: contracts, accounts, the crowd and its clearing account."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....agents.perp_crowd import LeverageLaw, PerpTraders
from ....agents.perp_trading import TradingLaw
from ....agents.strategies.exits import Schedule
from ....market.breakers import Breaker
from ....market.ledger import LARGEST_ENDOWMENT, Ledger
from ....market.order_book.layout import QUOTE_PER_LOT_TICK
from ....market.streams import Streams
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import LinearContract
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.margin import VenueConfig
from ...scenarios.objects import build_strategy
from .auctions import PositionAuctions
from .closing import Closing
from .crowd import TradingCrowd
from .feed import Feed
from .halting import Halting
from .records import MarginRecords
from .rules import (
    build_auction,
    build_dynamic_margin,
    build_haircut,
    build_mark,
    build_schedule,
    build_tiers,
    build_unloading,
)
from .vault import Vault
from .venue import Clearing, MarginVenue

FLOAT = 4.0
"""What a venue can deliver, in open interests: contracts to sell for longs, cash to buy for shorts."""


def build_venues(
    scenario: Scenario, ledger: Ledger, floor: TradingFloor, path: NDArray[np.float64], streams: Streams
) -> list[MarginVenue]:
    """Build every venue.

    Parameters
    ----------
    scenario : Scenario
    ledger, floor : Ledger and TradingFloor
    path : float64 ndarray, shape (n_blocks + 1, n_assets)
        Outside prices, USD.
    streams : Streams

    Raises
    ------
    ScenarioError
        If a rule's parameters are not allowed, or the crowd cannot be drawn.
    """
    return [
        _build(config, number, scenario, ledger, floor, path, streams)
        for number, config in enumerate(scenario.venues)
    ]


def _build(
    config: VenueConfig,
    number: int,
    scenario: Scenario,
    ledger: Ledger,
    floor: TradingFloor,
    path: NDArray[np.float64],
    streams: Streams,
) -> MarginVenue:
    where = f"venues.{config.name}"
    asset = ledger.asset_index[config.instrument]
    underlying = ledger.asset_index[str(scenario.asset(config.instrument).underlying)]
    unit = ledger.assets[floor.quote_asset].unit
    block_time_s = scenario.clock.block_time_s
    book = floor.book_of_asset[asset]
    contract = LinearContract(config.instrument, int(floor.books[book, QUOTE_PER_LOT_TICK]))
    price = round(float(path[0, asset]) / floor.specs[book].tick_usd)
    leverage_law = build_strategy(LeverageLaw, config.traders.parameters, f"{where}.traders.parameters")
    trading_law = _trading_law(config, where)
    traders = _draw(config, leverage_law, contract, price, unit, floor.specs[book].tick_usd, streams, where)
    newcomers = _newcomers(config, leverage_law, trading_law, streams)
    n = len(traders.lots) + len(newcomers)
    stops_usd = np.concatenate([traders.stop_usd, np.full(len(newcomers), np.nan)])
    vault = 1 if config.backstop is not None else 0
    accounts = MarginAccounts([contract], n + 1 + vault, [build_tiers(config, unit)])
    clearing = _clearing(config, ledger, floor, asset, contract, price)
    for row, (lots, leverage) in enumerate(
        zip(traders.lots.tolist(), traders.leverage.tolist(), strict=True)
    ):
        accounts.fill(row, 0, lots, price)
        accounts.deposit(row, int(abs(contract.value(lots, price)) / leverage))
    for row, margin_usd in enumerate(newcomers, len(traders.lots)):
        accounts.deposit(row, int(margin_usd * unit))
    accounts.deposit(n, round(config.insurance_fund_usd * unit))
    if config.backstop is not None:
        accounts.deposit(n + 1, round(config.backstop.capital_usd * unit))
    ledger.endow(floor.quote_asset, clearing.account, accounts.cash_total)
    records = MarginRecords(config.name, unit)
    rng, auction = streams(f"venue/{config.name}"), build_auction(config.liquidation, where)
    execution: Schedule | PositionAuctions | None
    if auction is None:
        execution = build_schedule(config.liquidation, where)
    else:
        execution = PositionAuctions(
            *auction, ledger, number, clearing.account, asset, floor.quote_asset, accounts, 0,
            floor.specs[book].lot, clearing.lot_units, records, rng,
        )  # fmt: skip
    closing = Closing(
        config, floor, clearing.account, asset, accounts, n, execution, records, rng, block_time_s
    )
    crowd = None
    if trading_law is not None:
        crowd_rng = streams(f"venue/{config.name}/trading")
        crowd = TradingCrowd(trading_law, leverage_law, closing, stops_usd, crowd_rng, block_time_s)
    backstop = None
    if config.backstop is not None:
        backstop = Vault(closing, build_unloading(config.backstop, where))
    feed = Feed(
        floor,
        asset,
        underlying,
        path[:, underlying],
        config.index,
        config.model,
        config.funding,
        block_time_s,
    )
    return MarginVenue(
        config, ledger, floor, clearing, accounts, feed, build_mark(config.mark, where),
        build_haircut(config.mark), build_dynamic_margin(config, where), stops_usd, closing,
        _halting(config, scenario, floor, asset, float(path[0, asset]), where), backstop, crowd,
    )  # fmt: skip


def _trading_law(config: VenueConfig, where: str) -> TradingLaw | None:
    """Return how the crowd trades during the run; None if it does not."""
    if config.traders.trading is None:
        return None
    return build_strategy(TradingLaw, config.traders.trading, f"{where}.traders.trading")


def _newcomers(
    config: VenueConfig, leverage: LeverageLaw, trading: TradingLaw | None, streams: Streams
) -> list[float]:
    """Draw the margins of accounts that begin without a position; USD."""
    if trading is None or not trading.newcomers:
        return []
    mean_usd = 2.0 * config.traders.open_interest_usd / config.traders.count
    rng = streams(f"venue/{config.name}/newcomers")
    margins: list[float] = leverage.margins(rng, trading.newcomers, mean_usd).tolist()
    return margins


def _draw(
    config: VenueConfig,
    law: LeverageLaw,
    contract: LinearContract,
    price: int,
    unit: int,
    tick_usd: float,
    streams: Streams,
    where: str,
) -> PerpTraders:
    """Draw the crowd, none of it below maintenance at the start."""
    highest = 1.0 / max(tier.maintenance for tier in config.tiers)
    if law.most_leverage >= highest:
        raise ScenarioError(
            f"{where}.traders.parameters.most_leverage = {law.most_leverage:g} leaves less than the "
            f"maintenance margin; allowed: below {highest:g}"
        )
    try:
        return law.draw(
            streams(f"venue/{config.name}/traders"),
            config.traders.count,
            config.traders.open_interest_usd,
            contract.value(1, price) / unit,
            price * tick_usd,
        )
    except ValueError as error:
        raise ScenarioError(f"{where}.traders: {error}") from None


def _halting(
    config: VenueConfig, scenario: Scenario, floor: TradingFloor, asset: int, price_usd: float, where: str
) -> Halting | None:
    """Build the circuit breaker of a venue, if it has one."""
    if config.breaker is None:
        return None
    breaker = build_strategy(Breaker, config.breaker.parameters, f"{where}.breaker.parameters")
    underlying = scenario.asset(config.instrument).underlying
    others = [
        k
        for k, other in enumerate(scenario.assets)
        if k != asset and k in floor.book_of_asset and underlying in (other.symbol, other.underlying)
    ]
    return Halting(breaker, floor, asset, others, config.breaker.flow_shift, price_usd, f"{where}.breaker")


def _clearing(
    config: VenueConfig,
    ledger: Ledger,
    floor: TradingFloor,
    asset: int,
    contract: LinearContract,
    price: int,
) -> Clearing:
    """Open the clearing account with its float of contracts and cash."""
    account = ledger.open_account(f"venue/{config.name}")
    unit = ledger.assets[floor.quote_asset].unit
    lot_units = round(floor.spec(asset).lot * ledger.assets[asset].unit)
    lots = int(FLOAT * config.traders.open_interest_usd * unit / contract.value(1, price))
    cash = int(FLOAT * config.traders.open_interest_usd * unit)
    if max(lots * lot_units, cash) > LARGEST_ENDOWMENT:
        raise ScenarioError(
            f"venues.{config.name}.traders.open_interest_usd = {config.traders.open_interest_usd:g} is more "
            "than the ledger holds; give the assets fewer decimals"
        )
    ledger.endow(asset, account, lots * lot_units)
    ledger.endow(floor.quote_asset, account, cash)
    return Clearing(account, cash, lots, lot_units)
