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
from .forest import CausalForest, causal_forest
from .intervals import LEVEL, interval, plain
from .paired import InterventionStudy, leave_one_out_markdown

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
    forests : tuple of CausalForest
        One a seed.
    result : RunResult
        The first of the runs, for pictures.
    effects : InterventionStudy, optional
        What interventions change.
    left_out : DataFrame, optional
        As `paired.leave_one_out` returns it.
    """

    scenario: str
    seeds: tuple[int, ...]
    agreements: tuple[Agreement, ...]
    forests: tuple[CausalForest, ...]
    result: RunResult
    effects: InterventionStudy | None = None
    left_out: pd.DataFrame | None = None

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
        more: dict[str, Any] = {}
        if self.effects is not None:
            more["interventions"] = self.effects.to_dict()["cases"]
        if self.left_out is not None:
            more["leave_one_out"] = self.left_out.to_dict("records")
        measures: dict[str, dict[str, Any]] = {}
        for row in self.table().reset_index().to_dict("records"):
            numbers = _numbers((row["mean"], row["low"], row["high"], row["seeds"]))
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
            "causes": {
                "branching_ratio": _numbers(interval([forest.branching_ratio for forest in self.forests])),
                "loss_share_by_root": {
                    str(root): plain(float(share)) for root, share in self.roots().share.items()
                },
            },
            **more,
        }

    def roots(self) -> pd.DataFrame:
        """Return losses by what they began with, mean over seeds, as `CausalForest.by_root` does."""
        sums = pd.concat([forest.by_root().loss_usd for forest in self.forests]).groupby(level=0).sum()
        loss = (sums / len(self.forests)).sort_values(ascending=False, kind="stable")
        whole = float(loss.sum())
        return pd.DataFrame({"loss_usd": loss, "share": loss / whole if whole else loss * np.nan})

    def across(self) -> pd.DataFrame:
        """Return losses by where they came from and where they were felt, mean over seeds; USD."""
        tables = [forest.across() for forest in self.forests]
        total = tables[0]
        for table in tables[1:]:
            total = total.add(table, fill_value=0.0)
        return total.fillna(0.0) / len(tables)

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
        lines += self._causes_markdown()
        if self.effects is not None:
            lines.append(self.effects.to_markdown())
        if self.left_out is not None:
            lines.append(leave_one_out_markdown(self.left_out, n))
        return "\n".join(lines)

    def _causes_markdown(self) -> list[str]:
        """Return where losses came from, for reading."""
        from ..figures.style import usd

        across = self.across()
        if not len(across):
            return ["Nothing was liquidated, so nothing had causes.", ""]
        ratio, _, high, _ = interval([forest.branching_ratio for forest in self.forests])
        half = f" +- {high - ratio:.2f}" if np.isfinite(high) else ""
        names = [str(name) for name in across.columns]
        lines = [
            "| losses (USD) caused by | " + " | ".join(f"felt in {name}" for name in names) + " |",
            "|---|" + "---:|" * len(names),
        ]
        for source, row in across.iterrows():
            lines.append(f"| {source} | " + " | ".join(usd(float(row[name])) for name in names) + " |")
        return [
            *lines,
            "",
            "`outside/` is the price outside, `market/` noise of books and pools, a protocol its liquidations"
            " and its borrowers' sales.",
            f"A liquidation causes {ratio:.2f}{half} others on average.",
            "",
        ]

    def save(self, folder: Path) -> None:
        """Write the description, the accounts of all seeds, the report and the figures into a folder."""
        from .figures import write_figures

        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.to_markdown(), encoding="utf-8")
        for name in ("events", "edges"):
            tables = [
                getattr(forest, name).assign(seed=seed)
                for seed, forest in zip(self.seeds, self.forests, strict=True)
            ]
            pd.concat(tables, ignore_index=True).to_parquet(folder / f"cause_{name}.parquet", index=False)
        parts = [a.accounts.assign(seed=seed) for seed, a in zip(self.seeds, self.agreements, strict=True)]
        pd.concat(parts, ignore_index=True).to_parquet(folder / "accounts.parquet", index=False)
        write_figures(self, folder)
        if self.effects is not None:
            self.effects.save(folder)
        if self.left_out is not None:
            self.left_out.to_parquet(folder / "leave_one_out.parquet", index=False)


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
    done, forests = [], []
    for k, seed in enumerate(seeds):
        result = run(lean, seed)
        first = first or result
        done.append(agreement(result))
        forests.append(causal_forest(result))
        if progress is not None:
            progress(k + 1, len(seeds))
    assert first is not None
    return ContagionStudy(scenario.name, tuple(seeds), tuple(done), tuple(forests), first)


def study_run(result: RunResult) -> ContagionStudy:
    """Compare one finished run with what was predicted before its crash."""
    found, forest = agreement(result), causal_forest(result)
    return ContagionStudy(result.scenario.name, (result.seed,), (found,), (forest,), result)


def _numbers(found: tuple[float, float, float, int]) -> dict[str, float | int | None]:
    return dict(zip(("mean", "low", "high", "seeds"), map(plain, found), strict=True))


def _cell(table: pd.DataFrame, measure: str, metric: str) -> str:
    from ..figures.style import usd

    mean, high = (float(table[key].to_dict()[measure, metric]) for key in ("mean", "high"))
    if not np.isfinite(mean):
        return "-"
    half = high - mean
    return usd(mean) + (f" +- {usd(half)}" if np.isfinite(half) else "")
