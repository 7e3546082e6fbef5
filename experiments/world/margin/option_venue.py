"""From a scenario to what a venue needs beside when it lists options or margins whole accounts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....agents.option_crowd import ContractSide, OptionLaw
from ....market.ledger import Ledger
from ....protocols.margin.account_margin import (
    ContractList,
    ContractPrices,
    ScenarioMargin,
    StandardMargin,
)
from ....protocols.margin.listed_options import ListedOptions
from ....protocols.margin.models import Smile
from ....protocols.margin.scenario_grid import DERIBIT
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError
from ...scenarios.margin import VenueConfig
from ...scenarios.objects import build_strategy
from ..assembly import Outside
from .rules import build_account_margin, build_tiers
from .underlyings import Underlyings

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def build_contract_list(scenario: Scenario, config: VenueConfig) -> ContractList:
    """Return the contracts of a venue as margin of whole accounts sees them."""
    assets = [scenario.asset(symbol) for symbol in config.contracts]
    unit = 10 ** scenario.asset(scenario.quote).decimals
    lots = [asset.book.lot for asset in assets if asset.book is not None]  # a contract has one
    given = [(k, asset.option) for k, asset in enumerate(assets) if asset.option is not None]
    return ContractList(
        np.array(lots) * unit,
        np.array([k for k, _ in given], np.int64),
        ListedOptions.of([(o.strike_usd, o.expiry_s, o.side) for _, o in given]),
    )


def build_underlyings(
    config: VenueConfig, scenario: Scenario, ledger: Ledger, outside: Outside
) -> Underlyings | None:
    """Return what a venue believes of its underlyings; None where tiers of contracts are all it needs."""
    contracts = build_contract_list(scenario, config)
    if not len(contracts.options) and config.margin != "portfolio":
        return None
    names = [str(scenario.asset(symbol).underlying) for symbol in config.contracts]
    linear = contracts.linear.tolist()
    perpetual = {names[k]: k for k in linear if scenario.asset(config.contracts[k]).future is None}
    spot_of = [k if k in linear else perpetual[name] for k, name in enumerate(names)]
    listed: list[int] = []
    if outside.options is not None:
        known = outside.options.assets.tolist()
        symbols = [config.contracts[k] for k in contracts.options.tolist()]
        listed = [known.index(ledger.asset_index[symbol]) for symbol in symbols]
    smile = believed_smile(scenario, config)
    return Underlyings(contracts, spot_of, names, outside.options, listed, config.volatility, smile)


def believed_smile(scenario: Scenario, config: VenueConfig) -> Smile | None:
    """Return how a venue gets from its volatility to that of each option; None takes it as it is."""
    volatility = config.volatility or scenario.volatility
    return None if volatility is None else volatility.surface


def draw_option_crowd(
    config: VenueConfig,
    known: Underlyings,
    interest_lots: Sequence[int],
    price_usd: Sequence[float],
    spot_usd: Sequence[float],
    unit: float,
    rng: np.random.Generator,
    where: str,
) -> tuple[Integers, list[int]]:
    """Draw who holds which contracts, and what they put up.

    The margin is the same under every rule of margin: for options a multiple of the initial margin, by
    position or by Deribit's grid, whichever is more, for linear contracts the notional over a leverage. With
    `of_venue` who trades options puts up a multiple of the venue's own margin instead.

    Parameters
    ----------
    config : VenueConfig
    known : Underlyings
    interest_lots, price_usd, spot_usd : sequence, shape (n_contracts,)
        Open interest on each side, prices of contracts and of their underlyings at the start.
    unit : int
        Base units in one USD.
    rng : Generator
    where : str
        Place of the venue in the scenario.

    Returns
    -------
    tuple
        Lots, int64 of shape (n_rows, n_contracts), a row for each margin account, and their base units.

    Raises
    ------
    ScenarioError
        If the law cannot be, so many traders cannot hold so little, or somebody would be unsafe at once.
    """
    law = build_strategy(OptionLaw, config.traders.parameters, f"{where}.traders.parameters")
    contracts, n = known.contracts, len(price_usd)
    spot, mark = np.array(spot_usd), np.array(price_usd)
    volatility = known.at_start()
    at, first = contracts.options, int(contracts.linear[0])
    delta = np.full(n, np.nan)
    same = np.array([known.names[k] == known.names[first] for k in at.tolist()])
    found = contracts.terms.sensitivities(spot[at], volatility[at], 0.0).delta
    delta[at] = np.where(same, found * contracts.unit_per_lot[at] / contracts.unit_per_lot[first], 0.0)
    sides = [ContractSide(lots, each) for lots, each in zip(interest_lots, delta.tolist(), strict=True)]
    try:
        lots, cushion, leverage = law.draw(rng, config.traders.count, sides)
    except ValueError as error:
        raise ScenarioError(f"{where}.traders: {error}") from None
    if config.margin == "isolated":
        traders, columns = np.nonzero(lots)
        lots = np.where(np.arange(n) == columns[:, None], lots[traders], 0)
        cushion, leverage = cushion[traders], leverage[traders]
    seen = ContractPrices(mark, spot, volatility, 0.0)
    options = np.where(np.isin(np.arange(n), at), lots, 0)
    standard = StandardMargin(build_tiers(config, unit)).at(contracts, seen)(options).initial
    scanned = ScenarioMargin(DERIBIT).at(contracts, seen)(options).initial
    gross = np.abs(lots - options) @ (mark * contracts.unit_per_lot)
    margin = np.ceil(cushion * np.maximum(standard, scanned) + gross / leverage).astype(np.int64)
    own = build_account_margin(config, unit).at(contracts, seen)(lots)
    if law.of_venue:
        margin = np.where(options.any(axis=1), np.ceil(cushion * own.initial), margin).astype(np.int64)
    unsafe = int((margin < own.maintenance).sum())
    if unsafe:
        raise ScenarioError(
            f"{where}.traders.parameters leave {unsafe} accounts below maintenance at "
            "the start; allowed: none, as with a higher least_cushion or a lower most_leverage"
        )
    put_up: list[int] = margin.tolist()
    return lots, put_up
