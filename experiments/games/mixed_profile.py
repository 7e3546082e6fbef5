"""What every player does: one mixture for each, equal within a role or not, and its linear gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .count_game import opponent_weights, powers_of
from .profiles import FloatArray, ProfileSpace


@dataclass(frozen=True, eq=False)
class MixedProfile:
    """Mixtures of all players.

    Attributes
    ----------
    space : ProfileSpace
    mixes : tuple of ndarray, shape (players_r, k_r)
        For each role one row for each player of the game that is solved.
    """

    space: ProfileSpace
    mixes: tuple[FloatArray, ...]

    @classmethod
    def symmetric(cls, space: ProfileSpace, mixture: ArrayLike) -> MixedProfile:
        """All players of a role use its part of `mixture`, shape (n_columns,)."""
        mix = np.asarray(mixture, np.float64)
        return cls(
            space,
            tuple(np.tile(mix[part], (m, 1)) for part, m in zip(space.slices, space.players, strict=True)),
        )

    @classmethod
    def pure(cls, space: ProfileSpace, counts: Sequence[int]) -> MixedProfile:
        """Each of `counts` players uses one strategy."""
        return cls(
            space,
            tuple(
                np.repeat(np.eye(part.stop - part.start), np.asarray(counts)[part], axis=0)
                for part in space.slices
            ),
        )

    @property
    def is_symmetric(self) -> bool:
        """Whether all players of a role do the same."""
        return all(np.allclose(mix, mix[0], atol=1e-9) for mix in self.mixes)

    @property
    def mixture(self) -> FloatArray:
        """Mean mixture of each role, shape (n_columns,)."""
        return np.concatenate([mix.mean(axis=0) for mix in self.mixes])

    def supports(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Strategies in use by each player of each role, players in a canonical order."""
        return tuple(tuple(sorted(tuple(np.flatnonzero(row).tolist()) for row in mix)) for mix in self.mixes)

    def groups(self) -> list[tuple[int, int]]:
        """First player of each group that does the same: (role, player)."""
        found = []
        for r, mix in enumerate(self.mixes):
            _, first = np.unique(mix, axis=0, return_index=True)
            found += [(r, int(i)) for i in sorted(first)]
        return found

    def same_as(self, other: MixedProfile, tolerance: float = 1e-6) -> bool:
        """Whether both are the same but for who plays which part within a role."""
        return all(
            np.allclose(_ordered(one), _ordered(two), atol=tolerance)
            for one, two in zip(self.mixes, other.mixes, strict=True)
        )

    def gain_groups(self) -> list[tuple[int, int]]:
        """For each group of players that do the same: its deviations, and for how many players it stands."""
        found = []
        for r, i in self.groups():
            mix, role = self.mixes[r], self.space.roles[r]
            alike = int((mix == mix[i]).all(axis=1).sum())
            found.append((mix.shape[1], alike * role.players // len(mix)))
        return found

    def gain_coefficients(self) -> FloatArray:
        """Write every player's gain from every pure deviation as a linear function of the payoffs.

        Returns
        -------
        ndarray, shape (n_gains, space.size)
            One row for each strategy of each group of players that do the same. Its product with the
            flat payoffs is what the player gains.
        """
        rows = []
        for r, i in self.groups():
            weights, mix = self.opponents(r, i), self.mixes[r][i]
            part = self.space.blocks[r]
            for s in range(len(mix)):
                share = -mix
                share[s] += 1.0
                row = np.zeros(self.space.size)
                row[part] = np.outer(share, weights).ravel()
                rows.append(row)
        return np.array(rows)

    def opponents(self, role: int, player: int) -> FloatArray:
        """Probability of what a player faces, shape (n_opponents_r,)."""
        space = self.space
        if self.is_symmetric:
            powers = powers_of(self.mixture, max(space.players))
            return opponent_weights(powers, space.opponents[role], space.ways[role])
        found = {(0,) * space.n_columns: 1.0}
        for q, part in enumerate(space.slices):
            for i, mix in enumerate(self.mixes[q]):
                if (q, i) == (role, player):
                    continue
                after: dict[tuple[int, ...], float] = {}
                for counts, weight in found.items():
                    for s in np.flatnonzero(mix).tolist():
                        c = part.start + s
                        key = (*counts[:c], counts[c] + 1, *counts[c + 1 :])
                        after[key] = after.get(key, 0.0) + weight * float(mix[s])
                found = after
        weights = np.zeros(len(space.opponents[role]))
        for counts, weight in found.items():
            weights[space.index(role, counts)] = weight
        return weights


def _ordered(mix: FloatArray) -> FloatArray:
    return np.asarray(mix[np.lexsort(np.round(mix, 6).T)])
