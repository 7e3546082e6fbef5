"""What a comparison shows: means by case, and differences to the baseline, paired by seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..figures.style import AFTER, BEFORE, drawing, new_figure, save, usd
from .plan import ComparisonPlan

LEVEL = 0.95

SHOWN = (
    "bad_debt_usd",
    "borrower_loss_usd",
    "liquidator_profit_usd",
    "time_to_liquidation_s",
    "price_impact_bps",
)
"""Metrics of the table and the figure."""


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
                mean, difference = _interval(values), _interval(paired)
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
        """Return the table of `SHOWN` in Markdown: mean, and the half-width of its interval."""
        table = self.table()
        lines = [
            "| case | " + " | ".join(self.labels[metric] for metric in SHOWN) + " |",
            "|---|" + "---:|" * len(SHOWN),
        ]
        for case in self.runs.index.unique("case"):
            cells = [_cell(table.loc[(case, metric)], case == self.plan.baseline) for metric in SHOWN]
            lines.append(f"| {case} | " + " | ".join(cells) + " |")
        lines += [
            "",
            f"Means over {len(self.runs.index.unique('seed'))} seeds; +- is half of a {LEVEL:.0%} interval; "
            f"* marks a difference to {self.plan.baseline}, paired by seed, whose interval leaves out 0.",
        ]
        return "\n".join(lines) + "\n"

    def save(self, folder: Path) -> list[Path]:
        """Write runs, table, figure and what was compared into a folder that exists; return the files."""
        runs, table, what = folder / "runs.parquet", folder / "table.md", folder / DESCRIPTION
        self.runs.reset_index().to_parquet(runs, index=False)
        table.write_text(self.to_markdown(), encoding="utf-8")
        text = json.dumps(self.to_dict() | {"plan": self.plan.model_dump(mode="json")}, indent=2)
        what.write_text(text + "\n", encoding="utf-8")
        return [runs, table, what, self.draw(folder)]

    def draw(self, folder: Path) -> Path:
        """Draw means with intervals, one panel for each metric."""
        table = self.table()
        cases = [str(case) for case in self.runs.index.unique("case")]
        places = np.arange(len(cases))
        with drawing():
            figure = new_figure(3.0 * len(SHOWN), 1.6 + 0.32 * len(cases))
            panels = figure.subplots(1, len(SHOWN), sharey=True)
            for axes, metric in zip(panels, SHOWN, strict=True):
                part = table.xs(metric, level="metric").loc[cases]
                axes.barh(places, part["mean"], color=BEFORE, alpha=0.65)
                width = np.vstack([part["mean"] - part["low"], part["high"] - part["mean"]])
                axes.errorbar(part["mean"], places, xerr=width, fmt="none", ecolor=AFTER, capsize=3, lw=1.5)
                axes.axvline(0.0, color="black", lw=0.8)
                axes.set_xlabel(self.labels[metric])
                axes.xaxis.set_major_locator(_few_ticks())
                axes.xaxis.set_major_formatter(lambda value, _: usd(value))
                axes.grid(axis="y", visible=False)
            panels[0].set_yticks(places, cases)
            panels[0].invert_yaxis()
            seeds = len(self.runs.index.unique("seed"))
            figure.suptitle(
                f"{self.plan.name}: means over {seeds} seeds with {LEVEL:.0%} intervals",
                fontsize=11,
                fontweight="bold",
            )
            return save(figure, folder, self.plan.name)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _interval(values: pd.Series[float]) -> tuple[float, float, float]:
    """Return mean and t interval; a constant has no width, a single value no interval."""
    known = values.dropna().to_numpy(float)
    if not len(known):
        return np.nan, np.nan, np.nan
    mean = float(known.mean())
    if len(known) < 2:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf(0.5 + LEVEL / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return mean, mean - half, mean + half


def _cell(row: pd.Series[float], baseline: bool) -> str:
    if not np.isfinite(row["mean"]):
        return "-"
    differs = row["difference_low"] > 0.0 or row["difference_high"] < 0.0
    mark = "*" if differs and not baseline else ""
    return f"{usd(row['mean'])} +- {usd(row['high'] - row['mean'])}{mark}"
