"""Where payoffs come from: the protocol that scenarios, contests and textbook games meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import Field

from ..scenarios.base import NAME, Section
from .profiles import FloatArray, IntArray, Role


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
