"""The agreement of measures with the simulation, over seeds: tables, intervals and a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..runs import RunResult
from ..runs.parallel import Progress
from ..scenarios import Scenario
from .agreement import MEASURES, METRICS, Agreement, agreement
from .errors import ContagionError
from .intervals import LEVEL, interval, plain

DESCRIPTION = "contagion.json"
"""File that makes a folder that of a study."""

SNAPSHOTS = 24
"""Snapshots of a run whose scenario asks for none."""


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study of contagion."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, eq=False)
class ContagionStudy:
    """Runs of one scenario, and what measures said of each before its crash.

    Attributes
    ----------
    scenario : str
    seeds : tuple of int
    agreements : tuple of Agreement
        One a seed.
    result : RunResult
        The first of the runs, for pictures.
    """

    scenario: str
    seeds: tuple[int, ...]
    agreements: tuple[Agreement, ...]
    result: RunResult

    def table(self) -> pd.DataFrame:
        """Return means over seeds.

        Returns
        -------
        DataFrame
            Index ``measure, metric``; columns ``mean``, ``low``, ``high`` (t interval, NaN for one
            seed) and ``seeds`` (those in which the metric exists).
        """
        rows = {
            (measure, metric): interval([a.metrics[metric].to_dict()[measure] for a in self.agreements])
            for measure in MEASURES
            for metric in METRICS
        }
        rows["clearing", "predicted_bad_debt_usd"] = interval(
            [a.predicted_bad_debt_usd for a in self.agreements]
        )
        rows["clearing", "measured_bad_debt_usd"] = interval(
            [a.measured_bad_debt_usd for a in self.agreements]
        )
        index = pd.MultiIndex.from_tuples(rows, names=["measure", "metric"])
        return pd.DataFrame(list(rows.values()), index=index, columns=["mean", "low", "high", "seeds"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        measures: dict[str, dict[str, Any]] = {}
        for row in self.table().reset_index().to_dict("records"):
            numbers = {key: plain(row[key]) for key in ("mean", "low", "high", "seeds")}
            measures.setdefault(str(row["measure"]), {})[str(row["metric"])] = numbers
        return {
            "scenario": self.scenario,
            "seeds": list(self.seeds),
            "level": LEVEL,
            "crashes": [
                {"start_s": a.crash.start_s, "end_s": a.crash.end_s, "returns": dict(a.crash.returns)}
                for a in self.agreements
            ],
            "measures": measures,
        }

    def to_markdown(self) -> str:
        """Return the table for reading: one row a measure."""
        table, n = self.table(), len(self.seeds)
        shown = [metric for metric in METRICS if not metric.endswith("_usd")]
        lines = [
            "| measure | " + " | ".join(name.replace("_", " ") for name in shown) + " | debt, predicted (USD)"
            " | debt, liquidated (USD) |",
            "|---|" + "---:|" * (len(shown) + 2),
        ]
        for measure in MEASURES:
            cells = [_cell(table, measure, metric) for metric in METRICS]
            lines.append(f"| {measure} | " + " | ".join(cells) + " |")
        predicted, measured = (
            _cell(table, "clearing", f"{side}_bad_debt_usd") for side in ("predicted", "measured")
        )
        lines += [
            "",
            f"Bad debt (USD): {predicted} in the clearing vector, {measured} measured.",
            f"{self.scenario}, {n} seed{'s' if n > 1 else ''}"
            + (f"; +- is half of a {LEVEL:.0%} interval of the mean." if n > 1 else "."),
            "",
        ]
        return "\n".join(lines)

    def save(self, folder: Path) -> None:
        """Write the description, the accounts of all seeds, the report and the figures into a folder."""
        from .figures import write_figures

        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.to_markdown(), encoding="utf-8")
        parts = [a.accounts.assign(seed=seed) for seed, a in zip(self.seeds, self.agreements, strict=True)]
        pd.concat(parts, ignore_index=True).to_parquet(folder / "accounts.parquet", index=False)
        write_figures(self, folder)


def study_scenario(
    scenario: Scenario, seeds: Sequence[int], progress: Progress | None = None
) -> ContagionStudy:
    """Run a scenario with several seeds and compare each run with what was predicted before its crash.

    Raises
    ------
    ContagionError
        If there are no seeds, or one is repeated.
    ScenarioError
        If the scenario cannot run.
    """
    from ..runs.run import run

    if not seeds or len(set(seeds)) < len(seeds):
        raise ContagionError(f"seeds must be distinct and at least 1, got {list(seeds)}")
    recording = scenario.recording
    change: dict[str, Any] = {"trades": False, "bids": False, "quotes": True}
    if recording.snapshot_every_s is None:
        clock = scenario.clock
        change["snapshot_every_s"] = max(clock.duration_s / SNAPSHOTS, clock.block_time_s)
    lean = scenario.model_copy(update={"recording": recording.model_copy(update=change)})
    first: RunResult | None = None
    done = []
    for k, seed in enumerate(seeds):
        result = run(lean, seed)
        first = first or result
        done.append(agreement(result))
        if progress is not None:
            progress(k + 1, len(seeds))
    assert first is not None
    return ContagionStudy(scenario.name, tuple(seeds), tuple(done), first)


def study_run(result: RunResult) -> ContagionStudy:
    """Compare one finished run with what was predicted before its crash."""
    return ContagionStudy(result.scenario.name, (result.seed,), (agreement(result),), result)


def _cell(table: pd.DataFrame, measure: str, metric: str) -> str:
    from ..figures.style import usd

    mean, high = (float(table[key].to_dict()[measure, metric]) for key in ("mean", "high"))
    if not np.isfinite(mean):
        return "-"
    half = high - mean
    return usd(mean) + (f" +- {usd(half)}" if np.isfinite(half) else "")
