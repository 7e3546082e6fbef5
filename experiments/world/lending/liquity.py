"""Liquity in a world: which asset is the stablecoin, and terms for every collateral.

Version 1 was deployed for ETH alone; any other collateral gets a system of its own with the
same terms. Version 2 has branches for WETH, wstETH and rETH; ETH takes the first, and any
other collateral the terms of wstETH, the nearest that were deployed for something riskier
than ETH. Stable assets are no collateral in either.
"""

from __future__ import annotations

import dataclasses

from ....market.ledger import Ledger
from ....protocols.fixed_point import WAD
from ....protocols.lending.liquity.parameters import BRANCH_PRESETS, BranchParameters, LiquityParameters
from ....protocols.lending.liquity.pool_v1 import LiquityV1Pool
from ....protocols.lending.liquity.pool_v2 import LiquityV2Pool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.liquity import LiquityConfig, LiquityV1Config, LiquityV2Config
from .kinds import Terms

BRANCH_OF = {"ETH": "WETH"}
"""Deployed branch of an asset, where it has another symbol."""

OTHER_BRANCH = "wstETH"
"""Branch whose terms any other collateral gets."""

STABLECOINS = {"liquity": ("LUSD", "DAI"), "liquity-v2": ("BOLD", "DAI")}
"""What each kind mints: the first that the scenario has, or else the quote asset."""

GAS_ASSET = "ETH"
"""What owners of a trove on v2 put down for their liquidator."""


def terms_v1(config: LiquityV1Config, scenario: Scenario) -> Terms:
    """Return what version 1 means for borrowers."""
    parameters = parameters_v1(config)
    threshold = WAD / parameters.minimum_ratio
    collaterals = {asset.symbol: threshold for asset in scenario.risky}
    least = (parameters.minimum_net_debt + parameters.gas_compensation_debt) / WAD
    return Terms(
        collaterals,
        single_collateral=True,
        debt=stablecoin(config, scenario),
        least_debt_usd=dict.fromkeys(collaterals, least),
    )


def terms_v2(config: LiquityV2Config, scenario: Scenario) -> Terms:
    """Return what version 2 means for borrowers."""
    branches = branches_v2(config, scenario)
    collaterals = {symbol: WAD / branch.minimum_ratio for symbol, branch in branches.items()}
    return Terms(
        collaterals,
        single_collateral=True,
        debt=stablecoin(config, scenario),
        least_debt_usd={symbol: branch.minimum_debt / WAD for symbol, branch in branches.items()},
    )


def build_v1(
    config: LiquityV1Config, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> LiquityV1Pool:
    """Build a deployment of version 1 for a crowd."""
    parameters, index = parameters_v1(config), ledger.asset_index
    return LiquityV1Pool(
        ledger,
        {index[asset.symbol]: parameters for asset in scenario.risky},
        index[stablecoin(config, scenario)],
        n_borrowers,
        start_s,
        config.stability_pool,
        config.name or config.kind,
    )


def build_v2(
    config: LiquityV2Config, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> LiquityV2Pool:
    """Build a deployment of version 2 for a crowd."""
    branches, index = branches_v2(config, scenario), ledger.asset_index
    return LiquityV2Pool(
        ledger,
        {index[symbol]: branch for symbol, branch in branches.items()},
        index[stablecoin(config, scenario)],
        index[GAS_ASSET],
        n_borrowers,
        start_s,
        config.stability_pool,
        config.name or config.kind,
    )


def stablecoin(config: LiquityConfig, scenario: Scenario) -> str:
    """Return the symbol of the asset that troves owe.

    Raises
    ------
    ScenarioError
        If the one asked for is no stable asset of the scenario.
    """
    stables = [asset.symbol for asset in scenario.assets if asset.stable]
    if config.debt is not None:
        if config.debt not in stables:
            raise ScenarioError(
                f"protocol.debt = {config.debt!r} is no stable asset; allowed: {', '.join(stables)}"
            )
        return config.debt
    return next((symbol for symbol in STABLECOINS[config.kind] if symbol in stables), scenario.quote)


def parameters_v1(config: LiquityV1Config) -> LiquityParameters:
    """Return the terms of version 1 as configured, in wei.

    Raises
    ------
    ScenarioError
        If they are not the contract's and ``unsafe`` is not set.
    """
    try:
        return LiquityParameters(
            minimum_ratio=_wad(config.minimum_ratio),
            critical_ratio=_wad(config.critical_ratio),
            gas_compensation_debt=_wad(config.gas_compensation),
            minimum_net_debt=_wad(config.minimum_net_debt),
            unsafe=config.unsafe,
        )
    except ValueError as error:
        raise ScenarioError(f"protocol: {_advice(error)}") from error


def branches_v2(config: LiquityV2Config, scenario: Scenario) -> dict[str, BranchParameters]:
    """Return the terms of version 2 for every collateral of the scenario, in wei.

    Raises
    ------
    ScenarioError
        If the contract would refuse them and ``unsafe`` is not set, if a branch is named that
        the scenario has no collateral for, or if there is no ETH to compensate liquidators in.
    """
    if GAS_ASSET not in scenario.symbols:
        raise ScenarioError(
            f"protocol.kind = {config.kind!r} pays liquidators in {GAS_ASSET}; add it to assets"
        )
    symbols = [asset.symbol for asset in scenario.risky]
    for symbol in config.branches:
        if symbol not in symbols:
            raise ScenarioError(
                f"protocol.branches.{symbol} is no collateral here; allowed: {', '.join(symbols)}"
            )
    return {symbol: _branch(symbol, config) for symbol in symbols}


def _branch(symbol: str, config: LiquityV2Config) -> BranchParameters:
    name = BRANCH_OF.get(symbol, symbol)
    preset = BRANCH_PRESETS[name if name in BRANCH_PRESETS else OTHER_BRANCH]
    changes = config.branches.get(symbol)
    given = {} if changes is None else changes.model_dump(exclude_none=True)
    try:
        return dataclasses.replace(
            preset, **{key: _wad(value) for key, value in given.items()}, unsafe=config.unsafe
        )
    except ValueError as error:
        raise ScenarioError(f"protocol.branches.{symbol}: {_advice(error)}") from error


def _advice(error: ValueError) -> str:
    return str(error).replace("pass unsafe=True", "set protocol.unsafe = true")


def _wad(value: float) -> int:
    """Return a setting as a wad, exact to a millionth."""
    return round(value * 10**6) * 10**12
