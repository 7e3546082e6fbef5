"""Calibrate a scenario: simulate, fit, and score on seeds and targets that the fit has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..runs.executors import Workers, opened
from ..runs.journal import RunJournal
from ..runs.metrics import lean
from ..runs.parallel import Progress, run_all
from ..runs.run import run
from ..scenarios import load_scenario
from ..scenarios.base import ScenarioError
from ..sweeps.designs import Point
from .estimator import simulated_moments
from .moments import find_moment
from .plan import CalibrationPlan, load_calibration
from .report import CalibrationReport

Floats = NDArray[np.float64]


def calibrate(
    plan: str | Path | CalibrationPlan,
    progress: Progress | None = None,
    workers: Workers = 1,
    journal: RunJournal | None = None,
) -> CalibrationReport:
    """Fit a scenario's parameters to targets by the simulated method of moments.

    Parameters
    ----------
    plan : str, Path or CalibrationPlan
    progress : callable, optional
        Told the runs done and the most there can be.
    workers : int or Executor
        Processes, or where to run instead; at most as many as there are seeds have something to do.
    journal : RunJournal, optional
        Keeps finished runs; a fit that was cut short goes on from them.

    Raises
    ------
    ScenarioError
        If the plan cannot run, or its moments do not exist.
    """
    plan = load_calibration(plan)
    plan.as_sweep().check()
    scenario = load_scenario(plan.scenario, plan.set)
    for target in plan.targets:
        find_moment(target.moment, scenario)
    told = progress or (lambda done, total: None)
    most = (plan.starts + 2 * plan.evaluations + 2 * len(plan.parameters)) * plan.seeds + plan.fresh_seeds
    done = 0

    def simulate(u: Floats, seeds: Sequence[int], moments: Sequence[str]) -> Floats:
        nonlocal done
        point = _point(plan, u)
        rows = run_all(
            _one_run, [(plan, point, seed, tuple(moments)) for seed in seeds], None, executor, journal
        )
        done += len(seeds)
        told(min(done, most), most)
        return np.array(rows)

    fitted = [target.moment for target in plan.fitted]
    seeds = range(1, plan.seeds + 1)
    with opened(workers) as executor:
        try:
            estimate = simulated_moments(
                lambda u: simulate(u, seeds, fitted),
                np.array([target.value for target in plan.fitted]),
                np.array([np.nan if target.se is None else target.se for target in plan.fitted]),
                len(plan.parameters),
                plan.starts,
                plan.evaluations,
            )
        except ValueError as error:
            raise ScenarioError(f"calibration {plan.name}: {error}") from None
        unseen = range(plan.seeds + 1, plan.seeds + 1 + plan.fresh_seeds)
        fresh = simulate(estimate.at, unseen, [target.moment for target in plan.targets])
    return CalibrationReport(plan, _point(plan, estimate.at), estimate, fresh)


def _point(plan: CalibrationPlan, u: Floats) -> Point:
    return tuple(parameter.at([float(share)])[0] for parameter, share in zip(plan.parameters, u, strict=True))


def _one_run(plan: CalibrationPlan, point: Point, seed: int, moments: tuple[str, ...]) -> list[float]:
    scenario = plan.as_sweep().scenario_at(point)
    result = run(lean(scenario, ("trades", "quotes")), seed)
    return [float(find_moment(name, scenario)(result)) for name in moments]
