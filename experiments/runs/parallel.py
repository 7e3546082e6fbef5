"""Many runs at once: results in the order of the jobs, whichever ends first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .executors import Workers, opened
from .journal import RunJournal

T = TypeVar("T")

Progress = Callable[[int, int], None]


def run_all(
    function: Callable[..., T],
    jobs: Sequence[tuple[Any, ...]],
    progress: Progress | None = None,
    workers: Workers = 1,
    journal: RunJournal | None = None,
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
    journal : RunJournal, optional
        Keeps what each job returns, a list of numbers; what it has already is not done again. Jobs are
        known by their arguments but the first.

    Raises
    ------
    ValueError
        If the number of workers is below 1.
    """
    results: dict[int, Any] = {}
    names = [repr(job[1:]) for job in jobs] if journal is not None else []
    if journal is not None:
        kept = enumerate(map(journal.kept, names))
        results = {place: values for place, values in kept if values is not None}
    todo = [place for place in range(len(jobs)) if place not in results]
    with opened(workers, len(todo)) as executor:
        for ended in executor.run(function, [jobs[place] for place in todo]):
            if ended.error is not None:
                raise ended.error
            place = todo[ended.place]
            results[place] = ended.value
            if journal is not None:
                journal.keep(names[place], ended.value)
            if progress is not None:
                progress(len(results), len(jobs))
    return [results[place] for place in range(len(jobs))]
