"""Textbook games as payoff sources: their equilibria are known, so they check solvers and sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...market.streams import Streams
from .payoff_source import GameRole, PayoffSource
from .profiles import FloatArray, GameError, IntArray, Role


@dataclass(frozen=True)
class MatrixGame:
    """A player meets each of the others once and earns the mean of a symmetric two-player game.

    Hawk-dove, coordination or a dilemma, by its matrix. Noise stands for luck that all profiles share.

    Parameters
    ----------
    matrix : tuple of tuple of float
        Row strategy against column strategy.
    strategies : tuple of str
    players : int
    noise : float
        Standard deviation of a draw added to each strategy's payoff.
    role : str

    Raises
    ------
    GameError
        If the matrix is not square over the strategies, or not finite.
    """

    matrix: tuple[tuple[float, ...], ...]
    strategies: tuple[str, ...]
    players: int = 2
    noise: float = 0.0
    role: str = "player"

    def __post_init__(self) -> None:
        k = len(self.strategies)
        if len(self.matrix) != k or any(len(row) != k for row in self.matrix):
            raise GameError(f"contest.matrix must have {k} rows of {k} numbers, one for each strategy")
        if not np.isfinite(self.matrix).all():
            raise GameError("contest.matrix must be finite")
        if not 0 <= self.noise < np.inf:
            raise GameError(f"contest.noise = {self.noise}; allowed: finite and not negative")
        if self.players < 2:
            raise GameError(f"players = {self.players}; allowed: 2 or more")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role."""
        return (Role(self.role, self.players, self.strategies),)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"contest": "matrix", **asdict(self)}

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Play n times; see `PayoffSource`."""
        table = np.array(self.matrix)
        means = (table @ profile - np.diag(table)) / (self.players - 1)
        rng = Streams(seed_block)("games/matrix")
        return np.asarray(means + self.noise * rng.standard_normal((n, len(means))))


@dataclass(frozen=True)
class EntryGame:
    """Attempt a liquidation or stay out: all who attempt pay, one of them drawn at random wins.

    The mixed equilibrium solves ``v (1 - (1 - p)^n) / (n p) = c`` (MODEL 3.1, CASES G01).

    Parameters
    ----------
    value : float
        Worth of winning.
    cost : float
        Of an attempt.
    players : int
    role, strategies : str, tuple of str
        Names; the first strategy enters.

    Raises
    ------
    GameError
        If a parameter is out of range.
    """

    value: float
    cost: float
    players: int = 5
    role: str = "bot"
    strategies: tuple[str, str] = ("enter", "wait")

    def __post_init__(self) -> None:
        if not 0 < self.value < np.inf:
            raise GameError(f"contest.value = {self.value}; allowed: above 0 and finite")
        if not 0 <= self.cost < np.inf:
            raise GameError(f"contest.cost = {self.cost}; allowed: finite and not negative")
        if self.players < 1:
            raise GameError(f"players = {self.players}; allowed: 1 or more")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role."""
        return (Role(self.role, self.players, self.strategies),)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"contest": "entry", **asdict(self)}

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Play n times: who wins is drawn, and the prize goes to one seat.

        A player who enters sits in the first seat of those who enter, so that the payoff is that of
        one player and not a mean without luck.
        """
        entrants = int(profile[0])
        won = np.zeros((n, 2))
        if entrants:
            draws = Streams(seed_block)("games/entry").random(n)
            won[:, 0] = self.value * (draws * entrants < 1.0) - self.cost
        return won


@dataclass(frozen=True)
class TullockGame:
    """Effort buys chances: a player wins with its share of all efforts, and pays its effort in any case.

    With n equal players and exponent 1 all spend ``(n - 1) V / n^2`` in equilibrium (MODEL 3.4, CASES G06).

    Parameters
    ----------
    prize : float
    efforts : tuple of float
        One for each strategy, positive.
    strategies : tuple of str
    players : int
    exponent : float
    role : str

    Raises
    ------
    GameError
        If a parameter is out of range.
    """

    prize: float
    efforts: tuple[float, ...]
    strategies: tuple[str, ...]
    players: int = 2
    exponent: float = 1.0
    role: str = "player"

    def __post_init__(self) -> None:
        if not 0 < self.prize < np.inf:
            raise GameError(f"contest.prize = {self.prize}; allowed: above 0 and finite")
        if not 0 < self.exponent < np.inf:
            raise GameError(f"contest.exponent = {self.exponent}; allowed: above 0 and finite")
        for name, effort in zip(self.strategies, self.efforts, strict=True):
            if not 0 < effort < np.inf:
                raise GameError(f"strategies.{name}.effort = {effort}; allowed: above 0 and finite")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role."""
        return (Role(self.role, self.players, self.strategies),)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters."""
        return {"contest": "tullock", **asdict(self)}

    def payoffs(self, profile: IntArray, seed_block: int, n: int) -> FloatArray:
        """Play n times: the same draw decides whether a player of each strategy wins."""
        weights = np.array(self.efforts) ** self.exponent
        chances = weights / max(float(weights @ profile), 1e-300)
        draws = Streams(seed_block)("games/tullock").random((n, 1))
        return np.asarray(self.prize * (draws < chances) - np.array(self.efforts))


def matrix_game(
    roles: Sequence[GameRole], matrix: Sequence[Sequence[float]], noise: float = 0.0
) -> MatrixGame:
    """Make a `MatrixGame` for the one role of a game file."""
    role = _only(roles, "matrix")
    return MatrixGame(
        tuple(tuple(row) for row in matrix), tuple(role.strategies), role.players, noise, role.name
    )


def entry_game(roles: Sequence[GameRole], value: float, cost: float) -> EntryGame:
    """Make an `EntryGame` for the one role of a game file, whose strategies say ``enter = true`` or false."""
    role = _only(roles, "entry")
    choices = [parameters.get("enter") for parameters in role.strategies.values()]
    if choices != [True, False]:
        raise GameError(
            f"roles.{role.name}.strategies of an entry game are one with enter = true, "
            "then one with enter = false"
        )
    enter, wait = role.strategies
    return EntryGame(value, cost, role.players, role.name, (enter, wait))


def tullock_game(roles: Sequence[GameRole], prize: float, exponent: float = 1.0) -> TullockGame:
    """Make a `TullockGame` for the one role of a game file, whose strategies say ``effort``."""
    role = _only(roles, "tullock")
    efforts = []
    for name, parameters in role.strategies.items():
        effort = parameters.get("effort")
        if set(parameters) != {"effort"} or isinstance(effort, bool) or not isinstance(effort, int | float):
            raise GameError(f"roles.{role.name}.strategies.{name} of a tullock contest has effort, a number")
        efforts.append(float(effort))
    return TullockGame(prize, tuple(efforts), tuple(role.strategies), role.players, exponent, role.name)


def _only(roles: Sequence[GameRole], kind: str) -> GameRole:
    if len(roles) != 1:
        raise GameError(f"contest.kind = {kind!r} has one role, got {len(roles)}")
    return roles[0]


TEXTBOOK: dict[str, Callable[..., PayoffSource]] = {
    "matrix": matrix_game,
    "entry": entry_game,
    "tullock": tullock_game,
}
"""Textbook games by the name that a game file uses."""
