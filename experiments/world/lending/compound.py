"""Compound v2 and Venus in a world: the packaged markets with the changes of a scenario.

Every asset that the packaged scenarios use has a real listing of its own: BTC is WBTC
on Compound and BTCB on Venus, and LINK and AAVE, which Compound listed some weeks
after May 2021, have their first known settings. Venus has one packaged set of
markets, of 2022-23. An asset without a listing is refused.

In a world a cToken starts at one base unit of its underlying. The contract takes any
rate at which a market begins; the deployed 0.02 at 8 decimals would leave int64 room
for 1.8 billion tokens of an asset only.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ....market.ledger import Ledger
from ....protocols.lending.compound_v2 import (
    COMPOUND_V2_MAINNET,
    COMPOUND_V2_MAY_2021,
    VENUS_CORE_BNB,
    WAD,
    MarketParams,
    PoolParams,
    borrow_rate,
)
from ....protocols.lending.compound_v2.interest import MAX_BORROW_RATE_PER_BLOCK
from ....protocols.lending.compound_v2.params import blocks_per_year
from ....protocols.lending.compound_v2.pool import CompoundPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.compound import (
    CompoundConfig,
    CompoundMarketConfig,
    VenusConfig,
    VenusMarketConfig,
)
from ...scenarios.scenario import nearest
from .kinds import Terms
from .settings import wad

LISTINGS = {"may-2021": COMPOUND_V2_MAY_2021, "2022-23": COMPOUND_V2_MAINNET}
"""Packaged markets of Compound v2."""


def terms(config: CompoundConfig | VenusConfig, scenario: Scenario) -> Terms:
    """Return what the pool means for borrowers: liquidation thresholds of what may be collateral."""
    markets = build_params(config, scenario).markets
    return Terms({m.symbol: m.liquidation_threshold / WAD for m in markets if m.liquidation_threshold})


def build(
    config: CompoundConfig | VenusConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> CompoundPool:
    """Build a Compound v2 or Venus pool for a crowd."""
    return CompoundPool(
        ledger,
        build_params(config, scenario),
        n_borrowers,
        start_s,
        name=config.name or config.kind,
        utilisation=config.utilisation,
    )


def build_params(config: CompoundConfig | VenusConfig, scenario: Scenario) -> PoolParams:
    """Build the pool's settings: one market for each asset of the scenario.

    Raises
    ------
    ScenarioError
        If an asset has no listing, or a setting is toxic or refused by the protocol.
    """
    name = config.name or config.kind
    for symbol in config.markets:
        if symbol not in scenario.symbols:
            raise ScenarioError(
                f"{name}: markets.{symbol} is not an asset{nearest(symbol, scenario.symbols)}; "
                f"allowed: {', '.join(scenario.symbols)}"
            )
    bitcoin = "WBTC" if isinstance(config, CompoundConfig) else "BTCB"
    preset = LISTINGS[config.listing] if isinstance(config, CompoundConfig) else VENUS_CORE_BNB
    listed = {market.symbol: market for market in preset.markets}
    markets = []
    for asset in scenario.assets:
        listing = listed.get(bitcoin if asset.symbol == "BTC" else asset.symbol)
        if listing is None:
            known = ", ".join("BTC" if symbol == bitcoin else symbol for symbol in listed)
            raise ScenarioError(f"{name}: {asset.symbol} has no listing there; allowed: {known}")
        own = dataclasses.replace(
            listing,
            symbol=asset.symbol,
            underlying_decimals=asset.decimals,
            initial_exchange_rate=WAD,
        )
        markets.append(_changed(own, config, preset))
        _check_rate(name, markets[-1])
    try:
        params = PoolParams(preset.fork, wad(config.close_factor), tuple(markets), config.unsafe)
    except ValueError as error:
        raise ScenarioError(f"{name}: {_in_fractions(str(error))}") from error
    if not config.unsafe:
        for market in markets:
            _check_incentive(name, preset.fork.label, market)
    return params


def _changed(market: MarketParams, config: CompoundConfig | VenusConfig, preset: PoolParams) -> MarketParams:
    """Return a market with what the scenario says of the pool and of this market."""
    values: dict[str, Any] = {}
    change = config.markets.get(market.symbol, CompoundMarketConfig())
    if isinstance(config, CompoundConfig):
        if config.incentive is not None:
            values["liquidation_incentive"] = WAD + wad(config.incentive)
        if config.protocol_seize_share is not None:
            values["protocol_seize_share"] = wad(config.protocol_seize_share)
        if change.collateral_factor is not None:
            values["liquidation_threshold"] = wad(change.collateral_factor)
    elif isinstance(change, VenusMarketConfig):
        if change.incentive is not None:
            values["liquidation_incentive"] = WAD + wad(change.incentive)
        if change.liquidation_threshold is not None:
            values["liquidation_threshold"] = wad(change.liquidation_threshold)
    if change.collateral_factor is not None:
        values["collateral_factor"] = wad(change.collateral_factor)
    if change.reserve_factor is not None:
        values["reserve_factor"] = wad(change.reserve_factor)
    yearly = {
        "base_rate_per_block": change.base_rate,
        "multiplier_per_block": change.multiplier,
        "jump_multiplier_per_block": change.jump_multiplier,
    }
    blocks = blocks_per_year(preset.fork)
    rates = {key: wad(rate) // blocks for key, rate in yearly.items() if rate is not None}
    if change.kink is not None:
        rates["kink"] = wad(change.kink)
    model = dataclasses.replace(market.rate_model, **rates)
    return dataclasses.replace(market, rate_model=model, **values)


def _check_rate(name: str, market: MarketParams) -> None:
    """Refuse rates at which the contract would stop accruing once everything is borrowed."""
    rate = borrow_rate(market.rate_model, WAD)
    if rate > MAX_BORROW_RATE_PER_BLOCK:
        raise ScenarioError(
            f"{name}: markets.{market.symbol}: a borrow rate of {rate / 1e18:.3g} a block at full use; "
            f"allowed: up to {MAX_BORROW_RATE_PER_BLOCK / 1e18:g} (borrowRateMaxMantissa)"
        )


def _check_incentive(name: str, protocol: str, market: MarketParams) -> None:
    """Refuse an incentive with which calls at the trigger lower health (MODEL 3.6), as no contract does."""
    threshold = market.liquidation_threshold / WAD
    if market.liquidation_threshold * market.liquidation_incentive >= WAD * WAD:
        raise ScenarioError(
            f"{name}: {protocol}: {market.symbol}.incentive = {market.liquidation_incentive / WAD - 1:g} is "
            f"toxic, liquidating at the threshold {threshold:g} leaves the account worse; "
            f"allowed: below {1 / threshold - 1:.4g} (unsafe = true allows it)"
        )


def _in_fractions(message: str) -> str:
    """Say wads as fractions and options as a scenario spells them."""
    message = re.sub(r"\b(\d{15,})\b", lambda match: f"{int(match[1]) / WAD:g}", message)
    return re.sub(r"([\d.]+)e18\b", r"\1", message).replace("unsafe=True", "unsafe = true")
