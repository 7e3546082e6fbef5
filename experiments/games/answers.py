"""Solve a measured game: candidates from a solver, each with its certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from ...market.streams import Streams
from .certificate import Certificate, Play, certify
from .count_game import SOLVED, CountGame
from .empirical_game import EmpiricalGame
from .meaning import Meaning
from .mixed_profile import MixedProfile
from .outside import OutsideRegret
from .profiles import FloatArray, GameError, ProfileSpace
from .solvers import bimatrix
from .solvers.quantal_response import quantal_path
from .solvers.regret_matching import regret_matching
from .solvers.replicator import replicator
from .solvers.support_enumeration import polish, support_enumeration

SOLVED_RESAMPLES = 200
MAX_PURE_PROFILES = 5_000


@dataclass(frozen=True, eq=False)
class Answer:
    """A profile, its certificate, and where it is from.

    Attributes
    ----------
    play : MixedProfile or JointPlay
    certificate : Certificate
    found_by : str
        Solver, or ``pure profile`` for one that is listed because it is pure.
    solved : bool
        Whether it is an equilibrium of the mean payoffs.
    frequency : float or None
        Share of resampled games that have an equilibrium with the same strategies in use; only of
        two-player games.
    outside : OutsideRegret or None
        Best reply found outside the strategies of the game, where one was looked for.
    meaning : Meaning or None
        What it means for others, where the plays tell.
    """

    play: Play
    certificate: Certificate
    found_by: str
    solved: bool
    frequency: float | None = None
    outside: OutsideRegret | None = None
    meaning: Meaning | None = None

    @property
    def holds(self) -> bool:
        """Whether it is or may be an equilibrium, and solves the mean payoffs if it claims Nash."""
        solved = self.solved or not isinstance(self.play, MixedProfile)
        return solved and self.certificate.verdict != "not an equilibrium"


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a solver proposes.

    Attributes
    ----------
    plays : tuple of (MixedProfile or JointPlay, str)
        Each with what found it.
    degenerate : bool
        There may be a continuum of equilibria.
    """

    plays: tuple[tuple[Play, str], ...]
    degenerate: bool = False


def solve(
    game: EmpiricalGame,
    solver: str = "supports",
    allowance: float | None = None,
) -> tuple[tuple[Answer, ...], bool]:
    """Find candidates and judge them.

    Parameters
    ----------
    game : EmpiricalGame
    solver : str
        One of `SOLVERS`.
    allowance : float, optional
        Regret that does not matter, in units of payoff; 1 % of the largest mean payoff if left out.

    Returns
    -------
    tuple of Answer
    bool
        Whether the mean payoffs are degenerate: there may be a continuum of equilibria.

    Raises
    ------
    GameError
        If there is no such solver, or it cannot solve this game.
    """
    if solver not in SOLVERS:
        raise GameError(f"solver = {solver!r}; allowed: {', '.join(SOLVERS)}")
    found = SOLVERS[solver](game.mean)
    plays = [play for play, _ in found.plays]
    rng = np.random.default_rng(0)
    certificates = certify(game, plays, rng, allowance)
    two = is_two_player(game.space) and solver == "supports"
    frequencies = _frequencies(game, plays) if two else [None] * len(plays)
    limit = SOLVED * 10 * game.mean.scale
    answers = tuple(
        Answer(play, certificate, by, certificate.regret <= limit, frequency)
        for (play, by), certificate, frequency in zip(found.plays, certificates, frequencies, strict=True)
    )
    return answers, found.degenerate


def is_two_player(space: ProfileSpace) -> bool:
    """Whether the game that is solved has two players."""
    return sum(space.players) == 2 and not space.is_reduced


def two_player_equilibria(game: CountGame) -> tuple[list[MixedProfile], bool]:
    """All extreme equilibria of a two-player game, asymmetric ones included, and whether it is degenerate."""
    rows, columns = _bimatrix(game)
    solution = bimatrix.support_enumeration(rows, columns)
    return [_profile(game.space, e) for e in solution.equilibria], solution.degenerate


def pure_profiles(space: ProfileSpace) -> list[MixedProfile]:
    """Profiles in which everybody uses one strategy."""
    return [MixedProfile.pure(space, counts) for counts in space.simulated]


def _supports(game: CountGame) -> Candidates:
    if is_two_player(game.space):
        plays, degenerate = two_player_equilibria(game)
        named: list[tuple[Play, str]] = [(play, "support enumeration") for play in plays]
        named += [(play, "pure profile") for play in _pure_pairs(game.space)]
    else:
        solution = support_enumeration(game)
        degenerate = solution.degenerate
        named = [
            (MixedProfile.symmetric(game.space, mixture), "support enumeration")
            for mixture in solution.mixtures
        ]
        if not game.space.is_reduced and len(game.space.simulated) <= MAX_PURE_PROFILES:
            named += [(play, "pure profile") for play in _stable_pure(game)]
    return Candidates(tuple(_distinct(named)), degenerate)


def _replicator(game: CountGame) -> Candidates:
    rests = replicator(game, Streams(0)("games/replicator"))
    return Candidates(
        tuple(
            (
                MixedProfile.symmetric(game.space, rest.mixture),
                "replicator" if rest.converged else "replicator (still moving)",
            )
            for rest in rests
        )
    )


def _quantal(game: CountGame) -> Candidates:
    end = quantal_path(game).mixtures[-1]
    polished = polish(game, end)
    by = "end of the quantal response path"
    mixture = end if polished is None else polished
    return Candidates(((MixedProfile.symmetric(game.space, mixture), by),))


def _regret_matching(game: CountGame) -> Candidates:
    return Candidates(((regret_matching(game, Streams(0)("games/regret-matching")), "regret matching"),))


SOLVERS: dict[str, Callable[[CountGame], Candidates]] = {
    "supports": _supports,
    "replicator": _replicator,
    "quantal-response": _quantal,
    "regret-matching": _regret_matching,
}
"""Name -> what proposes candidates at given payoffs."""


def _pure_pairs(space: ProfileSpace) -> list[MixedProfile]:
    if len(space.roles) == 2:
        return pure_profiles(space)
    pure = np.eye(space.n_columns)
    return [
        MixedProfile(space, (np.array([pure[i], pure[j]]),))
        for i, j in combinations_with_replacement(range(len(pure)), 2)
    ]


def _stable_pure(game: CountGame) -> list[MixedProfile]:
    """Pure profiles that are equilibria of the mean payoffs, asymmetric ones included."""
    space = game.space
    by_place = np.full((len(space.simulated), space.n_columns), np.nan)
    by_place[space.profile, space.column] = game.payoffs
    places = {tuple(row): p for p, row in enumerate(space.simulated.tolist())}
    found = []
    for p, counts in enumerate(space.simulated.tolist()):
        gain = -np.inf
        for part in space.slices:
            for s in range(part.start, part.stop):
                for t in range(part.start, part.stop):
                    if counts[s] and t != s:
                        after = counts.copy()
                        after[s] -= 1
                        after[t] += 1
                        gain = max(gain, by_place[places[tuple(after)], t] - by_place[p, s])
        if gain <= SOLVED * game.scale:
            found.append(MixedProfile.pure(space, counts))
    return found


def _distinct(named: list[tuple[Play, str]]) -> list[tuple[Play, str]]:
    kept: list[tuple[Play, str]] = []
    for play, by in named:
        assert isinstance(play, MixedProfile)
        if not any(isinstance(other, MixedProfile) and play.same_as(other) for other, _ in kept):
            kept.append((play, by))
    return kept


def _bimatrix(game: CountGame, payoffs: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Payoffs of both players, rows being the strategies of the first."""
    space = game.space
    flat = game.payoffs if payoffs is None else payoffs
    tables = [
        flat[part].reshape(len(role.strategies), -1)
        for role, part in zip(space.roles, space.blocks, strict=True)
    ]
    if len(tables) == 1:
        return tables[0], tables[0].T
    return tables[0], tables[1].T


def _profile(space: ProfileSpace, found: bimatrix.MixedProfile) -> MixedProfile:
    if len(space.roles) == 1:
        return MixedProfile(space, (np.array([found.row, found.column]),))
    return MixedProfile(space, (found.row[None, :], found.column[None, :]))


def _frequencies(game: EmpiricalGame, plays: list[Play]) -> list[float | None]:
    """Share of resampled games with an equilibrium that uses the same strategies."""
    rng = np.random.default_rng(0)
    solved = []
    for payoffs in game.resampled_payoffs(SOLVED_RESAMPLES, rng):
        rows, columns = _bimatrix(game.mean, payoffs)
        equilibria = bimatrix.support_enumeration(rows, columns).equilibria
        solved.append({_profile(game.space, e).supports() for e in equilibria})
    return [
        sum(play.supports() in supports for supports in solved) / len(solved)
        if isinstance(play, MixedProfile)
        else None
        for play in plays
    ]
