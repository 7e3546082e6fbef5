"""Scenarios of portfolio margin: shocks to the price and to implied volatilities (MODEL 2.3).

A grid says where price and volatilities move; a model says what each contract would then be worth, and
`portfolio` what the worst of it costs an account. Three published grids are here, without the venues'
further add-ons: Deribit (API parameters; extended moves left out, as in CASES O08), Derive (PMRM of
its first markets) and Paradex (docs.paradex.trade, portfolio margin).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import scenario_kernels as kernels
from .models.inputs import book, check_volatility
from .tiers import NANO

Floats = NDArray[np.float64]


class Scenario(NamedTuple):
    """One joint move.

    Attributes
    ----------
    spot : float
        Relative move of the price, above -1.
    volatility : float
        Relative move of an implied volatility at 30 days, above -1.
    weight : float
        Share of the loss that counts: below 1 for moves that are extreme.
    """

    spot: float
    volatility: float
    weight: float = 1.0


class OptionMoves(NamedTuple):
    """Options revalued.

    Attributes
    ----------
    mark : float64 ndarray, shape (n_options,)
        Undiscounted values now.
    moves : int64 ndarray, shape (n_options, n_scenarios)
        What a lot of each gains in each scenario, base units, rounded to the nearest.
    """

    mark: Floats
    moves: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScenarioGrid:
    """Joint moves of price and volatilities, the latter scaled by the time to expiry.

    ``shock = base * (30 / max(days, floor)) ** power``, with one power below 30 days and one from there on
    (CASES O09).

    Parameters
    ----------
    scenarios : tuple of Scenario
    short_power, long_power : float
    floor_days : float
        Days to expiry below which the shock no longer grows.
    least_volatility_up : float
        Least volatility after a shock upwards.
    maintenance : float
        Maintenance margin as a share of the initial one, above 0 and at most 1.

    Raises
    ------
    ValueError
        If there is no scenario, or a number is out of its range.
    """

    scenarios: tuple[Scenario, ...]
    short_power: float = 0.30
    long_power: float = 0.13
    floor_days: float = 1.0
    least_volatility_up: float = 0.0
    maintenance: float = 0.8

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ValueError("scenario grid: scenarios must name at least one move")
        for number, (spot, volatility, weight) in enumerate(self.scenarios):
            if not (spot > -1.0 and volatility > -1.0 and 0.0 < weight <= 1.0):
                raise ValueError(
                    f"scenario grid: scenario {number + 1} must move price and volatility by more than -1 "
                    f"and weigh above 0 and at most 1, got ({spot:g}, {volatility:g}, {weight:g})"
                )
        if not self.floor_days > 0.0:
            raise ValueError(f"scenario grid: floor_days must be positive, got {self.floor_days:g}")
        if not 0.0 < self.maintenance <= 1.0:
            raise ValueError(
                f"scenario grid: maintenance must be above 0 and at most 1, got {self.maintenance:g}"
            )

    def volatility_shock(self, base: ArrayLike, days: ArrayLike) -> Floats:
        """Scale a shock at 30 days to other expiries; broadcasts."""
        left = np.maximum(np.asarray(days, np.float64), self.floor_days)
        power = np.where(left < 30.0, self.short_power, self.long_power)
        stretch: Floats = np.exp(power * np.log(30.0 / left))
        return np.asarray(base, np.float64) * stretch

    def spots(self, spot: ArrayLike) -> Floats:
        """Prices in each scenario; shape (..., n_scenarios)."""
        moves = np.array([scenario.spot for scenario in self.scenarios])
        return np.asarray(spot, np.float64)[..., None] * (1.0 + moves)

    def volatilities(self, volatility: ArrayLike, days: ArrayLike) -> Floats:
        """Implied volatilities in each scenario, not below 0; shape (..., n_scenarios)."""
        base = np.array([scenario.volatility for scenario in self.scenarios])
        now = np.asarray(volatility, np.float64)[..., None]
        shocked = now * np.maximum(1.0 + self.volatility_shock(base, np.asarray(days)[..., None]), 0.0)
        return np.where(base > 0.0, np.maximum(shocked, self.least_volatility_up), shocked)

    def weights(self) -> NDArray[np.int64]:
        """Share of each scenario's loss that counts, parts in `NANO`; shape (n_scenarios,)."""
        return np.array([round(scenario.weight * NANO) for scenario in self.scenarios], np.int64)

    def lot_moves(
        self,
        price: Callable[[Floats, Floats], Floats],
        spot: ArrayLike,
        volatility: ArrayLike,
        days: ArrayLike,
        unit_per_lot: ArrayLike,
    ) -> NDArray[np.int64]:
        """Return what one lot of each contract gains in each scenario, from a model of its price.

        Parameters
        ----------
        price : callable
            Maps prices of the underlying and volatilities, both of shape (n_contracts, n_scenarios),
            to prices of the contracts; called once with the shocks and once without any.
        spot, volatility, days : array_like, shape (n_contracts,)
            Underlying, implied volatility and days to expiry.
        unit_per_lot : array_like, shape (n_contracts,)
            Base units of the settlement asset that a lot is worth at a price of 1.

        Returns
        -------
        int64 ndarray, shape (n_contracts, n_scenarios)
            Base units, rounded to the nearest.
        """
        now = price(np.asarray(spot, np.float64)[:, None], np.asarray(volatility, np.float64)[:, None])
        then = price(self.spots(spot), self.volatilities(volatility, days))
        scale = np.asarray(unit_per_lot, np.float64)[:, None]
        return np.rint((then - now) * scale).astype(np.int64)

    def option_moves(
        self,
        underlying: ArrayLike,
        strike: ArrayLike,
        days: ArrayLike,
        is_call: ArrayLike,
        volatility: ArrayLike,
        unit_per_lot: ArrayLike,
    ) -> OptionMoves:
        """Return what options are worth, and what a lot of each gains in each scenario, by Black and Scholes.

        The same as `lot_moves` with that model, at a tenth of its cost: what depends on the option alone is
        worked out once, and not in each scenario.

        Parameters
        ----------
        underlying, strike, days, volatility : array_like
            Forward (or spot where money bears no interest), strike, days to expiry, volatility per square
            root of a year, not negative. Arguments broadcast to shape (n_options,).
        is_call : array_like of bool
        unit_per_lot : array_like
            Base units of the settlement asset that a lot is worth at a price of 1; discounted, if money
            bears interest.

        Raises
        ------
        ExpiredOptionError, InstrumentError
            With the option at fault.
        """
        years = np.atleast_1d(np.asarray(days, np.float64)) / 365.0
        f, k, t, call, (sigma, unit) = book(underlying, strike, years, is_call, volatility, unit_per_lot)
        check_volatility(sigma)
        mark, moves = np.empty(f.size), np.empty((f.size, len(self.scenarios)), np.int64)
        kernels.option_moves(
            f, k, np.log(f / k), np.sqrt(t), call, sigma, self.volatility_shock(1.0, t * 365.0), unit,
            self._shocks(), mark, moves,
        )  # fmt: skip
        return OptionMoves(mark, moves)

    def _shocks(self) -> Floats:
        """Return the scenarios by column as `scenario_kernels` wants them, after one that moves nothing."""
        table = np.array([(0.0, 0.0, 1.0), *self.scenarios])
        least = np.where(table[:, 1] > 0.0, self.least_volatility_up, 0.0)
        columns = np.stack((1.0 + table[:, 0], np.log1p(table[:, 0]), table[:, 1], least))
        spare = -columns.shape[1] % kernels.AT_ONCE
        return np.ascontiguousarray(np.pad(columns, ((0, 0), (0, spare)), mode="edge"))

    def lot_moves_by_greeks(
        self,
        delta: ArrayLike,
        gamma: ArrayLike,
        vega: ArrayLike,
        spot: ArrayLike,
        volatility: ArrayLike,
        days: ArrayLike,
        unit_per_lot: ArrayLike,
    ) -> NDArray[np.int64]:
        """Return the same as `lot_moves` to second order in the price and first in the volatility.

        ``delta dS + gamma dS^2 / 2 + vega dsigma``: good for small moves, and what a venue that
        margins by Greeks asks for large ones.

        Parameters
        ----------
        delta, gamma, vega : array_like, shape (n_contracts,)
            Of the contracts' prices in the underlying and in a volatility of 1, as a model gives them.
        spot, volatility, days, unit_per_lot : array_like, shape (n_contracts,)
            As in `lot_moves`.
        """
        moved = self.spots(spot) - np.asarray(spot, np.float64)[:, None]
        shocked = self.volatilities(volatility, days) - np.asarray(volatility, np.float64)[:, None]
        slope, curve, tilt = (np.asarray(part, np.float64)[:, None] for part in (delta, gamma, vega))
        gain = slope * moved + 0.5 * curve * moved**2 + tilt * shocked
        return np.rint(gain * np.asarray(unit_per_lot, np.float64)[:, None]).astype(np.int64)


def _grid(moves: tuple[float, ...], volatilities: tuple[float, ...]) -> tuple[Scenario, ...]:
    return tuple(Scenario(move, volatility) for move in moves for volatility in volatilities)


DERIBIT = ScenarioGrid(
    _grid(tuple(0.16 * step / 4 for step in range(-4, 5)), (-0.25, 0.0, 0.5)),
    least_volatility_up=0.5,
    maintenance=0.8,
)
"""Nine prices within 16 % and three volatilities (CASES O08)."""

DERIVE = ScenarioGrid(
    (
        Scenario(0.20, 0.6),
        *_grid((0.15, 0.10, 0.05, 0.0, -0.05, -0.10, -0.15), (0.6, 0.0, -0.3)),
        Scenario(-0.20, 0.6),
    ),
    maintenance=0.8,
)
"""Twenty-three scenarios within 20 %; the outermost only with volatility up."""

PARADEX = ScenarioGrid(
    (
        Scenario(0.16, 0.40),
        *_grid((0.12, 0.08, 0.04, 0.0, -0.04, -0.08, -0.12), (0.40, -0.22)),
        Scenario(-0.16, 0.40),
        Scenario(-0.66, 0.40, 0.24),
        Scenario(-0.33, 0.40, 0.48),
        Scenario(0.50, 0.40, 0.32),
        Scenario(1.00, 0.40, 0.16),
        Scenario(2.00, 0.40, 0.08),
        Scenario(3.00, 0.40, 0.0533),
        Scenario(4.00, 0.40, 0.04),
        Scenario(5.00, 0.40, 0.032),
    ),
    maintenance=0.5,
)
"""Twenty-four scenarios: sixteen within 16 %, and eight extreme ones of which a part counts."""
