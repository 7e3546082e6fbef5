"""Commands that compare: with contracts, with recorded liquidations, between strategies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import (
    MAX_SEEDS,
    JsonOption,
    PairedSeedsOption,
    ScenarioArgument,
    SchedulerOption,
    SeedsOption,
    SetOption,
    WorkersOption,
    chosen_workers,
    echo_json,
    echo_report,
    progress_bar,
    whole_number,
)


def conform(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Vector files; the packaged ones if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay contract vectors through the rules that the simulation executes; exit 1 on a disagreement."""
    from ..conformance import conform as replay
    from ..conformance import render_report

    report = replay(files)
    if as_json:
        echo_json(report.as_dict())
    else:
        typer.echo(render_report(report))
    if not report.ok:
        raise typer.Exit(1)


def margin(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="architectures, correlation-break or model-risk.")
    ],
    seed: Annotated[str, typer.Option(metavar="N", help="Root seed, from 0.")] = "1",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results; runs/margin-STUDY if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Study margin rules by themselves: architectures, correlation-break or model-risk."""
    from ..margin_studies import is_study, run_study
    from ..runs.folders import check_folder, write_folder

    root = whole_number("--seed", seed, 0, 2**63 - 1)
    folder = out or Path("runs") / f"margin-{study}"
    check_folder(folder, is_study, overwrite=overwrite, what="margin study")
    report = run_study(study, root)
    write_folder(folder, report.save, is_study, overwrite=overwrite, what="margin study")
    echo_report(report, as_json, folder)


def backtest(
    scenario: ScenarioArgument,
    seeds: SeedsOption = "5",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score simulated against recorded liquidations, or auctions where kicks are recorded.

    january-2021 is no scenario but a month of a perpetual: a crowd of traders on the recorded price.
    """
    from ..backtest.auction_run import backtest_auctions
    from ..backtest.perps import backtest_perps, recorded_perps
    from ..backtest.run import backtest as backtest_liquidations
    from ..scenarios import load_scenario
    from ..scenarios.base import ScenarioError
    from ..scenarios.credit import RecordedVaults

    roots = list(range(1, 1 + whole_number("--seeds", seeds, 1, MAX_SEEDS)))
    score: Any
    if scenario in recorded_perps():
        if overrides:
            raise ScenarioError(f"--set does nothing for {scenario}, which is no scenario")
        loaded: Any = scenario
        score, name = backtest_perps, scenario
    else:
        loaded = load_scenario(scenario, overrides or ())
        kicked = isinstance(loaded.borrowers, RecordedVaults)
        score, name = backtest_auctions if kicked else backtest_liquidations, loaded.name
    with progress_bar(f"backtest {name}", "runs") as progress:
        report = score(loaded, roots, progress)
    if as_json:
        echo_json(report.to_dict())
    else:
        typer.echo(report.to_text())


def compare(
    name: Annotated[
        str, typer.Argument(metavar="COMPARISON", help="Name of a packaged comparison, or a .toml file.")
    ],
    seeds: PairedSeedsOption = "20",
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of this comparison; runs/COMPARISON if left out."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier comparison in DIR.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the same borrowers and the same path under several rules, paired by seed."""
    from ..comparisons import compare as run_cases
    from ..comparisons import is_comparison, load_comparison
    from ..runs.folders import check_folder, write_folder

    roots = list(range(1, 1 + whole_number("--seeds", seeds, 2, MAX_SEEDS)))
    plan = load_comparison(name)
    folder = out or Path("runs") / plan.name
    check_folder(folder, is_comparison, overwrite=overwrite, what="comparison")
    with (
        chosen_workers(workers, scheduler) as executor,
        progress_bar(f"compare {plan.name}", "runs") as progress,
    ):
        outcome = run_cases(plan, roots, progress, executor)
    write_folder(folder, outcome.save, is_comparison, overwrite=overwrite, what="comparison")
    echo_report(outcome, as_json, folder)


def contagion(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|DIR", help="Packaged scenario, .toml file, or folder of a saved run."
        ),
    ],
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Number of seeds, from 1 to 10,000; 5 if left out.")
    ] = None,
    overrides: SetOption = None,
    interventions: Annotated[
        list[str] | None,
        typer.Option(
            "--intervention",
            metavar="NAME:KEY=VALUE,...",
            help="Paired difference that it makes: ring-fence, cap-exposure, insurance-fund, stability-pool,"
            " halt-venue or without; repeatable.",
        ),
    ] = None,
    top: Annotated[
        str,
        typer.Option(
            "--leave-one-out",
            metavar="N",
            help="Run again without each of the N accounts that caused most, from 0 to 100.",
        ),
    ] = "0",
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of this study; runs/contagion-SCENARIO if left out."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier study in DIR.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare measures of contagion with what the simulation did, find causes, and try interventions."""
    from ..contagion.interventions import parse_intervention
    from ..contagion.paired import check_interventions, leave_one_out, try_interventions
    from ..contagion.study import is_study, study_run, study_scenario
    from ..runs import RunResult
    from ..runs.folders import check_folder, write_folder
    from ..scenarios import load_scenario
    from ..scenarios.base import ScenarioError

    saved = Path(source).is_dir()
    largest = whole_number("--leave-one-out", top, 0, 100)
    if saved and (seeds is not None or overrides or interventions or largest):
        raise ScenarioError(
            f"{source} is a saved run; allowed with it: neither --seeds nor --set, --intervention"
            " nor --leave-one-out"
        )
    tried = [parse_intervention(text) for text in interventions or ()]
    roots = [] if saved else list(range(1, 1 + whole_number("--seeds", seeds or "5", 1, MAX_SEEDS)))
    result = RunResult.load(source) if saved else None
    scenario = result.scenario if result is not None else load_scenario(source, overrides or ())
    check_interventions(scenario, tried)
    folder = out or Path("runs") / f"contagion-{scenario.name}"
    check_folder(folder, is_study, overwrite=overwrite, what="study of contagion")
    if result is not None:
        study = study_run(result)
    else:
        with progress_bar(f"contagion {scenario.name}", "runs") as progress:
            study = study_scenario(scenario, roots, progress)
        with chosen_workers(workers, scheduler) as executor:
            if tried:
                with progress_bar("interventions", "runs") as progress:
                    effects = try_interventions(scenario, tried, roots, progress, executor)
                study = replace(study, effects=effects)
            if largest:
                with progress_bar("leave one out", "runs") as progress:
                    left_out = leave_one_out(scenario, roots, largest, progress, executor)
                study = replace(study, left_out=left_out)
    write_folder(folder, study.save, is_study, overwrite=overwrite, what="study of contagion")
    echo_report(study, as_json, folder)


def game(
    name: Annotated[str, typer.Argument(metavar="GAME", help="Name of a packaged game, or a .toml file.")],
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Samples of each profile, from 2 to 10,000; of a scenario, seeds. The game's own number if "
            "left out.",
        ),
    ] = None,
    solver: Annotated[
        str, typer.Option(metavar="NAME", help="supports, replicator, quantal-response or regret-matching.")
    ] = "supports",
    half_width: Annotated[
        float | None,
        typer.Option(metavar="X", help="Sample on until half of every regret interval is at most X."),
    ] = None,
    max_samples: Annotated[
        str, typer.Option(metavar="N", help="Most samples of a profile, from 2 to 1,000,000.")
    ] = "10000",
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Regret that does not matter; 1 % of the largest payoff if left out."),
    ] = None,
    search: Annotated[
        str,
        typer.Option(metavar="N", help="Most rounds of best replies outside the strategies, from 0 to 100."),
    ] = "0",
    outside: Annotated[
        bool,
        typer.Option(
            "--outside/--no-outside",
            help="Measure regret outside the strategies, or save the time.",
        ),
    ] = True,
    overrides: SetOption = None,
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder that keeps samples and answers; an interrupted game goes on."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a game between strategies and solve it from the sampled payoffs."""
    from ..games.liquidation_game import load_game_file
    from ..games.play import play
    from ..games.series import play_series

    plan = load_game_file(name)
    samples = plan.samples if seeds is None else whole_number("--seeds", seeds, 2, MAX_SEEDS)
    most = whole_number("--max-samples", max_samples, 2, 1_000_000)
    rounds = whole_number("--search", search, 0, 100)
    several = bool(plan.cases or plan.vary)
    player: Any = play_series if several else play
    unit = "cases" if several else "profiles"
    with chosen_workers(workers, scheduler) as executor, progress_bar(f"game {plan.name}", unit) as progress:
        outcome = player(
            plan,
            samples,
            solver=solver,
            tolerance=tolerance,
            half_width=half_width,
            max_samples=max(most, samples) if half_width is None else most,
            search_rounds=rounds,
            outside=outside,
            overrides=overrides or (),
            workers=executor,
            folder=out,
            progress=progress,
        )
    if as_json:
        echo_json(outcome.to_dict())
    else:
        typer.echo(outcome.to_text())
    if out is not None:
        typer.echo(f"saved in {out}", err=True)
