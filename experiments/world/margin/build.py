"""Build the margin venues of a scenario: contracts, accounts, the crowd and its clearing account."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....agents.perp_crowd import LeverageLaw
from ....agents.perp_trading import TradingLaw
from ....agents.portfolio_crowd import PortfolioLaw, PortfolioTraders
from ....market.breakers import Breaker
from ....market.ledger import LARGEST_ENDOWMENT, Ledger
from ....market.streams import Streams
from ....market.trading import TradingFloor
from ....protocols.margin.accounts import MarginAccounts
from ....protocols.margin.contracts import Contract, ContractError, LinearContract, OptionContract, Shape
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError, per_asset
from ...scenarios.margin import IndexConfig, VenueConfig
from ...scenarios.objects import build_strategy
from ..assembly import Outside
from .account_maintenance import AccountMaintenance
from .auctions import PositionAuctions
from .closing import Closing
from .crowd import TradingCrowd
from .feed import Feed
from .halting import Halting
from .inverse import InverseListing, inverse_contract
from .listing import Listing
from .maintenance import Maintenance, TieredMaintenance
from .option_feed import OptionFeed
from .option_venue import build_underlyings, draw_option_crowd
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


class Listed(NamedTuple):
    """A contract before its venue is open.

    Open interest is counted in lots of `lot_value` base units: what they are worth, or for an option what as
    much of the underlying is.
    """

    contract: Contract
    asset: int
    price_usd: float
    tick_usd: float
    ticks: int
    interest_usd: float
    spot_usd: float
    lot_value: int

    @property
    def inverse(self) -> bool:
        """Whether it settles in its own token."""
        return self.contract.shape is Shape.INVERSE


class Crowd(NamedTuple):
    """Rows of margin accounts, what they put up (base units), and their only contract if isolated."""

    lots: NDArray[np.int64]
    stop_usd: NDArray[np.float64]
    margin: list[int]
    home: NDArray[np.int64] | None


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


def build_contract(scenario: Scenario, symbol: str) -> Contract:
    """Return the contract that an asset of a scenario is; a lot and a tick are those of its book."""
    quote, asset = scenario.asset(scenario.quote), scenario.asset(symbol)
    book, option = asset.book, asset.option
    assert book is not None  # a contract has one
    if asset.inverse:
        try:
            return inverse_contract(symbol, book, 10**asset.decimals, 10**quote.decimals)
        except ContractError as error:
            raise ScenarioError(f"assets.{symbol}.book.{error}") from None
    per_tick = round(book.lot * book.tick_usd * 10**quote.decimals)
    if option is None:
        expiry_s = None if asset.future is None else math.ceil(asset.future.expiry_s)
        return LinearContract(symbol, per_tick, expiry_s)
    strike = max(round(option.strike_usd / book.tick_usd), 1)
    return OptionContract(symbol, per_tick, math.ceil(option.expiry_s), strike, option.side)


def settlement_unit(scenario: Scenario, config: VenueConfig, price_usd: float) -> float:
    """Return the base units of a venue's settlement asset in one USD, where coin costs so much."""
    coin = scenario.asset(config.contracts[0])
    unit: int = 10 ** (coin if coin.inverse else scenario.asset(scenario.quote)).decimals
    return unit / price_usd if coin.inverse else unit


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
    listed = _listed(config, scenario, ledger, floor, path)
    unit = settlement_unit(scenario, config, listed[0].price_usd)
    settlement = listed[0].asset if listed[0].inverse else floor.quote_asset
    known = build_underlyings(config, scenario, ledger, outside)
    trading, law = _trading_law(config, where), None
    if known is not None and len(known.contracts.options):
        crowd = _draw_with_options(config, known, listed, unit, streams, where)
    else:
        law = _leverage_law(config, len(listed), where)
        crowd = _draw(config, law, listed, unit, streams, where)
        if trading is not None and trading.newcomers:
            crowd = _with_newcomers(crowd, config, law, trading.newcomers, listed, unit, streams)
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
        maintenance = AccountMaintenance(accounts, ticks, build_account_margin(config, unit), known)
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


def _listed(
    config: VenueConfig, scenario: Scenario, ledger: Ledger, floor: TradingFloor, path: NDArray[np.float64]
) -> list[Listed]:
    """Return the contracts of a venue with their prices and open interest at the start."""
    interests = per_asset(config.traders.open_interest_usd, config.contracts)
    listed = []
    for symbol, interest in zip(config.contracts, interests, strict=True):
        asset = ledger.asset_index[symbol]
        price, tick_usd = float(path[0, asset]), floor.spec(asset).tick_usd
        contract, ticks = build_contract(scenario, symbol), round(price / tick_usd)
        spot = float(path[0, ledger.asset_index[str(scenario.asset(symbol).underlying)]])
        value = contract.value(1, ticks)
        if isinstance(contract, OptionContract):
            value = contract.value(1, round(spot / tick_usd))
        listed.append(Listed(contract, asset, price, tick_usd, ticks, interest, spot, value))
    return listed


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
            index=IndexConfig(), model=config.model, funding=config.funding,
            block_time_s=scenario.clock.block_time_s,
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


def _draw_with_options(
    config: VenueConfig,
    known: Underlyings,
    listed: Sequence[Listed],
    unit: float,
    streams: Streams,
    where: str,
) -> Crowd:
    """Draw a crowd that trades options, too."""
    lots, margin = draw_option_crowd(
        config, known, [round(each.interest_usd * unit / each.lot_value) for each in listed],
        [each.price_usd for each in listed], [each.spot_usd for each in listed], unit,
        streams(f"venue/{config.name}/traders"), where,
    )  # fmt: skip
    return Crowd(lots, np.full(lots.shape, np.nan), margin, None)


def _leverage_law(config: VenueConfig, n_contracts: int, where: str) -> LeverageLaw:
    """Return the law of the crowd, none of which is below maintenance at the start."""
    path = f"{where}.traders.parameters"
    law = build_strategy(LeverageLaw if n_contracts == 1 else PortfolioLaw, config.traders.parameters, path)
    highest = 1.0 / max(tier.maintenance for tier in config.tiers)
    if law.most_leverage >= highest:
        raise ScenarioError(
            f"{path}.most_leverage = {law.most_leverage:g} leaves less than the "
            f"maintenance margin; allowed: below {highest:g}"
        )
    return law


def _trading_law(config: VenueConfig, where: str) -> TradingLaw | None:
    """Return how the crowd trades during the run; None if it does not."""
    if config.traders.trading is None:
        return None
    return build_strategy(TradingLaw, config.traders.trading, f"{where}.traders.trading")


def _draw(
    config: VenueConfig, law: LeverageLaw, listed: Sequence[Listed], unit: float, streams: Streams, where: str
) -> Crowd:
    """Draw the crowd."""
    given = config.traders
    stream, lot_usd = streams(f"venue/{config.name}/traders"), [_lot_usd(each, unit) for each in listed]
    interest, price = [each.interest_usd for each in listed], [each.ticks * each.tick_usd for each in listed]
    try:
        if isinstance(law, PortfolioLaw):
            drawn = law.draw_portfolios(stream, given.count, interest, lot_usd, price)
        else:
            alone = law.draw(stream, given.count, interest[0], lot_usd[0], price[0])
            drawn = PortfolioTraders(alone.lots[:, None], alone.leverage, alone.stop_usd[:, None])
    except ValueError as error:
        raise ScenarioError(f"{where}.traders: {error}") from None
    return _rows(config, listed, drawn)


def _rows(config: VenueConfig, listed: Sequence[Listed], drawn: PortfolioTraders) -> Crowd:
    """Give each trader one margin account, or one for each position."""
    lots, leverage, stops = drawn
    home = None
    if config.margin == "isolated":
        traders, home = np.nonzero(lots)
        here = np.arange(len(listed)) == home[:, None]
        lots, stops = np.where(here, lots[traders], 0), np.where(here, stops[traders], np.nan)
        leverage = leverage[traders]
    margin = [
        int(sum(abs(_value(each, held)) for each, held in zip(listed, row, strict=True)) / times)
        for row, times in zip(lots.tolist(), leverage.tolist(), strict=True)
    ]
    return Crowd(lots, stops, margin, home)


def _with_newcomers(
    crowd: Crowd,
    config: VenueConfig,
    law: LeverageLaw,
    count: int,
    listed: Sequence[Listed],
    unit: float,
    streams: Streams,
) -> Crowd:
    """Add accounts that begin without a position."""
    rng = streams(f"venue/{config.name}/newcomers")
    interest = np.array([each.interest_usd for each in listed])
    mean_usd = 2.0 * float(interest.sum()) / len(crowd.lots)
    margin = [int(usd * unit) for usd in law.margins(rng, count, mean_usd).tolist()]
    home = crowd.home
    if home is not None:
        chosen = rng.choice(len(listed), count, p=interest / interest.sum())
        home = np.concatenate([home, chosen.astype(np.int64)])
    empty = np.zeros((count, len(listed)))
    return Crowd(
        np.concatenate([crowd.lots, empty.astype(np.int64)]),
        np.concatenate([crowd.stop_usd, np.full_like(empty, np.nan)]),
        crowd.margin + margin,
        home,
    )


def _lot_usd(each: Listed, unit: float) -> float:
    """Worth of a lot at the start; that of an inverse contract is far less than a unit of its coin."""
    many = 10**9 if each.inverse else 1
    return abs(_value(each, many)) / unit / many


def _value(each: Listed, lots: int) -> int:
    return each.contract.value(lots, each.ticks)


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
