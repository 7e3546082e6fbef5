"""Which points of the factors' space a sweep visits.

A full grid and one-at-a-time use the factors' own values; the others draw points in
the unit cube (`scipy.stats.qmc`) and read each factor's distribution there. Saltelli's
design is the one that Sobol indices are estimated from (cases B09 and B12).

References
----------
Saltelli et al. (2010), Computer Physics Communications 181; Owen (1998) for scrambling.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import qmc

from ..scenarios.base import Section
from .factors import Factor, Value

Point = tuple[Value, ...]
Floats = NDArray[np.float64]


class Design(Section):
    """How points are chosen."""

    kind: Literal["full-grid", "one-at-a-time", "latin-hypercube", "sobol", "saltelli"] = Field(
        default="full-grid", description="how points are chosen"
    )
    points: int = Field(
        default=64,
        ge=2,
        le=1_000_000,
        description="points of latin-hypercube and sobol; base points of saltelli, "
        "which visits points * (factors + 2); a power of two for sobol and saltelli",
    )
    seed: int = Field(default=0, ge=0, description="seed of the points; runs have seeds of their own")


def design_points(design: Design, factors: Sequence[Factor]) -> list[Point]:
    """Return the points of a design, a value for each factor.

    Parameters
    ----------
    design : Design
    factors : sequence of Factor
        At least one.

    Raises
    ------
    ValueError
        If there are no factors, or the number of points does not suit the design.

    Examples
    --------
    >>> two = [Factor(name="a", path="a", values=(1, 2)), Factor(name="b", path="b", values=(3, 4))]
    >>> design_points(Design(), two)
    [(1, 3), (1, 4), (2, 3), (2, 4)]
    >>> design_points(Design(kind="one-at-a-time"), two)
    [(1, 3), (2, 3), (1, 4)]
    """
    if not factors:
        raise ValueError("a sweep needs at least one factor")
    if design.kind == "full-grid":
        return list(itertools.product(*(factor.grid() for factor in factors)))
    if design.kind == "one-at-a-time":
        return _one_at_a_time(factors)
    cube = unit_cube(design, len(factors))
    columns = [factor.at(cube[:, k]) for k, factor in enumerate(factors)]
    return list(zip(*columns, strict=True))


def unit_cube(design: Design, dimensions: int) -> Floats:
    """Return the points of a design in the unit cube.

    Saltelli's are the rows of A, then those of B, then for each dimension those of A
    with this dimension's column from B.

    Returns
    -------
    float64 ndarray, shape (n, dimensions)

    Raises
    ------
    ValueError
        If a power of two is needed and not given.
    """
    rng = np.random.default_rng(design.seed)
    if design.kind == "latin-hypercube":
        return np.asarray(qmc.LatinHypercube(dimensions, seed=rng).random(design.points))
    if design.points & (design.points - 1):
        raise ValueError(f"design.points = {design.points}; allowed with {design.kind}: a power of two")
    if design.kind == "sobol":
        return np.asarray(qmc.Sobol(dimensions, scramble=True, seed=rng).random(design.points))
    both = np.asarray(qmc.Sobol(2 * dimensions, scramble=True, seed=rng).random(design.points))
    first, second = both[:, :dimensions], both[:, dimensions:]
    mixed = []
    for k in range(dimensions):
        rows = first.copy()
        rows[:, k] = second[:, k]
        mixed.append(rows)
    return np.concatenate([first, second, *mixed])


def _one_at_a_time(factors: Sequence[Factor]) -> list[Point]:
    grids = [factor.grid() for factor in factors]
    start = tuple(grid[0] for grid in grids)
    points = [start]
    for k, grid in enumerate(grids):
        points += [(*start[:k], value, *start[k + 1 :]) for value in grid[1:]]
    return points
