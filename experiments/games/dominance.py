"""Strategies that another one beats whatever the others do, and how sure the samples are of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ...market.streams import Streams
from .certificate import LEVEL
from .count_game import column_name
from .empirical_game import EmpiricalGame
from .profiles import FloatArray

RESAMPLES = 1000
_ROWS = 200
"""Profiles of the others handled at once."""


@dataclass(frozen=True, eq=False)
class Dominated:
    """A strategy that a mixture of others strictly dominates at the mean payoffs.

    Attributes
    ----------
    strategy : str
        ``role.strategy``.
    by : mapping of str to float
        The mixture that dominates it with the widest margin.
    margin : float
        What the mixture earns more in the profile in which that is least.
    interval : tuple of float
        Of the margin. Its lower end is the least lower bound over profiles, corrected for their number
        (Bonferroni); above zero, dominance is sure at this level, the mixture held fixed.
    """

    strategy: str
    by: dict[str, float]
    margin: float
    interval: tuple[float, float]


def dominated_strategies(game: EmpiricalGame, level: float = LEVEL) -> list[Dominated]:
    """Find strictly dominated strategies of a measured game.

    For each strategy a linear programme looks for the mixture of the role's other strategies whose
    least advantage over all profiles of the others is greatest (Fudenberg and Tirole 1991, section 2.1).

    Parameters
    ----------
    game : EmpiricalGame
    level : float
        Confidence of the intervals.
    """
    found = []
    space = game.space
    for role, part, block, table in zip(
        space.roles, space.slices, space.blocks, game.mean.tables, strict=True
    ):
        for s in range(len(role.strategies)):
            others = [t for t in range(len(role.strategies)) if t != s]
            mix = _best_mixture(table[others] - table[s]) if others else None
            if mix is None:
                continue
            shares = np.zeros(len(role.strategies))
            shares[others], shares[s] = mix, -1.0
            values = _margins(game, block, shares)
            tail = (1.0 - level) / 2.0
            low = float(np.quantile(values, tail / values.shape[1], axis=0).min())
            high = max(low, float(np.quantile(values.min(axis=1), 1.0 - tail)))
            names = {
                role.strategies[t]: float(share) for t, share in zip(others, mix, strict=True) if share > 1e-9
            }
            margin = float((shares @ table).min())
            found.append(Dominated(column_name(space, part.start + s), names, margin, (low, high)))
    return found


def _margins(game: EmpiricalGame, block: slice, shares: FloatArray) -> FloatArray:
    """Resample what a mixture earns more in each profile of the others, shape (RESAMPLES, n_opponents)."""
    faced = (block.stop - block.start) // len(shares)
    parts = []
    for first in range(0, faced, _ROWS):
        rows = np.zeros((min(_ROWS, faced - first), game.space.size))
        for i in range(len(rows)):
            rows[i, block.start + first + i : block.stop : faced] = shares
        # The same resamples for all of them.
        parts.append(game.resampled_values(rows, RESAMPLES, Streams(0)("games/dominance")))
    return np.hstack(parts)


def _best_mixture(advantage: FloatArray) -> FloatArray | None:
    """Mixture of rows with the greatest least advantage; None if that is not positive."""
    rows, columns = advantage.shape
    scale = float(np.abs(advantage).max()) or 1.0
    solved = linprog(
        np.append(np.zeros(rows), -1.0),
        A_ub=np.hstack([-advantage.T / scale, np.ones((columns, 1))]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0, None)] * rows + [(None, None)],
    )
    best: Any = solved.x  # shares, then the least advantage
    if not solved.success or best[-1] <= 1e-9:
        return None
    mix = np.maximum(np.asarray(best[:-1], np.float64), 0.0)
    return np.asarray(mix / mix.sum())
