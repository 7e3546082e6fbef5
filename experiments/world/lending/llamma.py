"""crvUSD in a world: a LLAMMA for each asset whose price moves, all of which mint one stable asset.

A = 100, a fee of 0.6 % and discounts of 9 and 6 % are those of the deployed ETH and BTC markets; every
asset takes them here. An account's threshold is where its collateral is about to be converted, for the
packaged settings at a debt of 85 % of its value: from there on it depends on the bands as well.
"""

from __future__ import annotations

from ....market.ledger import Ledger
from ....protocols.fixed_point import SECONDS_PER_YEAR
from ....protocols.lending.llamma import ControllerParameters
from ....protocols.lending.llamma.pool import LlammaPool, LlammaTerms
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.lending.llamma import LlammaConfig
from ..assembly import starting_prices
from .kinds import Terms
from .settings import lent_asset, wad

LEAST_DEBT_USD = 1.0
"""Smaller loans are left out: bands refuse next to nothing."""


def terms(config: LlammaConfig, scenario: Scenario) -> Terms:
    """Return what crvUSD means for borrowers: one collateral a loan, one asset that is lent."""
    threshold, lent = _rules(config).threshold, lent_asset(config.debt, scenario)
    symbols = [asset.symbol for asset in scenario.risky]
    return Terms(
        dict.fromkeys(symbols, threshold),
        single_collateral=True,
        debt=lent,
        least_debt_usd=dict.fromkeys(symbols, LEAST_DEBT_USD),
    )


def build(
    config: LlammaConfig, scenario: Scenario, ledger: Ledger, n_borrowers: int, start_s: int
) -> LlammaPool:
    """Build the markets of a crowd, with bands counted from the first prices."""
    lent, prices = lent_asset(config.debt, scenario), starting_prices(scenario)
    quote = prices.get(lent, 1.0)
    return LlammaPool(
        ledger,
        config.name or config.kind,
        [ledger.asset_index[asset.symbol] for asset in scenario.risky],
        ledger.asset_index[lent],
        _rules(config),
        n_borrowers,
        start_s,
        {
            ledger.asset_index[asset.symbol]: round(prices[asset.symbol] / quote * 1e9) * 10**9
            for asset in scenario.risky
        },
    )


def _rules(config: LlammaConfig) -> LlammaTerms:
    try:
        loans = ControllerParameters(
            wad(config.loan_discount),
            wad(config.liquidation_discount),
            wad(config.rate) // SECONDS_PER_YEAR,
        )
    except ValueError as error:
        raise ScenarioError(f"protocol: {error}") from error
    return LlammaTerms(config.amplification, wad(config.fee), wad(config.admin_fee), loans, config.bands)
