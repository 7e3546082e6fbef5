"""Ajna in a world: a pool for each asset whose price moves, all of which lend one stable asset.

Anybody may create a pool and there are no parameters to set: a loan's threshold is the price at which
lenders lend, over the contract's margin of 4 %. That lenders keep their deposits at 98 % down to 90 %
of the market's price is an assumption; at the packaged utilisation a loan may then be kicked once it
owes about 88 % of what its collateral is worth.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ....market.ledger import Ledger
from ....protocols.fixed_point import WAD
from ....protocols.lending.ajna.buckets import STEP_ABOVE, STEP_BELOW
from ....protocols.lending.ajna.pool import AjnaPool, AjnaTerms
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.ajna import AjnaConfig
from ..assembly import starting_prices
from .kinds import Terms


def terms(config: AjnaConfig, scenario: Scenario) -> Terms:
    """Return what Ajna means for borrowers: one collateral a loan, one asset that is lent."""
    rules, lent, prices = _rules(config), _lent(config, scenario), starting_prices(scenario)
    quote = prices.get(lent, 1.0)
    thresholds = {
        asset.symbol: rules.threshold(int(prices[asset.symbol] / quote * WAD), config.utilisation)
        for asset in scenario.risky
    }
    return Terms(thresholds, single_collateral=True, debt=lent)


def build(config: AjnaConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int) -> AjnaPool:
    """Build the pools of a crowd."""
    return AjnaPool(
        ledger,
        config.name or config.kind,
        [ledger.asset_index[asset.symbol] for asset in scenario.risky],
        ledger.asset_index[_lent(config, scenario)],
        _rules(config),
        n_borrowers,
        start_s,
        config.utilisation,
    )


def _lent(config: AjnaConfig, scenario: Scenario) -> str:
    """Symbol of the stable asset that pools lend."""
    stable = [asset.symbol for asset in scenario.assets if asset.stable]
    if config.debt is None:
        return scenario.quote
    if config.debt not in stable:
        raise ScenarioError(f"protocol.debt = {config.debt!r}; allowed: {', '.join(stable)}")
    return config.debt


def _rules(config: AjnaConfig) -> AjnaTerms:
    highest, lowest = config.highest_bucket, config.lowest_bucket
    if lowest > highest:
        raise ScenarioError(
            f"protocol.lowest_bucket must be at most highest_bucket ({highest:g}), got {lowest:g}"
        )
    rungs = 1 + int(math.log(highest / lowest) / math.log(STEP_ABOVE / STEP_BELOW))
    return AjnaTerms(
        round(config.rate * 10**9) * 10**9,
        round(config.lenders_share * 10**9) * 10**9,
        Fraction(repr(highest)),
        rungs,
    )
