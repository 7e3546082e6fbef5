"""Run the cases of a comparison with common random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..runs import metrics
from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from .plan import ComparisonPlan
from .report import Comparison

ALSO = ("liquidations", "debt_repaid_usd", "debt_start_usd", "unsafe_at_start")
"""Measured in each run beside the metrics of the plan, see `runs.metrics`."""


def compare(
    plan: ComparisonPlan, seeds: Sequence[int], progress: Progress | None = None, workers: Workers = 1
) -> Comparison:
    """Run every case with every seed.

    A seed gives every case the same reference prices, gas, background orders, borrowers and
    random streams, so differences between cases come from the rules (MODEL 7).

    Parameters
    ----------
    plan : ComparisonPlan
    seeds : sequence of int
        Root seeds, distinct, two at least.
    progress : callable, optional
        Told the runs done and the total after every run.
    workers : int or Executor
        Processes, or where to run instead; the result does not depend on how many.

    Raises
    ------
    ScenarioError
        If a scenario cannot run, or the seeds are too few or repeated.
    """
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise ScenarioError(f"a comparison needs at least 2 distinct seeds, got {list(seeds)}")
    scenarios = plan.scenarios()
    measured = {name: metrics.find_metric(name) for name in dict.fromkeys((*plan.metrics, *ALSO))}
    jobs = [(name, seed) for seed in seeds for name in scenarios]
    rows = run_all(
        measure, [(scenarios[name], seed, tuple(measured)) for name, seed in jobs], progress, workers
    )
    index = pd.MultiIndex.from_tuples(jobs, names=["case", "seed"])
    runs = pd.DataFrame(rows, index=index, columns=list(measured))
    return Comparison(plan, runs, {name: metric.label for name, metric in measured.items()})


def measure(scenario: Scenario, seed: int, names: Sequence[str]) -> dict[str, float]:
    """Run once and return metrics by their names.

    Raises
    ------
    RuntimeError
        If the run made or lost money.
    """
    from ..runs.run import run

    measured = {name: metrics.find_metric(name) for name in names}
    return metrics.measure(run(metrics.lean(scenario), seed), measured)
