"""How likely bad debt above an amount is, from runs of a scenario and of its tilted twin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..figures.style import usd
from ..runs.executors import Workers
from ..runs.metrics import lean
from ..runs.parallel import Progress, run_all
from ..runs.run import run
from ..scenarios import Scenario, load_scenario
from ..scenarios.base import ScenarioError
from ..statistics.importance import ImportanceEstimate, importance_estimate, mixture_weights
from .tilt import Tilt, tilt_of

TRUE_SHARE = 0.2
"""Share of the runs drawn from the true law, which bounds every weight by its inverse."""


@dataclass(frozen=True, eq=False)
class RareReport:
    """Estimates for one or more amounts.

    Attributes
    ----------
    tilt : Tilt
    runs : DataFrame
        Columns ``seed, tilted, log_ratio, weight, bad_debt_usd``.
    estimates : dict of float to ImportanceEstimate
        By amount, USD.
    """

    tilt: Tilt
    runs: pd.DataFrame
    estimates: dict[float, ImportanceEstimate]

    def to_markdown(self) -> str:
        """Return a table with a row for each amount."""
        lines = [
            "| bad debt above (USD) | probability | 95 % interval | seen | effective events | brute force |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        for amount, one in self.estimates.items():
            found = one.probability
            lines.append(
                f"| {usd(amount)} | {found.value:.3g} | {found.low:.3g} to {found.high:.3g} | {one.events} | "
                f"{one.effective_events:.1f} | {_needed(one)} |"
            )
        first = next(iter(self.estimates.values()))
        shifts = ", ".join(f"{symbol} by {shift:+g} sd" for symbol, shift in self.tilt.shift_sd.items())
        true_runs = int((~self.runs.tilted).sum())
        return "\n".join(
            [
                *lines,
                "",
                f"{first.runs} runs, {true_runs} of them from the true law, the others tilted ({shifts}); "
                f"{first.effective_runs:.1f} effective runs, mean weight {first.mean_weight:.3f}.",
                "",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "scenario": self.tilt.scenario.name,
            "tilt_sd": self.tilt.shift_sd,
            "runs": len(self.runs),
            "true_runs": int((~self.runs.tilted).sum()),
            "estimates": [
                {
                    "above_usd": amount,
                    **one.probability._asdict(),
                    **{
                        key: value
                        for key, value in one._asdict().items()
                        if key not in ("probability", "runs")
                    },
                }
                for amount, one in self.estimates.items()
            ],
        }


def rare_bad_debt(
    scenario: str | Path | Scenario,
    above_usd: Sequence[float],
    tilt_sd: Mapping[str, float],
    runs: int = 200,
    progress: Progress | None = None,
    workers: Workers = 1,
) -> RareReport:
    """Estimate how likely it is that bad debt at the end exceeds each amount.

    Parameters
    ----------
    scenario : str, Path or Scenario
        With ``prices.kind = "gbm"``.
    above_usd : sequence of float
        Amounts, USD, not negative.
    tilt_sd : mapping of str to float
        See `tilt_of`. Any tilt gives the right answer in the long run; a good one makes about half
        of the tilted runs end with the event.
    runs : int
        Seeds 1 to `runs`; a fifth of them from the true law.
    progress : callable, optional
    workers : int or Executor
        Processes, or where to run instead.

    Raises
    ------
    ScenarioError
        If the scenario's prices are no geometric Brownian motion, or a number is not allowed.
    """
    tilt = tilt_of(load_scenario(scenario), tilt_sd)
    if runs < 10:
        raise ScenarioError(f"runs = {runs}; allowed: 10 or more")
    for amount in above_usd:
        if not 0.0 <= amount < math.inf:
            raise ScenarioError(f"bad debt above {amount:g}; allowed: 0 or more")
    true_runs = max(1, round(TRUE_SHARE * runs))
    jobs = [(tilt, seed, seed > true_runs) for seed in range(1, runs + 1)]
    rows = run_all(_one_run, jobs, progress, workers)
    table = pd.DataFrame(rows, columns=["seed", "tilted", "log_ratio", "bad_debt_usd"])
    table.insert(3, "weight", mixture_weights(table.log_ratio, true_runs / runs))
    debts = table.bad_debt_usd.to_numpy(np.float64)
    estimates = {
        float(amount): importance_estimate(debts > amount, table.log_ratio, true_runs) for amount in above_usd
    }
    return RareReport(tilt, table, estimates)


def _one_run(tilt: Tilt, seed: int, tilted: bool) -> tuple[int, bool, float, float]:
    result = run(lean(tilt.tilted if tilted else tilt.scenario), seed)
    return seed, tilted, tilt.log_ratio(seed, from_tilted=tilted), float(result.summary["bad_debt_usd"])


def _needed(one: ImportanceEstimate) -> str:
    """Return how many ordinary runs would give an interval as narrow."""
    found = one.probability
    if not 0.0 < found.value < 1.0 or not found.half > 0.0:
        return "-"
    return f"{found.value * (1.0 - found.value) * (1.959963985 / found.half) ** 2:,.0f} runs"
