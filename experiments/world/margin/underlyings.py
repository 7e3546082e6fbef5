"""What a margin venue believes of underlyings: price and volatility, and what options are worth at them.

The price is the index of a linear contract on the same underlying. The volatility is what is published
outside, or what the venue makes of its own index: one whose index is the mid of a book can be pushed in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....protocols.margin.account_margin import ContractList
from ....protocols.margin.models import Smile
from ...scenarios.venues import AnyVolatility, FixedVolatility, RealisedVolatility
from ..option_listing import OptionListing, PublishedVolatility
from .listing import Listing

Floats = NDArray[np.float64]
Believed = Callable[[float, float], tuple[float, float]]
"""Volatility and its age, s, from a price of the underlying and the time, s."""


class Underlyings:
    """Prices and volatilities by contract, once a block.

    Parameters
    ----------
    contracts : ContractList
    spot_of : sequence of int
        For each contract the column of a linear contract on its underlying; its own if it is linear.
    names : sequence of str
        Underlying of each contract.
    published : OptionListing or None
        Options of the world; None where the venue has none.
    listed : sequence of int
        Where each of the venue's options stands in `published`.
    config : AnyVolatility or None
        What the venue makes of its own index; None takes what is published.
    smile : Smile or None
        From the level at the money to the volatility of each option; None takes the level.

    Attributes
    ----------
    spot, volatility, age_s : float64 ndarray, shape (n_contracts,)
        Believed in this block; volatility per square root of a year, nan for linear contracts.
    true_spot, true_volatility : float64 ndarray, shape (n_contracts,)
        In the world outside.
    level, true_level : float64 ndarray, shape (n_contracts,)
        Volatility at the money that belongs to these.
    price, reach : float64 ndarray, shape (n_contracts,)
        Model value of options at what is believed, and the elasticity in their underlying, 1 at least; nan
        and 1 for linear contracts.
    time_s : float
    """

    def __init__(
        self,
        contracts: ContractList,
        spot_of: Sequence[int],
        names: Sequence[str],
        published: OptionListing | None,
        listed: Sequence[int],
        config: AnyVolatility | None,
        smile: Smile | None,
    ) -> None:
        n = len(spot_of)
        self.contracts, self.names = contracts, tuple(names)
        self._spot_of = np.array(spot_of, np.int64)
        self._published, self._listed = published, np.array(listed, np.int64)
        self._believed = {name: _believed(config) for name in names} if config is not None else {}
        self._linear: tuple[Listing, ...] = ()
        self._smile = smile
        self.spot, self.true_spot, self.age_s = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
        self.volatility, self.true_volatility = np.full(n, np.nan), np.full(n, np.nan)
        self.level, self.true_level = np.full(n, np.nan), np.full(n, np.nan)
        self.price, self.reach, self.time_s = np.full(n, np.nan), np.ones(n), 0.0

    def follow(self, listings: Sequence[Listing]) -> None:
        """Read the indices of these listings from now on; one for each contract, in the order of columns."""
        self._linear = tuple(listings[column] for column in self._spot_of.tolist())

    def look(self, block: int, time_s: float) -> None:
        """Take in what linear contracts have just seen, and value the options."""
        self.time_s = time_s
        self.spot[:] = [float(listing.seen.index_price) for listing in self._linear]
        self.true_spot[:] = [listing.feed.truth for listing in self._linear]
        at, published = self.contracts.options, self._published
        if published is None:
            return
        self.true_level[at] = published.level[block, self._listed]
        self.true_volatility[at] = published.volatility[block, self._listed]
        if self._believed:
            index = dict(zip(self.names, self.spot.tolist(), strict=True))
            found = {name: feed(index[name], time_s) for name, feed in self._believed.items()}
            pairs = np.array([found[self.names[column]] for column in at.tolist()])
            self.level[at], self.age_s[at] = pairs[:, 0], pairs[:, 1]
        else:
            self.level[at], self.age_s[at] = self.true_level[at], published.age_s[block, self._listed]
        terms = self.contracts.terms
        self.volatility[at] = terms.volatilities(self._smile, self.level[at], self.spot[at], time_s)
        found_now = terms.sensitivities(self.spot[at], self.volatility[at], time_s)
        self.price[at] = found_now.price
        least = np.maximum(found_now.price, 1e-9)
        self.reach[at] = np.clip(np.abs(found_now.delta) * self.spot[at] / least, 1.0, LARGEST_REACH)

    def at_start(self) -> Floats:
        """Return the volatility published at first; shape (n_contracts,), nan for linear contracts."""
        volatility = np.full(len(self.spot), np.nan)
        if self._published is not None:
            volatility[self.contracts.options] = self._published.volatility[0, self._listed]
        return volatility

    def rows(self, block: int, venue: str) -> list[tuple[Any, ...]]:
        """Return what is to be written down: a row for each underlying with options."""
        seen: dict[str, tuple[Any, ...]] = {}
        for column in self.contracts.options.tolist():
            believed = (self.spot, self.level, self.age_s, self.true_level)
            numbers = [float(each[column]) for each in believed]
            seen[self.names[column]] = (block, self.time_s, venue, self.names[column], *numbers)
        return list(seen.values())


LARGEST_REACH = 20.0
"""Most by which the slippage allowed in an option exceeds that in its underlying."""


def _believed(config: AnyVolatility) -> Believed:
    if isinstance(config, FixedVolatility):
        annual = config.annual
        return lambda price, time_s: (annual, 0.0)
    assert isinstance(config, RealisedVolatility)
    return PublishedVolatility(config).see
