"""What a comparison shows: means by case, and differences to the baseline, paired by seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..figures.style import BEFORE, drawing, new_figure, save, usd
from ..statistics import t_interval
from .plan import ComparisonPlan

LEVEL = 0.95

DESCRIPTION = "comparison.json"
"""File that makes a folder that of a comparison."""


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison."""
    return (folder / DESCRIPTION).is_file()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of a comparison.

    Attributes
    ----------
    plan : ComparisonPlan
    runs : DataFrame
        Index ``case, seed``; a column for each metric.
    labels : mapping of str to str
        Metric -> label with unit.
    """

    plan: ComparisonPlan
    runs: pd.DataFrame
    labels: Mapping[str, str]

    def table(self) -> pd.DataFrame:
        """Return means and paired differences.

        Returns
        -------
        DataFrame
            Index ``case, metric``; columns ``mean``, ``low``, ``high`` (t interval of the mean over
            seeds), ``difference``, ``difference_low``, ``difference_high`` (of case less baseline,
            paired by seed), ``seeds`` (those in which the metric exists).
        """
        rows = {}
        for case in self.runs.index.unique("case"):
            for metric in self.labels:
                values = self.runs[metric].loc[case]
                paired = values - self.runs[metric].loc[self.plan.baseline]
                mean, difference = t_interval(values, LEVEL), t_interval(paired, LEVEL)
                rows[case, metric] = (*mean, *difference, int(values.notna().sum()))
        columns = ["mean", "low", "high", "difference", "difference_low", "difference_high", "seeds"]
        index = pd.MultiIndex.from_tuples(rows, names=["case", "metric"])
        return pd.DataFrame(rows.values(), index=index, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what does not exist is None."""
        table = self.table()
        cases = {
            str(case): {
                str(metric): {
                    key: None if isinstance(value, float) and not np.isfinite(value) else value
                    for key, value in table.loc[(case, metric)].to_dict().items()
                }
                for metric in self.labels
            }
            for case in self.runs.index.unique("case")
        }
        return {
            "comparison": self.plan.name,
            "scenario": self.plan.scenario,
            "baseline": self.plan.baseline,
            "seeds": [int(seed) for seed in self.runs.index.unique("seed")],
            "level": LEVEL,
            "cases": cases,
        }

    def to_markdown(self) -> str:
        """Return two tables in Markdown: means, and differences to the baseline."""
        seeds, table = len(self.runs.index.unique("seed")), self.table()
        return "\n".join(
            [
                *self._rows(table, "mean", "low", self._cases()),
                "",
                f"Means over {seeds} seeds; +- is half of a {LEVEL:.0%} interval.",
                "",
                *self._rows(
                    table,
                    "difference",
                    "difference_low",
                    [case for case in self._cases() if case != self.plan.baseline],
                ),
                "",
                f"Differences to {self.plan.baseline}, paired by seed; * marks intervals without 0.",
                "",
            ]
        )

    def _cases(self) -> list[str]:
        return [str(case) for case in self.runs.index.unique("case")]

    def _rows(self, table: pd.DataFrame, value: str, low: str, cases: list[str]) -> list[str]:
        centres, ends = dict(table[value]), dict(table[low])
        lines = [
            "| case | " + " | ".join(self.labels[metric] for metric in self.plan.metrics) + " |",
            "|---|" + "---:|" * len(self.plan.metrics),
        ]
        for case in cases:
            cells = (
                _cell(centres[case, metric], ends[case, metric], value != "mean")
                for metric in self.plan.metrics
            )
            lines.append(f"| {case} | " + " | ".join(cells) + " |")
        return lines

    def save(self, folder: Path) -> list[Path]:
        """Write runs, table, figure and what was compared into a folder that exists; return the files."""
        runs, table, what = folder / "runs.parquet", folder / "table.md", folder / DESCRIPTION
        self.runs.reset_index().to_parquet(runs, index=False)
        table.write_text(self.to_markdown(), encoding="utf-8")
        text = json.dumps(self.to_dict() | {"plan": self.plan.model_dump(mode="json")}, indent=2)
        what.write_text(text + "\n", encoding="utf-8")
        return [runs, table, what, self.draw(folder)]

    def draw(self, folder: Path) -> Path:
        """Draw means with intervals above, and differences to the baseline, paired by seed, below."""
        cases, seeds, table = self._cases(), len(self.runs.index.unique("seed")), self.table()
        with drawing():
            figure = new_figure(3.0 * len(self.plan.metrics), 2.0 + 0.6 * len(cases))
            means, differences = figure.subplots(2, len(self.plan.metrics), sharey="row")
            for k, metric in enumerate(self.plan.metrics):
                part = table[table.index.get_level_values("metric") == metric].droplevel("metric")
                self._panel(means[k], metric, part.loc[cases, ["mean", "low", "high"]])
                others = [case for case in cases if case != self.plan.baseline]
                columns = ["difference", "difference_low", "difference_high"]
                self._panel(differences[k], metric, part.loc[others, columns])
                differences[k].set_xlabel(f"{self.labels[metric]}\nless {self.plan.baseline}")
            figure.suptitle(
                f"{self.plan.name}: means over {seeds} seeds, and differences paired by seed, "
                f"with {LEVEL:.0%} intervals",
                fontsize=11,
                fontweight="bold",
            )
            return save(figure, folder, self.plan.name)

    def _panel(self, axes: Axes, metric: str, part: pd.DataFrame) -> None:
        """Draw bars with intervals; `part` has a row for each case, and centre, low and high end."""
        value, low, high = part.to_numpy(float).T
        cases = [str(case) for case in part.index]
        places = np.arange(len(cases))
        axes.barh(places, value, color=BEFORE, alpha=0.65)
        axes.errorbar(
            value, places, xerr=np.vstack([value - low, high - value]), fmt="none", ecolor="black",
            capsize=3, lw=1.2,
        )  # fmt: skip
        axes.axvline(0.0, color="black", lw=0.8)
        axes.set_xlabel(self.labels[metric])
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda number, _: usd(number))
        axes.grid(axis="y", visible=False)
        axes.set_yticks(places, cases)
        axes.set_ylim(len(cases) - 0.5, -0.5)


def _cell(value: float, low: float, marked: bool) -> str:
    if not np.isfinite(value):
        return "-"
    half = value - low
    return f"{usd(value)} +- {usd(half)}{'*' if marked and abs(value) > half else ''}"
