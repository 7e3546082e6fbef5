"""Silo v2 in a world: one pair for each collateral and each stable asset owed against it.

Anybody may deploy a pair and choose its thresholds. ETH and BTC have 85 % here, LINK and AAVE
75 %: assumptions of the order of what deployers chose. A liquidation restores nine tenths of the
threshold, the margin that was fixed before it became a setting. Any other asset needs a
threshold of its own in the scenario.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import WAD
from ....protocols.interest import KinkedCurve
from ....protocols.lending.silo import SiloParameters
from ....protocols.lending.silo.pool import SiloPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.silo import SiloConfig
from .kinds import Terms
from .settings import by_collateral, kinked_curve, wad

LT = {"ETH": 0.85, "WETH": 0.85, "WSTETH": 0.85, "BTC": 0.85, "WBTC": 0.85, "LINK": 0.75, "AAVE": 0.75}
"""Loan-to-value of liquidation of a collateral that the scenario leaves out, by symbol in capitals."""


def terms(config: SiloConfig, scenario: Scenario) -> Terms:
    """Return what Silo means for borrowers: one collateral and one debt an account."""
    pairs = _pairs(config, scenario)
    return Terms(
        {symbol: pair.liquidation_threshold / WAD for symbol, pair in pairs.items()}, single_collateral=True
    )


def build(config: SiloConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int) -> SiloPool:
    """Build the pairs of a crowd."""
    pairs = _pairs(config, scenario)
    return SiloPool(
        ledger,
        config.name or config.kind,
        [pairs.get(symbol) for symbol in scenario.symbols],
        n_borrowers,
        start_s,
        config.utilisation,
    )


def _pairs(config: SiloConfig, scenario: Scenario) -> dict[str, SiloParameters]:
    """Parameters of the pairs by collateral."""
    thresholds, curve = by_collateral("lt", config.lt, LT, scenario), kinked_curve(config)
    return {symbol: _parameters(config, symbol, lt, curve) for symbol, lt in thresholds.items()}


def _parameters(config: SiloConfig, symbol: str, lt: float, curve: KinkedCurve) -> SiloParameters:
    try:
        return SiloParameters(
            wad(lt),
            wad(lt) * wad(config.target_ltv) // WAD,
            wad(config.liquidation_fee),
            wad(config.dao_fee),
            curve,
            config.unsafe,
        )
    except ValueError as error:
        raise ScenarioError(f"protocol.lt.{symbol}: {error}, or set protocol.unsafe = true") from error
