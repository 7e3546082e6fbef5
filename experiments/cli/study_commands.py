"""Commands that compare: with contracts, with recorded liquidations, between strategies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    JsonOption,
    ScenarioArgument,
    SeedsOption,
    SetOption,
    echo_json,
    progress_bar,
    whole_number,
)

MAX_SEEDS = 10_000


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


def backtest(
    scenario: ScenarioArgument,
    seeds: SeedsOption = "5",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score simulated against recorded liquidations."""
    from ..backtest.run import backtest as score
    from ..scenarios import load_scenario

    roots = list(range(1, 1 + whole_number("--seeds", seeds, 1, MAX_SEEDS)))
    loaded = load_scenario(scenario, overrides or ())
    with progress_bar(f"backtest {loaded.name}", "runs") as progress:
        report = score(loaded, roots, progress)
    if as_json:
        echo_json(report.to_dict())
    else:
        typer.echo(report.to_text())


def game(
    name: Annotated[str, typer.Argument(metavar="GAME", help="Name of a packaged game.")],
    seeds: SeedsOption = "20",
    as_json: JsonOption = False,
) -> None:
    """Play a game between strategies and solve it from the simulated payoffs."""
    from ..games.quick import play

    roots = list(range(1, 1 + whole_number("--seeds", seeds, 2, MAX_SEEDS)))
    with progress_bar(f"game {name}", "runs") as progress:
        outcome = play(name, roots, progress)
    if as_json:
        echo_json(outcome.to_dict())
    else:
        typer.echo(outcome.to_text())
