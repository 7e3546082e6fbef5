"""A list of European options on books or accounts: what each is worth now, and in each scenario of a grid.

Values are Black-Scholes-Merton's without interest (MODEL 2.4). What has expired is worth its payoff and moves
no more; which price it settles at is its caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...market.prices.reference import YEAR_S
from .contracts import Right
from .models import Smile, black_scholes
from .scenario_grid import ScenarioGrid

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DAY_S = 86_400.0


class Sensitivities(NamedTuple):
    """Of each option, for one unit of the underlying; shape (n_options,).

    Attributes
    ----------
    price : float64 ndarray
        In the quote asset.
    delta : float64 ndarray
    vega : float64 ndarray
        Per volatility of 1.00.
    """

    price: Floats
    delta: Floats
    vega: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ListedOptions:
    """Terms of some options.

    Parameters
    ----------
    strike : float64 ndarray, shape (n_options,)
        In the quote asset.
    expiry_s : float64 ndarray, shape (n_options,)
        Seconds on the clock of the caller.
    is_call : bool ndarray, shape (n_options,)
    """

    strike: Floats
    expiry_s: Floats
    is_call: Flags

    @classmethod
    def of(cls, terms: Sequence[tuple[float, float, Right]]) -> ListedOptions:
        """Make a list from strikes, expiries and rights."""
        return cls(
            np.array([strike for strike, _, _ in terms], np.float64),
            np.array([expiry_s for _, expiry_s, _ in terms], np.float64),
            np.array([right is Right.CALL for _, _, right in terms], np.bool_),
        )

    def __len__(self) -> int:
        return len(self.strike)

    def live(self, time_s: float) -> Flags:
        """Whether each has time left."""
        return self.expiry_s > time_s

    def payoff(self, spot: ArrayLike) -> Floats:
        """Value at expiry; `spot` is one price or one for each option."""
        sign = np.where(self.is_call, 1.0, -1.0)
        worth: Floats = np.maximum(sign * (np.asarray(spot, np.float64) - self.strike), 0.0)
        return worth

    def volatilities(
        self, smile: Smile | None, level: ArrayLike, spot: ArrayLike, time_s: ArrayLike
    ) -> Floats:
        """Volatility of each at a level at the money; the level itself without a smile.

        Parameters
        ----------
        smile : Smile or None
        level, spot, time_s : array_like, shape (..., n_options)
            One number or one for each option, now or, with rows, at several times.
        """
        if smile is None:
            return np.asarray(level, np.float64)
        years = (self.expiry_s - np.asarray(time_s, np.float64)) / YEAR_S
        return smile.volatility(level, np.log(self.strike / np.asarray(spot, np.float64)), years)

    def sensitivities(self, spot: ArrayLike, volatility: ArrayLike, time_s: float) -> Sensitivities:
        """Value, delta and vega of all.

        Parameters
        ----------
        spot, volatility : array_like
            One number, or one for each option; volatility per square root of a year.
        time_s : float
        """
        at = self.live(time_s)
        s, sigma = self._each(spot), self._each(volatility)
        price, delta, vega = self.payoff(s), np.zeros(len(self)), np.zeros(len(self))
        found = black_scholes.greeks(
            s[at], self.strike[at], (self.expiry_s[at] - time_s) / YEAR_S, self.is_call[at], sigma[at]
        )
        price[at], delta[at], vega[at] = found.price, found.delta, found.vega
        return Sensitivities(price, delta, vega)

    def lot_moves(
        self,
        grid: ScenarioGrid,
        spot: ArrayLike,
        volatility: ArrayLike,
        time_s: float,
        unit_per_lot: ArrayLike,
    ) -> NDArray[np.int64]:
        """Return what one lot of each gains in each scenario; see `ScenarioGrid.option_moves`.

        Returns
        -------
        int64 ndarray, shape (n_options, n_scenarios)
            Base units; 0 for what has expired.
        """
        at = self.live(time_s)
        days = (self.expiry_s[at] - time_s) / DAY_S
        moves = np.zeros((len(self), len(grid.scenarios)), np.int64)
        moves[at] = grid.option_moves(
            self._each(spot)[at], self.strike[at], days, self.is_call[at], self._each(volatility)[at],
            self._each(unit_per_lot)[at],
        ).moves  # fmt: skip
        return moves

    def _each(self, numbers: ArrayLike) -> Floats:
        return np.broadcast_to(np.asarray(numbers, np.float64), self.strike.shape)
