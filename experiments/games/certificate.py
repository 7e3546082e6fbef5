"""Regret certificates: what a player could gain by deviating, how sure that is, and what it may be called.

Regret is the most that one player gains by choosing alone another strategy of the
game (MODEL 3.10). Finding answers is the solvers' work, looking
for strategies outside the game that of `best_response`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from .count_game import CountGame
from .empirical_game import EmpiricalGame
from .mixed_profile import MixedProfile
from .profiles import FloatArray, GameError
from .solvers.regret_matching import JointPlay

Verdict: TypeAlias = Literal[
    "equilibrium",
    "possible equilibrium",
    "coarse correlated equilibrium",
    "possible coarse correlated equilibrium",
    "not an equilibrium",
]
Play: TypeAlias = MixedProfile | JointPlay

RESAMPLES = 4000
TOLERANCE = 0.01
"""Regret that does not matter, as a share of the largest mean payoff (absolute value)."""
LEVEL = 0.95


@dataclass(frozen=True)
class Certificate:
    """How far a profile is from an equilibrium.

    Attributes
    ----------
    regret : float
        Largest gain of a player from deviating alone, at the mean payoffs.
    interval : tuple of float
        Bootstrap interval of the regret, see `regret_interval`; both ends are the regret itself if the
        payoffs are given exactly.
    nash_conv : float
        Regrets of all players, added.
    tolerance : float
        Regret that does not matter.
    verdict : str
        ``equilibrium`` if the interval ends at or below the tolerance, ``not an equilibrium`` if it begins
        above, ``possible equilibrium`` if the samples do not tell. Joint play is called a coarse
        correlated equilibrium, never a Nash equilibrium.
    """

    regret: float
    interval: tuple[float, float]
    nash_conv: float
    tolerance: float
    verdict: Verdict

    @property
    def half_width(self) -> float:
        """Half of the width of the interval."""
        return (self.interval[1] - self.interval[0]) / 2.0


def tolerance(game: CountGame) -> float:
    """Regret that does not matter in a measured game, in units of payoff."""
    return TOLERANCE * float(np.abs(game.payoffs).max())


def certify_exactly(game: CountGame, play: Play, allowance: float | None = None) -> Certificate:
    """Judge a profile at given payoffs.

    Parameters
    ----------
    game : CountGame
    play : MixedProfile or JointPlay
    allowance : float, optional
        Regret that does not matter; 1e-8 of the range of payoffs if left out.
    """
    limit = 1e-8 * game.scale if allowance is None else allowance
    gains = play.gain_coefficients() @ game.payoffs
    value = max(0.0, float(gains.max()))
    return Certificate(
        value, (value, value), _nash_conv(play, gains), limit, _verdict(play, value, value, limit)
    )


def certify(
    game: EmpiricalGame,
    plays: Sequence[Play],
    rng: np.random.Generator,
    allowance: float | None = None,
    level: float = LEVEL,
) -> list[Certificate]:
    """Estimate the regret of profiles from the payoff samples and say which may be called equilibria.

    Parameters
    ----------
    game : EmpiricalGame
    plays : sequence of MixedProfile or JointPlay
        Held fixed; that they may have been found from the same samples is not counted.
    rng : numpy Generator
        For the bootstrap; all profiles are judged in the same resamples.
    allowance : float, optional
        Regret that does not matter; `tolerance` of the mean payoffs if left out.
    level : float
        Confidence.

    Raises
    ------
    GameError
        If there are too few samples for an interval of this level.
    """
    limit = tolerance(game.mean) if allowance is None else allowance
    if not plays:
        return []
    coefficients = [play.gain_coefficients() for play in plays]
    resampled = game.resampled_values(np.concatenate(coefficients), RESAMPLES, rng)
    ends = np.cumsum([len(rows) for rows in coefficients])[:-1]
    certificates = []
    for play, rows, gains in zip(plays, coefficients, np.split(resampled, ends, axis=1), strict=True):
        means = rows @ game.mean.payoffs
        value = max(0.0, float(means.max()))
        low, high = regret_interval(gains, level, sum(size * n for size, n in play.gain_groups()))
        verdict = _verdict(play, low, high, limit)
        # Without noise both ends are the regret but for rounding.
        interval = (min(low, value), max(high, value))
        certificates.append(Certificate(value, interval, _nash_conv(play, means), limit, verdict))
    return certificates


def regret_interval(
    gains: FloatArray, level: float = LEVEL, deviations: int | None = None
) -> tuple[float, float]:
    """Bootstrap interval of a profile's regret.

    The upper end is a quantile of the resampled regret. The lower end is the best lower bound of a
    single deviation's gain, corrected for their number (Bonferroni), and not below zero: a resampled
    regret is never negative, so its own lower quantile would almost never be 0.

    Parameters
    ----------
    gains : ndarray, shape (n_resamples, n_gains)
        Resampled gains from each deviation.
    level : float
        Confidence.
    deviations : int, optional
        Deviations of all players; those of players that do the same are one column of `gains`.

    Raises
    ------
    GameError
        If `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise GameError(f"level = {level}; allowed: between 0 and 1")
    tail = (1.0 - level) / 2.0
    low = max(0.0, float(np.quantile(gains, tail / (deviations or gains.shape[-1]), axis=0).max()))
    return low, max(low, float(np.quantile(gains.max(axis=-1), 1.0 - tail)))


def _verdict(play: Play, low: float, high: float, limit: float) -> Verdict:
    joint = isinstance(play, JointPlay)
    if low > limit:
        return "not an equilibrium"
    if high <= limit:
        return "coarse correlated equilibrium" if joint else "equilibrium"
    return "possible coarse correlated equilibrium" if joint else "possible equilibrium"


def _nash_conv(play: Play, gains: FloatArray) -> float:
    """Sum of the players' regrets from the gains of each group of players that do the same."""
    total, start = 0.0, 0
    for size, players in play.gain_groups():
        total += players * max(0.0, float(gains[start : start + size].max()))
        start += size
    return total
