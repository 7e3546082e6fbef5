"""What an intervention changes: the same seeds with and without it, and the difference of losses.

A seed gives every world the same reference prices, gas, background orders and borrowers, so the
difference is the intervention's. `leave_one_out` asks the same of the accounts through which most
losses went in a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..runs.executors import Workers
from ..runs.parallel import Progress, run_all
from ..scenarios import Scenario
from .causes import failures
from .effect_figures import draw_interventions
from .errors import ContagionError
from .forest import causal_forest
from .intervals import LEVEL, interval, plain
from .interventions import Intervention, Without, World, protocols

BASELINE = "as it is"
METRICS = {
    "loss_usd": "loss of borrowers and creditors (USD)",
    "bad_debt_usd": "bad debt left to creditors (USD)",
    "debt_repaid_usd": "debt liquidated (USD)",
    "sold_usd": "collateral sold by liquidators and defending borrowers (USD)",
    "displacement_bps": "deepest fall of a book below the outside price (bps)",
}
"""What is measured in each world, with its label and unit."""

ALL = "all"
"""Name under which the sum over protocols is measured."""


@dataclass(frozen=True, eq=False)
class InterventionStudy:
    """Paired runs of interventions.

    Attributes
    ----------
    scenario : str
    seeds : tuple of int
    runs : DataFrame
        Index ``case, seed``, columns ``metric, protocol`` with `ALL` and every protocol; the first case is
        `BASELINE`.
    """

    scenario: str
    seeds: tuple[int, ...]
    runs: pd.DataFrame

    @property
    def cases(self) -> list[str]:
        """Interventions, without the baseline."""
        return [str(case) for case in self.runs.index.unique("case") if case != BASELINE]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Pairs of metric and protocol."""
        levels = (self.runs.columns.get_level_values(name).astype(str) for name in ("metric", "protocol"))
        return list(zip(*levels, strict=True))

    def table(self) -> pd.DataFrame:
        """Return means and paired differences.

        Returns
        -------
        DataFrame
            Index ``case, metric, protocol``; columns ``mean``, ``difference`` (of case less `BASELINE`, mean
            over seeds), ``low``, ``high`` (t interval of the difference; NaN for one seed) and ``seeds``.
        """
        rows = {}
        for case in self.runs.index.unique("case"):
            for metric, protocol in self.columns:
                values = self.runs.loc[case][metric, protocol]
                paired = values - self.runs.loc[BASELINE][metric, protocol]
                difference, low, high, n = interval(paired.tolist())
                rows[case, metric, protocol] = (float(values.mean()), difference, low, high, n)
        index = pd.MultiIndex.from_tuples(rows, names=["case", "metric", "protocol"])
        return pd.DataFrame(
            list(rows.values()), index=index, columns=["mean", "difference", "low", "high", "seeds"]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        cases: dict[str, dict[str, dict[str, Any]]] = {}
        for row in self.table().reset_index().to_dict("records"):
            numbers = {key: plain(row[key]) for key in ("mean", "difference", "low", "high", "seeds")}
            metrics = cases.setdefault(str(row["case"]), {})
            metrics.setdefault(str(row["metric"]), {})[str(row["protocol"])] = numbers
        return {"scenario": self.scenario, "seeds": list(self.seeds), "level": LEVEL, "cases": cases}

    def to_markdown(self) -> str:
        """Return means as they are, and the paired differences, for reading."""
        from ..figures.style import usd

        rows = self.table().to_dict("index")
        several = len(self.runs["loss_usd"].columns) > 2
        columns = [pair for pair in self.columns if pair[1] == ALL or (several and pair[0] == "loss_usd")]
        titles = [
            METRICS[metric] if protocol == ALL else f"loss in {protocol} (USD)"
            for metric, protocol in columns
        ]
        lines = ["| case | " + " | ".join(titles) + " |", "|---|" + "---:|" * len(columns)]
        means = [usd(float(rows[BASELINE, *pair]["mean"])) for pair in columns]
        lines.append(f"| {BASELINE} | " + " | ".join(means) + " |")
        for case in self.cases:
            found = [rows[case, *pair] for pair in columns]
            cells = [signed(*(float(row[key]) for key in ("difference", "low", "high"))) for row in found]
            lines.append(f"| {case} | " + " | ".join(cells) + " |")
        lines += ["", _note(len(self.seeds)), ""]
        return "\n".join(lines)

    def save(self, folder: Path) -> None:
        """Write runs, description and figure into a folder."""
        flat = self.runs.copy()
        flat.columns = pd.Index(["/".join(pair) for pair in self.columns])
        flat.reset_index().to_parquet(folder / "interventions.parquet", index=False)
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        (folder / "interventions.json").write_text(text + "\n", encoding="utf-8")
        draw_interventions(self, folder)


def try_interventions(
    scenario: Scenario,
    interventions: Sequence[Intervention],
    seeds: Sequence[int],
    progress: Progress | None = None,
    workers: Workers = 1,
) -> InterventionStudy:
    """Run a scenario as it is and under each intervention, with the same seeds.

    Raises
    ------
    ContagionError
        If there is no intervention, one is given twice, seeds are repeated or none, or one names what the
        scenario does not have.
    ScenarioError
        If a changed scenario cannot run.
    """
    worlds = {BASELINE: (World(scenario, protocols(scenario)),)} | check_interventions(
        scenario, interventions
    )
    if len(worlds) == 1:
        raise ContagionError("there are no interventions; at least 1 is needed")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ContagionError(f"seeds must be distinct and at least 1, got {list(seeds)}")
    jobs = [(case, seed, world) for seed in seeds for case in worlds for world in worlds[case]]
    rows = run_all(measure, [(world, seed) for _, seed, world in jobs], progress, workers)
    merged: dict[tuple[str, int], dict[tuple[str, str], float]] = {}
    for (case, seed, _), row in zip(jobs, rows, strict=True):
        cells = merged.setdefault((case, seed), {})
        for key, value in row.items():
            both = (cells.get(key, 0.0), value)
            cells[key] = max(both) if key[0] == "displacement_bps" else sum(both)
    names = (ALL, *protocols(scenario))
    columns = pd.MultiIndex.from_tuples(
        [
            (metric, name)
            for metric in METRICS
            for name in names
            if metric != "displacement_bps" or name == ALL
        ],
        names=["metric", "protocol"],
    )
    index = pd.MultiIndex.from_tuples(merged, names=["case", "seed"])
    values = [[cells.get(column, 0.0) for column in columns] for cells in merged.values()]
    return InterventionStudy(scenario.name, tuple(seeds), pd.DataFrame(values, index=index, columns=columns))


def check_interventions(
    scenario: Scenario, interventions: Sequence[Intervention]
) -> dict[str, tuple[World, ...]]:
    """Return the worlds of each intervention by its label.

    Raises
    ------
    ContagionError, ScenarioError
        As `try_interventions`, before anything is run.
    """
    labels = [intervention.label() for intervention in interventions]
    for label in labels:
        if labels.count(label) > 1:
            raise ContagionError(f"intervention {label!r} is given twice")
    return {one.label(): one.worlds(scenario) for one in interventions}


def measure(world: World, seed: int) -> dict[tuple[str, str], float]:
    """Run a world once and return `METRICS` by protocol, and their sums over those that count.

    Raises
    ------
    RuntimeError
        If the run made or lost money.
    """
    from ..runs.run import run

    result = run(_lean(world.scenario), seed)
    if result.summary["conservation_error_usd"] != 0.0:
        raise RuntimeError(f"{world.scenario.name}, seed {seed}: money is missing")
    events, sales, quotes = failures(result), result.forced_sales, result.quotes
    below = np.log(quotes.reference.to_numpy(float) / quotes.mid.to_numpy(float))
    found: dict[tuple[str, str], float] = {
        ("displacement_bps", ALL): 1e4 * max(float(below.max(initial=0.0)), 0.0)
    }
    for name in world.counted:
        mine = events[events.protocol == name]
        bad = max(float(mine.bad_debt_usd.sum()) - world.funds_usd.get(name, 0.0), 0.0)
        numbers = {
            "loss_usd": float(mine.loss_usd.sum()) + bad,
            "bad_debt_usd": bad,
            "debt_repaid_usd": float(
                result.liquidations.repaid_usd[result.liquidations.protocol.astype(str) == name].sum()
            ),
            "sold_usd": float(sales.received_usd[sales.protocol.astype(str) == name].sum()),
        }
        for metric, value in numbers.items():
            found[metric, name] = value
            found[metric, ALL] = found.get((metric, ALL), 0.0) + value
    return found


def leave_one_out(
    scenario: Scenario,
    seeds: Sequence[int],
    top: int = 3,
    progress: Progress | None = None,
    workers: Workers = 1,
) -> pd.DataFrame:
    """Run again without each of the accounts through which most of others' losses went.

    Returns
    -------
    DataFrame
        One row for each seed and rank: ``seed, rank, protocol, account, own_usd`` (its loss),
        ``passed_on_usd`` (others' losses that the causal forest passes up to it) and ``added_usd`` (losses
        of all others in the run, less their losses in the run without it).

    Raises
    ------
    ContagionError
        If `top` is below 1, or seeds are repeated or none.
    ScenarioError
        If the scenario cannot run.
    """
    if top < 1:
        raise ContagionError(f"top = {top}; allowed: from 1")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ContagionError(f"seeds must be distinct and at least 1, got {list(seeds)}")
    total = len(seeds) * (1 + top)
    told = progress or (lambda done, whole: None)
    begun = run_all(
        _largest_causes, [(scenario, seed, top) for seed in seeds], lambda done, _: told(done, total), workers
    )
    jobs, rows = [], []
    for seed, (loss, accounts) in zip(seeds, begun, strict=True):
        for rank, row in enumerate(accounts, 1):
            rows.append({"seed": seed, "rank": rank, **row, "others_usd": loss - row["own_usd"]})
            (world,) = Without(account=f"{row['protocol']}-{row['account']}").worlds(scenario)
            jobs.append((world, seed))
    runs = run_all(measure, jobs, lambda done, _: told(len(seeds) + done, total), workers)
    columns = ["seed", "rank", "protocol", "account", "own_usd", "passed_on_usd", "others_usd"]
    table = pd.DataFrame(rows, columns=columns)
    table["added_usd"] = table.pop("others_usd").to_numpy(float) - [run["loss_usd", ALL] for run in runs]
    return table


def leave_one_out_markdown(table: pd.DataFrame, seeds: int) -> str:
    """Return means over seeds by rank, for reading."""
    lines = [
        "| rank | own loss (USD) | others' loss passed up to it (USD) | others' loss less that without it"
        " (USD) |",
        "|---|---:|---:|---:|",
    ]
    for rank, rows in table.groupby("rank"):
        cells = [
            signed(*interval(rows[name].tolist())[:3]) for name in ("own_usd", "passed_on_usd", "added_usd")
        ]
        lines.append(f"| {rank} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _note(seeds), ""])


def signed(mean: float, low: float, high: float) -> str:
    """Return a mean with half its interval; * marks an interval without 0."""
    from ..figures.style import usd

    if not np.isfinite(mean):
        return "-"
    if not np.isfinite(high):
        return usd(mean)
    return f"{usd(mean)} +- {usd(high - mean)}{'*' if low > 0.0 or high < 0.0 else ''}"


def _largest_causes(scenario: Scenario, seed: int, top: int) -> tuple[float, list[dict[str, Any]]]:
    """Return the loss of a run and its `top` accounts by losses passed up to them."""
    from ..runs.run import run

    forest = causal_forest(run(_lean(scenario), seed))
    table = forest.by_account()
    table["passed_on_usd"] = table.caused_usd - table.own_usd
    chosen = table.sort_values(["passed_on_usd", "own_usd"], ascending=False, kind="stable").head(top)
    rows = [
        {"protocol": str(p), "account": int(a), "own_usd": float(own), "passed_on_usd": float(passed)}
        for p, a, own, passed in zip(
            chosen.protocol, chosen.account, chosen.own_usd, chosen.passed_on_usd, strict=True
        )
    ]
    return float(forest.events.own_usd.sum()), rows


def _lean(scenario: Scenario) -> Scenario:
    """Return the scenario without the tables that nothing here reads."""
    quiet = {"trades": False, "bids": False, "quotes": True}
    return scenario.model_copy(update={"recording": scenario.recording.model_copy(update=quiet)})


def _note(seeds: int) -> str:
    if seeds < 2:
        return "One seed, so no intervals."
    return f"{seeds} seeds; +- is half of a {LEVEL:.0%} interval of the mean, * marks intervals without 0."
