"""Fluid in a world: one vault for each collateral and each stable asset owed against it.

ETH has a threshold of 92 % and a limit of 95 %, BTC 90 and 93 %, LINK and AAVE 80 and 85 %:
assumptions of the order of deployed vaults. Any other asset needs settings of its own in the scenario.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import PERCENTAGE_FACTOR
from ....protocols.lending.fluid import FluidParameters
from ....protocols.lending.fluid.parameters import THOUSAND
from ....protocols.lending.fluid.pool import FluidPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.fluid import FluidConfig
from .kinds import Terms
from .settings import by_collateral, kinked_curve

THRESHOLD = {"ETH": 0.92, "WETH": 0.92, "WSTETH": 0.92, "BTC": 0.9, "WBTC": 0.9, "LINK": 0.8, "AAVE": 0.8}
"""Threshold of a collateral that the scenario leaves out, by symbol in capitals."""

LIMIT = {"ETH": 0.95, "WETH": 0.95, "WSTETH": 0.95, "BTC": 0.93, "WBTC": 0.93, "LINK": 0.85, "AAVE": 0.85}
"""The same for the limit of absorption."""


def terms(config: FluidConfig, scenario: Scenario) -> Terms:
    """Return what Fluid means for borrowers: one collateral and one debt an account."""
    vaults = _vaults(config, scenario)
    return Terms(
        {symbol: vault.liquidation_threshold / THOUSAND for symbol, vault in vaults.items()},
        single_collateral=True,
    )


def build(
    config: FluidConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> FluidPool:
    """Build the vaults of a crowd."""
    vaults = _vaults(config, scenario)
    return FluidPool(
        ledger,
        config.name or config.kind,
        [vaults.get(symbol) for symbol in scenario.symbols],
        kinked_curve(config),
        round(config.interest_fee * PERCENTAGE_FACTOR),
        n_borrowers,
        start_s,
        config.utilisation,
    )


def _vaults(config: FluidConfig, scenario: Scenario) -> dict[str, FluidParameters]:
    """Parameters of the vaults by collateral."""
    thresholds = by_collateral("liquidation_threshold", config.liquidation_threshold, THRESHOLD, scenario)
    limits = by_collateral("max_limit", config.max_limit, LIMIT, scenario)
    vaults = {}
    for symbol, threshold in thresholds.items():
        try:
            vaults[symbol] = FluidParameters(
                round(threshold * THOUSAND),
                round(limits.get(symbol, 0.0) * THOUSAND),
                round(config.penalty * PERCENTAGE_FACTOR),
                config.unsafe,
            )
        except ValueError as error:
            advice = str(error).replace("pass unsafe=True", "set protocol.unsafe = true")
            raise ScenarioError(f"protocol, vault of {symbol}: {advice}") from error
    return vaults
