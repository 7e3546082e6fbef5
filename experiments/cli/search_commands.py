"""Commands that measure, fit and search over many runs of one scenario."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..runs.journal import RunJournal
    from ..sweeps.plan import SweepPlan

from .options import (
    MAX_SEEDS,
    JsonOption,
    ScenarioArgument,
    SchedulerOption,
    SeedsOption,
    SetOption,
    WorkersOption,
    chosen_workers,
    echo_report,
    number,
    progress_bar,
    whole_number,
)


def facts(
    scenario: ScenarioArgument,
    seeds: SeedsOption = "10",
    overrides: SetOption = None,
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; runs/facts-SCENARIO if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure stylised facts of markets in a scenario's books, and list which hold and which do not."""
    from ..facts import is_facts, measure_facts
    from ..runs.folders import check_folder, write_folder
    from ..scenarios import load_scenario

    roots = list(range(1, 1 + whole_number("--seeds", seeds, 1, MAX_SEEDS)))
    loaded = load_scenario(scenario, overrides or ())
    folder = out or Path("runs") / f"facts-{loaded.name}"
    check_folder(folder, is_facts, overwrite=overwrite, what="facts")
    with (
        chosen_workers(workers, scheduler) as executor,
        progress_bar(f"facts {loaded.name}", "runs") as progress,
    ):
        report = measure_facts(loaded, roots, progress, executor)
    write_folder(folder, report.save, is_facts, overwrite=overwrite, what="facts")
    echo_report(report, as_json, folder)


def options(
    chain: Annotated[str, typer.Argument(metavar="CHAIN", help="Name of a packaged option chain.")],
    refuse: Annotated[
        bool, typer.Option("--refuse", help="Refuse a fit that admits arbitrage instead of repairing it.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; runs/options-CHAIN if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit a volatility surface to a recorded option chain; say what it repaired, and list volatilities."""
    from ..options import ChainReport, analyse, is_options, load_chain
    from ..runs.folders import check_folder, write_folder

    loaded = load_chain(chain)
    folder = out or Path("runs") / f"options-{loaded.name}"
    check_folder(folder, is_options, overwrite=overwrite, what="options")
    report = ChainReport(analyse(loaded, repair=not refuse))
    write_folder(folder, report.save, is_options, overwrite=overwrite, what="options")
    echo_report(report, as_json, folder)


def rare(
    scenario: ScenarioArgument,
    tilt: Annotated[
        list[str],
        typer.Option(
            "--tilt",
            metavar="SYMBOL=SD",
            help="Shift an asset's last log price by so many standard deviations, as ETH=-3; repeatable.",
        ),
    ],
    above: Annotated[
        list[str] | None,
        typer.Option("--above", metavar="USD", help="Amount of bad debt; 0 if left out; repeatable."),
    ] = None,
    runs: Annotated[str, typer.Option(metavar="N", help="Number of runs, from 10 to 1,000,000.")] = "200",
    overrides: SetOption = None,
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate how likely rare bad debt is, by importance sampling; for prices of kind gbm."""
    from ..rare import rare_bad_debt
    from ..scenarios import ScenarioError, load_scenario

    count = whole_number("--runs", runs, 10, 1_000_000)
    amounts = [number("--above", text) for text in above or ["0"]]
    shifts = {}
    for text in tilt:
        symbol, _, shift = text.partition("=")
        if symbol in shifts:
            raise ScenarioError(f"--tilt {symbol} is given twice; allowed: one for each asset")
        shifts[symbol] = number(f"--tilt {symbol}", shift)
    loaded = load_scenario(scenario, overrides or ())
    with (
        chosen_workers(workers, scheduler) as executor,
        progress_bar(f"rare {loaded.name}", "runs") as progress,
    ):
        report = rare_bad_debt(loaded, amounts, shifts, count, progress, executor)
    echo_report(report, as_json)


def optimize(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Name of a packaged search, or a .toml file.")],
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; runs/optimize-PLAN if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a design for its trade-offs: a Pareto set, scored again on fresh seeds; needs extra optimize.

    The same command goes on with a search that was cut short.
    """
    from ..optimize import is_optimized, load_optimize_plan
    from ..optimize import optimize as search
    from ..runs.folders import check_folder, write_folder

    loaded = load_optimize_plan(plan)
    folder = out or Path("runs") / f"optimize-{loaded.name}"
    check_folder(folder, is_optimized, overwrite=overwrite, what="search")
    with (
        _journal(loaded.as_sweep(), folder) as journal,
        chosen_workers(workers, scheduler) as executor,
        progress_bar(f"optimize {loaded.name}", "runs") as progress,
    ):
        report = search(loaded, progress, executor, journal)
    write_folder(folder, report.save, is_optimized, overwrite=overwrite, what="search")
    echo_report(report, as_json, folder)


def calibrate(
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="Name of a packaged calibration, or a .toml file.")
    ],
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; runs/calibrate-PLAN if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit a scenario's parameters to a table of targets by the simulated method of moments.

    The same command goes on with a fit that was cut short.
    """
    from ..calibration import calibrate as fit
    from ..calibration import is_calibration, load_calibration
    from ..runs.folders import check_folder, write_folder

    loaded = load_calibration(plan)
    folder = out or Path("runs") / f"calibrate-{loaded.name}"
    check_folder(folder, is_calibration, overwrite=overwrite, what="calibration")
    with (
        _journal(loaded.as_sweep(), folder) as journal,
        chosen_workers(workers, scheduler) as executor,
        progress_bar(f"calibrate {loaded.name}", "runs") as progress,
    ):
        report = fit(loaded, progress, executor, journal)
    write_folder(folder, report.save, is_calibration, overwrite=overwrite, what="calibration")
    echo_report(report, as_json, folder)


def _journal(plan: SweepPlan, folder: Path) -> AbstractContextManager[RunJournal]:
    """Keep what the runs of a plan measure beside the folder of its results, while it goes on."""
    from ..runs.journal import journal_beside
    from ..runs.result import versions

    return journal_beside(folder, {**plan.record(), "versions": versions()})
