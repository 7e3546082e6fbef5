"""Morpho Blue in a world: one market for each collateral and each stable asset owed against it.

ETH and BTC have the threshold of their deployed markets against USDC (WETH and WBTC,
86 %). No packaged market takes LINK or AAVE: they get 77 %, the next lower threshold that
governance has enabled, which is an assumption. Any other asset needs a threshold of its
own in the scenario, as anybody may create a market.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import SECONDS_PER_YEAR, WAD
from ....protocols.lending.morpho.parameters import (
    ENABLED_LLTVS,
    LIQUIDATION_CURSOR,
    MAX_FEE,
    MAX_INCENTIVE_FACTOR,
    MarketParameters,
)
from ....protocols.lending.morpho.pool import MorphoPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.morpho import MorphoBlueConfig
from .kinds import Terms
from .settings import by_collateral, wad

LLTV = {"ETH": 0.86, "WETH": 0.86, "WSTETH": 0.86, "BTC": 0.86, "WBTC": 0.86, "LINK": 0.77, "AAVE": 0.77}
"""Liquidation loan-to-value of a collateral that the scenario leaves out, by symbol in capitals."""


def terms(config: MorphoBlueConfig, scenario: Scenario) -> Terms:
    """Return what Morpho Blue means for borrowers: one collateral and one debt an account."""
    markets = _markets(config, scenario)
    return Terms(
        {symbol: parameters.lltv / WAD for symbol, parameters in markets.items()}, single_collateral=True
    )


def build(
    config: MorphoBlueConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> MorphoPool:
    """Build the markets of a crowd."""
    markets = _markets(config, scenario)
    return MorphoPool(
        ledger,
        config.name or config.kind,
        [markets.get(symbol) for symbol in scenario.symbols],
        n_borrowers,
        start_s,
        config.utilisation,
        wad(config.rate_at_target) // SECONDS_PER_YEAR,
    )


def _markets(config: MorphoBlueConfig, scenario: Scenario) -> dict[str, MarketParameters]:
    """Parameters of the markets by collateral."""
    thresholds = by_collateral("lltv", config.lltv, LLTV, scenario)
    return {symbol: _parameters(config, symbol, lltv) for symbol, lltv in thresholds.items()}


def _parameters(config: MorphoBlueConfig, symbol: str, lltv: float) -> MarketParameters:
    if not config.unsafe:
        enabled = tuple(value / WAD for value in ENABLED_LLTVS)
        _check(f"lltv.{symbol}", lltv, wad(lltv) in ENABLED_LLTVS, "LLTV not enabled", enabled)
        _check("fee", config.fee, wad(config.fee) <= MAX_FEE, "max fee exceeded", "at most 0.25")
        cursor, cap = config.liquidation_cursor, config.max_incentive_factor
        _check("liquidation_cursor", cursor, wad(cursor) == LIQUIDATION_CURSOR, "a constant", "0.3")
        _check("max_incentive_factor", cap, wad(cap) == MAX_INCENTIVE_FACTOR, "a constant", "1.15")
    try:
        return MarketParameters(
            wad(lltv),
            wad(config.fee),
            wad(config.liquidation_cursor),
            wad(config.max_incentive_factor),
            config.unsafe,
        )
    except ValueError as error:
        raise ScenarioError(f"protocol: {error}") from error


def _check(key: str, value: float, passes: bool, rule: str, allowed: str | tuple[float, ...]) -> None:
    """Refuse what the contract would."""
    if passes:
        return
    if not isinstance(allowed, str):
        allowed = ", ".join(f"{number:g}" for number in allowed)
    raise ScenarioError(
        f"protocol.{key} = {value:g}; Morpho Blue: {rule}; allowed: {allowed}, or set protocol.unsafe = true"
    )
