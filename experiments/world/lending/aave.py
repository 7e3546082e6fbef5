"""Aave in a world: the packaged reserves with the changes of a scenario."""

from __future__ import annotations

import dataclasses

from ....market.ledger import Ledger
from ....protocols.lending.aave.liquidation_v4 import TargetLiquidation
from ....protocols.lending.aave.parameters import Market, ReserveParameters
from ....protocols.lending.aave.pool import AavePool
from ....protocols.lending.aave.pool_v4 import AaveV4Pool, v4_mechanism
from ....protocols.lending.aave.presets import aave_v2_main_may_2021
from ....protocols.lending.aave.versions import V3_0_2, V3_6
from ....protocols.liquidation import (
    CloseFactor,
    DustFloor,
    FixedBonus,
    HealthFactorTrigger,
    LiquidationMechanism,
    WholePositionCloseFactor,
)
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.aave import (
    AaveConfig,
    AaveMarketConfig,
    AaveV2Config,
    AaveV3Config,
    AaveV4StyleConfig,
    AaveV36Config,
)
from .kinds import Terms

RESERVE_OF = {"ETH": "WETH", "BTC": "WBTC"}
"""Deployed reserve of an asset, where it has another symbol."""

MARKETS = {"may-2021": aave_v2_main_may_2021}
"""Packaged sets of reserve parameters."""


def terms(config: AaveConfig | AaveV4StyleConfig, scenario: Scenario) -> Terms:
    """Return what an Aave market means for borrowers."""
    reserves = build_market(config, scenario).reserves
    return Terms({r.symbol: r.liquidation_threshold / 1e4 for r in reserves if r.liquidation_threshold})


def build(config: AaveConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int) -> AavePool:
    """Build an Aave pool for a crowd."""
    market = build_market(config, scenario)
    version = V3_6 if isinstance(config, AaveV36Config) else V3_0_2
    return AavePool(ledger, market, n_borrowers, start_s, config.utilisation, version)


def build_v4(
    config: AaveV4StyleConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> AaveV4Pool:
    """Build a pool with the liquidations of version 4 for a crowd."""
    market = build_market(config, scenario)
    return AaveV4Pool(ledger, market, _rule(config), n_borrowers, start_s, config.utilisation)


def build_market(config: AaveConfig | AaveV4StyleConfig, scenario: Scenario) -> Market:
    """Build the lending market of the scenario: the packaged preset with its changes."""
    return Market(_name(config), reserves(config, scenario), _mechanism(config))


def reserves(config: AaveMarketConfig, scenario: Scenario) -> tuple[ReserveParameters, ...]:
    """Build one reserve for each asset of the scenario: those of the preset with its changes."""
    if config.market not in MARKETS:
        raise ScenarioError(f"protocol.market = {config.market!r}; allowed: {', '.join(MARKETS)}")
    listed = [asset.underlying or asset.symbol for asset in scenario.assets]  # nobody lends a perpetual
    deployed = [RESERVE_OF.get(symbol, symbol) for symbol in listed]
    try:
        preset = MARKETS[config.market](deployed)
    except ValueError as error:
        raise ScenarioError(f"assets: {error}") from error
    return tuple(
        _changed(reserve, asset.symbol, asset.decimals, config)
        for reserve, asset in zip(preset.reserves, scenario.assets, strict=True)
    )


def _rule(config: AaveV4StyleConfig) -> TargetLiquidation:
    return TargetLiquidation(
        round(config.target_health_factor * 10**18),
        round(config.full_bonus_at * 10**18),
        round(config.bonus_factor * 10_000),
        round(config.dust_usd * 10**8),
    )


def _mechanism(config: AaveConfig | AaveV4StyleConfig) -> LiquidationMechanism:
    if isinstance(config, AaveV4StyleConfig):
        return v4_mechanism(_rule(config))
    share, trigger = round(config.close_factor * 10_000), HealthFactorTrigger()
    if isinstance(config, AaveV36Config):
        dust = round(config.dust_usd * 10**8)
        return LiquidationMechanism(
            trigger,
            WholePositionCloseFactor(default=share, small_base=2 * dust),
            FixedBonus(round_repay_up=True),
            DustFloor(dust),
        )
    flat = isinstance(config, AaveV2Config)
    sizing = CloseFactor.flat(share) if flat else CloseFactor(default=share)
    return LiquidationMechanism(trigger, sizing, FixedBonus())


def _changed(
    reserve: ReserveParameters, symbol: str, decimals: int, config: AaveMarketConfig
) -> ReserveParameters:
    given: dict[str, int] = {}
    values: dict[str, object] = {
        "symbol": symbol, "decimals": decimals, "unsafe": config.unsafe, "protocol": _name(config)
    }  # fmt: skip
    if isinstance(config, AaveV3Config | AaveV36Config | AaveV4StyleConfig):
        values["liquidation_protocol_fee"] = round(config.protocol_fee * 10_000)
    change = config.reserves.get(symbol)
    if change is not None:
        for key, bps, offset in (
            ("ltv", change.ltv, 0),
            ("liquidation_threshold", change.liquidation_threshold, 0),
            ("liquidation_bonus", change.bonus, 10_000),
            ("reserve_factor", change.reserve_factor, 0),
        ):
            if bps is not None:
                values[key] = offset + round(bps * 10_000)
        curve = {
            "optimal": change.optimal_utilisation,
            "base": change.base_rate,
            "slope1": change.slope_1,
            "slope2": change.slope_2,
        }
        given = {key: round(value * 10**27) for key, value in curve.items() if value is not None}
    fields = {f.name: getattr(reserve, f.name) for f in dataclasses.fields(reserve) if f.init}
    try:
        if given:
            values["curve"] = dataclasses.replace(reserve.curve, **given)
        return ReserveParameters(**(fields | values))  # type: ignore[arg-type]
    except ValueError as error:
        advice = str(error).replace("pass unsafe=True", "set protocol.unsafe = true")
        raise ScenarioError(f"protocol.reserves.{symbol}: {advice}") from error


def _name(config: AaveMarketConfig) -> str:
    return config.name or str(getattr(config, "kind", "aave"))
