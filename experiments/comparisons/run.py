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

METRICS = (
    "bad_debt_usd",
    "borrower_loss_usd",
    "liquidator_profit_usd",
    "time_to_liquidation_s",
    "price_impact_bps",
    "liquidations",
    "debt_repaid_usd",
    "debt_start_usd",
    "unsafe_at_start",
)
"""What is measured in each run, see `runs.metrics`."""


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
    jobs = [(name, seed) for seed in seeds for name in scenarios]
    rows = run_all(measure, [(scenarios[name], seed) for name, seed in jobs], progress, workers)
    index = pd.MultiIndex.from_tuples(jobs, names=["case", "seed"])
    runs = pd.DataFrame(rows, index=index, columns=list(METRICS))
    return Comparison(plan, runs, {name: metrics.METRICS[name].label for name in METRICS})


def measure(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run once and return `METRICS`.

    Raises
    ------
    RuntimeError
        If the run made or lost money.
    """
    from ..runs.run import run

    return metrics.measure(
        run(metrics.lean(scenario), seed), {name: metrics.METRICS[name] for name in METRICS}
    )
