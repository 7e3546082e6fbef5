"""Risk-based margin rates and haircuts: what volatility, delay, depth and open interest ask for.

All are fractions of the notional, or of a collateral's value (MODEL 2.1, 2.3, 2.8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...market.impact import square_root_impact
from .dydx import open_interest_margin
from .models.tail_risk import delay_margin
from .tiers import MarginTiers, to_nano


def collateral_haircut(
    volatility: float,
    delay_s: float,
    level: float = 0.99,
    quantity: float = 0.0,
    daily_volume: float = math.inf,
    floor: float = 0.0,
) -> float:
    """Haircut on a collateral that takes time and depth to sell, from `floor` to 1.

    What a delay may cost, plus two thirds of the square-root impact of selling the holding (CASES X08, X12).

    Parameters
    ----------
    volatility, delay_s, level : float
        As of `models.delay_margin`: per square root of a year, seconds, probability.
    quantity, daily_volume : float
        Holding, and what its market trades in a day, in one unit.
    floor : float
        Least haircut.
    """
    daily = volatility / math.sqrt(365.0)
    impact = 2.0 / 3.0 * square_root_impact(daily, quantity, daily_volume) if quantity else 0.0
    return min(max(float(delay_margin(volatility, delay_s, level)) + impact, floor), 1.0)


@dataclass(frozen=True, slots=True)
class DynamicMargin:
    """Margin rates that follow volatility and open interest.

    The initial rate covers a move of `horizon_s` seconds with probability `level`, between `floor` and `cap`,
    and rises towards 1 as open interest fills its caps (CASES P06); maintenance is a share of it. A slow
    rise (`step`) dampens the margin calls that a rate which follows volatility at once causes.

    Parameters
    ----------
    level : float
        Above 0 and below 1.
    horizon_s : float
        Seconds that closing a position may take.
    floor, cap : float
        Bounds of the rate before open interest.
    maintenance : float
        Share of the initial rate, above 0 and at most 1.
    lower_open_interest, upper_open_interest : float
        Notional at which the rate begins to rise, and at which it is 1; both 0 for never.
    step : float
        Largest change of the initial rate from one update to the next.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    level: float = 0.99
    horizon_s: float = 86_400.0
    floor: float = 0.01
    cap: float = 0.5
    maintenance: float = 0.5
    lower_open_interest: float = 0.0
    upper_open_interest: float = 0.0
    step: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.floor <= self.cap <= 1.0:
            raise ValueError(
                f"dynamic margin: floor and cap must be above 0, at most 1 and in order, "
                f"got {self.floor:g} and {self.cap:g}"
            )
        if not 0.0 < self.maintenance <= 1.0:
            raise ValueError(
                f"dynamic margin: maintenance must be above 0 and at most 1, got {self.maintenance:g}"
            )
        if not 0.0 < self.step <= 1.0:
            raise ValueError(f"dynamic margin: step must be above 0 and at most 1, got {self.step:g}")
        delay_margin(0.0, self.horizon_s, self.level)
        open_interest_margin(self.floor, 0.0, self.lower_open_interest, self.upper_open_interest)

    def initial_rate(
        self, volatility: float, open_interest: float = 0.0, before: float | None = None
    ) -> float:
        """Return the initial margin rate.

        Parameters
        ----------
        volatility : float
            Per square root of a year, as it is measured now.
        open_interest : float
            Notional held long.
        before : float, optional
            Rate in force, from which the new one is at most a step away.
        """
        base = min(max(float(delay_margin(volatility, self.horizon_s, self.level)), self.floor), self.cap)
        rate = open_interest_margin(base, open_interest, self.lower_open_interest, self.upper_open_interest)
        return rate if before is None else min(max(rate, before - self.step), before + self.step)

    def tiers(self, initial_rate: float) -> MarginTiers:
        """Maintenance table that goes with an initial rate, for `MarginAccounts.set_margin`."""
        return MarginTiers(
            (MarginTiers.flat(1.0).bounds[0],), (max(to_nano(self.maintenance * initial_rate), 1),)
        )
