"""Run the cases of a comparison with common random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..runs.parallel import Progress, run_all
from ..scenarios import Scenario
from ..scenarios.base import ScenarioError
from .plan import ComparisonPlan
from .report import Comparison

METRICS: dict[str, str] = {
    "bad_debt_usd": "bad debt (USD)",
    "borrower_loss_usd": "borrowers' loss (USD)",
    "liquidator_profit_usd": "liquidators' profit (USD)",
    "time_to_liquidation_s": "time to liquidation (s)",
    "price_impact_bps": "price impact of the sales (bps)",
    "liquidations": "liquidations",
    "debt_repaid_usd": "debt liquidated (USD)",
    "debt_start_usd": "debt at the start (USD)",
    "unsafe_at_start": "unsafe at the start",
}
"""What is measured in each run, with its label and unit."""


def compare(
    plan: ComparisonPlan, seeds: Sequence[int], progress: Progress | None = None, workers: int = 1
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
    workers : int
        Processes; the result does not depend on how many.

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
    return Comparison(plan, runs, METRICS)


def measure(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run once and return `METRICS`.

    Raises
    ------
    RuntimeError
        If the run made or lost money.
    """
    from ..runs.run import run

    quiet = {"trades": False, "quotes": False, "bids": False}
    lean = scenario.model_copy(update={"recording": scenario.recording.model_copy(update=quiet)})
    result = run(lean, seed)
    summary, done = result.summary, result.liquidations
    if summary["conservation_error_usd"] != 0.0:
        raise RuntimeError(
            f"{scenario.name}, seed {seed}: {summary['conservation_error_usd']} USD are missing"
        )
    first = result.positions[result.positions.snapshot == 0]
    numbers = {key: float(summary[key]) for key in METRICS if key in summary}
    waited = (done.t_done_s - done.t_eligible_s).to_numpy(float)
    sold = pd.concat(
        [
            done[["seized_usd", "impact_bps"]].rename(columns={"seized_usd": "usd"}),
            result.sales[["bought_usd", "impact_bps"]].rename(columns={"bought_usd": "usd"}),
        ]
    ).dropna()
    weights = sold.usd.to_numpy(float)
    return numbers | {
        "time_to_liquidation_s": float(np.average(waited, weights=done.repaid_usd)) if len(done) else np.nan,
        "price_impact_bps": float(np.average(sold.impact_bps, weights=weights)) if weights.sum() else np.nan,
        "debt_start_usd": float(first.debt_usd.sum()),
        "unsafe_at_start": float((first.health_factor < 1.0).sum()),
    }
