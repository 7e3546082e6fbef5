"""Comet in a world: the settings of a deployment with the changes of a scenario.

Supply caps are left out: they belong to the size of the deployment, and the crowd of a
scenario has a size of its own.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from ....market.ledger import Ledger
from ....protocols.lending.comet import (
    COMET_MARKETS,
    FACTOR_SCALE,
    AssetParams,
    CometParams,
    RateCurve,
    comet_market,
)
from ....protocols.lending.comet.pool import CometPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.comet import CollateralConfig, CometConfig, RateCurveConfig
from .kinds import Terms

LISTINGS_OF = {
    "ETH": ("WETH",),
    "BTC": ("WBTC", "cbBTC", "tBTC", "FBTC"),
    "LINK": ("UNI", "COMP"),
    "AAVE": ("COMP", "UNI"),
}
"""Listings that stand for an asset where its own symbol is not listed, the nearest first.

No Comet lists AAVE: it borrows as COMP does, the token of the other large lending protocol.
What the chosen deployment lists in no form is taken from `FULLEST`.
"""

FULLEST = "mainnet/usdc"
"""Deployment that lists every asset of the packaged scenarios in some form."""

DOLLARS = ("USDC", "USDC.e", "USDbC", "USDT", "USDS", "USDe")

MARKETS = tuple(name for name in COMET_MARKETS if comet_market(name).base_symbol in DOLLARS)
"""Deployments that lend a dollar, which is what borrowers owe in scenarios."""


def terms(config: CometConfig, scenario: Scenario) -> Terms:
    """Return what a Comet means for borrowers."""
    params = build_params(config, scenario)
    thresholds = {a.symbol: a.liquidate_collateral_factor / FACTOR_SCALE for a in params.assets}
    return Terms(thresholds, debt=params.base_symbol)


def build(
    config: CometConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> CometPool:
    """Build a Comet for a crowd."""
    return CometPool(
        ledger,
        build_params(config, scenario),
        n_borrowers,
        start_s,
        name=config.name or config.kind,
        utilisation=config.utilisation,
        initial_reserves=config.initial_reserves,
        target_reserves=config.target_reserves,
    )


def build_params(config: CometConfig, scenario: Scenario) -> CometParams:
    """Build the settings of the market: those of the deployment at the scenario's decimals, with its changes.

    Raises
    ------
    ScenarioError
        If the contract would refuse a setting, one is toxic, or the scenario lacks what it needs.
    """
    where = f"protocols.{config.name or config.kind}" if scenario.protocols else "protocol"
    if config.market not in MARKETS:
        raise ScenarioError(f"{where}.market = {config.market!r}; allowed: {', '.join(MARKETS)}")
    deployed = comet_market(config.market, supply_caps=False)
    base = scenario.asset(_base(config, scenario, deployed.base_symbol, where))
    risky = [asset.symbol for asset in scenario.risky]
    unknown = [symbol for symbol in config.collateral if symbol not in risky]
    if unknown:
        raise ScenarioError(
            f"{where}.collateral.{unknown[0]} is not an asset whose price moves; allowed: {', '.join(risky)}"
        )
    store = config.store_front_price_factor
    try:
        params = CometParams(
            base_symbol=base.symbol,
            base_decimals=base.decimals,
            supply_curve=_curve(deployed.supply_curve, config.supply_curve),
            borrow_curve=_curve(deployed.borrow_curve, config.borrow_curve),
            store_front_price_factor=(deployed.store_front_price_factor if store is None else _scaled(store)),
            target_reserves=0,
            base_borrow_min=deployed.base_borrow_min * 10**base.decimals // deployed.base_scale,
            assets=tuple(
                listed
                for asset in scenario.risky
                if (listed := _listed(asset.symbol, asset.decimals, deployed, config, where)) is not None
            ),
            unsafe=config.unsafe,
        )
    except ValueError as error:
        advice = str(error).replace(
            "unsafe=True allows what only the contract forbids", f"set {where}.unsafe = true to allow it"
        )
        raise ScenarioError(advice if isinstance(error, ScenarioError) else f"{where}: {advice}") from error
    if not config.unsafe:
        _check_factors(params, where)
    return params


def _check_factors(params: CometParams, where: str) -> None:
    """Refuse a penalty that makes a loss of an account at the trigger, as the contract does not."""
    for asset in params.assets:
        if asset.liquidation_factor < asset.liquidate_collateral_factor:
            least = asset.liquidate_collateral_factor / FACTOR_SCALE
            raise ScenarioError(
                f"{where}: Comet: {asset.symbol}.liquidation_factor = "
                f"{asset.liquidation_factor / FACTOR_SCALE:g} is toxic, an account absorbed at the trigger "
                f"is credited with less than it owes; allowed: at least the liquidate factor {least:g} "
                f"(set {where}.unsafe = true to allow it)"
            )


def _base(config: CometConfig, scenario: Scenario, deployed: str, where: str) -> str:
    stable = [asset.symbol for asset in scenario.assets if asset.stable]
    if config.base is None:
        return deployed if deployed in stable else scenario.quote
    if config.base not in stable:
        raise ScenarioError(f"{where}.base = {config.base!r}; allowed: {', '.join(stable)}")
    return config.base


def _listed(
    symbol: str, decimals: int, deployed: CometParams, config: CometConfig, where: str
) -> AssetParams | None:
    """Return the listing of an asset, or None if no deployment has one and the scenario gives none."""
    change = config.collateral.get(symbol, CollateralConfig())
    factors = {key: _scaled(value) for key, value in change.model_dump().items() if value is not None}
    listing = _nearest(symbol, deployed) or _nearest(symbol, comet_market(FULLEST))
    if listing is None:
        missing = [key for key in CollateralConfig.model_fields if key not in factors]
        if not factors:
            return None
        if missing:
            raise ScenarioError(
                f"{where}.collateral.{symbol}.{missing[0]} is missing; no Comet lists {symbol}"
            )
        return AssetParams(symbol, decimals, **factors)
    return dataclasses.replace(listing, symbol=symbol, decimals=decimals, supply_cap=None, **factors)


def _nearest(symbol: str, market: CometParams) -> AssetParams | None:
    listings = {asset.symbol: asset for asset in market.assets}
    names = (symbol, *LISTINGS_OF.get(symbol, ()))
    return next((listings[name] for name in names if name in listings), None)


def _curve(deployed: RateCurve, change: RateCurveConfig) -> RateCurve:
    given = {key: _scaled(value) for key, value in change.model_dump().items() if value is not None}
    return dataclasses.replace(deployed, **given)


def _scaled(fraction: float) -> int:
    """Return a fraction with 18 decimals, exactly as it is written."""
    return int(Decimal(str(fraction)) * FACTOR_SCALE)
