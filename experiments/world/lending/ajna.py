"""Ajna in a world: a pool for each asset whose price moves, all of which lend one stable asset.

Anybody may create a pool and there are no parameters to set: a loan's threshold is the price at which
lenders lend, over the contract's margin of 4 % (from memory, docs/ajna.md). That lenders keep their
deposits at 98 % down to 90 % of the market's price is an assumption; at the packaged utilisation a loan
may then be kicked once it owes about 88 % of what its collateral is worth.
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
from .settings import lent_asset, wad


def terms(config: AjnaConfig, scenario: Scenario) -> Terms:
    """Return what Ajna means for borrowers: one collateral a loan, one asset that is lent."""
    rules, lent, prices = _rules(config), lent_asset(config.debt, scenario), starting_prices(scenario)
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
        ledger.asset_index[lent_asset(config.debt, scenario)],
        _rules(config),
        n_borrowers,
        start_s,
        config.utilisation,
    )


def _rules(config: AjnaConfig) -> AjnaTerms:
    highest, lowest = config.highest_bucket, config.lowest_bucket
    if lowest > highest:
        raise ScenarioError(
            f"protocol.lowest_bucket must be at most highest_bucket ({highest:g}), got {lowest:g}"
        )
    rungs = 1 + int(math.log(highest / lowest) / math.log(STEP_ABOVE / STEP_BELOW))
    return AjnaTerms(
        wad(config.rate),
        wad(config.lenders_share),
        Fraction(repr(highest)),
        rungs,
    )
