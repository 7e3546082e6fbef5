"""Commands around a run: run a scenario, render its report again, verify its tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import JsonOption, ScenarioArgument, SetOption, echo_json, progress_bar, whole_number

if TYPE_CHECKING:
    from ..runs import RunResult

DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a saved run.")]


def run(
    scenario: ScenarioArgument,
    *,
    seed: Annotated[
        str | None, typer.Option(metavar="N", help="Root seed; that of the scenario if left out.")
    ] = None,
    overrides: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of this run; runs/SCENARIO-SEED if left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in DIR.")] = False,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario and keep its tables, figures and report."""
    from ..runs.result import check_target, run_folder
    from ..scenarios import load_scenario
    from ..scenarios.base import LARGEST_SEED

    root = None if seed is None else whole_number("--seed", seed, 0, LARGEST_SEED)
    loaded = load_scenario(scenario, overrides or ())
    folder = out or run_folder(loaded.name, loaded.seed if root is None else root)
    check_target(folder, overwrite=overwrite)

    from ..runs.run import run as run_scenario

    with progress_bar(loaded.name, "blocks") as progress:
        result = run_scenario(loaded, seed=root, progress=progress)
    result.save(folder, overwrite=overwrite, also=(lambda place: _render(result, place)) if figures else None)
    if as_json:
        echo_json(_described(result))
    else:
        _print_summary(result)
    typer.echo(f"saved in {folder}", err=True)


def report(folder: DirArgument) -> None:
    """Draw the figures of a saved run again and write report.md beside them."""
    from ..runs import SUMMARY_KEYS, RunResult
    from ..runs import verify as verify_folder
    from ..runs.folders import RunFolderError

    verify_folder(folder)
    result = RunResult.load(folder)
    missing = [key for key in SUMMARY_KEYS if not isinstance(result.summary.get(key), str | int | float)]
    if missing:
        raise RunFolderError(f"{folder}: the summary in its manifest has no {missing[0]}")
    try:
        _render(result, folder)
    except OSError as error:
        raise RunFolderError(f"cannot write in {folder}: {error.strerror or error}") from None
    typer.echo(f"wrote {folder / 'report.md'}")


def verify(folder: DirArgument) -> None:
    """Check that the tables of a saved run are still those that were saved, and its margin decisions."""
    from ..runs import RunResult
    from ..runs import verify as verify_folder
    from ..runs.margin_check import check_margin

    typer.echo(f"{folder}: tables agree with their hash {verify_folder(folder)}")
    result = RunResult.load(folder)
    if result.scenario.venues:
        typer.echo(
            f"{folder}: {len(result.marks):,} marks and {check_margin(result):,} margin liquidations "
            "follow from their stored inputs"
        )


def _render(result: RunResult, folder: Path) -> None:
    from ..figures import write_figures, write_report

    write_report(result, folder, write_figures(result, folder / "figures"))


def _described(result: RunResult) -> dict[str, Any]:
    """Summary of a run, and under `venues` what its margin venues did."""
    from ..runs.metrics import venue_measures

    measures = {
        name: value if math.isfinite(value) else None for name, value in venue_measures(result).items()
    }
    return {**result.summary, **({"venues": measures} if measures else {})}


def _print_summary(result: RunResult) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..runs import SUMMARY_KEYS
    from ..runs.metrics import METRICS, venue_measures

    table = Table(title=f"{result.scenario.name}, seed {result.seed}")
    table.add_column("measure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("meaning")
    for key, (_, meaning) in SUMMARY_KEYS.items():
        if key not in ("scenario", "seed"):
            table.add_row(key, _number(result.summary[key]), meaning)
    for key, value in venue_measures(result).items():
        table.add_row(key, _number(value), f"margin venues: {METRICS[key].label}")
    Console().print(table)


def _number(value: str | int | float) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value) and 0 < abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"
