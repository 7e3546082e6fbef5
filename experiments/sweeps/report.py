"""What a sweep shows: means by point, paired differences to its baseline, Sobol indices, a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..figures.style import usd
from ..runs.metrics import Metric
from ..statistics import Interval, SobolIndices, holm, paired_difference, sobol_indices, t_interval
from .figures import draw_sweep
from .folder import load_sweep, write_once
from .plan import SweepPlan

LEVEL = 0.95
TABLE = "table.md"


@dataclass(frozen=True, eq=False)
class PointReport:
    """One point: its factors, means by metric, differences to the baseline and their adjusted p values."""

    factors: Mapping[str, Any]
    runs: int
    means: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    p_values: dict[str, float]


@dataclass(frozen=True, eq=False)
class Report:
    """A sweep's finished runs, by point.

    Attributes
    ----------
    plan : SweepPlan
    runs : DataFrame
        See `load_sweep`.
    points : list of PointReport
    sobol : mapping of str to SobolIndices
        By metric, for a Saltelli design of which every run is done.
    """

    plan: SweepPlan
    metrics: Mapping[str, Metric]
    runs: pd.DataFrame
    points: list[PointReport]
    sobol: Mapping[str, SobolIndices]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return a plain row for each point; what does not exist is None."""
        return [
            {
                "factors": dict(point.factors),
                "runs": point.runs,
                "means": {name: _plain(interval) for name, interval in point.means.items()},
                "differences": {
                    name: _plain(interval) | {"p_holm": _finite(point.p_values[name])}
                    for name, interval in point.differences.items()
                },
            }
            for point in self.points
        ]

    def to_markdown(self) -> str:
        """Return tables in Markdown: of means, of differences if there is a baseline, of Sobol indices."""
        names = [factor.name for factor in self.plan.factors]
        head = [*names, *(metric.label for metric in self.metrics.values())]
        lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(names) + "---:|" * len(self.metrics)]
        lines += [
            _row(point.factors.values(), (_cell(point.means[name]) for name in self.metrics))
            for point in self.points
            if self.plan.design.kind != "saltelli"
        ]
        parts = [] if self.plan.design.kind == "saltelli" else [*lines, "", self._footnote(), ""]
        if self.plan.baseline:
            parts += [
                *lines[:2],
                *(
                    _row(
                        point.factors.values(),
                        (_cell(point.differences[name], point.p_values[name]) for name in self.metrics),
                    )
                    for point in self.points
                    if point.differences
                ),
                "",
                f"Differences to {_setting(self.plan.baseline)}, paired by seed; * marks p < 0.05 after "
                "Holm's correction over all of them.",
                "",
            ]
        if self.sobol:
            parts += self._sobol_lines(names)
        return "\n".join(parts)

    def _footnote(self) -> str:
        counts = sorted({point.runs for point in self.points})
        runs = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return f"Means over {runs} seeds; +- is half of a {LEVEL:.0%} interval."

    def _sobol_lines(self, names: list[str]) -> list[str]:
        lines = ["| metric | factor | first order | total |", "|---|---|---:|---:|"]
        for metric, found in self.sobol.items():
            for k, name in enumerate(names):
                first = f"{found.first[k]:.2f} ({found.first_low[k]:.2f} to {found.first_high[k]:.2f})"
                total = f"{found.total[k]:.2f} ({found.total_low[k]:.2f} to {found.total_high[k]:.2f})"
                lines.append(f"| {self.metrics[metric].label} | {name} | {first} | {total} |")
        return [*lines, "", f"Sobol indices with {LEVEL:.0%} bootstrap intervals.", ""]


def read_report(plan: SweepPlan, folder: Path) -> Report:
    """Compute what the finished runs of a sweep show.

    Raises
    ------
    RunFolderError
        If the folder holds no finished run.
    """
    runs = load_sweep(folder)
    metrics = plan.measured()
    names = [factor.name for factor in plan.factors]
    groups = [part.set_index("seed") for _, part in runs.groupby("point")]
    base = _baseline(plan, groups)
    points: list[PointReport] = []
    for part in groups:
        differences: dict[str, Interval] = {}
        p_values: dict[str, float] = {}
        if base is not None and part is not base:
            seeds = part.index.intersection(base.index)
            for name in metrics:
                found = paired_difference(part[name].loc[seeds], base[name].loc[seeds], LEVEL)
                differences[name], p_values[name] = found.student, found.p_value
        means = {name: t_interval(part[name], LEVEL) for name in metrics}
        factors = {name: part[name].iloc[0] for name in names}
        points.append(PointReport(factors, len(part), means, differences, p_values))
    tests = [(point.p_values, name) for point in points for name in point.p_values]
    for (p_values, name), adjusted in zip(tests, holm([found[name] for found, name in tests]), strict=True):
        p_values[name] = adjusted
    return Report(plan, metrics, runs, points, _sobol(plan, runs, metrics))


def _baseline(plan: SweepPlan, groups: list[pd.DataFrame]) -> pd.DataFrame | None:
    """Return the runs at the plan's baseline, if there are any."""
    wanted = plan.baseline
    for part in groups:
        if wanted and all(part[name].iloc[0] == value for name, value in wanted.items()):
            return part
    return None


def report_sweep(plan: SweepPlan, folder: Path) -> Report:
    """Write the table and the figure of a sweep into its folder, and return what they show.

    Raises
    ------
    RunFolderError
        If the folder holds no finished run.
    """
    report = read_report(plan, folder)
    write_once(folder / TABLE, lambda path: path.write_text(report.to_markdown(), encoding="utf-8"))
    draw_sweep(plan, report.metrics, report.runs, report.sobol, folder)
    return report


def _sobol(plan: SweepPlan, runs: pd.DataFrame, metrics: Mapping[str, Metric]) -> dict[str, SobolIndices]:
    factors = len(plan.factors)
    if plan.design.kind != "saltelli" or len(runs) < plan.design.points * (factors + 2) * plan.seeds:
        return {}
    means = runs.groupby("point")[list(metrics)].mean()
    return {
        name: sobol_indices(means[name], factors, LEVEL)
        for name in metrics
        if means[name].notna().all() and np.ptp(means[name].to_numpy()) > 0
    }


def _row(first: Any, cells: Any) -> str:
    return f"| {' | '.join([*map(_value, first), *cells])} |"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(interval: Interval, p_value: float = 1.0) -> str:
    if not np.isfinite(interval.value):
        return "-"
    spread = f" +- {usd(interval.half)}" if np.isfinite(interval.half) else ""
    return f"{usd(interval.value)}{spread}{'*' if p_value < 0.05 else ''}"


def _setting(baseline: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in baseline.items())


def _plain(interval: Interval) -> dict[str, float | None]:
    return {key: _finite(value) for key, value in interval._asdict().items()}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
