"""The simulated method of moments (McFadden 1989; Duffie and Singleton 1993), in two steps.

With ``m`` the mean of simulated moments over S runs with the same seeds at every trial, and
``g = m - target``:

1. minimise ``g' W g`` with W diagonal, one over the variance of each moment's error;
2. at the answer, estimate the covariance of the error, ``Omega = V / S + E``, with V the
   covariance of a run's moments and E that of the observation, and minimise again with
   ``W = Omega^-1``.

The standard errors are those of ``(G' W G)^-1``, with G the derivative of the moments by
central differences. With more moments than parameters, ``J = g' W g`` is chi-square with as
many degrees of freedom as there are moments to spare, if the model is right.

The search is a scrambled Sobol sequence, then Nelder-Mead from its best point (`scipy`), in
the unit cube of the parameters' ranges. Equal seeds make ``g`` a fixed function, if not a
smooth one; a derivative by small steps would follow its noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.stats import qmc

Floats = NDArray[np.float64]

Simulate = Callable[[Floats], Floats]
"""From a point of the unit cube to the moments of each run, shape (runs, moments)."""

STEP = 0.05
"""Half of the difference for derivatives, as a share of a parameter's range."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A fit in the unit cube.

    Attributes
    ----------
    at : float64 ndarray, shape (parameters,)
        The answer, each from 0 to 1 in its range.
    covariance : float64 ndarray, shape (parameters, parameters)
        Of the answer, in the unit of the ranges; inf where the moments do not identify it.
    moments : float64 ndarray, shape (moments,)
        Means at the answer.
    weight : float64 ndarray, shape (moments, moments)
        Of the second step, the inverse of the error's covariance.
    spread : float64 ndarray, shape (moments, moments)
        Covariance of a run's moments, V.
    j : float
        Least distance.
    trials : int
        Points at which the model was run.
    """

    at: Floats
    covariance: Floats
    moments: Floats
    weight: Floats
    spread: Floats
    j: float
    trials: int

    @property
    def spare(self) -> int:
        """Moments beyond the parameters."""
        return len(self.moments) - len(self.at)

    @property
    def p_value(self) -> float:
        """Probability of a J as large if the model is right; nan where no moment is to spare."""
        return float(stats.chi2.sf(self.j, self.spare)) if self.spare else np.nan


def simulated_moments(
    simulate: Simulate,
    targets: Floats,
    errors: Floats,
    parameters: int,
    starts: int = 16,
    evaluations: int = 60,
    seed: int = 0,
) -> Estimate:
    """Fit parameters to targets.

    Parameters
    ----------
    simulate : callable
        Must use the same seeds each time.
    targets : float64 ndarray, shape (moments,)
    errors : float64 ndarray, shape (moments,)
        Standard errors of the targets; nan where a target is one draw of what is simulated.
    parameters : int
    starts, evaluations : int
        Points of the Sobol sequence, and most trials of each of the two local searches.
    seed : int
        Of the Sobol sequence.

    Raises
    ------
    ValueError
        If there are fewer moments than parameters, or moments are nan wherever tried.
    """
    if len(targets) < parameters:
        raise ValueError(f"{len(targets)} moments cannot fit {parameters} parameters")
    seen: dict[tuple[float, ...], Floats] = {}

    def runs(u: Floats) -> Floats:
        key = tuple(float(f"{x:.9g}") for x in np.clip(u, 0.0, 1.0))
        if key not in seen:
            seen[key] = simulate(np.array(key))
        return seen[key]

    def distance(u: Floats, weight: Floats) -> float:
        gap = runs(u).mean(axis=0) - targets
        found = float(gap @ weight @ gap)
        return found if np.isfinite(found) else 1e300

    sobol = qmc.Sobol(parameters, scramble=True, seed=np.random.default_rng(seed))
    points = np.concatenate(
        [np.full((1, parameters), 0.5), sobol.random(1 << max(0, starts - 1).bit_length())]
    )
    points = points[:starts]
    spreads = [runs(u).var(axis=0, ddof=1) for u in points]
    usable = [one for one in spreads if np.isfinite(one).all()]
    if not usable:
        raise ValueError(
            "moments do not exist (nan) wherever they were tried; widen ranges or change targets"
        )
    noise = np.median(usable, axis=0)
    variance = noise / len(runs(points[0])) + np.where(np.isnan(errors), noise, np.nan_to_num(errors) ** 2)
    first = np.diag(1.0 / np.maximum(variance, 1e-12 * np.maximum(targets**2, 1e-12)))
    best = min(points, key=lambda u: distance(u, first))
    best = _descend(distance, best, first, evaluations)
    weight, _ = _weight(runs(best), errors)
    best = _descend(distance, best, weight, evaluations)
    weight, spread = _weight(runs(best), errors)
    slopes = np.column_stack([_slope(runs, best, k) for k in range(parameters)])
    information = slopes.T @ weight @ slopes
    identified = np.linalg.matrix_rank(information) == parameters
    covariance: Floats = np.full((parameters, parameters), np.inf)
    if identified:
        covariance = np.asarray(np.linalg.inv(information), np.float64)
    return Estimate(
        best, covariance, runs(best).mean(axis=0), weight, spread, distance(best, weight), len(seen)
    )


def _weight(runs: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return the inverse of the error's covariance, and that of a run's moments."""
    spread: Floats = np.atleast_2d(np.cov(runs, rowvar=False)).astype(np.float64)
    own = np.nan_to_num(errors) ** 2
    single = np.isnan(errors)
    observed = np.where(single[:, None] & single[None, :], spread, np.diag(own))
    return np.asarray(np.linalg.pinv(spread / len(runs) + observed, hermitian=True), np.float64), spread


def _descend(
    distance: Callable[[Floats, Floats], float], start: Floats, weight: Floats, evaluations: int
) -> Floats:
    corners = [start]
    for k in range(len(start)):
        corner = start.copy()
        corner[k] += 0.15 if corner[k] < 0.5 else -0.15
        corners.append(corner)
    found = optimize.minimize(
        distance, start, args=(weight,), method="Nelder-Mead", bounds=[(0.0, 1.0)] * len(start),
        options={"maxfev": evaluations, "initial_simplex": np.array(corners), "xatol": 1e-4, "fatol": 1e-3},
    )  # fmt: skip
    return np.asarray(np.clip(found.x, 0.0, 1.0))


def _slope(runs: Callable[[Floats], Floats], at: Floats, k: int) -> Floats:
    """Return the derivative of the moments by one parameter, within its range."""
    up, down = at.copy(), at.copy()
    up[k], down[k] = min(1.0, at[k] + STEP), max(0.0, at[k] - STEP)
    return np.asarray((runs(up).mean(axis=0) - runs(down).mean(axis=0)) / (up[k] - down[k]))
