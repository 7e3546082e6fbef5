"""Where the runs of a sweep happen: in this process, or on workers of Dask distributed.

Every executor yields ``(job, problem)`` as runs end, in whatever order; what a run leaves
is in the sweep's folder, so nothing but these few words comes back, and only a few runs for
each worker are in flight at a time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..scenarios.base import ScenarioError
from .designs import Point
from .folder import write_failure
from .job import run_job, warm_up
from .plan import Job, SweepPlan

CONNECT_S = 5
"""Time after which a scheduler that does not answer counts as unreachable."""

AHEAD = 2
"""Runs in flight for each worker, one of them waiting."""

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""What keeps numerical libraries from starting threads beside the workers."""


class Ended(NamedTuple):
    """A run that has ended: its job, and what went wrong, empty for nothing."""

    job: Job
    problem: str


class Executor(Protocol):
    """Runs jobs."""

    def run(
        self, plan: SweepPlan, points: Sequence[Point], jobs: Sequence[Job], folder: Path
    ) -> Iterator[Ended]:
        """Yield every job as it ends."""
        ...


class InProcess:
    """One run after the other, here."""

    def run(
        self, plan: SweepPlan, points: Sequence[Point], jobs: Sequence[Job], folder: Path
    ) -> Iterator[Ended]:
        """Yield every job as it ends."""
        for job in jobs:
            yield Ended(job, run_job(plan, points[job.point], job, str(folder)))


class OnDask:
    """Runs on the workers of a client of Dask distributed."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(
        self, plan: SweepPlan, points: Sequence[Point], jobs: Sequence[Job], folder: Path
    ) -> Iterator[Ended]:
        """Yield every job as it ends; a run whose worker died several times counts as failed."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        if not jobs:
            return
        path = str(folder.resolve())
        self.client.submit(
            warm_up, plan, points[jobs[0].point], pure=False
        ).exception()  # its run will say so
        waiting = iter(jobs)
        running: dict[str, Job] = {}

        def submit() -> Any:
            for job in waiting:
                future = self.client.submit(run_job, plan, points[job.point], job, path, pure=False)
                running[future.key] = job
                return future
            return None

        width = max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
        first = [future for future in (submit() for _ in range(AHEAD * width)) if future is not None]
        completed = as_completed(first)
        for future in completed:
            job = running.pop(future.key)
            try:
                problem = future.result()
            except KilledWorker as error:
                problem = f"worker died: {error}"
                write_failure(folder, job, {"settings": plan.settings(points[job.point]), "error": problem})
            future.release()
            following = submit()
            if following is not None:
                completed.add(following)
            yield Ended(job, problem)


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Run on workers of this machine; one of them is this process."""
    if count == 1:
        yield InProcess()
        return
    from distributed import Client, LocalCluster

    _quiet()
    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                env=worker_environment(),
            )
        )
        yield OnDask(stack.enter_context(Client(cluster)))


@contextmanager
def on_scheduler(address: str) -> Iterator[Executor]:
    """Run on the workers of a scheduler that is there already.

    Raises
    ------
    ScenarioError
        If it does not answer within `CONNECT_S` seconds.
    """
    from distributed import Client

    _quiet()
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise ScenarioError(
            f"--scheduler {address}: not reachable ({error or type(error).__name__})"
        ) from None
    with client:
        yield OnDask(client)


@contextmanager
def on_slurm(settings: dict[str, str], jobs: int) -> Iterator[Executor]:
    """Run on workers that SLURM starts, one for each job.

    Parameters
    ----------
    settings : dict of str to str
        See `slurm_cluster`.
    jobs : int
        Jobs to ask SLURM for.
    """
    from distributed import Client

    _quiet()
    with slurm_cluster(settings) as cluster, Client(cluster) as client:
        cluster.scale(jobs=jobs)
        client.wait_for_workers(1)
        yield OnDask(client)


SLURM_KEYS = ("partition", "account", "memory", "walltime")


def slurm_cluster(settings: dict[str, str]) -> Any:
    """Return a cluster whose workers are SLURM jobs, none asked for yet.

    Parameters
    ----------
    settings : dict of str to str
        ``partition``, ``account``, ``memory`` (such as 4GB) and ``walltime`` (such as 01:00:00), all
        but memory and walltime without a default.

    Raises
    ------
    ScenarioError
        If dask-jobqueue is not installed, or a setting is unknown.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ScenarioError("--slurm needs the extra 'cluster': pip install liquidarium[cluster]") from None
    for key in settings:
        if key not in SLURM_KEYS:
            raise ScenarioError(f"--slurm {key}; allowed: {', '.join(SLURM_KEYS)}")
    exports = [f"export {key}={value}" for key, value in sorted(worker_environment().items())]
    return SLURMCluster(
        queue=settings.get("partition"),
        account=settings.get("account"),
        cores=1,
        processes=1,
        memory=settings.get("memory", "4GB"),
        walltime=settings.get("walltime", "01:00:00"),
        job_script_prologue=exports,
        scheduler_options={"dashboard": False},
    )


def worker_environment() -> dict[str, str]:
    """Return what workers need in their environment: no threads of their own, one cache of kernels."""
    shared = {key: os.environ[key] for key in ("NUMBA_CACHE_DIR",) if key in os.environ}
    return THREADS | shared


def _quiet() -> None:
    for name in (
        "distributed",
        "distributed.worker",
        "distributed.nanny",
        "distributed.scheduler",
        "tornado",
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)
