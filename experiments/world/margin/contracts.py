"""The contracts of a venue before it is open: what they are, what they cost, and what they settle in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....market.ledger import Ledger
from ....market.trading import TradingFloor
from ....protocols.margin.contracts import Contract, ContractError, LinearContract, OptionContract, Shape
from ...scenarios import Scenario
from ...scenarios.base import ScenarioError, per_asset
from ...scenarios.margin import VenueConfig
from .inverse import inverse_contract


class Listed(NamedTuple):
    """A contract before its venue is open.

    Open interest is counted in lots of `lot_value` base units: what they are worth, or for an option what as
    much of the underlying is.
    """

    contract: Contract
    asset: int
    price_usd: float
    tick_usd: float
    ticks: int
    interest_usd: float
    spot_usd: float
    lot_value: int

    @property
    def inverse(self) -> bool:
        """Whether it settles in its own token."""
        return self.contract.shape is Shape.INVERSE


def build_contract(scenario: Scenario, symbol: str) -> Contract:
    """Return the contract that an asset of a scenario is; a lot and a tick are those of its book."""
    quote, asset = scenario.asset(scenario.quote), scenario.asset(symbol)
    book, option = asset.book, asset.option
    assert book is not None  # a contract has one
    if asset.inverse:
        try:
            return inverse_contract(symbol, book, 10**asset.decimals, 10**quote.decimals)
        except ContractError as error:
            raise ScenarioError(f"assets.{symbol}.book.{error}") from None
    per_tick = round(book.lot * book.tick_usd * 10**quote.decimals)
    if option is None:
        expiry_s = None if asset.future is None else math.ceil(asset.future.expiry_s)
        return LinearContract(symbol, per_tick, expiry_s)
    strike = max(round(option.strike_usd / book.tick_usd), 1)
    return OptionContract(symbol, per_tick, math.ceil(option.expiry_s), strike, option.side)


def settlement_unit(scenario: Scenario, config: VenueConfig, price_usd: float) -> float:
    """Return the base units of a venue's settlement asset in one USD, where coin costs so much."""
    coin = scenario.asset(config.contracts[0])
    unit: int = 10 ** (coin if coin.inverse else scenario.asset(scenario.quote)).decimals
    return unit / price_usd if coin.inverse else unit


def list_contracts(
    config: VenueConfig, scenario: Scenario, ledger: Ledger, floor: TradingFloor, path: NDArray[np.float64]
) -> list[Listed]:
    """Return the contracts of a venue with their prices and open interest at the start."""
    interests = per_asset(config.traders.open_interest_usd, config.contracts)
    listed = []
    for symbol, interest in zip(config.contracts, interests, strict=True):
        asset = ledger.asset_index[symbol]
        price, tick_usd = float(path[0, asset]), floor.spec(asset).tick_usd
        contract, ticks = build_contract(scenario, symbol), round(price / tick_usd)
        spot = float(path[0, ledger.asset_index[str(scenario.asset(symbol).underlying)]])
        value = contract.value(1, ticks)
        if isinstance(contract, OptionContract):
            value = contract.value(1, round(spot / tick_usd))
        listed.append(Listed(contract, asset, price, tick_usd, ticks, interest, spot, value))
    return listed
