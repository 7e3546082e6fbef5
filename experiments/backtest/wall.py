"""The liquidation wall: debt by distance to liquidation, and the hourly volume a price path takes from it.

Mean-field version of the population: instead of drawn accounts, a grid over distance to liquidation, alert
fraction and reaction delay, replayed once per day and collateral on a unit of debt. Volumes are then sums
over the grid weighted by a `WallLaw`, so a fit costs milliseconds per evaluation. It chooses nothing.

The wall has a memory: borrowers set their health factor anew at a constant rate. Levels swept lately are
therefore thin at midnight, and new debt stands close to the price all through the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ...agents.population import LognormalHealth
from .fit_data import SLOTS_PER_HOUR, CollateralDays
from .replay import LendingRule, ReplayAccounts, replay

FloatArray = npt.NDArray[np.float64]

STEP = 0.005
#: Bin edges and centres of ln(health factor) within reach of the fit window's worst day.
EDGES = np.arange(0.0, 0.5 + STEP / 2, STEP)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
ALERT_FRACTIONS = np.array([0.3, 0.5, 0.7])
DELAYS_H = np.array([0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
DELAY_SIGMA = 1.2


@dataclass(frozen=True)
class WallLaw:
    """Density of debt over the health factor at a midnight, by collateral.

    Attributes
    ----------
    sigma
        Of ``ln(health factor - 1)`` of passive accounts.
    median_excess
        Its exponential median: 1 puts the median health factor at 2 (MODEL 5.5: passive near 2).
    looper_share, looper_excess, looper_sigma
        Second lognormal component near 1 (MODEL 5.5: leveraged loopers near 1.05).
    memory_days
        Mean time until a borrower sets the health factor anew: a level that the price reached ``a`` days
        ago has refilled by ``1 - exp(-a / memory_days)``; 0 switches it off.
    growth_per_day
        Exponential growth of total debt over the window.
    watcher_share, delay_median_h
        Accounts that restore their health, and after how long.
    """

    sigma: float
    median_excess: float = 1.0
    looper_share: float = 0.0
    looper_excess: float = 0.05
    looper_sigma: float = 0.6
    memory_days: float = 0.0
    growth_per_day: float = 0.0
    watcher_share: float = 0.0
    delay_median_h: float = 0.5

    def mass(self, edges: FloatArray) -> FloatArray:
        """Share of debt in bins of ln(health factor), before depletion; shape (len(edges) - 1,)."""
        with np.errstate(divide="ignore"):
            log_excess = np.log(np.expm1(edges))
        passive = np.diff(ndtr((log_excess - np.log(self.median_excess)) / self.sigma))
        loopers = np.diff(ndtr((log_excess - np.log(self.looper_excess)) / self.looper_sigma))
        return np.asarray((1.0 - self.looper_share) * passive + self.looper_share * loopers)

    def undisturbed(self) -> LognormalHealth:
        """Return the law of the health factors that borrowers set of their own accord."""
        if self.looper_share == 0:
            return LognormalHealth((1.0,), (self.median_excess,), (self.sigma,))
        return LognormalHealth(
            weights=(self.looper_share, 1.0 - self.looper_share),
            median_excess=(self.looper_excess, self.median_excess),
            sigmas=(self.looper_sigma, self.sigma),
        )

    def refilled(self, age_days: FloatArray) -> FloatArray:
        """Share of the undisturbed density present at a level last reached `age_days` ago."""
        if self.memory_days <= 0:
            return np.ones_like(age_days)
        return np.asarray(-np.expm1(-age_days / self.memory_days))

    def reaction_weights(self) -> FloatArray:
        """Weights of the grid's reaction nodes (passive, then alert fraction x delay), summing to 1."""
        logs = np.log(DELAYS_H)
        between = np.concatenate(([-np.inf], (logs[1:] + logs[:-1]) / 2, [np.inf]))
        delays = np.diff(ndtr((between - np.log(self.delay_median_h)) / DELAY_SIGMA))
        watchers = np.tile(delays, len(ALERT_FRACTIONS)) / len(ALERT_FRACTIONS)
        return np.concatenate(([1.0 - self.watcher_share], self.watcher_share * watchers))


@dataclass(frozen=True, eq=False)
class WallResponse:
    """One collateral's answer to a unit of debt at each grid node; d days, x distances, k reactions.

    Attributes
    ----------
    repaid : ndarray, shape (d, x, k, cells)
        USD repaid per USD of debt at the node since midnight, by cell of the day.
    reset_repaid : ndarray, shape (d, x, 2, cells)
        The same for debt set at a distance during the day, spread evenly over its hours; passive and
        reacting.
    volume : ndarray, shape (d, cells)
        Real stable debt liquidated, USD.
    age_days : ndarray, shape (d, x)
        Days since the price was last at each distance below the day's opening price.
    """

    repaid: FloatArray
    reset_repaid: FloatArray
    volume: FloatArray
    age_days: FloatArray

    def mixed(self, law: WallLaw) -> tuple[FloatArray, FloatArray]:
        """Average over reactions: USD repaid per USD of debt by distance, two arrays (d, x, cells).

        Debt standing at midnight, and debt set during the day.
        """
        standing = np.einsum("dxkc,k->dxc", self.repaid, law.reaction_weights(), optimize=True)
        reset = (1.0 - law.watcher_share) * self.reset_repaid[:, :, 0]
        reset += law.watcher_share * self.reset_repaid[:, :, 1]
        return np.asarray(standing), np.asarray(reset)

    def per_unit_debt(self, law: WallLaw, mixed: tuple[FloatArray, FloatArray]) -> FloatArray:
        """Compute the expected USD repaid per USD of total debt at the window's end, shape (d, cells).

        `mixed` is `mixed(law)`, handed in because most of a fit leaves the reactions alone.
        """
        standing, reset = mixed
        n_days, cells = self.volume.shape
        mass = law.mass(EDGES)
        depleted = mass * law.refilled(self.age_days)
        repaid = np.einsum("dxc,dx->dc", standing, depleted)
        if law.memory_days > 0:
            middle = (np.arange(cells) + 0.5) / cells
            repaid *= np.exp(-middle / law.memory_days)
            repaid += np.einsum("dxc,x->dc", reset, mass) / law.memory_days
        size = np.exp(law.growth_per_day * (np.arange(n_days) - n_days))
        return np.asarray(repaid * size[:, None])


def wall_response(days: CollateralDays, threshold: float, bonus: float, cell_hours: int) -> WallResponse:
    """Replay every grid node on every day of one collateral.

    Parameters
    ----------
    days
        Prices and volumes of the collateral.
    threshold, bonus
        Aave v2 liquidation threshold and bonus, fractions.
    cell_hours
        Hours summed into one cell; must divide 24.

    Raises
    ------
    ValueError
        `cell_hours` does not divide 24.
    """
    if 24 % cell_hours:
        raise ValueError(f"cell_hours is {cell_hours}; it must divide 24")
    n_days, cells = len(days.paths), 24 // cell_hours
    rule = LendingRule((threshold,), (bonus,))
    fraction = np.concatenate(([0.0], np.repeat(ALERT_FRACTIONS, len(DELAYS_H))))
    delay = np.concatenate(([0.0], np.tile(DELAYS_H, len(ALERT_FRACTIONS))))
    standing = _respond(days.paths, fraction, delay, rule)
    resets = np.zeros((n_days, len(CENTRES), 2, 24))
    for hour in range(24):
        # Debt set on the hour lives on the path seen from there; before that hour nothing can happen to it.
        first = hour * SLOTS_PER_HOUR
        later = np.maximum(np.arange(days.paths.shape[1]), first)
        paths = days.paths[:, later] / days.paths[:, [first]]
        resets += _respond(paths, np.array([0.0, 0.5]), np.array([0.0, 0.5]), rule) / 24.0
    return WallResponse(
        repaid=_by_cell(standing, cells),
        reset_repaid=_by_cell(resets, cells),
        volume=_by_cell(days.volume, cells),
        age_days=np.array([days.age_of_level(day, CENTRES) for day in range(n_days)]),
    )


def _by_cell(hourly: FloatArray, cells: int) -> FloatArray:
    return np.asarray(hourly.reshape(*hourly.shape[:-1], cells, -1).sum(axis=-1))


def _respond(paths: FloatArray, fraction: FloatArray, delay_h: FloatArray, rule: LendingRule) -> FloatArray:
    """Hourly repaid debt per unit by path, distance and reaction node; alert fraction 0 is passive."""
    shape = (len(paths), len(CENTRES), len(fraction))
    health = np.broadcast_to(np.exp(CENTRES)[None, :, None], shape).ravel()
    path_of = np.broadcast_to(np.arange(len(paths))[:, None, None], shape).ravel()
    # Accounts that the day's low cannot reach repay nothing: leave them out of the replay.
    reached = np.flatnonzero(health * paths.min(axis=1)[path_of] < 1.0)
    fractions = np.broadcast_to(fraction, shape).ravel()[reached]
    accounts = ReplayAccounts(
        collateral_usd=(health[reached] / rule.liquidation_threshold[0])[:, None],
        debt_usd=np.ones(len(reached)),
        alert_level=np.where(fractions > 0, 1.0 + (health[reached] - 1.0) * fractions, 0.0),
        target_health=health[reached],
        delay_slots=np.broadcast_to(delay_h * SLOTS_PER_HOUR, shape).ravel()[reached],
        path_of=path_of[reached],
        reset_slot=np.full(len(reached), np.inf),
        reset_health=health[reached],
        reset_alert_level=np.zeros(len(reached)),
    )
    hourly = np.zeros((len(health), 24))
    hourly[reached] = replay(accounts, paths[:, :, None], rule, SLOTS_PER_HOUR)[:, 0, :]
    return hourly.reshape(*shape, 24)
