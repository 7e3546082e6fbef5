"""Options that several commands share, and the two ways to print: for people and as JSON."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
    from ..runs.executors import Executor

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Name of a packaged scenario, or path of a .toml file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Override a value, as in borrowers.count=500; repeatable."
    ),
]
SeedsOption = Annotated[str, typer.Option("--seeds", metavar="N", help="Number of seeds, from 1 to 10,000.")]
PairedSeedsOption = Annotated[
    str, typer.Option("--seeds", metavar="N", help="Number of seeds, from 2 to 10,000.")
]
WorkersOption = Annotated[
    str, typer.Option("--workers", metavar="N", help="Processes on this machine, from 1 to 1,024.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Run on a scheduler of Dask distributed instead."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, all else on stderr.")]

Progress = Callable[[int, int], None]

MAX_SEEDS = 10_000
"""Most runs of one setting that a command takes."""

interrupted = threading.Event()
"""Set by Ctrl-C; a callback of compiled code may swallow the exception, this stays."""

_REDRAW_S = 0.1


def whole_number(option: str, text: str, low: int, high: int) -> int:
    """Read the whole number given for an option.

    Raises
    ------
    ScenarioError
        If it is no whole number from `low` to `high`.
    """
    from ..scenarios.base import ScenarioError

    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text) or not low <= int(text) <= high:
        raise ScenarioError(f"{option} = {text!r}; allowed: a whole number from {low:,} to {high:,}")
    return int(text)


def number(option: str, text: str) -> float:
    """Read the finite number given for an option.

    Raises
    ------
    ScenarioError
        If it is none.
    """
    from ..scenarios.base import ScenarioError

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScenarioError(f"{option} = {text!r}; allowed: a number")
    return value


@contextmanager
def chosen_workers(workers: str, scheduler: str | None) -> Iterator[Executor]:
    """Open the workers that ``--workers`` and ``--scheduler`` ask for.

    Raises
    ------
    ScenarioError
        If the number is none from 1 to 1,024, or the scheduler cannot be reached.
    """
    from ..runs.executors import on_scheduler, opened

    processes = whole_number("--workers", workers, 1, 1_024)
    with on_scheduler(scheduler) if scheduler else opened(processes) as executor:
        yield executor


def echo_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    typer.echo(json.dumps(value, allow_nan=False))


class Report(Protocol):
    """What a command has found, for programs and for people."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        ...

    def to_markdown(self) -> str:
        """Return text that ends with a new line."""
        ...


def echo_report(report: Report, as_json: bool, folder: Path | None = None) -> None:
    """Print what a command has found, and where it is saved."""
    if as_json:
        echo_json(report.to_dict())
    else:
        typer.echo(report.to_markdown(), nl=False)
    if folder is not None:
        typer.echo(f"saved in {folder}", err=True)


@contextmanager
def progress_bar(label: str, unit: str, note: Callable[[], str] = str) -> Iterator[Progress]:
    """Show progress on stderr with units per second, time left and a note, if it is a terminal.

    Yields
    ------
    callable
        To be called with what is done and the total; it raises KeyboardInterrupt after Ctrl-C.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(
        *columns, console=console, transient=True, auto_refresh=False, disable=not console.is_terminal
    )
    task = bar.add_task(label, total=1, rate="")
    began = drawn = time.perf_counter()

    def update(done: int, total: int) -> None:
        nonlocal drawn
        if interrupted.is_set():
            raise KeyboardInterrupt
        now = time.perf_counter()
        if now - drawn < _REDRAW_S and done < total:
            return
        drawn = now
        speed = done / max(now - began, 1e-9)
        rate = f"{speed:,.{0 if speed >= 10 else 2}f} {unit}/s {note()}"
        bar.update(task, completed=done, total=total, rate=rate, refresh=True)

    with bar:
        yield update
