"""The command for many runs: `sweep`."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import JsonOption, SchedulerOption, WorkersOption, echo_json, progress_bar, whole_number

if TYPE_CHECKING:
    from ..sweeps import Job

LINES_EVERY_S = 60.0
"""Time between two lines of progress where there is no terminal."""


def sweep(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Name of a packaged sweep, or a .toml file.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The sweep's own folder, continued if it is there; runs/sweep-PLAN if left out.",
        ),
    ] = None,
    workers: WorkersOption = "1",
    scheduler: SchedulerOption = None,
    slurm: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="Let SLURM start --workers workers: partition, account, memory, walltime.",
        ),
    ] = None,
    show_job_script: Annotated[
        bool, typer.Option("--show-job-script", help="Print the job script of --slurm and do nothing.")
    ] = False,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Run the I-th of N parts only, for job arrays.")
    ] = "1/1",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what raised an error.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Allow more runs than the plan's max_runs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario over factors and seeds; the same command continues a sweep that was cut short."""
    from ..runs.executors import on_slurm
    from ..sweeps import load_plan
    from ..sweeps import sweep as run_sweep
    from ..sweeps.report import report_sweep

    chosen = load_plan(plan)
    processes = whole_number("--workers", workers, 1, 1_024)
    part = _shard(shard)
    settings = _slurm(slurm, scheduler)
    if show_job_script:
        _print_job_script(settings)
        return
    folder = out or Path("runs") / f"sweep-{chosen.name}"
    problems: list[str] = []

    def failed(job: Job, problem: str) -> None:
        problems.append(problem)
        typer.echo(f"point {job.point}, seed {job.seed} failed: {problem}", err=True)

    def note() -> str:
        return f"{len(problems)} failed" if problems else ""

    with _stopped_by_sigterm(), _progress(f"sweep {chosen.name}", note) as progress:
        report = run_sweep(
            chosen,
            folder,
            workers=processes,
            scheduler=scheduler,
            shard=part,
            retry_failed=retry_failed,
            allow_many=yes,
            executor=None if settings is None else on_slurm(settings, processes),
            progress=progress,
            failed=failed,
        )
    if report.failed:
        typer.echo(
            f"{report.failed} runs failed, see {folder / 'failed'}; --retry-failed repeats them", err=True
        )
    whole = report_sweep(chosen, folder) if report.done else None
    if as_json:
        echo_json(
            {
                "sweep": chosen.name,
                "folder": str(folder),
                "runs": report.total,
                "done": report.done,
                "failed": report.failed,
                "ran": report.ran,
                "points": [] if whole is None else whole.to_dict(),
            }
        )
    else:
        if whole is not None:
            typer.echo(whole.to_markdown(), nl=False)
        typer.echo(
            f"{report.done} of {report.total} runs done, {report.failed} failed; {report.ran} just now"
        )
    typer.echo(f"saved in {folder}", err=True)


def _shard(text: str) -> tuple[int, int]:
    from ..scenarios.base import ScenarioError

    first, slash, last = text.partition("/")
    if not slash:
        raise ScenarioError(f"--shard = {text!r}; allowed: I/N, such as 1/8")
    shards = whole_number("--shard I/N", last, 1, 1_000_000)
    return whole_number("--shard I/N", first, 1, shards), shards


def _slurm(text: str | None, scheduler: str | None) -> dict[str, str] | None:
    from ..scenarios.base import ScenarioError

    if text is None:
        return None
    if scheduler is not None:
        raise ScenarioError("--slurm and --scheduler; allowed: one of them")
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(key and equals and value for key, equals, value in pairs):
        raise ScenarioError(
            f"--slurm = {text!r}; allowed: KEY=VALUE,... such as partition=short,walltime=02:00:00"
        )
    return {key: value for key, _, value in pairs}


def _print_job_script(settings: dict[str, str] | None) -> None:
    from ..runs.executors import slurm_cluster
    from ..scenarios.base import ScenarioError

    if settings is None:
        raise ScenarioError("--show-job-script needs --slurm")
    with slurm_cluster(settings) as cluster:
        typer.echo(cluster.job_script(), nl=False)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """End as after Ctrl-C when a time limit or a batch system asks to; what is done stays done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; runs that were done stay, the same command continues", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(label: str, note: Callable[[], str]) -> Iterator[Callable[[int, int], None]]:
    """Show progress as a bar, or as a line now and then where there is no terminal."""
    if sys.stderr.isatty():
        with progress_bar(label, "runs", note) as bar:
            yield bar
        return
    began = told = time.monotonic()
    start: int | None = None

    def line(done: int, total: int) -> None:
        nonlocal told, start
        start = done if start is None else start
        now = time.monotonic()
        if now - told >= LINES_EVERY_S and done > start:
            told = now
            rate = (done - start) / (now - began)
            left = (total - done) / rate
            said = f"{label}: {done}/{total} runs, {rate:.2f} runs/s, {left:,.0f} s left {note()}"
            typer.echo(said.rstrip(), err=True)

    yield line
