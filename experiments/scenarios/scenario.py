"""The scenario: everything that says what to run, as validated data.

A `Scenario` is data and stays data: the model compiles it into runtime objects.
The checks here need no file but the scenario; `windows` looks into price data.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ...market.prices.reference import YEAR_S
from .base import LARGEST_SEED, NAME, SYMBOL, Rows, Section
from .chain import ChainConfig, ConstantGas, EpisodeGas
from .credit import AnyBorrowers
from .deciders import AgentConfig, RecordingConfig
from .lending import ProtocolConfig
from .lending.aave import AaveMarketConfig, AaveV2Config
from .lending.base import LendingConfig
from .margin import VenueConfig
from .prices import EpisodePrices, FilePrices, PricesConfig, ProcessPrices
from .venues import (
    MAX_ARRIVALS,
    AnyFlow,
    AnyVolatility,
    AssetConfig,
    ClockConfig,
    HawkesFlow,
    OracleConfig,
    ZeroIntelligenceFlow,
)


class Scenario(Section):
    """What to run.

    Raises
    ------
    pydantic.ValidationError
        If a value is out of range or the scenario cannot run; `load_scenario`
        turns it into a `ScenarioError` of one line.
    """

    name: str = Field(pattern=NAME, description="name of the scenario and of its run folders")
    description: str = Field(default="", max_length=200, description="one line that says what it shows")
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, description="root of all random streams")
    quote: str = Field(
        default="USDC", pattern=SYMBOL, description="stable asset in which books and pools quote"
    )
    clock: ClockConfig = Field(description="time and blocks")
    prices: PricesConfig = Field(description="reference prices")
    assets: Rows[AssetConfig] = Field(min_length=2, description="assets and where they trade")
    volatility: AnyVolatility | None = Field(
        default=None, description="volatility at which the world outside values options"
    )
    flow: AnyFlow = Field(
        default=ZeroIntelligenceFlow(kind="zero-intelligence", orders_per_block=20),
        description="background orders",
    )
    oracle: OracleConfig = Field(default=OracleConfig(), description="prices the protocol believes")
    chain: ChainConfig = Field(
        default=ChainConfig(gas=ConstantGas(kind="constant", price_gwei=50.0)), description="blocks and gas"
    )
    protocol: ProtocolConfig = Field(
        default=AaveV2Config(), description="lending protocol, where there is only one"
    )
    protocols: Rows[ProtocolConfig] = Field(
        default=(), description="lending protocols that share the borrowers and the prices"
    )
    borrowers: AnyBorrowers = Field(description="population of borrowers")
    venues: Rows[VenueConfig] = Field(default=(), description="margin venues and their leveraged traders")
    agents: Rows[AgentConfig] = Field(default=(), description="groups of agents that decide")
    recording: RecordingConfig = Field(default=RecordingConfig(), description="tables to keep")

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of all assets, in the order of the scenario."""
        return tuple(asset.symbol for asset in self.assets)

    @property
    def risky(self) -> tuple[AssetConfig, ...]:
        """Assets with a price of their own that is not stable, in the order of the scenario."""
        return tuple(asset for asset in self.assets if not asset.stable and asset.underlying is None)

    @property
    def start_s(self) -> float | None:
        """Unix time of the first block, or None if nothing is replayed."""
        return None if self.clock.start is None else self.clock.start.timestamp()

    @property
    def gas_episode(self) -> str | None:
        """Episode whose gas prices are replayed, or None."""
        gas = self.chain.gas
        if not isinstance(gas, EpisodeGas):
            return None
        if gas.episode is None and isinstance(self.prices, EpisodePrices):
            return self.prices.episode
        return gas.episode

    @property
    def lending(self) -> tuple[LendingConfig, ...]:
        """Lending protocols: the rows of ``[[protocols]]``, or the one of ``[protocol]``."""
        return self.protocols or (self.protocol,)

    def asset(self, symbol: str) -> AssetConfig:
        """Return the asset with this symbol."""
        return self.assets[self.symbols.index(symbol)]

    @model_serializer(mode="wrap")
    def _only_what_runs(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out ``protocol`` or ``protocols``, whichever does not run."""
        data: dict[str, Any] = write(self)
        data.pop("protocol" if self.protocols else "protocols", None)
        if not self.venues:
            data.pop("venues", None)
        if self.volatility is None:
            data.pop("volatility", None)
        return data

    @model_validator(mode="after")
    def _can_run(self) -> Self:
        self._check_clock()
        self._check_names()
        self._check_quote()
        self._check_prices()
        self._check_markets()
        self._check_venues()
        self._check_options()
        self._check_flow()
        self._check_oracle()
        self._check_chain()
        return self

    def _check_clock(self) -> None:
        if self.clock.n_blocks < 1:
            raise ValueError(
                f"clock.duration_s = {self.clock.duration_s:g} holds no block of "
                f"{self.clock.block_time_s:g} s; allowed: at least one block"
            )
        replays = isinstance(self.prices, EpisodePrices | FilePrices) or isinstance(
            self.chain.gas, EpisodeGas
        )
        if replays and self.clock.start is None:
            raise ValueError(
                "clock.start is missing; prices or gas are replayed and need the UTC time to begin at"
            )
        if not replays and self.clock.start is not None:
            raise ValueError("clock.start does nothing here; neither prices nor gas are replayed")
        every = self.recording.snapshot_every_s
        if every is not None and every < self.clock.block_time_s:
            raise ValueError(
                f"recording.snapshot_every_s = {every:g}; allowed: at least a block, "
                f"{self.clock.block_time_s:g} s"
            )

    def _check_names(self) -> None:
        _distinct("assets", "symbol", self.symbols)
        _distinct("agents", "name", [agent.name for agent in self.agents])
        if self.protocols and "protocol" in self.model_fields_set:
            raise ValueError("protocol and protocols are both given; allowed: one of them")
        _distinct("protocols", "name", [config.name or config.kind for config in self.protocols])
        for i, config in enumerate(self.lending):
            where = f"protocols.{i}" if self.protocols else "protocol"
            _known(f"{where}.collateral_caps_usd", config.collateral_caps_usd, self.symbols)
            if isinstance(config, AaveMarketConfig):
                self._check_reserves(config, where)

    def _check_reserves(self, config: AaveMarketConfig, where: str) -> None:
        _known(f"{where}.reserves", config.reserves, self.symbols)
        for symbol, reserve in config.reserves.items():
            ltv, threshold = reserve.ltv, reserve.liquidation_threshold
            if ltv is not None and threshold is not None and ltv > threshold:
                raise ValueError(
                    f"{where}.reserves.{symbol}.ltv = {ltv:g}; allowed: at most its liquidation_threshold, "
                    f"{threshold:g}"
                )

    def _check_quote(self) -> None:
        if self.quote not in self.symbols:
            raise ValueError(f"quote = {self.quote!r} is not an asset; allowed: {', '.join(self.symbols)}")
        quote = self.asset(self.quote)
        if not quote.stable:
            raise ValueError(f"quote = {self.quote!r} must be a stable asset (stable = true)")
        for place in ("book", "pool"):
            if getattr(quote, place) is not None:
                raise ValueError(
                    f"assets.{self.quote}.{place} would trade the quote asset against itself; remove it"
                )
        if not self.risky:
            raise ValueError("assets holds stable assets only; at least one must have a price that moves")

    def _check_prices(self) -> None:
        prices = self.prices
        risky = tuple(asset.symbol for asset in self.risky)
        if isinstance(prices, FilePrices):
            _known("prices.path", prices.path, self.symbols)
            _complete("prices.path", prices.path, risky)
        if isinstance(prices, ProcessPrices):
            for key in ("drift_per_year", "volatility_per_year"):
                value = getattr(prices, key, None)
                if isinstance(value, dict):
                    _known(f"prices.{key}", value, risky)
                    _complete(f"prices.{key}", value, risky)
            correlation_matrix(prices.correlation, risky)
        for asset in self.risky:
            if isinstance(prices, ProcessPrices) and asset.price_usd is None:
                raise ValueError(
                    f"assets.{asset.symbol}.price_usd is missing; a {prices.kind} process needs a start price"
                )
            if not isinstance(prices, ProcessPrices) and asset.price_usd is not None:
                raise ValueError(
                    f"assets.{asset.symbol}.price_usd does nothing here; "
                    f"its price comes from the {prices.kind}"
                )

    def _check_markets(self) -> None:
        quote_unit = 10 ** self.asset(self.quote).decimals
        makers = any(agent.kind == "maker" and agent.count for agent in self.agents)
        for asset in self.assets:
            where = f"assets.{asset.symbol}"
            if asset.book is None and asset.pool is None:
                if not asset.stable:
                    raise ValueError(f"{where} has no liquidity; give it a book or a pool to be sold in")
                continue
            if asset.book is None:
                continue
            if asset.pool is None and not makers and self.flow.orders_per_block == 0:
                raise ValueError(
                    f"{where} has no liquidity; its book needs flow.orders_per_block > 0, a maker or a pool"
                )
            for k, hour in enumerate(asset.book.hours):
                if hour.from_s >= self.clock.duration_s:
                    raise ValueError(
                        f"{where}.book.hours.{k}.from_s = {hour.from_s:g} is after the run; "
                        f"allowed: below {self.clock.duration_s:g}"
                    )
            halt = asset.book.halt
            if halt is not None and halt.start_s >= self.clock.duration_s:
                raise ValueError(
                    f"{where}.book.halt.start_s = {halt.start_s:g} is after the run; "
                    f"allowed: below {self.clock.duration_s:g}"
                )
            _whole(f"{where}.book.lot", asset.book.lot, asset.book.lot * 10**asset.decimals, asset.symbol)
            _whole(
                f"{where}.book.tick_usd",
                asset.book.tick_usd,
                asset.book.tick_usd * asset.book.lot * quote_unit,
                f"{self.quote}, times the lot",
            )

    def _check_venues(self) -> None:
        risky = tuple(asset.symbol for asset in self.risky)
        for asset in self.assets:
            where = f"assets.{asset.symbol}"
            if asset.underlying is None:
                for key in ("future", "inverse"):
                    if getattr(asset, key):
                        raise ValueError(f"{where}.{key} needs an underlying; it has none")
                continue
            given = [key for key in ("option", "future", "inverse") if getattr(asset, key)]
            if len(given) > 1:
                raise ValueError(f"{where} has {given[0]} and {given[1]}; allowed: one of the two")
            if asset.underlying not in risky:
                raise ValueError(
                    f"{where}.underlying = {asset.underlying!r}; allowed: assets whose price moves, "
                    f"{', '.join(risky)}"
                )
            for key, wrong in (
                ("stable = true", asset.stable),
                ("price_usd", asset.price_usd is not None),
                ("pool", asset.pool is not None),
            ):
                if wrong:
                    raise ValueError(f"{where}.{key} does nothing for a contract; its underlying decides")
            if asset.book is None:
                raise ValueError(f"{where}.book is missing; a contract trades on a book")
        contracts = tuple(asset.symbol for asset in self.assets if asset.underlying is not None)
        _distinct("venues", "name", [venue.name for venue in self.venues])
        listed = [symbol for venue in self.venues for symbol in venue.contracts]
        _distinct("venues", "instrument", listed)
        for venue in self.venues:
            key = "instruments" if venue.instrument is None else "instrument"
            for symbol in venue.contracts:
                if symbol not in contracts:
                    raise ValueError(
                        f"venues.{venue.name}.{key} = {symbol!r}; allowed: assets with an "
                        f"underlying, {', '.join(contracts) or 'of which there is none'}"
                    )
            for symbol in venue.contracts:
                if self.asset(symbol).inverse:
                    try:
                        venue.check_coin(symbol)
                    except ValueError as error:
                        raise ValueError(f"venues.{venue.name}.{error}") from None
            interest = venue.traders.open_interest_usd
            if isinstance(interest, dict) and set(interest) != set(venue.contracts):
                raise ValueError(
                    f"venues.{venue.name}.traders.open_interest_usd is given for "
                    f"{', '.join(interest) or 'nothing'}; allowed: {', '.join(venue.contracts)}, all of them"
                )
        for symbol in contracts:
            if symbol not in listed and self.asset(symbol).option is None:
                raise ValueError(f"assets.{symbol} is a contract without a venue; name it in [[venues]]")

    def _check_option_venue(self, venue: VenueConfig) -> None:
        """Refuse what a venue with options cannot do, and what does nothing without options."""
        listed = [self.asset(symbol) for symbol in venue.contracts]
        options = [asset for asset in listed if asset.option is not None]
        perpetuals = {asset.underlying for asset in listed if asset.option is None and asset.future is None}
        where = f"venues.{venue.name}"
        if not options:
            for key in ("option_mark", "volatility"):
                if getattr(venue, key) is not None:
                    raise ValueError(f"{where}.{key} does nothing here; the venue has no option")
            return
        for asset in options:
            if asset.underlying not in perpetuals:
                raise ValueError(
                    f"{where} lists the option {asset.symbol} without a perpetual on {asset.underlying}, "
                    "by whose index it is valued; name one in instruments"
                )
        if venue.option_mark is not None and venue.option_mark.kind == "funding-basis":
            raise ValueError(
                f"{where}.option_mark.kind = 'funding-basis' needs funding, which options have none of"
            )
        if venue.traders.trading is not None:
            raise ValueError(f"{where}.traders.trading is for venues without options; remove it")
        try:
            venue.check_by_accounts("options")
        except ValueError as error:
            raise ValueError(f"{where}.{error}") from None

    def _check_options(self) -> None:
        for venue in self.venues:
            self._check_option_venue(venue)
        options = [asset for asset in self.assets if asset.option is not None]
        for asset in options:
            if asset.underlying is None:
                raise ValueError(f"assets.{asset.symbol}.underlying is missing; an option has one")
        if options and self.volatility is None:
            raise ValueError(f"volatility is missing; assets.{options[0].symbol} is an option, valued at one")
        if self.volatility is not None and not options:
            raise ValueError("volatility does nothing here; no asset is an option")
        given = [("volatility", self.volatility)]
        given += [(f"venues.{venue.name}.volatility", venue.volatility) for venue in self.venues]
        for where, volatility in given:
            if volatility is not None:
                _check_smile(where, volatility, max(o.option.expiry_s for o in options if o.option))

    def _check_flow(self) -> None:
        flow, clock = self.flow, self.clock
        if isinstance(flow, HawkesFlow):  # it begins 20 memories before the run
            before_s = 20.0 / flow.decay_per_s
            arrivals = flow.orders_per_block * (clock.duration_s + before_s) / clock.block_time_s
            if arrivals > MAX_ARRIVALS:
                raise ValueError(
                    f"flow.decay_per_s = {flow.decay_per_s:g} with orders_per_block = "
                    f"{flow.orders_per_block:g} makes {arrivals:.3g} orders a book; "
                    f"allowed: up to {MAX_ARRIVALS:,}"
                )

    def _check_oracle(self) -> None:
        needed = {"book-mid": "book", "pool-twap": "pool"}.get(self.oracle.source)
        if needed is None:
            return
        for asset in self.risky:
            if getattr(asset, needed) is None:
                raise ValueError(
                    f"oracle.source = {self.oracle.source!r} needs a {needed} for each asset; "
                    f"assets.{asset.symbol} has none"
                )

    def _check_chain(self) -> None:
        for key in ("gas_per_liquidation", "gas_per_repay", "gas_per_swap"):
            gas = getattr(self.chain, key)
            if gas > self.chain.block_gas_limit:
                raise ValueError(
                    f"chain.{key} = {gas} fits in no block; allowed: at most block_gas_limit, "
                    f"{self.chain.block_gas_limit}"
                )
        for agent in self.agents if self.chain.inclusion == "sealed-bundle" else ():
            for key in ("private", "revert_protection"):
                if getattr(agent, key):
                    raise ValueError(
                        f"agents.{agent.name}.{key} = true does nothing under chain.inclusion = "
                        "'sealed-bundle', where nobody is seen and reverts pay nothing"
                    )
        if isinstance(self.chain.gas, EpisodeGas) and self.gas_episode is None:
            raise ValueError("chain.gas.episode is missing; the prices name no episode to take it from")


def _check_smile(where: str, volatility: AnyVolatility, longest_s: float) -> None:
    """Refuse a surface that admits arbitrage at the highest level and the last expiry."""
    surface = volatility.surface
    if surface is None:
        return
    try:
        surface.check(volatility.highest, longest_s / YEAR_S)
    except ValueError as error:
        raise ValueError(f"{where}.smile: {error}") from None


def correlation_matrix(
    correlation: float | tuple[tuple[float, ...], ...], symbols: tuple[str, ...]
) -> np.ndarray:
    """Correlation of log returns, shape (n, n), from one number or the matrix.

    Raises
    ------
    ValueError
        If it is not a correlation matrix of `symbols`.
    """
    n = len(symbols)
    if isinstance(correlation, tuple):
        if [len(row) for row in correlation] != [n] * n:
            raise ValueError(f"prices.correlation must be {n} rows of {n} numbers, for {', '.join(symbols)}")
        matrix = np.array(correlation, float)
    else:
        matrix = np.full((n, n), correlation)
        np.fill_diagonal(matrix, 1.0)
    if not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1.0):
        raise ValueError("prices.correlation must be symmetric with ones on its diagonal")
    if np.linalg.eigvalsh(matrix)[0] < -1e-9:
        raise ValueError("prices.correlation is no correlation matrix: it has a negative eigenvalue")
    return matrix


def nearest(key: str, keys: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest of `keys`, or nothing."""
    by_lower = {k.lower(): k for k in keys}
    match = difflib.get_close_matches(key.lower(), by_lower, 1)
    return f", did you mean {by_lower[match[0]]!r}?" if match else ""


def _distinct(section: str, key: str, values: Iterable[str]) -> None:
    twice = [value for value, n in Counter(values).items() if n > 1]
    if twice:
        raise ValueError(f"{section}: {key} {twice[0]!r} is given twice; each must be unique")


def _known(path: str, given: Iterable[str], symbols: tuple[str, ...]) -> None:
    for symbol in given:
        if symbol not in symbols:
            raise ValueError(
                f"{path}.{symbol} is not an asset{nearest(symbol, symbols)}; allowed: {', '.join(symbols)}"
            )


def _complete(path: str, given: Iterable[str], symbols: tuple[str, ...]) -> None:
    missing = sorted(set(symbols) - set(given))
    if missing:
        raise ValueError(f"{path}.{missing[0]} is missing; it must be given for {', '.join(symbols)}")


def _whole(path: str, value: float, units: float, asset: str) -> None:
    if units < 1 - 1e-6 or abs(units - round(units)) > 1e-6 * units:
        raise ValueError(
            f"{path} = {value:g} is {units:g} base units of {asset}; allowed: a whole number of them"
        )
