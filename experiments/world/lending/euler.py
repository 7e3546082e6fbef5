"""Euler v2 and v1 in a world: one vault for each stable asset owed, any collateral.

On v2 anybody may create a vault and choose its thresholds. ETH and BTC have 85 % here, LINK and
AAVE 75 %: assumptions of the order of what curators chose. On v1 ETH has the collateral factor
and stable assets the borrow factor of 2022 (.88 and .94; for USDC and ETH of the tables of risk
factors); BTC is taken like ETH, and LINK and AAVE, which were no collateral, have .75 by
assumption. Any other asset needs a setting of its own in the scenario.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import PERCENTAGE_FACTOR, RAY, SECONDS_PER_YEAR
from ....protocols.lending.euler import KinkedRate, V1Parameters, VaultParameters
from ....protocols.lending.euler.parameters import UTILISATION_SCALE
from ....protocols.lending.euler.pool import EulerPool
from ....protocols.lending.euler.pool_v1 import EulerV1Pool
from ....protocols.lending.euler.v1 import FACTOR_SCALE
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.euler import EulerConfig, EulerV1Config, EulerV2Config
from .kinds import Terms
from .settings import by_collateral, check_slopes, wad

LTV = {"ETH": 0.85, "WETH": 0.85, "WSTETH": 0.85, "BTC": 0.85, "WBTC": 0.85, "LINK": 0.75, "AAVE": 0.75}
"""Liquidation loan-to-value of a collateral that the scenario leaves out, by symbol in capitals."""

COLLATERAL_FACTOR = {
    "ETH": 0.88, "WETH": 0.88, "WSTETH": 0.85, "BTC": 0.88, "WBTC": 0.88, "LINK": 0.75, "AAVE": 0.75
}  # fmt: skip
"""Collateral factor on v1 of an asset that the scenario leaves out, by symbol in capitals."""

CONSTANTS = {
    "reserves_fee": 0.02, "max_discount": 0.2, "booster_slope": 2.0, "max_booster": 0.025,
    "target_health": 1.25,
}  # fmt: skip
"""Settings that v1 has fixed, in the order of `V1Parameters`."""

LEAST_FEE = 0.1
"""Share of the interest below which governance may not go."""


def terms_v2(config: EulerV2Config, scenario: Scenario) -> Terms:
    """Return what Euler v2 means for borrowers: any collateral, one debt an account."""
    return Terms({symbol: bps / PERCENTAGE_FACTOR for symbol, bps in _ltv(config, scenario).items()})


def build_v2(
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


def terms_v1(config: EulerV1Config, scenario: Scenario) -> Terms:
    """Return what Euler v1 means for borrowers: any collateral, debt weighed by its borrow factor."""
    factors = _factors(config, scenario)
    return Terms(
        {
            symbol: terms.collateral_factor * terms.borrow_factor / FACTOR_SCALE**2
            for symbol, terms in factors.items()
        }
    )


def build_v1(
    config: EulerV1Config, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> EulerV1Pool:
    """Build the markets of a crowd."""
    factors = _factors(config, scenario)
    return EulerV1Pool(
        ledger,
        config.name or config.kind,
        [factors.get(symbol) for symbol in scenario.symbols],
        _curve(config),
        round(config.interest_fee * PERCENTAGE_FACTOR),
        n_borrowers,
        start_s,
        config.utilisation,
        config.liquidator_funding,
    )


def _factors(config: EulerV1Config, scenario: Scenario) -> dict[str, V1Parameters]:
    """Terms of liquidation by collateral."""
    given = by_collateral("collateral_factor", config.collateral_factor, COLLATERAL_FACTOR, scenario)
    if not config.unsafe:
        for key, constant in CONSTANTS.items():
            if getattr(config, key) != constant:
                raise ScenarioError(
                    f"protocol.{key} = {getattr(config, key):g}; Euler v1: a constant; allowed: "
                    f"{constant:g}, or set protocol.unsafe = true"
                )
    return {
        symbol: V1Parameters(
            round(factor * FACTOR_SCALE),
            round(config.borrow_factor * FACTOR_SCALE),
            *(wad(getattr(config, key)) for key in CONSTANTS),
        )
        for symbol, factor in given.items()
    }


def _ltv(config: EulerV2Config, scenario: Scenario) -> dict[str, int]:
    """Thresholds by collateral, basis points."""
    thresholds = by_collateral("ltv", config.ltv, LTV, scenario)
    return {symbol: round(ltv * PERCENTAGE_FACTOR) for symbol, ltv in thresholds.items()}


def _curve(config: EulerConfig) -> KinkedRate:
    """Interest curve with the contract's slopes per unit of utilisation."""
    check_slopes(config)
    kink = round(config.kink * UTILISATION_SCALE)
    at_kink, at_full = (
        round(rate * RAY) // SECONDS_PER_YEAR for rate in (config.rate_at_kink, config.rate_at_full)
    )
    return KinkedRate(0, at_kink // kink, (at_full - at_kink) // (UTILISATION_SCALE - kink), kink)
