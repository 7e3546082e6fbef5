"""The search: a sampler proposes designs, each is run, and what no other design beats is run again.

The sampler is the multi-objective tree-structured Parzen estimator of Optuna (Ozaki et al.
2020). It proposes one design after the other, so that a search repeats exactly, however many
processes run its seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runs.executors import Workers, opened
from ..runs.journal import RunJournal
from ..runs.metrics import lean, measure
from ..runs.parallel import Progress, run_all
from ..runs.run import run
from ..scenarios.base import ScenarioError
from ..statistics import pareto_front
from ..sweeps import Factor, SweepPlan
from ..sweeps.designs import Point
from ..sweeps.factors import Value
from .plan import OptimizePlan, load_optimize_plan
from .report import OptimizeReport

Floats = NDArray[np.float64]


def optimize(
    plan: str | Path | OptimizePlan,
    progress: Progress | None = None,
    workers: Workers = 1,
    journal: RunJournal | None = None,
) -> OptimizeReport:
    """Search a design for its trade-offs.

    Parameters
    ----------
    plan : str, Path or OptimizePlan
    progress : callable, optional
        Told the runs done and an upper bound of their number.
    workers : int or Executor
        Processes, or where to run instead. Designs are proposed one by one: at most as many as there
        are seeds have something to do.
    journal : RunJournal, optional
        Keeps finished runs; a search that was cut short goes on from them.

    Raises
    ------
    ScenarioError
        If the plan cannot run, no design could be measured, or Optuna is not installed.
    """
    plan = load_optimize_plan(plan)
    optuna = _optuna()
    sweep = plan.as_sweep()
    sweep.check()
    signs = np.array([objective.sign for objective in plan.objectives])
    study = optuna.create_study(
        directions=["minimize" if sign > 0 else "maximize" for sign in signs],
        sampler=optuna.samplers.TPESampler(seed=plan.sampler_seed, n_startup_trials=max(4, plan.trials // 4)),
    )
    told = progress or (lambda done, total: None)
    total = plan.trials * plan.seeds
    scores: dict[Point, Floats] = {}
    with opened(workers) as executor:
        for number in range(plan.trials):
            trial = study.ask()
            point = tuple(_propose(trial, factor) for factor in plan.factors)
            if point not in scores:
                scores[point] = _scores(sweep, point, plan.search_seeds(), executor, journal)
            means = _means(scores[point])
            if np.isnan(means).any():
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, means.tolist())
            told((number + 1) * plan.seeds, total)
        points = list(scores)
        searched = np.array([_means(scores[point]) for point in points])
        front = pareto_front(searched * signs)
        if not len(front):
            raise ScenarioError(
                f"search {plan.name}: no design has all objectives; allowed: metrics that exist"
            )
        jobs = [(sweep, points[row], seed) for row in front for seed in plan.unseen_seeds()]
        rows = run_all(_one_run, jobs, lambda done, more: told(total + done, total + more), executor, journal)
    fresh = np.array(rows).reshape(len(front), plan.fresh_seeds, len(signs))
    return OptimizeReport(plan, points, searched, front, fresh)


def _optuna() -> Any:
    """Return the library, silent.

    Raises
    ------
    ScenarioError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ScenarioError(
            'a search needs Optuna, which is missing; install it with pip install "liquidarium[optimize]"'
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _propose(trial: Any, factor: Factor) -> Value:
    if factor.labels:
        place: int = trial.suggest_categorical(factor.name, list(range(len(factor.labels))))
        return factor.labels[place]
    return factor.at([trial.suggest_float(factor.name, 0.0, 1.0)])[0]


def _scores(
    sweep: SweepPlan, point: Point, seeds: Sequence[int], workers: Workers, journal: RunJournal | None
) -> Floats:
    """Return the metrics of a design, shape (seeds, objectives)."""
    return np.array(run_all(_one_run, [(sweep, point, seed) for seed in seeds], None, workers, journal))


def _one_run(sweep: SweepPlan, point: Point, seed: int) -> list[float]:
    return list(measure(run(lean(sweep.scenario_at(point)), seed), sweep.measured()).values())


def _means(scores: Floats) -> Floats:
    """Return means over the seeds in which a metric exists; nan where it exists in none."""
    known = ~np.isnan(scores)
    sums, counts = np.where(known, scores, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0))
