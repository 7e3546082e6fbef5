"""Regret matching: joint play in which nobody regrets not having always done the same.

What it finds is a *coarse correlated* equilibrium, in which players' choices may depend on
each other; it is not a Nash equilibrium and is never called one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..count_game import CountGame
from ..profiles import FloatArray, ProfileSpace


@dataclass(frozen=True, eq=False)
class JointPlay:
    """How often what was played.

    Attributes
    ----------
    space : ProfileSpace
    weights : ndarray, shape (space.size,)
        For each role: probability that a player drawn from it uses the strategy while the others are
        distributed as the entry says. Adds up to 1 over the entries of each role.
    """

    space: ProfileSpace
    weights: FloatArray

    @property
    def mixture(self) -> FloatArray:
        """How often each strategy was played, shape (n_columns,)."""
        return np.bincount(self.space.column, self.weights, self.space.n_columns).astype(np.float64)

    def gain_groups(self) -> list[tuple[int, int]]:
        """For each role: its deviations, and its players."""
        return [(len(role.strategies), role.players) for role in self.space.roles]

    def gain_coefficients(self) -> FloatArray:
        """Write what a player gains by always playing one strategy as a linear function of the payoffs.

        Returns
        -------
        ndarray, shape (n_columns, space.size)
        """
        rows = np.zeros((self.space.n_columns, self.space.size))
        for part, columns in zip(self.space.blocks, self.space.slices, strict=True):
            k = columns.stop - columns.start
            own = self.weights[part].reshape(k, -1)
            for s in range(k):
                change = -own
                change[s] += own.sum(axis=0)
                rows[columns.start + s, part] = change.ravel()
        return rows


def regret_matching(game: CountGame, rng: np.random.Generator, rounds: int = 20_000) -> JointPlay:
    """Let all players match their regrets and count what they play.

    1. Each player chooses a strategy with probability proportional to its positive regret for not
       having always played it; uniformly while it regrets nothing.
    2. All see what all did, and each adds to its regrets what each strategy would have earned more.
    3. The empirical distribution of joint play converges to the coarse correlated equilibria, at rate
       ``1 / sqrt(rounds)``.

    Source: Hart and Mas-Colell (2000), "A simple adaptive procedure leading to correlated
    equilibrium", Econometrica 68, in its unconditional form (their section 4, after Hannan 1957).

    Parameters
    ----------
    game : CountGame
    rng : numpy Generator
    rounds : int
        The first tenth is not counted.
    """
    space, tables = game.space, game.tables
    players = [(r, p) for r, m in enumerate(space.players) for p in range(m)]
    regrets = [np.zeros(len(space.roles[r].strategies)) for r, _ in players]
    starts = [space.slices[r].start for r, _ in players]
    uniforms = rng.random((rounds, len(players)))
    seen = np.zeros(space.size)
    for t in range(rounds):
        chosen = [_choose(regret, u) for regret, u in zip(regrets, uniforms[t].tolist(), strict=True)]
        counts = [0] * space.n_columns
        for start, s in zip(starts, chosen, strict=True):
            counts[start + s] += 1
        for (r, _), start, s, regret in zip(players, starts, chosen, regrets, strict=True):
            counts[start + s] -= 1
            faced = space.index(r, counts)
            counts[start + s] += 1
            values = tables[r][:, faced]
            np.add(regret, values - values[s], out=regret)
            if 10 * t >= rounds:
                seen[space.blocks[r].start + s * tables[r].shape[1] + faced] += 1.0
    for part in space.blocks:
        seen[part] /= seen[part].sum()
    return JointPlay(space, seen)


def _choose(regret: FloatArray, uniform: float) -> int:
    shares = [max(0.0, value) for value in regret.tolist()]
    total = sum(shares)
    if total <= 0.0:
        return min(int(uniform * len(shares)), len(shares) - 1)
    left = uniform * total
    for s, share in enumerate(shares):
        left -= share
        if left < 0.0:
            return s
    return max(range(len(shares)), key=shares.__getitem__)
