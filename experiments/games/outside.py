"""Regret against strategies that the game does not list: the best reply in a continuous parameter.

A certificate speaks of the strategies of the game only; this is the figure beside it
(MODEL 3.10). `best_response` goes on and adds what is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from .best_response import best_value, half_width
from .mixed_profile import MixedProfile
from .payoff_source import PayoffSource
from .profiles import FloatArray, IntArray, ProfileSpace
from .sampling import play_profile

Extend: TypeAlias = Callable[[float], PayoffSource]
"""Value of the parameter -> the game's source with one more strategy, the last of the searching role."""


@dataclass(frozen=True)
class OutsideRegret:
    """What a player of a role could gain with the best strategy found outside the game.

    Attributes
    ----------
    role, parameter : str
    value : float
        Of the parameter, in the best reply found.
    gain : float
        What it earns more than the profile, measured with draws that the search has not seen.
    interval : tuple of float
        Student's interval of the gain.
    """

    role: str
    parameter: str
    value: float
    gain: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON; a gain below zero leaves no regret."""
        return {
            "outside_regret": max(0.0, self.gain),
            "outside_regret_interval": [max(0.0, end) for end in self.interval],
            "outside_reply": {"role": self.role, self.parameter: self.value},
        }


def outside_regret(
    extend: Extend,
    play: MixedProfile,
    role: str,
    *,
    parameter: str,
    low: float,
    high: float,
    grid: int,
    refine: int,
    samples: int,
    plays: int,
    first_block: int,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> OutsideRegret:
    """Search the best reply to a profile and measure what it gains.

    1. Try a grid of values and then search around the best of them (Brent), against everything that the
       others may do in the profile, with the draws of the game.
    2. Measure the winner's gain with draws of their own, or luck in the search would pass for gain.
    3. Where players of the role do different things, do so for each and keep the greatest gain.

    Parameters
    ----------
    extend : callable
    play : MixedProfile
    role : str
        Whose player deviates.
    parameter : str
        Name, for the answer.
    low, high : float
        Range of the search.
    grid, refine : int
        Values on the grid, and most values tried after it.
    samples, plays : int
        Samples, and plays whose mean is one sample.
    first_block : int
        Draws of the first sample.
    workers : int or Executor
        Processes, or where to run instead.
    progress : callable, optional
    """
    space = play.space
    r = [one.name for one in space.roles].index(role)
    found = []
    for q, i in play.groups():
        if q != r:
            continue
        faced, weights = _faced(space, play, r, i)
        own = play.mixes[r][i]

        def earned(
            value: float, first: int, faced: IntArray = faced, weights: FloatArray = weights
        ) -> FloatArray:
            source = extend(value)
            at = space.slices[r].stop
            jobs = [np.insert(others, at, 1) for others in faced]
            got = _play(source, jobs, first, samples, plays, workers, progress)
            return np.asarray(weights @ np.array([one[:, at] for one in got]))

        def loss(value: float) -> float:
            return -float(earned(value, first_block).mean())

        reply = best_value(loss, low, high, grid, refine)
        fresh = first_block + samples
        gain = earned(reply, fresh)
        source, at = extend(reply), space.slices[r].start
        for s in np.flatnonzero(own).tolist():
            jobs = [np.insert(_plus(others, at + s), space.slices[r].stop, 0) for others in faced]
            got = _play(source, jobs, fresh, samples, plays, workers, progress)
            for weight, one in zip(weights.tolist(), got, strict=True):
                gain = gain - own[s] * weight * one[:, at + s]
        mean, width = float(gain.mean()), half_width(gain)
        found.append(OutsideRegret(role, parameter, reply, mean, (mean - width, mean + width)))
    return max(found, key=lambda one: one.gain)


def _faced(space: ProfileSpace, play: MixedProfile, role: int, player: int) -> tuple[IntArray, FloatArray]:
    """Return what the others may do in the whole game, shape (n, n_columns), and how likely it is."""
    weights = play.opponents(role, player)
    likely = np.flatnonzero(weights > 1e-9)
    entries = space.blocks[role].start + likely  # of the role's first strategy
    whole = space.simulated[space.profile[entries]].copy()
    whole[:, space.slices[role].start] -= 1
    return whole, weights[likely] / weights[likely].sum()


def _play(
    source: PayoffSource,
    profiles: list[IntArray],
    first: int,
    samples: int,
    plays: int,
    workers: Workers,
    progress: Progress | None,
) -> list[FloatArray]:
    jobs = [(source, profile, first, samples, plays, None, 0) for profile in profiles]
    return run_all(play_profile, jobs, progress, workers)


def _plus(counts: IntArray, column: int) -> IntArray:
    after = counts.copy()
    after[column] += 1
    return after
