"""A run in one page of Markdown: the summary, who liquidated, the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..runs import SUMMARY_KEYS, RunResult
from ..runs.metrics import METRICS, venue_measures
from .liquidators import liquidator_ranking


def write_report(result: RunResult, folder: Path, figures: Sequence[Path]) -> Path:
    """Write ``report.md`` into the folder of a run.

    Parameters
    ----------
    result : RunResult
    folder : Path
        The run's folder.
    figures : sequence of Path
        Pictures inside that folder, in the order of the page.
    """
    scenario = result.scenario
    lines = [f"# {scenario.name}, seed {result.seed}", "", scenario.description, ""]
    lines += ["| measure | value | unit and sign | meaning |", "|---|---:|---|---|"]
    for key, (unit, meaning) in SUMMARY_KEYS.items():
        value = result.summary[key]
        text = (
            f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
        )
        lines.append(f"| {key} | {text} | {unit} | {meaning} |")
    if len(result.liquidations):
        lines += ["", "## Liquidators", "", "| liquidator | calls | share of repaid debt | profit, USD |"]
        lines.append("|---|---:|---:|---:|")
        lines += [
            f"| {name} | {row.calls:.0f} | {row.share:.1%} | {row.profit_usd:,.0f} |"
            for name, row in liquidator_ranking(result.liquidations).iterrows()
        ]
    if result.scenario.venues:
        lines += _venues(result)
    lines += ["", "## Figures", ""]
    for figure in figures:
        lines += [f"![{figure.stem.replace('_', ' ')}]({figure.relative_to(folder).as_posix()})", ""]
    path = folder / "report.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _venues(result: RunResult) -> list[str]:
    """Return the part of the page about margin venues."""
    return [
        "",
        "## Margin venues",
        "",
        "| measure | value |",
        "|---|---:|",
        *(f"| {METRICS[name].label} | {value:,.0f} |" for name, value in venue_measures(result).items()),
    ]
