"""Sweeps: designs, folders, executors; what is killed goes on, what raises is isolated."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.runs.executors import slurm_cluster
from liquidarium.experiments.runs.folders import RunFolderError
from liquidarium.experiments.runs.metrics import METRICS
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.sweeps import (
    Design,
    Factor,
    SweepPlan,
    figures,
    load_plan,
    load_sweep,
    load_sweep_table,
    sweep,
    sweep_names,
)
from liquidarium.experiments.sweeps.designs import design_points, unit_cube
from liquidarium.experiments.sweeps.folder import finished, place
from liquidarium.experiments.sweeps.plan import Job
from liquidarium.experiments.sweeps.report import read_report
from scipy import stats

TINY = ("borrowers.count=50", "clock.duration_s=120")

SIDES = {
    "name": "makers",
    "choices": ({"name": "none", "set": ("agents.makers.count=0",)}, {"name": "usual"}),
}
MIXED = {"name": "x", "path": "x", "values": (1, "many")}
COUNTS = {"name": "bots", "path": "agents.bots.count", "values": (0, 1, 10)}


def plan(**changes) -> SweepPlan:
    settings = {
        "name": "tiny",
        "scenario": "quickstart",
        "set": TINY,
        "factors": ({"name": "bonus", "path": "protocol.reserves.ETH.bonus", "values": (0.05, 0.1)},),
        "seeds": 2,
        "metrics": ("bad_debt_usd", "liquidations"),
    }
    return SweepPlan.model_validate(settings | changes)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("figure.png", "table.md")
    }


def test_a_grid_visits_every_combination_and_every_point_has_every_seed():
    jobs = plan(seeds=3).jobs()
    assert sorted(jobs) == [Job(point, seed) for point in (0, 1) for seed in (1, 2, 3)]


def test_ranges_reach_their_ends_in_a_grid_and_stay_inside_elsewhere():
    factor = Factor(name="x", path="x", low=1.0, high=100.0, law="log-uniform", steps=3)
    assert factor.grid() == [1.0, 10.0, 100.0]
    cut = Factor(name="x", path="x", low=0.0, high=1.0, law="normal", mean=0.9, sd=0.2)
    values = cut.at(np.linspace(0.001, 0.999, 500))
    assert 0.0 <= min(values) < max(values) <= 1.0
    inside = stats.truncnorm(-4.5, 0.5, 0.9, 0.2)
    assert np.mean(values) == pytest.approx(inside.mean(), abs=0.01)


@pytest.mark.parametrize("kind", ["latin-hypercube", "sobol"])
def test_points_of_a_design_fill_every_part_of_every_range(kind):
    cube = unit_cube(Design(kind=kind, points=64), 3)
    assert np.array_equal(np.sort((cube * 64).astype(int), axis=0), np.tile(np.arange(64)[:, None], 3))


def test_saltelli_takes_the_runs_of_case_b12_and_exchanges_one_column_at_a_time():
    cube = unit_cube(Design(kind="saltelli", points=8), 3)
    a, b = cube[:8], cube[8:16]
    assert len(cube) == 8 * 5
    for k in range(3):
        mixed = cube[8 * (2 + k) : 8 * (3 + k)]
        assert np.array_equal(mixed[:, k], b[:, k])
        assert np.array_equal(np.delete(mixed, k, 1), np.delete(a, k, 1))


def test_a_choice_stands_for_a_set_of_changes():
    factor = {
        "name": "market",
        "choices": (
            {"name": "deep"},
            {"name": "thin", "set": ("assets.ETH.book.size_scale=0.25", "assets.BTC.book.size_scale=0.25")},
        ),
    }
    chosen = plan(factors=(factor,))
    assert [chosen.scenario_at(point).assets[0].book.size_scale for point in chosen.points()] == [1.0, 0.25]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    report = sweep(plan(tables=("liquidations",)), folder)
    assert report.complete
    assert report.ran == 4
    return folder


def test_shards_together_are_the_whole(whole, tmp_path):
    first = sweep(plan(tables=("liquidations",)), tmp_path / "s", shard=(1, 2))
    assert (first.total, first.done) == (2, 2)
    sweep(plan(tables=("liquidations",)), tmp_path / "s", shard=(2, 2))
    assert contents(tmp_path / "s") == contents(whole)


def test_the_frame_has_a_row_for_each_run_and_a_column_for_each_factor_and_metric(whole):
    frame = load_sweep(whole)
    assert list(frame.columns) == ["point", "seed", "bonus", "bad_debt_usd", "liquidations"]
    assert frame[["point", "seed"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    kept = load_sweep_table(whole, "liquidations")
    counts = kept.groupby(["point", "seed"]).size()
    for row in frame.itertuples():
        assert counts.get((row.point, row.seed), 0) == row.liquidations


def test_a_sweep_that_is_done_does_nothing_more(whole):
    before = {file: file.stat().st_mtime_ns for file in whole.rglob("*.parquet")}
    assert sweep(plan(tables=("liquidations",)), whole).ran == 0
    assert before == {file: file.stat().st_mtime_ns for file in whole.rglob("*.parquet")}


def test_what_is_missing_is_run_again_and_equal(whole, tmp_path):
    sweep(plan(tables=("liquidations",)), tmp_path / "s")
    place(tmp_path / "s", "runs", Job(1, 2), "parquet").unlink()
    assert sweep(plan(tables=("liquidations",)), tmp_path / "s").ran == 1
    assert contents(tmp_path / "s") == contents(whole)


def test_another_plan_is_refused_and_the_difference_shown(whole):
    with pytest.raises(RunFolderError, match=r"belongs to another sweep: plan.seeds is 2 there and 3 here"):
        sweep(plan(tables=("liquidations",), seeds=3), whole)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(RunFolderError, match="holds no sweep"):
        sweep(plan(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


OWN_METRIC = """
def fails_for_seed_two(result):
    if result.seed == 2:
        raise RuntimeError("seed two is ill")
    return 1.0
"""


def test_a_run_that_raises_is_isolated_and_can_be_repeated_alone(tmp_path, monkeypatch):
    module = tmp_path / "own_sweep_metric.py"
    module.write_text(OWN_METRIC)
    monkeypatch.syspath_prepend(str(tmp_path))
    own = plan(metrics=("own_sweep_metric:fails_for_seed_two",))
    report = sweep(own, tmp_path / "s")
    assert (report.done, report.failed) == (2, 2)
    record = json.loads(place(tmp_path / "s", "failed", Job(1, 2), "json").read_text())
    assert record["settings"] == {"bonus": 0.1}
    assert record["seed"] == 2
    assert "seed two is ill" in record["traceback"]
    assert sweep(own, tmp_path / "s").ran == 0
    import own_sweep_metric

    monkeypatch.setattr(own_sweep_metric, "fails_for_seed_two", lambda result: 2.0)
    again = sweep(own, tmp_path / "s", retry_failed=True)
    assert (again.ran, again.done, again.failed) == (2, 4, 0)
    assert load_sweep(tmp_path / "s").fails_for_seed_two.tolist() == [1.0, 2.0, 1.0, 2.0]


FORTY = """
name = "forty"
scenario = "quickstart"
set = ["borrowers.count=100", "clock.duration_s=600"]
seeds = 10
tables = ["liquidations"]

[[factors]]
name = "bonus"
path = "protocol.reserves.ETH.bonus"
values = [0.03, 0.05, 0.08, 0.12]
"""


COMMAND = "from liquidarium.experiments.cli.app import main; main()"


def wait_for(claim, patience_s=120.0):
    end = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    text = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in text.stdout.split()]


def workers_of(pid: int) -> list[int]:
    """Return processes started by `multiprocessing` to run something, not its helper."""
    found = []
    for child in children(pid):
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in command:
            found.append(child)
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for workers in /proc")
def test_a_killed_worker_and_a_killed_driver_lose_only_what_was_in_flight(tmp_path):
    path = tmp_path / "forty.toml"
    path.write_text(FORTY)
    folder = tmp_path / "killed"
    command = [
        sys.executable, "-c", COMMAND, "sweep", str(path),
        "--out", str(folder), "--workers", "2",
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen(command, start_new_session=True, **quiet)
    try:
        wait_for(lambda: len(finished(folder)) >= 4)
        os.kill(workers_of(driver.pid)[0], signal.SIGKILL)
        before = len(finished(folder))
        wait_for(lambda: len(finished(folder)) >= min(before + 6, 36))
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    done = finished(folder)
    half_written = folder / "runs" / "seed=1" / ".000000.parquet.node-1"
    half_written.write_bytes(b"PAR1")
    assert 10 <= len(done) < 40
    report = sweep(path, folder)
    assert report.complete
    assert report.ran == 40 - len(done)
    undisturbed = tmp_path / "undisturbed"
    sweep(path, undisturbed)
    assert contents(folder) == contents(undisturbed)
    assert not list(folder.rglob(".*"))


def test_sigterm_ends_cleanly_and_the_same_command_continues(tmp_path):
    path = tmp_path / "forty.toml"
    path.write_text(FORTY)
    command = [
        sys.executable, "-c", COMMAND, "sweep", str(path), "--out", str(tmp_path / "s"),
    ]  # fmt: skip
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(finished(tmp_path / "s")) >= 2)
    driver.send_signal(signal.SIGTERM)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "the same command continues" in said
    assert "Traceback" not in said
    assert 2 <= len(finished(tmp_path / "s")) < 40
    assert not list((tmp_path / "s").rglob(".*"))


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a group of processes")
def test_ctrl_c_ends_driver_and_workers_without_a_word_from_the_workers(tmp_path):
    path = tmp_path / "forty.toml"
    path.write_text(FORTY)
    folder = tmp_path / "s"
    command = [sys.executable, "-c", COMMAND, "sweep", str(path), "--out", str(folder), "--workers", "2"]
    driver = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: len(finished(folder)) >= 2)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to everyone
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "the same command continues" in said
    assert "Traceback" not in said


def test_differences_are_paired_by_seed_and_corrected(whole):
    base = plan(tables=("liquidations",), baseline={"bonus": 0.05})
    points = read_report(base, whole).points
    assert points[0].differences == {}
    frame = load_sweep(whole).pivot_table(index="seed", columns="bonus", values="liquidations")
    assert points[1].differences["liquidations"].value == pytest.approx((frame[0.1] - frame[0.05]).mean())


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_an_axis_of_numbers_is_divided_as_the_plan_says_and_shows_zero(scale, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, folder, name: drawn.append(figure) or folder)
    chosen = plan(factors=(COUNTS, SIDES), picture={"x_scale": scale, "metrics": ("liquidations",)})
    runs = pd.DataFrame(
        [
            (bots, side, seed, bots + seed)
            for bots in (0, 1, 10)
            for side in ("none", "usual")
            for seed in (1, 2)
        ],
        columns=["bots", "makers", "seed", "liquidations"],
    )
    figures.draw_sweep(chosen, {"liquidations": METRICS["liquidations"]}, runs, {}, tmp_path)
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == ("symlog" if scale == "log" else "linear")
    low, high = axes.get_xlim()
    assert low < 0.0
    assert high > 10.0
    assert axes.get_xlabel() == "bots"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["makers: none", "makers: usual"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": ()}, "factors"),
        ({"factors": ({"name": "b", "path": "x"},)}, "exactly one of values, low and high, or choices"),
        ({"factors": ({"name": "b", "path": "x", "low": 2.0, "high": 1.0},)}, "low below high"),
        ({"factors": ({"name": "b", "path": "x", "values": (1, 1)},)}, "takes a value twice"),
        ({"metrics": ("bad_debt_usd", "bad_debt_usd")}, "given twice"),
        ({"baseline": {"close": 1}}, "baseline must give a value to each of bonus"),
        ({"picture": {"kind": "tornado"}}, "needs design.kind = 'saltelli'"),
        ({"picture": {"x_scale": "log"}, "factors": (SIDES,)}, "needs numbers of at least 0"),
        ({"picture": {"x_scale": "log"}, "factors": (MIXED,)}, "needs numbers of at least 0"),
        ({"picture": {"x_scale": "log", "kind": "heatmap"}, "factors": (SIDES, COUNTS)}, "is for lines"),
        (
            {
                "picture": {"x_scale": "log"},
                "factors": ({"name": "x", "path": "x", "low": -1.0, "high": 1.0},),
            },
            "at least 0",
        ),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"factors": ({"name": "b", "path": "protocol.close_facto", "values": (0.5, 1.0)},)},
            "close_facto.*close_factor",
        ),
        ({"factors": ({"name": "b", "path": "borrowers.count", "values": (10, -5)},)}, "borrowers.count"),
        ({"metrics": ("bad_det_usd",)}, "bad_debt_usd"),
        ({"max_runs": 3}, "--yes"),
        ({"design": {"kind": "sobol", "points": 12}}, "power of two"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_written(changes, message, tmp_path):
    with pytest.raises(ScenarioError, match=message):
        sweep(plan(**changes), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_unreachable_scheduler_is_an_error_within_ten_seconds(tmp_path):
    began = time.monotonic()
    with pytest.raises(ScenarioError, match="not reachable"):
        sweep(plan(), tmp_path / "s", scheduler="tcp://127.0.0.1:9")
    assert time.monotonic() - began < 10
    assert not (tmp_path / "s").exists()


def test_the_job_script_of_slurm_asks_for_what_was_said(monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/scratch/kernels")
    with slurm_cluster({"partition": "short", "walltime": "02:00:00", "memory": "8GB"}) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p short", "#SBATCH -t 02:00:00", "export NUMBA_CACHE_DIR=/scratch/kernels"):
        assert line in script
    assert "export OMP_NUM_THREADS=1" in script
    with pytest.raises(ScenarioError, match="--slurm queue; allowed: partition"):
        slurm_cluster({"queue": "short"})
    for wrong in ({"walltime": "abc"}, {"walltime": "1:0"}, {"memory": "4"}, {"partition": ""}):
        with pytest.raises(ScenarioError, match=r"--slurm \w+=.*; allowed: "):
            slurm_cluster(wrong)


@pytest.mark.parametrize("name", sweep_names())
def test_packaged_sweeps_can_run(name):
    load_plan(name).check()


def test_designs_are_the_same_every_time():
    factors = [Factor(name="x", path="x", low=0.0, high=1.0), Factor(name="y", path="y", values=(1, 2, 3))]
    design = Design(kind="latin-hypercube", points=10, seed=4)
    assert design_points(design, factors) == design_points(design, factors)
    other = design_points(Design(kind="latin-hypercube", points=10, seed=5), factors)
    assert other != design_points(design, factors)
    assert pd.DataFrame(other)[1].isin([1, 2, 3]).all()
