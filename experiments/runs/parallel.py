"""Many runs at once: results in the order of the jobs, whichever ends first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .executors import Workers, opened

T = TypeVar("T")

Progress = Callable[[int, int], None]


def run_all(
    function: Callable[..., T],
    jobs: Sequence[tuple[Any, ...]],
    progress: Progress | None = None,
    workers: Workers = 1,
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
    workers : int or Executor
        Processes on this machine, with one everything happens in this process; or where to run
        instead. The results do not depend on it.

    Raises
    ------
    ValueError
        If the number of workers is below 1.
    """
    results: dict[int, T] = {}
    with opened(workers, len(jobs)) as executor:
        for ended in executor.run(function, jobs):
            if ended.error is not None:
                raise ended.error
            results[ended.place] = ended.value
            if progress is not None:
                progress(len(results), len(jobs))
    return [results[place] for place in range(len(jobs))]
