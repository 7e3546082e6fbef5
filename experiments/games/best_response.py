"""Best-response iteration: look for better replies outside the strategies of a game, add them, solve again.

This is how regret against strategies that nobody listed is measured (MODEL 3.10, point 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.stats import t as student_t

from ...market.streams import Streams
from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from .certificate import LEVEL, Certificate, certify
from .count_game import opponent_weights, powers_of
from .empirical_game import EmpiricalGame
from .mixed_profile import MixedProfile
from .payoff_source import PayoffSource
from .profiles import FloatArray, GameError, ProfileSpace, Role
from .sampling import play_profile
from .solvers.replicator import replicator
from .solvers.support_enumeration import support_enumeration

GRID = 9
"""Values of the parameter that are tried before the search goes into detail."""
REFINED = 10
"""Values tried in detail around the best of them."""

Build: TypeAlias = Callable[[Sequence[float]], PayoffSource]
_Key: TypeAlias = tuple[tuple[float, int], ...]


@dataclass(frozen=True, eq=False)
class Step:
    """One round: what is an equilibrium among the values so far, and the best reply found to it.

    Attributes
    ----------
    values : tuple of float
        Values of the parameter in the game.
    mixture : ndarray, shape (n_values,)
        Equilibrium that is replied to.
    n_equilibria : int
        Symmetric equilibria of that game; the one with fewest strategies in use is replied to.
    inside : Certificate
        Regret against the values of the game.
    reply : float
        Best value found.
    gain : float
        What it earns more, estimated with draws of its own.
    gain_interval : tuple of float
    """

    values: tuple[float, ...]
    mixture: FloatArray
    n_equilibria: int
    inside: Certificate
    reply: float
    gain: float
    gain_interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SearchHistory:
    """All rounds of a best-response iteration.

    Attributes
    ----------
    parameter : str
    epsilon : float
        Gain that does not matter.
    steps : tuple of Step
    settled : bool
        Whether the last gain is not surely above `epsilon`.
    game : EmpiricalGame
        Game of the last round.
    """

    parameter: str
    epsilon: float
    steps: tuple[Step, ...]
    settled: bool
    game: EmpiricalGame

    def table(self) -> pd.DataFrame:
        """One row for each round."""
        return pd.DataFrame(
            {
                "round": np.arange(len(self.steps)),
                "strategies": [len(step.values) for step in self.steps],
                "equilibria": [step.n_equilibria for step in self.steps],
                "mean_value": [float(np.dot(step.values, step.mixture)) for step in self.steps],
                "regret_inside": [step.inside.regret for step in self.steps],
                "regret_inside_low": [step.inside.interval[0] for step in self.steps],
                "regret_inside_high": [step.inside.interval[1] for step in self.steps],
                "reply": [step.reply for step in self.steps],
                "gain_outside": [step.gain for step in self.steps],
                "gain_outside_low": [step.gain_interval[0] for step in self.steps],
                "gain_outside_high": [step.gain_interval[1] for step in self.steps],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, as written to JSON."""
        last = self.steps[-1]
        return {
            "parameter": self.parameter,
            "epsilon": self.epsilon,
            "settled": self.settled,
            "mixture": {
                f"{value:.6g}": share
                for value, share in zip(last.values, last.mixture.tolist(), strict=True)
                if share > 0
            },
            "regret": last.inside.regret,
            "regret_interval": list(last.inside.interval),
            "outside_regret": max(0.0, last.gain),
            "outside_regret_interval": [max(0.0, end) for end in last.gain_interval],
            "rounds": self.table().to_dict("records"),
        }

    def draw(self, folder: Path) -> Path:
        """Draw the gain of the best reply, and the values in use, by round."""
        from ..figures.style import AFTER, BEFORE, drawing, new_figure, save

        table = self.table()
        rounds = table["round"].to_numpy(float)
        with drawing():
            figure = new_figure(8.0, 6.0)
            gains, values = figure.subplots(2, 1, sharex=True)
            low, gain, high = (table[f"gain_outside{end}"] for end in ("_low", "", "_high"))
            gains.errorbar(
                rounds, gain, yerr=[gain - low, high - gain],
                color=BEFORE, marker="o", capsize=3, label="gain of the best reply found",
            )  # fmt: skip
            gains.plot(
                rounds, table["regret_inside"], color=AFTER, ls="--", marker="s", label="regret inside"
            )
            gains.axhline(self.epsilon, color="black", ls=":", lw=1.2, label="epsilon")
            gains.set_ylabel("payoff")
            gains.legend()
            for step, at in zip(self.steps, rounds.tolist(), strict=True):
                used = step.mixture > 0
                values.scatter(
                    np.full(int(used.sum()), at), np.array(step.values)[used],
                    s=20 + 150 * step.mixture[used], color=BEFORE,
                )  # fmt: skip
                values.scatter([at], [step.reply], marker="x", color=AFTER)
            values.set_ylabel(self.parameter)
            values.set_xlabel("round (discs: in use, by share; cross: best reply found)")
            figure.suptitle("Best-response iteration", fontweight="bold")
            return save(figure, folder, "regret_by_round")


def best_response_iteration(
    build: Build,
    start: Sequence[float],
    *,
    low: float,
    high: float,
    epsilon: float,
    parameter: str = "parameter",
    samples: int = 20,
    plays: int = 1,
    first_block: int = 1,
    rounds: int = 10,
    grid: int = GRID,
    refine: int = REFINED,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> SearchHistory:
    """Add best replies in a continuous parameter until none is surely worth more than epsilon.

    1. Measure and solve the symmetric game of the values so far.
    2. With the same draws, try a grid of values against its equilibrium, then a bounded search (Brent)
       around the best.
    3. Measure the winner's gain again with draws that the search has not seen; otherwise luck would pass
       for gain.
    4. If the interval of the gain lies above epsilon, add the value and repeat.

    Source: Lanctot et al. (2017), "A unified game-theoretic approach to multiagent reinforcement
    learning", NeurIPS (PSRO); Schvartzman and Wellman (2009) for parameters of trading strategies.

    Parameters
    ----------
    build : callable
        Values of the parameter -> source of the symmetric game with one strategy for each, in order.
    start : sequence of float
    low, high : float
        Range of the search.
    epsilon : float
        Gain that does not matter.
    parameter : str
        Name, for the table.
    samples, plays : int
        Samples of each profile, and plays whose mean is one sample.
    first_block : int
        Draws of the first sample.
    rounds : int
        Most rounds.
    grid, refine : int
        Values on the grid, and most values tried after it.
    workers : int or Executor
        Processes, or where to run instead.
    progress : callable, optional
        Told the profiles done and the total of each batch.

    Raises
    ------
    GameError
        If a number is out of range, or the game has several roles.
    """
    if not (epsilon > 0 and low < high):
        raise GameError(
            f"epsilon = {epsilon}, low = {low}, high = {high}; allowed: epsilon above 0, low below high"
        )
    if samples < 2 or rounds < 1:
        raise GameError(f"samples = {samples}, rounds = {rounds}; allowed: samples from 2, rounds from 1")
    values = tuple(dict.fromkeys(float(value) for value in start))
    first = build(values)
    if len(first.roles) != 1:
        raise GameError(f"the search is for games of one role, got {len(first.roles)}")
    if not values or not all(low <= value <= high for value in values):
        raise GameError(f"start = {list(values)}; allowed: values from {low:g} to {high:g}")
    players = first.roles[0].players
    seen = _Payoffs(build, first_block, samples, plays, workers, progress)
    fresh = _Payoffs(build, first_block + samples, samples, plays, workers, progress)
    steps: list[Step] = []
    while True:
        game = seen.game(values, players)
        found = support_enumeration(game.mean).mixtures
        mixture = found[0] if found else replicator(game.mean, Streams(0)("games/replicator"))[0].mixture
        (inside,) = certify(
            game, [MixedProfile.symmetric(game.space, mixture)], Streams(0)("games/bootstrap")
        )
        used = {value: float(share) for value, share in zip(values, mixture, strict=True) if share > 0}

        def loss(value: float, used: dict[float, float] = used) -> float:
            return -float(seen.gain(used, players, value).mean())

        reply = best_value(loss, low, high, grid, refine)
        gain = fresh.gain(used, players, reply)
        mean, width = float(gain.mean()), half_width(gain)
        steps.append(Step(values, mixture, len(found), inside, reply, mean, (mean - width, mean + width)))
        settled = mean - width <= epsilon or reply in values
        if settled or len(steps) == rounds:
            return SearchHistory(parameter, epsilon, tuple(steps), settled, game)
        values = (*values, reply)


class _Payoffs:
    """Payoff samples of profiles over values of the parameter, each profile played once."""

    def __init__(
        self, build: Build, first: int, samples: int, plays: int, workers: Workers, progress: Progress | None
    ) -> None:
        self._build = build
        self._first, self._samples, self._plays = first, samples, plays
        self._workers, self._progress = workers, progress
        self._known: dict[_Key, dict[float, FloatArray]] = {}

    def play(self, keys: Iterable[_Key]) -> None:
        """Play profiles that are not known yet."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        jobs = []
        for key in missing:
            source = self._build([value for value, _ in key])
            profile = np.array([count for _, count in key])
            jobs.append((source, profile, self._first, self._samples, self._plays, None, 0))
        if jobs:
            for key, got in zip(
                missing, run_all(play_profile, jobs, self._progress, self._workers), strict=True
            ):
                self._known[key] = {value: got[:, c] for c, (value, _) in enumerate(key)}

    def game(self, values: Sequence[float], players: int) -> EmpiricalGame:
        """Measured game of these values."""
        names = tuple(repr(value) for value in values)
        space = ProfileSpace([Role("player", players, names)])
        keys = [_key(dict(zip(values, counts, strict=True))) for counts in space.simulated.tolist()]
        self.play(keys)
        samples = np.empty((self._samples, space.size))
        for entry, (p, column) in enumerate(zip(space.profile.tolist(), space.column.tolist(), strict=True)):
            samples[:, entry] = self._known[keys[p]][values[column]]
        return EmpiricalGame(space, samples)

    def gain(self, mixture: dict[float, float], players: int, value: float) -> FloatArray:
        """Return what a player gains with `value` when all others play `mixture`, by sample."""
        values = list(mixture)
        shares = np.array(list(mixture.values()))
        space = ProfileSpace([Role("player", players, tuple(map(repr, values)))])
        weights = opponent_weights(powers_of(shares, players), space.opponents[0], space.ways[0])
        faced = [dict(zip(values, counts, strict=True)) for counts in space.opponents[0].tolist()]
        self.play(_key(_plus(others, own)) for others in faced for own in (value, *values))
        total = np.zeros(self._samples)
        for others, weight in zip(faced, weights.tolist(), strict=True):
            total += weight * self._known[_key(_plus(others, value))][value]
            for own, share in mixture.items():
                total -= weight * share * self._known[_key(_plus(others, own))][own]
        return total


def best_value(
    loss: Callable[[float], float], low: float, high: float, grid: int = GRID, refine: int = REFINED
) -> float:
    """Least loss on a grid of values, and then around the best of them by Brent's bounded search.

    Parameters
    ----------
    loss : callable
    low, high : float
        Range.
    grid, refine : int
        Values on the grid, and most values tried after it; 0 for none.
    """
    tried = np.linspace(low, high, grid)
    losses = [loss(float(value)) for value in tried]
    best = int(np.argmin(losses))
    if refine == 0:
        return float(tried[best])
    bounds = (tried[max(best - 1, 0)], tried[min(best + 1, grid - 1)])
    refined: Any = minimize_scalar(
        lambda value: loss(float(value)), bounds=bounds, method="bounded", options={"maxiter": refine}
    )
    return float(refined.x) if refined.fun < losses[best] else float(tried[best])


def half_width(gain: FloatArray) -> float:
    """Half of Student's interval of a mean."""
    n = len(gain)
    return float(student_t.ppf(0.5 + LEVEL / 2.0, n - 1) * gain.std(ddof=1) / np.sqrt(n))


def _plus(counts: dict[float, int], value: float) -> dict[float, int]:
    return {**counts, value: counts.get(value, 0) + 1}


def _key(counts: dict[float, int]) -> _Key:
    return tuple(sorted((value, count) for value, count in counts.items() if count))
