"""Payoffs from contests for one liquidation, and what each contest meant for everybody else.

Seats players, draws their luck, plays a batch on the compiled kernels of the market and
books who gained what. Which contest is played is the business of `contest_kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...agents.strategies.contest_bidder import ContestStrategy, Luck
from ...market.streams import Streams
from .outcomes import LEDGER, MEASURES, SERVED
from .payoff_source import GameRole, Plays
from .profiles import FloatArray, IntArray, Role

Actions = Callable[[FloatArray], FloatArray]
"""Uniform draws -> what a bidder does, NaN staying out."""


class Batch(NamedTuple):
    """Contests about to be played; rows are contests, columns seats.

    Attributes
    ----------
    actions : ndarray, shape (n, n_seats)
        What each bidder does, NaN for staying out.
    values : ndarray, shape (n, n_seats)
        What winning brings each.
    ties : ndarray, shape (n, n_seats)
        Uniform draws.
    arrivals : ndarray, shape (n, n_seats) or (1, 1)
        Seconds; one number where the order of arrival does not matter.
    """

    actions: FloatArray
    values: FloatArray
    ties: FloatArray
    arrivals: FloatArray


class Settled(NamedTuple):
    """A batch after it was played: who won, what each earned, and the gains of groups, (n,) each.

    Groups that are left out gain nothing; `contest_payoffs` adds liquidators, lenders and the rest.
    """

    winners: IntArray
    payoffs: FloatArray
    groups: Mapping[str, FloatArray]


class Fight(Protocol):
    """Rule and parameters of a contest; see `contest_kinds`."""

    @property
    def value(self) -> float | Mapping[str, float]:
        """Worth of winning, for all or by role."""

    @property
    def private(self) -> bool:
        """Whether each bidder's value is a draw of its own, uniform from 0 to `value`."""

    @property
    def shortfall(self) -> float:
        """Bad debt where nobody wins."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters, as JSON can hold them."""

    def worth(self, values: FloatArray) -> FloatArray:
        """Return what bids are a share of."""

    def arrival_s(self, roles: tuple[str, ...], n: int, rng: np.random.Generator) -> FloatArray:
        """Return arrivals of bidders of these roles, shape (n, n_seats) or (1, 1)."""

    def settle(self, batch: Batch) -> Settled:
        """Play a batch."""

    def closed_form(self, players: int) -> Actions | None:
        """Return what an equilibrium that has a formula does, or None if there is none."""


@dataclass(frozen=True)
class ContestPayoffs:
    """A contest as a payoff source.

    Parameters
    ----------
    fight : Fight
    players : tuple of GameRole
    strategies : tuple of ContestStrategy
        One for each strategy of each role, in order.
    """

    fight: Fight
    players: tuple[GameRole, ...]
    strategies: tuple[ContestStrategy, ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        """Names and numbers of the players."""
        return tuple(player.role for player in self.players)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The contest and the players."""
        return {
            "contest": dict(self.fight.settings),
            "players": [player.model_dump(mode="json") for player in self.players],
        }

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Gains of groups, measures, and contests won by those who use a strategy."""
        served = (f"{SERVED}{role.name}.{name}" for role in self.roles for name in role.strategies)
        return (*LEDGER, *MEASURES, *served)

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Play n contests; see `PayoffSource`."""
        return self.play(profile, seed_block, n).payoffs

    def play(self, profile: IntArray, seed_block: int, n: int) -> Plays:
        """Play n contests; see `OutcomeSource`."""
        batch = self.batch(profile, seed_block, n)
        settled = self.fight.settle(batch)
        used = np.flatnonzero(profile)
        starts = np.cumsum(profile[used]) - profile[used]
        payoffs = np.zeros((n, len(profile)))
        payoffs[:, used] = np.add.reduceat(settled.payoffs, starts, axis=1) / profile[used]
        nobody = settled.winners < 0
        seated = np.repeat(np.arange(len(profile)), profile)
        served = (settled.winners[:, None] >= 0) & (
            seated[settled.winners][:, None] == np.arange(len(profile))
        )
        lost = self.fight.shortfall * nobody
        groups: dict[str, FloatArray] = {name: np.zeros(n) for name in LEDGER} | dict(settled.groups)
        groups["liquidators"] = settled.payoffs.sum(axis=1)
        groups["lenders"] = groups["lenders"] - lost
        groups["outside"] = groups["outside"] + lost
        gas = groups["builder"] + groups["burned"]
        measures = (gas, groups["burned"] + lost, lost, -groups["borrowers"], nobody)
        outcomes = np.column_stack([*(groups[name] for name in LEDGER), *measures, served])
        return Plays(payoffs, outcomes)

    def batch(self, profile: IntArray, seed_block: int, n: int) -> Batch:
        """Seat the players of a profile and let them decide; a seat's luck is the same in every profile."""
        seated = np.repeat(np.arange(len(profile)), profile)
        names = [role.name for role in self.roles for _ in role.strategies]
        seats = tuple(names[column] for column in seated.tolist())
        rng = Streams(seed_block)("games/contest")
        coming, level, ties = rng.random((3, n, len(seats)))
        values = np.broadcast_to([_of_role(self.fight.value, name) for name in seats], (n, len(seats)))
        if self.fight.private:
            values = values * rng.random((n, len(seats)))
        worth = self.fight.worth(values)
        actions = np.empty((n, len(seats)))
        for column in np.flatnonzero(profile).tolist():
            mine = seated == column
            luck = Luck(coming[:, mine], level[:, mine])
            actions[:, mine] = self.strategies[column].act(worth[:, mine], luck)
        actions[~(worth >= 0)] = np.nan
        return Batch(actions, values, ties, self.fight.arrival_s(seats, n, rng))

    def actions(self, mixture: FloatArray, n: int) -> FloatArray:
        """Draw what a player of the first role does who uses a mixture, shape (n,); NaN stays out."""
        first = self.roles[0]
        rng = Streams(0)("games/actions")
        chosen = rng.choice(len(first.strategies), size=n, p=mixture / mixture.sum())
        coming, level, chance = rng.random((3, n))
        values = np.full(n, _of_role(self.fight.value, first.name))
        worth = self.fight.worth(values * chance if self.fight.private else values)
        acted = np.empty(n)
        for s in range(len(first.strategies)):
            mine = chosen == s
            acted[mine] = self.strategies[s].act(worth[mine], Luck(coming[mine], level[mine]))
        return np.where(worth >= 0, acted, np.nan)


def _of_role(value: float | Mapping[str, float], role: str) -> float:
    return value[role] if isinstance(value, Mapping) else value
