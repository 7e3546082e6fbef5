"""Regret of a profile in a measured symmetric game, and whether it may be called an equilibrium.

Regret is the most that one player could gain by choosing alone another strategy
(MODEL 3.10: report it with a bootstrap interval). Finding
candidates is `support_enumeration`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .empirical import EmpiricalGame
from .support_enumeration import MixedProfile, support_enumeration

FloatArray = NDArray[np.float64]
Verdict = Literal["equilibrium", "possible equilibrium", "not an equilibrium"]

RESAMPLES = 4000
SOLVED_RESAMPLES = 200
TOLERANCE = 0.01
"""Regret that does not matter, as a share of the largest mean payoff (absolute value)."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A profile, its regret, and what may be said of it.

    Attributes
    ----------
    profile : MixedProfile
    regret_usd : float
        Largest gain of a player from deviating alone, at the mean payoffs.
    regret_interval_usd : tuple of float
        Bootstrap interval.
    frequency : float
        Share of resampled games that have an equilibrium with the same strategies in use.
    verdict : str
        ``equilibrium`` if the interval ends below the tolerance, ``not an equilibrium`` if it begins
        above, ``possible equilibrium`` if the samples do not tell.
    """

    profile: MixedProfile
    regret_usd: float
    regret_interval_usd: tuple[float, float]
    frequency: float
    verdict: Verdict


def deviation_gains(payoffs: FloatArray, profile: MixedProfile) -> FloatArray:
    """Gain of each player from each pure deviation.

    Parameters
    ----------
    payoffs : ndarray, shape (..., k, k)
        Symmetric games: payoff of the row strategy against the column strategy.
    profile : MixedProfile

    Returns
    -------
    ndarray, shape (..., 2 k)
        First the row player's deviations, then the column player's.
    """
    gains = []
    for own, other in ((profile.row, profile.column), (profile.column, profile.row)):
        values = payoffs @ other
        gains.append(values - (values @ own)[..., None])
    return np.concatenate(gains, axis=-1)


def regret(payoffs: FloatArray, profile: MixedProfile) -> FloatArray:
    """Largest gain of a player from deviating alone, shape (...) for payoffs of shape (..., k, k)."""
    return np.asarray(deviation_gains(payoffs, profile).max(axis=-1))


def candidates(game: EmpiricalGame) -> list[MixedProfile]:
    """Profiles worth judging: the equilibria of the mean payoffs, then all other pure profiles.

    Of two profiles that differ only in who plays which part, one is listed.
    """
    k = len(game.strategies)
    pure = np.eye(k)
    profiles = list(support_enumeration(game.payoffs, game.payoffs.T).equilibria)
    profiles += [MixedProfile(pure[i], pure[j]) for i in range(k) for j in range(i, k)]
    kept: list[MixedProfile] = []
    for profile in profiles:
        mirrored = MixedProfile(profile.column, profile.row)
        if not any(_same(profile, other) or _same(mirrored, other) for other in kept):
            kept.append(profile)
    return kept


def regret_interval(games: FloatArray, profile: MixedProfile, level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of a profile's regret.

    The upper end is a quantile of the resampled regret. The lower end is the best lower bound of a
    single deviation's gain, corrected for their number (Bonferroni), and not below zero: a resampled
    regret is never negative, so its own lower quantile would almost never be 0.

    Parameters
    ----------
    games : ndarray, shape (n_resamples, k, k)
        Resampled payoffs.
    profile : MixedProfile
        Held fixed; that it may have been found from the same samples is not counted.
    level : float
        Confidence.
    """
    gains = deviation_gains(games, profile)
    tail = (1.0 - level) / 2.0
    low = max(0.0, float(np.quantile(gains, tail / gains.shape[-1], axis=0).max()))
    return low, max(low, float(np.quantile(gains.max(axis=-1), 1.0 - tail)))


def judge(
    game: EmpiricalGame, profiles: list[MixedProfile], rng: np.random.Generator, level: float = 0.95
) -> list[Answer]:
    """Estimate the regret of profiles and say which may be called equilibria.

    Parameters
    ----------
    game : EmpiricalGame
    profiles : list of MixedProfile
    rng : numpy Generator
        For the bootstrap.
    level : float
        Confidence of the intervals, see `regret_interval`.
    """
    games = game.resampled(RESAMPLES, rng)
    allowance = tolerance_usd(game)
    solved = [
        {_supports(e) for e in support_enumeration(payoffs, payoffs.T).equilibria}
        for payoffs in games[:SOLVED_RESAMPLES]
    ]
    answers = []
    for profile in profiles:
        low, high = regret_interval(games, profile, level)
        value = max(0.0, float(regret(game.payoffs, profile)))
        support = _supports(profile)
        frequency = sum(support in supports for supports in solved) / len(solved)
        verdict: Verdict = "possible equilibrium"
        if low > allowance:
            verdict = "not an equilibrium"
        elif high <= allowance:
            verdict = "equilibrium"
        answers.append(Answer(profile, value, (low, high), frequency, verdict))
    return answers


def tolerance_usd(game: EmpiricalGame) -> float:
    """Regret that does not matter in this game, USD."""
    return TOLERANCE * float(np.abs(game.payoffs).max())


def _same(one: MixedProfile, other: MixedProfile) -> bool:
    return bool(np.allclose(one.row, other.row) and np.allclose(one.column, other.column))


def _supports(profile: MixedProfile) -> tuple[tuple[int, ...], tuple[int, ...]]:
    row, column = (tuple(np.flatnonzero(mix).tolist()) for mix in profile)
    return row, column
