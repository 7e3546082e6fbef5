"""Run a sweep: what is not done yet, wherever it is to happen, until all is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ..runs.executors import Executor, WorkerDiedError, local_workers, on_scheduler
from ..scenarios.base import ScenarioError
from .folder import check_plan, failures, finished, open_folder, remove_partials, write_failure
from .job import run_job, warm_up
from .plan import Job, SweepPlan, load_plan

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SweepReport:
    """How far a sweep is.

    Attributes
    ----------
    total : int
        Runs of the plan, of this shard if it is one.
    done, failed : int
        Of these, finished and raised.
    ran : int
        Of these, run just now.
    problems : tuple of (Job, str)
        What went wrong just now.
    """

    total: int
    done: int
    failed: int
    ran: int
    problems: tuple[tuple[Job, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every run has ended well."""
        return self.done == self.total


def sweep(
    plan: str | Path | SweepPlan,
    folder: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    allow_many: bool = False,
    executor: AbstractContextManager[Executor] | None = None,
    progress: Progress | None = None,
    failed: Callable[[Job, str], None] | None = None,
) -> SweepReport:
    """Run what a sweep has not done yet.

    However it is run, on one worker or many, in shards or after a kill, the folder holds the
    same bytes in the end.

    Parameters
    ----------
    plan : str, Path or SweepPlan
        Name of a packaged sweep, path of a TOML file, or a plan.
    folder : str or Path
        The sweep's own folder; made if it is not there, continued if it is.
    workers : int
        Processes on this machine; a script that asks for several needs ``if __name__ == "__main__":``.
    scheduler : str, optional
        Address of a scheduler of Dask distributed to run on instead.
    shard : tuple of int
        ``(i, n)`` runs only every n-th run, from the i-th; for job arrays without a scheduler.
    retry_failed : bool
        Run again what raised; otherwise it is left as it is.
    allow_many : bool
        Whether more runs than the plan's `max_runs` may be done.
    executor : context manager, optional
        Where to run instead, such as `executors.on_slurm`.
    progress : callable, optional
        Told the runs ended and the total.
    failed : callable, optional
        Told of each run that raised.

    Raises
    ------
    ScenarioError
        If the plan cannot run, or the scheduler cannot be reached.
    RunFolderError
        If the folder belongs to another sweep.
    """
    plan = load_plan(plan)
    folder = Path(folder)
    number, shards = shard
    if not 1 <= number <= shards:
        raise ScenarioError(f"shard {number}/{shards}; allowed: I/N with 1 <= I <= N")
    if workers < 1:
        raise ScenarioError(f"workers = {workers}; allowed: 1 or more")
    points = plan.points()
    total = len(points) * plan.seeds
    if total > plan.max_runs and not allow_many:
        raise ScenarioError(
            f"sweep {plan.name} would take {total:,} runs, more than its max_runs = {plan.max_runs:,}; "
            "allow it with --yes"
        )
    plan.check()
    check_plan(folder, plan)
    mine = plan.jobs()[number - 1 :: shards]
    skipped = finished(folder) | (set() if retry_failed else failures(folder))
    todo = [job for job in mine if job not in skipped]
    problems: list[tuple[Job, str]] = []
    if progress is not None:
        progress(len(mine) - len(todo), len(mine))
    if todo:
        where = executor or (on_scheduler(scheduler) if scheduler else local_workers(min(workers, len(todo))))
        with where as runs:
            open_folder(folder, plan)
            runs.prepare(warm_up, plan, points[todo[0].point])
            path = str(folder.resolve())
            work = [(plan, points[job.point], job, path) for job in todo]
            for ended, (place, said, error) in enumerate(runs.run(run_job, work), 1):
                job, problem = todo[place], said or ""
                if isinstance(error, WorkerDiedError):
                    problem = str(error)
                    settings = plan.settings(points[job.point])
                    write_failure(folder, job, {"settings": settings, "error": problem})
                elif error is not None:
                    raise error
                if problem:
                    problems.append((job, problem))
                    if failed is not None:
                        failed(job, problem)
                if progress is not None:
                    progress(len(mine) - len(todo) + ended, len(mine))
    over = finished(folder)
    if len(over) == total:
        remove_partials(folder)
    done, raised = over.intersection(mine), failures(folder).intersection(mine)
    return SweepReport(len(mine), len(done), len(raised), len(todo), tuple(problems))
