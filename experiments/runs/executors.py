"""Where runs happen: in this process, or on workers of Dask distributed.

Every executor yields jobs as they end, in whatever order, and keeps only a few for each worker
in flight, so that the memory of this process does not grow with their number.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol

from ..scenarios.base import ScenarioError

CONNECT_S = 5
"""Time after which a scheduler that does not answer counts as unreachable."""

AHEAD = 2
"""Runs in flight for each worker, one of them waiting."""

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""What keeps numerical libraries from starting threads beside the workers."""

QUIET_WORKERS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.system-monitor.interval": "10s",
}
"""What keeps a worker's other threads from waking a hundred times a second beside its run."""


class Ended(NamedTuple):
    """A job that has ended: its place, what it returned, and what it raised, if it did."""

    place: int
    value: Any
    error: Exception | None


class Executor(Protocol):
    """Calls a function once for each job."""

    def run(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Ended]:
        """Yield every ``function(*job)`` as it ends; the function must be importable by name."""
        ...

    def prepare(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function on one worker before all others start; what it raises is left to the runs."""
        ...


Workers = int | Executor
"""Processes on this machine, or where to run instead."""


class InProcess:
    """One job after the other, here."""

    def run(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Ended]:
        """Yield every job as it ends."""
        for place, job in enumerate(jobs):
            try:
                ended = Ended(place, function(*job), None)
            except Exception as error:
                ended = Ended(place, None, error)
            yield ended

    def prepare(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Nothing to prepare: nobody else waits."""


class OnDask:
    """Jobs on the workers of a client of Dask distributed."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Ended]:
        """Yield every job as it ends; one whose worker died several times ends with `WorkerDiedError`."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        waiting = iter(enumerate(jobs))
        running: dict[str, int] = {}

        def submit() -> Any:
            for place, job in waiting:
                future = self.client.submit(function, *job, pure=False)
                running[future.key] = place
                return future
            return None

        width = max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
        first = [future for future in (submit() for _ in range(AHEAD * width)) if future is not None]
        completed = as_completed(first)
        for future in completed:
            place = running.pop(future.key)
            try:
                ended = Ended(place, future.result(), None)
            except KilledWorker as killed:
                ended = Ended(place, None, WorkerDiedError(f"worker died: {killed}"))
            except Exception as error:
                ended = Ended(place, None, error)
            future.release()
            following = submit()
            if following is not None:
                completed.add(following)
            yield ended

    def prepare(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function on one worker and wait for it."""
        self.client.submit(function, *arguments, pure=False).exception()


class WorkerDiedError(RuntimeError):
    """A job has taken several workers down with it."""


@contextmanager
def opened(workers: Workers, jobs: int | None = None) -> Iterator[Executor]:
    """Open as many workers as were asked for, for at most so many jobs; an executor stays as it is.

    Raises
    ------
    ValueError
        If the number is below 1.
    """
    if not isinstance(workers, int):
        yield workers
        return
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    with local_workers(workers if jobs is None else max(1, min(workers, jobs))) as executor:
        yield executor


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Run on workers of this machine; one of them is this process."""
    if count == 1:
        yield InProcess()
        return
    import dask
    from distributed import Client, LocalCluster

    _quiet()
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(QUIET_WORKERS))
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
        client = stack.enter_context(Client(cluster))
        client.register_plugin(_start_up())
        yield OnDask(client)


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
SLURM_FORMS = {
    "memory": (r"(?i)\d+(\.\d+)? ?[KMGT]i?B", "such as 4GB"),
    "walltime": (r"(\d+-)?\d+(:\d\d){0,2}", "such as 01:00:00 or 2-12:00:00"),
}
"""What values of some keys look like."""


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
        If dask-jobqueue is not installed, or a setting is unknown or has no such value.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ScenarioError("--slurm needs the extra 'cluster': pip install liquidarium[cluster]") from None
    for key, value in settings.items():
        if key not in SLURM_KEYS:
            raise ScenarioError(f"--slurm {key}; allowed: {', '.join(SLURM_KEYS)}")
        form, allowed = SLURM_FORMS.get(key, (".+", "a name"))
        if not re.fullmatch(form, value):
            raise ScenarioError(f"--slurm {key}={value}; allowed: {allowed}")
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


def _start_up() -> Any:
    """Return what every worker of this machine does when it starts, restarted ones too.

    It leaves Ctrl-C to the driver, which ends it, and imports what runs need while the others do.
    """
    from distributed import WorkerPlugin

    class StartUp(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            importlib.import_module("liquidarium.experiments.model")

    return StartUp()


def _quiet() -> None:
    for name in (
        "asyncio",
        "distributed",
        "distributed.client",
        "distributed.worker",
        "distributed.nanny",
        "distributed.scheduler",
        "tornado",
        "tornado.application",
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)
