"""Quotes of an option maker who lives by a model: a spread in volatility, a lean, a hedged delta.

Bid and ask are the model's prices at volatilities below and above its own (to first order, by vega). Both
fall when the maker is long vega and rise when it is short. The delta of the book is hedged in the underlying
once it leaves a band, back to its edge, as is best under proportional costs (Whalley and Wilmott 1997); a
band of 0 hedges at each decision, whose cost the half spread has to cover (`leland_volatility`; MODEL 2.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class OptionBookState(NamedTuple):
    """What the maker knows; one entry an option, in units of the underlying and of the quote asset.

    Attributes
    ----------
    price, delta, vega : float64 ndarray, shape (n_options,)
        By the maker's model, for an option on one unit; vega per volatility of 1.00.
    held : float64 ndarray, shape (n_options,)
        Units of the underlying that its options are on, negative if short.
    hedge : float
        Units of the underlying held beside them.
    """

    price: Floats
    delta: Floats
    vega: Floats
    held: Floats
    hedge: float


class OptionQuotes(NamedTuple):
    """What the maker asks for.

    Attributes
    ----------
    bid, ask : float64 ndarray, shape (n_options,)
        Prices; NaN where it does not quote.
    hedge_trade : float
        Units of the underlying to buy, negative to sell.
    """

    bid: Floats
    ask: Floats
    hedge_trade: float


@dataclass(frozen=True, slots=True)
class OptionMaker:
    """Parameters of the maker.

    Parameters
    ----------
    half_spread : float
        Half of the quoted spread, in volatility.
    lean : float
        Volatility by which quotes move for each unit of net vega in `vega_unit`.
    vega_unit : float
        Net vega that counts as one, in the quote asset per volatility of 1.00.
    vega_limit : float
        Net vega, in `vega_unit`, beyond which the side that adds to it is not quoted.
    delta_band : float
        Net delta, in units of the underlying, that is left unhedged; infinite never hedges.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    half_spread: float = 0.03
    lean: float = 0.02
    vega_unit: float = 10_000.0
    vega_limit: float = 5.0
    delta_band: float = 0.0

    def __post_init__(self) -> None:
        for name in ("half_spread", "lean", "vega_limit", "delta_band"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not (math.isfinite(self.vega_unit) and self.vega_unit > 0.0):
            raise ValueError(f"vega_unit must be finite and positive, got {self.vega_unit}")

    def decide(self, state: OptionBookState) -> OptionQuotes:
        """Return quotes for all options and the trade that brings the delta back."""
        net_vega = float(state.held @ state.vega) / self.vega_unit
        shift = -self.lean * net_vega
        bid = state.price + state.vega * (shift - self.half_spread)
        ask = state.price + state.vega * (shift + self.half_spread)
        bid = np.where((bid > 0.0) & (net_vega <= self.vega_limit), bid, np.nan)
        ask = np.where((ask > 0.0) & (net_vega >= -self.vega_limit), ask, np.nan)
        delta = float(state.held @ state.delta) + state.hedge
        beyond = max(abs(delta) - self.delta_band, 0.0)
        return OptionQuotes(bid, ask, -math.copysign(beyond, delta))


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionDealer(OptionMaker):
    """The same on the books of a world.

    Parameters
    ----------
    half_spread, lean, vega_unit, vega_limit, delta_band
        As in `OptionMaker`.
    underlying : str
        Symbol; it makes the options on it.
    hedge : str
        Symbol of what it hedges in, a contract on the underlying for example; the underlying if empty.
    volatility : float
        Of its model; 0 takes what is published.
    hedge_cost : float
        What trading the hedge costs, as a fraction; by so much of its delta each quote is worse.
    size : float
        Options in each quote.
    refresh_blocks : int
        Blocks between two decisions.
    max_slippage : float
        Worst price of a hedge, as a fraction beyond the mid.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    underlying: str
    hedge: str = ""
    volatility: float = 0.0
    hedge_cost: float = 0.0005
    size: float = 10.0
    refresh_blocks: int = 1
    max_slippage: float = 0.01

    def __post_init__(self) -> None:
        OptionMaker.__post_init__(self)
        for name in ("volatility", "hedge_cost"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        for name in ("size", "max_slippage"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ValueError(f"{name} must be finite and positive, got {getattr(self, name)}")
        if self.refresh_blocks < 1:
            raise ValueError(f"refresh_blocks must be at least 1, got {self.refresh_blocks}")
