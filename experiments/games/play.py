"""Play a game from beginning to end: sample it, solve it, say how sure the answers are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ..runs.executors import Workers, opened
from ..runs.parallel import Progress
from .answers import SOLVERS, Answer, solve
from .best_response import SearchHistory, best_response_iteration
from .certificate import Play
from .dominance import dominated_strategies
from .empirical_game import EmpiricalGame
from .liquidation_game import LiquidationGame, load_game_file
from .meaning import meaning
from .mixed_profile import MixedProfile
from .outside import OutsideRegret, outside_regret
from .payoff_source import PayoffSource
from .profiles import GameError
from .report import GameReport
from .sampling import MAX_SAMPLES


class PlaySettings(TypedDict, total=False):
    """How games are sampled and solved: the parameters of `play` that all cases of a series share."""

    solver: str
    tolerance: float | None
    half_width: float | None
    max_samples: int
    search_rounds: int
    outside: bool
    overrides: Sequence[str]


def play(
    game: str | Path | LiquidationGame = "quick",
    samples: int | None = None,
    *,
    solver: str = "supports",
    tolerance: float | None = None,
    half_width: float | None = None,
    max_samples: int = MAX_SAMPLES,
    search_rounds: int = 0,
    outside: bool = True,
    overrides: Sequence[str] = (),
    workers: Workers = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> GameReport:
    """Play a game and solve it from the sampled payoffs.

    Parameters
    ----------
    game : str, Path or LiquidationGame
        A packaged name, a TOML file, or a game.
    samples : int, optional
        Samples of each profile, the same draws for all; of a scenario, seeds. What the game says if left
        out.
    solver : str
        One of `answers.SOLVERS`.
    tolerance : float, optional
        Regret that does not matter, in units of payoff; 1 % of the largest mean payoff if left out.
    half_width : float, optional
        Sample on until no answer's regret interval is wider than twice this.
    max_samples : int
        Most samples of one profile.
    search_rounds : int
        Most rounds of best-response search outside the strategies; needs ``[search]``.
    outside : bool
        Measure the regret of each equilibrium outside the strategies, where the game has ``[search]``.
    overrides : sequence of str
        Changes to the game's scenario, each ``path.to.key=value``.
    workers : int or Executor
        Processes, or where to run instead.
    folder : Path, optional
        Where finished profiles and results are kept; an interrupted game goes on from there.
    progress : callable, optional
        Told what is done and the total.

    Raises
    ------
    ScenarioError
        If there is no such game, it cannot run, or the samples are too few.
    """
    plan = game if isinstance(game, LiquidationGame) else load_game_file(game)
    if solver not in SOLVERS:
        raise GameError(f"solver = {solver!r}; allowed: {', '.join(SOLVERS)}")
    if plan.cases or plan.vary:
        raise GameError(f"game {plan.name!r} has several cases; they are played by play_series")
    samples = plan.samples if samples is None else samples
    if search_rounds and plan.search is None:
        raise GameError(f"game {plan.name!r} has no [search], so there is no parameter to search in")
    if search_rounds and plan.search is not None:
        plan.with_values([plan.search.low])  # refused before anything is sampled
    if search_rounds and plan.reduced is not None:
        raise GameError("reduced and a search exclude each other: replies meet whole profiles")
    if tolerance is not None and not tolerance >= 0:
        raise GameError(f"tolerance = {tolerance}; allowed: not negative")

    def certain(measured: EmpiricalGame) -> list[Play]:
        return [answer.play for answer in solve(measured, solver, tolerance)[0] if answer.solved]

    with opened(workers) as executor:
        measured = plan.sample(
            samples,
            overrides=overrides,
            half_width=half_width,
            max_samples=max_samples,
            solve=certain,
            workers=executor,
            folder=folder,
            progress=progress,
        )
        judged, degenerate = solve(measured, solver, tolerance)
        looked = outside and plan.search is not None
        answers = tuple(
            dataclasses.replace(
                answer,
                outside=_outside(plan, answer, samples, overrides, executor, progress) if looked else None,
                meaning=meaning(measured, answer.play),
            )
            if answer.holds
            else answer
            for answer in judged
        )
        history = (
            _search(plan, samples, search_rounds, overrides, executor, progress) if search_rounds else None
        )
    report = GameReport(
        plan, solver, measured, answers, degenerate, tuple(dominated_strategies(measured)), history
    )
    if folder is not None:
        report.save(folder)
    return report


def _outside(
    plan: LiquidationGame,
    answer: Answer,
    samples: int,
    overrides: Sequence[str],
    workers: Workers,
    progress: Progress | None,
) -> OutsideRegret | None:
    search = plan.search
    if search is None or not isinstance(answer.play, MixedProfile):
        return None
    return outside_regret(
        lambda value: plan.with_reply(value).source(overrides),
        answer.play,
        search.role,
        parameter=search.parameter,
        low=search.low,
        high=search.high,
        grid=search.grid,
        refine=search.refine,
        samples=samples,
        plays=plan.plays,
        first_block=1,
        workers=workers,
        progress=progress,
    )


def _search(
    plan: LiquidationGame,
    samples: int,
    rounds: int,
    overrides: Sequence[str],
    workers: Workers,
    progress: Progress | None,
) -> SearchHistory:
    assert plan.search is not None
    search = plan.search

    def build(values: Sequence[float]) -> PayoffSource:
        return plan.with_values(values).source(overrides)

    return best_response_iteration(
        build,
        [float(parameters[search.parameter]) for parameters in plan.roles[0].strategies.values()],
        low=search.low,
        high=search.high,
        epsilon=search.epsilon,
        parameter=search.parameter,
        samples=samples,
        plays=plan.plays,
        rounds=rounds,
        grid=search.grid,
        refine=search.refine,
        workers=workers,
        progress=progress,
    )
