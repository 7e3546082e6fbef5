"""Euler v2 in a world: one vault for each stable asset owed, any collateral.

Anybody may create a vault and choose its thresholds. ETH and BTC have 85 % here, LINK and
AAVE 75 %: assumptions of the order of what curators chose. Any other asset needs a
threshold of its own in the scenario.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import PERCENTAGE_FACTOR, RAY, SECONDS_PER_YEAR
from ....protocols.lending.euler import KinkedRate, VaultParameters
from ....protocols.lending.euler.parameters import UTILISATION_SCALE
from ....protocols.lending.euler.pool import EulerPool
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.euler import EulerV2Config
from .kinds import Terms

LTV = {"ETH": 0.85, "WETH": 0.85, "WSTETH": 0.85, "BTC": 0.85, "WBTC": 0.85, "LINK": 0.75, "AAVE": 0.75}
"""Liquidation loan-to-value of a collateral that the scenario leaves out, by symbol in capitals."""

LEAST_FEE = 0.1
"""Share of the interest below which governance may not go."""


def terms(config: EulerV2Config, scenario: Scenario) -> Terms:
    """Return what Euler v2 means for borrowers: any collateral, one debt an account."""
    return Terms({symbol: bps / PERCENTAGE_FACTOR for symbol, bps in _ltv(config, scenario).items()})


def build(
    config: EulerV2Config, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> EulerPool:
    """Build the vaults of a crowd."""
    ltv = _ltv(config, scenario)
    if config.interest_fee < LEAST_FEE and not config.unsafe:
        raise ScenarioError(
            f"protocol.interest_fee = {config.interest_fee:g}; Euler v2: E_BadFee; "
            f"allowed: {LEAST_FEE:g} to 1, or set protocol.unsafe = true"
        )
    return EulerPool(
        ledger,
        config.name or config.kind,
        [ltv.get(symbol, 0) for symbol in scenario.symbols],
        VaultParameters(
            round(config.max_discount * PERCENTAGE_FACTOR),
            config.socialize_debt,
            round(config.interest_fee * PERCENTAGE_FACTOR),
            config.cool_off,
            _curve(config),
        ),
        n_borrowers,
        start_s,
        config.utilisation,
    )


def _ltv(config: EulerV2Config, scenario: Scenario) -> dict[str, int]:
    """Thresholds by collateral, basis points."""
    risky = [asset.symbol for asset in scenario.risky]
    for symbol in config.ltv:
        if symbol not in risky:
            raise ScenarioError(
                f"protocol.ltv.{symbol} is not an asset whose price moves; allowed: {', '.join(risky)}"
            )
    given = {symbol: config.ltv.get(symbol, LTV.get(symbol.upper(), 0.0)) for symbol in risky}
    return {symbol: round(ltv * PERCENTAGE_FACTOR) for symbol, ltv in given.items() if ltv}


def _curve(config: EulerV2Config) -> KinkedRate:
    """Interest curve with the contract's slopes per unit of utilisation."""
    if config.rate_at_full < config.rate_at_kink:
        raise ScenarioError(
            f"protocol.rate_at_full must be at least rate_at_kink ({config.rate_at_kink:g}), "
            f"got {config.rate_at_full:g}"
        )
    kink = round(config.kink * UTILISATION_SCALE)
    at_kink, at_full = (
        round(rate * RAY) // SECONDS_PER_YEAR for rate in (config.rate_at_kink, config.rate_at_full)
    )
    return KinkedRate(0, at_kink // kink, (at_full - at_kink) // (UTILISATION_SCALE - kink), kink)
