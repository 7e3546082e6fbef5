"""Wherever jobs are done, here or on workers of Dask: results in their order, errors as they were raised."""

from __future__ import annotations

import math

import pytest
from liquidarium.experiments.runs.executors import InProcess, OnDask, opened
from liquidarium.experiments.runs.parallel import run_all

ROOTS = [(float(k * k),) for k in range(12)]


@pytest.fixture(scope="module", params=[1, 2], ids=["here", "on workers"])
def executor(request):
    with opened(request.param) as opening:
        yield opening


def test_results_come_in_the_order_of_the_jobs(executor):
    told = []
    assert run_all(math.sqrt, ROOTS, lambda *n: told.append(n), executor) == list(range(12))
    assert told == [(done, 12) for done in range(1, 13)]
    assert run_all(math.sqrt, [], None, executor) == []


def test_what_a_job_raises_is_raised_here_and_the_workers_go_on(executor):
    with pytest.raises(ValueError, match="domain"):
        run_all(math.sqrt, [(4.0,), (-1.0,), (9.0,)], None, executor)
    assert run_all(math.sqrt, ROOTS, None, executor) == list(range(12))


def test_an_open_executor_is_used_as_it_is(executor):
    with opened(executor) as same:
        assert same is executor
    assert isinstance(executor, InProcess | OnDask)


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="workers must be 1 or more, got 0"):
        run_all(math.sqrt, ROOTS, workers=0)
