"""Runs that were finished before a kill are not run again, and a torn line is not believed."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from liquidarium.experiments.runs.folders import RunFolderError
from liquidarium.experiments.runs.journal import RunJournal, journal_beside
from liquidarium.experiments.runs.parallel import run_all

SETTINGS = {"plan": "quick", "seeds": 2}


def counting(calls):
    def run(_plan, seed):
        calls.append(seed)
        if seed == 3:
            raise RuntimeError("killed")
        return [float(seed), math.nan]

    return run


def test_what_is_kept_is_not_run_again(tmp_path):
    path, calls = tmp_path / "runs" / "kept.jsonl", []
    jobs = [("plan", seed) for seed in range(5)]
    with pytest.raises(RuntimeError):
        run_all(counting(calls), jobs, journal=RunJournal(path, SETTINGS))
    told = []
    again = RunJournal(path, SETTINGS)
    assert len(again) == 3
    jobs[3] = ("plan", 7)
    got = run_all(counting(calls), jobs, lambda done, total: told.append((done, total)), journal=again)
    assert calls == [0, 1, 2, 3, 7, 4]
    assert told == [(4, 5), (5, 5)]
    assert [row[0] for row in got] == [0.0, 1.0, 2.0, 7.0, 4.0]
    assert all(math.isnan(row[1]) for row in got)


def test_a_torn_line_is_done_again_and_written_over(tmp_path):
    path = tmp_path / "kept.jsonl"
    journal = RunJournal(path, SETTINGS)
    journal.keep("a", [1.0])
    journal.keep("b", [2.0])
    path.write_bytes(path.read_bytes()[:-4])
    again = RunJournal(path, SETTINGS)
    assert (again.kept("a"), again.kept("b")) == ([1.0], None)
    again.keep("b", [3.0])
    assert RunJournal(path, SETTINGS).kept("b") == [3.0]


def test_other_settings_and_other_files_are_refused(tmp_path):
    path = tmp_path / "kept.jsonl"
    RunJournal(path, SETTINGS).keep("a", [1.0])
    with pytest.raises(RunFolderError, match="other settings"):
        RunJournal(path, SETTINGS | {"seeds": 3})
    path.write_text(path.read_text() + "[1\n")
    with pytest.raises(RunFolderError, match="cannot be read"):
        RunJournal(path, SETTINGS)


def test_the_file_goes_when_the_work_is_done_and_stays_when_it_is_not(tmp_path):
    folder = tmp_path / "study"
    with suppress(KeyboardInterrupt), journal_beside(folder, SETTINGS) as journal:
        journal.keep("a", [1.0])
        raise KeyboardInterrupt
    with journal_beside(folder, SETTINGS) as journal:
        assert journal.kept("a") == [1.0]
    assert not list(tmp_path.iterdir())
