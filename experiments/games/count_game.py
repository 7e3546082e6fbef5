"""A game given exactly: mean payoffs over count profiles, and what deviating from a mixture earns.

This is what solvers work on. How certain the payoffs are is `empirical_game`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .profiles import FloatArray, GameError, IntArray, ProfileSpace, Role

SOLVED = 1e-9
"""Regret of a solution at given payoffs, as a share of their range."""


@dataclass(frozen=True, eq=False)
class CountGame:
    """Payoffs over count profiles.

    A *mixture* has one column for each strategy of each role, shape (n_columns,); it holds for all
    players of a role.

    Parameters
    ----------
    space : ProfileSpace
    payoffs : ndarray, shape (space.size,)

    Raises
    ------
    GameError
        If the shape does not fit or a payoff is not finite.

    Examples
    --------
    >>> matrix = [[-1, 4], [0, 2]]
    >>> hawk_dove = CountGame.symmetric(2, ["hawk", "dove"], lambda own, others: matrix[own][others[1]])
    >>> hawk_dove.deviation_payoffs(np.array([2 / 3, 1 / 3])).round(4).tolist()
    [0.6667, 0.6667]
    >>> hawk_dove.regret(np.array([0.0, 1.0]))
    2.0
    """

    space: ProfileSpace
    payoffs: FloatArray

    def __post_init__(self) -> None:
        payoffs = np.array(self.payoffs, np.float64)
        if payoffs.shape != (self.space.size,):
            raise GameError(f"payoffs must have shape ({self.space.size},), got {payoffs.shape}")
        bad = np.flatnonzero(~np.isfinite(payoffs))
        if len(bad):
            raise GameError(f"payoffs must be finite: {describe_payoff(self.space, int(bad[0]))} is not")
        payoffs.flags.writeable = False
        object.__setattr__(self, "payoffs", payoffs)

    @classmethod
    def from_function(cls, roles: Sequence[Role], payoff: Callable[[int, int, IntArray], float]) -> Self:
        """Tabulate ``payoff(role, strategy, opponents)``, opponents being counts over all columns."""
        space = ProfileSpace(roles)
        values = [
            payoff(r, s, counts)
            for r, role in enumerate(space.roles)
            for s in range(len(role.strategies))
            for counts in space.opponents[r]
        ]
        return cls(space, np.array(values, np.float64))

    @classmethod
    def symmetric(
        cls, players: int, strategies: Sequence[str], payoff: Callable[[int, IntArray], float]
    ) -> Self:
        """Tabulate ``payoff(strategy, opponents)`` of a game with one role."""
        return cls.from_function(
            [Role("player", players, tuple(strategies))], lambda _, own, others: payoff(own, others)
        )

    @cached_property
    def tables(self) -> tuple[FloatArray, ...]:
        """Payoffs of each role, shape (k_r, n_opponents_r)."""
        return tuple(
            self.payoffs[part].reshape(len(role.strategies), -1)
            for role, part in zip(self.space.roles, self.space.blocks, strict=True)
        )

    @cached_property
    def scale(self) -> float:
        """Range of the payoffs; 1 if they are all the same."""
        return float(self.payoffs.max() - self.payoffs.min()) or 1.0

    def deviation_payoffs(self, mixture: ArrayLike) -> FloatArray:
        """Payoff of each strategy when everybody else plays `mixture`.

        Parameters
        ----------
        mixture : array_like, shape (..., n_columns)

        Returns
        -------
        ndarray, shape (..., n_columns)
        """
        mix = np.asarray(mixture, np.float64)
        powers = powers_of(mix, max(self.space.players))
        return np.concatenate(
            [
                opponent_weights(powers, counts, ways) @ table.T
                for counts, ways, table in zip(
                    self.space.opponents, self.space.ways, self.tables, strict=True
                )
            ],
            axis=-1,
        )

    def gains(self, mixture: ArrayLike) -> FloatArray:
        """Gain of a player from each pure deviation when all play `mixture`; shapes as above."""
        mix = np.asarray(mixture, np.float64)
        values = self.deviation_payoffs(mix)
        for part in self.space.slices:
            values[..., part] -= (values[..., part] * mix[..., part]).sum(axis=-1, keepdims=True)
        return values

    def regret(self, mixture: ArrayLike) -> float:
        """Most that a player gains by deviating alone, not below zero (MODEL 3.10)."""
        return max(0.0, float(self.gains(mixture).max()))

    def uniform(self) -> FloatArray:
        """Mixture in which every strategy of a role is equally likely."""
        return np.concatenate(
            [np.full(len(role.strategies), 1.0 / len(role.strategies)) for role in self.space.roles]
        )


def powers_of(mixture: FloatArray, highest: int) -> FloatArray:
    """Powers 0 to `highest` of each share, shape (..., n_columns, highest + 1)."""
    powers = np.empty((*mixture.shape, highest + 1))
    powers[..., 0] = 1.0
    for power in range(1, highest + 1):
        np.multiply(powers[..., power - 1], mixture, out=powers[..., power])
    return powers


def opponent_weights(powers: FloatArray, counts: IntArray, ways: FloatArray) -> FloatArray:
    """Probability of each of the opponents' counts, shape (..., n_opponents)."""
    weights = ways * powers[..., 0, counts[:, 0]]
    for column in range(1, counts.shape[1]):
        weights = weights * powers[..., column, counts[:, column]]
    return np.asarray(weights)


def describe_payoff(space: ProfileSpace, entry: int) -> str:
    """Say whose payoff in which profile stands at a place of the flat array."""
    who = column_name(space, int(space.column[entry]))
    return f"that of {who} in {profile_name(space, space.simulated[space.profile[entry]])}"


def column_name(space: ProfileSpace, column: int) -> str:
    """``role.strategy`` of a column."""
    for role, part in zip(space.roles, space.slices, strict=True):
        if part.start <= column < part.stop:
            return f"{role.name}.{role.strategies[column - part.start]}"
    raise IndexError(column)


def profile_name(space: ProfileSpace, counts: IntArray) -> str:
    """Say who plays what, as in ``2 bot.patient, 1 bot.aggressive``."""
    return ", ".join(f"{n} {column_name(space, c)}" for c, n in enumerate(counts.tolist()) if n)
