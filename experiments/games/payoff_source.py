"""Where payoffs come from: the protocol that scenarios, contests and textbook games meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from pydantic import Field

from ..scenarios.base import NAME, Section
from .profiles import FloatArray, GameError, IntArray, Role


class GameRole(Section):
    """Exchangeable players and their strategies, each a table of parameters."""

    name: str = Field(pattern=NAME, description="name of the role, unique")
    players: int = Field(ge=1, le=1_000_000, description="players of the role")
    agent: dict[str, Any] = Field(
        default_factory=dict, description="what all strategies share: keys of an [[agents]] row of a scenario"
    )
    strategies: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="name -> parameters of the strategy"
    )

    @property
    def role(self) -> Role:
        """Names and numbers alone."""
        return Role(self.name, self.players, tuple(self.strategies))


class PayoffSource(Protocol):
    """Plays profiles of a game. Instances travel to other processes, so they must pickle."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who plays, and what each may do."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that payoffs depend on, as JSON can hold it: a resumed run compares it."""

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Play a profile n times.

        Parameters
        ----------
        profile : ndarray of int, shape (n_columns,)
            How many players of each role use each strategy.
        seed_block : int
            Names the draws. The same block gives every profile the same draws (common random
            numbers), different blocks are independent.
        n : int
            Plays.

        Returns
        -------
        ndarray, shape (n, n_columns)
            Payoff of those who use a strategy, mean over them if there are several; anything where
            nobody does.
        """


class Plays(NamedTuple):
    """Payoffs as in `PayoffSource.payoffs`, and what else came of each play, shape (n, n_outcomes)."""

    payoffs: FloatArray
    outcomes: FloatArray


@runtime_checkable
class OutcomeSource(Protocol):
    """A payoff source that also says what a play meant for others; see `outcomes`."""

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Columns of the outcomes."""

    def play(self, profile: IntArray, seed_block: int, n: int) -> Plays:
        """Play a profile n times, as `PayoffSource.payoffs` does."""


def outcome_names(source: PayoffSource) -> tuple[str, ...]:
    """Outcomes that a source tells beside the payoffs; none if it only has payoffs."""
    return source.outcome_names if isinstance(source, OutcomeSource) else ()


def play_all(source: PayoffSource, profile: IntArray, seed_block: int, n: int) -> FloatArray:
    """Payoffs and outcomes side by side, shape (n, n_columns + n_outcomes).

    Raises
    ------
    GameError
        If the shapes are not those that the source promises.
    """
    if isinstance(source, OutcomeSource):
        payoffs, outcomes = source.play(profile, seed_block, n)
    else:
        payoffs, outcomes = source.payoffs(profile, seed_block, n), np.empty((n, 0))
    payoffs, outcomes = np.asarray(payoffs, np.float64), np.asarray(outcomes, np.float64)
    for what, got, width in (
        ("payoffs", payoffs, len(profile)),
        ("outcomes", outcomes, len(outcome_names(source))),
    ):
        if got.shape != (n, width):
            raise GameError(f"{what} must have shape ({n}, {width}), got {got.shape}")
    return np.hstack((payoffs, outcomes))
