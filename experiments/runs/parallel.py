"""Many runs at once, on one machine: results in the order of the jobs, whichever ends first."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

T = TypeVar("T")

Progress = Callable[[int, int], None]


def run_all(
    function: Callable[..., T],
    jobs: Sequence[tuple[Any, ...]],
    progress: Progress | None = None,
    workers: int = 1,
) -> list[T]:
    """Return ``function(*job)`` for every job.

    Parameters
    ----------
    function : callable
        Importable by name, as other processes must find it.
    jobs : sequence of tuple
        Arguments of each call.
    progress : callable, optional
        Told the jobs done and the total after every job.
    workers : int
        Processes; with one everything happens in this process. The results do not depend on it.

    Raises
    ------
    ValueError
        If `workers` is below 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    told = progress or (lambda done, total: None)
    if workers == 1:
        results = []
        for job in jobs:
            results.append(function(*job))
            told(len(results), len(jobs))
        return results
    # Spawned, not forked: numerical libraries keep threads that a fork would break.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _leave_interrupts_to_parent) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                told(done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
