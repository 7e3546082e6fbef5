"""Build the margin venues of a scenario: accounts, the clearing account, and the rules that run them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ....market.breakers import Breaker
from ....market.ledger import LARGEST_ENDOWMENT, Ledger
from ....market.streams import Streams
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import OptionContract
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.margin import IndexConfig, VenueConfig
from ...scenarios.objects import build_strategy
from ..assembly import Outside
from .account_maintenance import AccountMaintenance
from .auctions import PositionAuctions
from .closing import Closing
from .contracts import Listed, list_contracts, settlement_unit
from .crowd import TradingCrowd
from .drawing import draw_leveraged, draw_with_options, leverage_law, trading_law, with_newcomers
from .feed import Feed
from .halting import Halting
from .inverse import InverseListing
from .listing import Listing
from .maintenance import Maintenance, TieredMaintenance
from .option_feed import OptionFeed
from .option_venue import build_underlyings
from .records import MarginRecords
from .rules import (
    build_account_margin,
    build_auction,
    build_dynamic_margin,
    build_haircut,
    build_mark,
    build_schedule,
    build_tiers,
    build_unloading,
)
from .underlyings import Underlyings
from .vault import Vault
from .venue import MarginVenue

FLOAT = 4.0
"""What a venue can deliver, in open interests: contracts to sell for longs, cash to buy for shorts."""


def build_venues(
    scenario: Scenario, ledger: Ledger, floor: TradingFloor, outside: Outside, streams: Streams
) -> list[MarginVenue]:
    """Build every venue.

    Parameters
    ----------
    scenario : Scenario
    ledger, floor : Ledger and TradingFloor
    outside : Outside
    streams : Streams

    Raises
    ------
    ScenarioError
        If a rule's parameters are not allowed, or the crowd cannot be drawn.
    """
    return [
        _build(config, number, scenario, ledger, floor, outside, streams)
        for number, config in enumerate(scenario.venues)
    ]


def _build(
    config: VenueConfig,
    number: int,
    scenario: Scenario,
    ledger: Ledger,
    floor: TradingFloor,
    outside: Outside,
    streams: Streams,
) -> MarginVenue:
    where, path = f"venues.{config.name}", outside.path
    listed = list_contracts(config, scenario, ledger, floor, path)
    unit = settlement_unit(scenario, config, listed[0].price_usd)
    settlement = listed[0].asset if listed[0].inverse else floor.quote_asset
    known = build_underlyings(config, scenario, ledger, outside)
    trading, law = trading_law(config, where), None
    if known is not None and len(known.contracts.options):
        crowd = draw_with_options(config, known, listed, unit, streams, where)
    else:
        law = leverage_law(config, len(listed), where)
        crowd = draw_leveraged(config, law, listed, unit, streams, where)
        if trading is not None and trading.newcomers:
            crowd = with_newcomers(crowd, config, law, trading.newcomers, listed, unit, streams)
    n = len(crowd.lots)
    vault = 1 if config.backstop is not None else 0
    tiers = build_tiers(config, unit)
    accounts = MarginAccounts([each.contract for each in listed], n + 1 + vault, [tiers] * len(listed))
    clearing = ledger.open_account(f"venue/{config.name}")
    interest = sum(each.interest_usd for each in listed)
    cash = int(FLOAT * interest * unit)
    _endow(config, interest, ledger, settlement, clearing, cash)
    for row, margin in enumerate(crowd.margin):
        for column, each in enumerate(listed):
            accounts.fill(row, column, crowd.lots.item(row, column), each.ticks)
        accounts.deposit(row, margin)
    accounts.deposit(n, round(config.insurance_fund_usd * unit))
    if config.backstop is not None:
        accounts.deposit(n + 1, round(config.backstop.capital_usd * unit))
    ledger.endow(settlement, clearing, accounts.cash_total)
    listings = [
        _listing(
            config, scenario, ledger, floor, path, each, column, clearing, crowd.stop_usd[:, column], known
        )
        for column, each in enumerate(listed)
    ]
    maintenance: Maintenance = TieredMaintenance(accounts, config, unit)
    if known is not None:
        known.follow(listings)
        ticks = np.array([each.tick_usd for each in listed])
        maintenance = AccountMaintenance(
            accounts, ticks, build_account_margin(config, unit), known, config.liquidation
        )
    records, rng = MarginRecords(config.name, unit), streams(f"venue/{config.name}")
    auction, execution = build_auction(config.liquidation, where), None
    if auction is not None:
        execution = PositionAuctions(
            *auction, ledger, number, clearing, settlement, listings, accounts, maintenance, records, rng,
        )  # fmt: skip
    closing = Closing(
        config, listings, accounts, maintenance, n,
        execution or build_schedule(config.liquidation, where), records, rng, scenario.clock.block_time_s,
    )  # fmt: skip
    backstop = None
    if config.backstop is not None:
        backstop = Vault(closing, build_unloading(config.backstop, where))
    traders = None
    if trading is not None and law is not None:
        traders = TradingCrowd(
            trading, law, closing, [each.interest_usd for each in listed], crowd.home,
            streams(f"venue/{config.name}/trading"), scenario.clock.block_time_s,
        )  # fmt: skip
    return MarginVenue(
        config, ledger, clearing, cash, settlement, listings, accounts, maintenance,
        build_haircut(config.mark), build_dynamic_margin(config, where), closing, backstop,
        traders, known,
    )  # fmt: skip


def _listing(
    config: VenueConfig,
    scenario: Scenario,
    ledger: Ledger,
    floor: TradingFloor,
    path: NDArray[np.float64],
    each: Listed,
    column: int,
    clearing: int,
    stops_usd: NDArray[np.float64],
    known: Underlyings | None,
) -> Listing:
    """Open a contract: its float, feed, mark and circuit breaker."""
    where, unit = f"venues.{config.name}", ledger.assets[floor.quote_asset].unit
    if each.inverse:
        lots = int(FLOAT * each.interest_usd * unit)
        _endow(config, each.interest_usd, ledger, floor.quote_asset, clearing, lots)
    else:
        lot_units = round(floor.spec(each.asset).lot * ledger.assets[each.asset].unit)
        lots = int(FLOAT * each.interest_usd * unit / each.lot_value)
        _endow(config, each.interest_usd, ledger, each.asset, clearing, lots * lot_units)
    asset = scenario.asset(each.contract.symbol)
    underlying = ledger.asset_index[str(asset.underlying)]
    if known is not None and isinstance(each.contract, OptionContract):
        option_feed = OptionFeed(
            known, column, floor=floor, asset=each.asset, underlying=underlying, path=path[:, each.asset],
            index=IndexConfig(), model=config.model, funding=None, block_time_s=scenario.clock.block_time_s,
        )  # fmt: skip
        mark = build_mark(config.mark_of(is_option=True), where, "option_mark")
        return Listing(
            column, each.contract, floor, ledger, clearing, lots, option_feed, mark, stops_usd.copy(), None,
            math.inf,
        )  # fmt: skip
    perpetual = asset.future is None
    feed = Feed(
        floor, each.asset, underlying, path[:, each.asset], config.index, config.model,
        config.funding if perpetual else None, scenario.clock.block_time_s,
        None if perpetual else path[:, each.asset] / path[:, underlying],
    )  # fmt: skip
    kind = InverseListing if each.inverse else Listing
    return kind(
        column, each.contract, floor, ledger, clearing, lots, feed, build_mark(config.mark, where),
        stops_usd.copy(), _halting(config, scenario, floor, each, where),
        config.funding.interval_s if perpetual else math.inf,
        math.inf if asset.future is None else asset.future.variation_s,
    )  # fmt: skip


def _halting(
    config: VenueConfig, scenario: Scenario, floor: TradingFloor, each: Listed, where: str
) -> Halting | None:
    """Build the circuit breaker of a contract, if its venue has one."""
    if config.breaker is None:
        return None
    breaker = build_strategy(Breaker, config.breaker.parameters, f"{where}.breaker.parameters")
    underlying = scenario.asset(each.contract.symbol).underlying
    others = [
        k
        for k, other in enumerate(scenario.assets)
        if k != each.asset
        and k in floor.book_of_asset
        and other.option is None
        and underlying in (other.symbol, other.underlying)
    ]
    return Halting(
        breaker, floor, each.asset, others, config.breaker.flow_shift, each.price_usd, f"{where}.breaker"
    )


def _endow(
    config: VenueConfig, interest: float, ledger: Ledger, asset: int, clearing: int, units: int
) -> None:
    if units > LARGEST_ENDOWMENT:
        raise ScenarioError(
            f"venues.{config.name}.traders.open_interest_usd = {interest:g} is more "
            "than the ledger holds; give the assets fewer decimals"
        )
    ledger.endow(asset, clearing, units)
