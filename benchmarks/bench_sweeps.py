"""What a sweep costs beside its runs: speed-up by a second worker, and the driver's memory.

    python benchmarks/bench_sweeps.py [--rounds N] [--quick]

The speed-up is taken within a round: one worker, then two, on the same runs of at least a second
each; start-up of the workers and the compilation of kernels are part of it. Then the same runs in
two processes that know nothing of each other, half of them in each: what the machine allows, as
cores that share a memory or a host slow each other down. Memory is the peak of the driver's
process alone, for 200 and for 2,000 tiny runs on two workers, each in a process of its own. It
measures, it judges nothing.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from liquidarium.experiments.sweeps import Factor, SweepPlan, sweep

LONG = {"scenario": "may-2021", "set": ("borrowers.count=5000",)}
TINY = {
    "scenario": "quickstart",
    "set": ("borrowers.count=20", "clock.duration_s=60", "flow.orders_per_block=1"),
}


def plan(runs: int, settings: dict[str, object]) -> SweepPlan:
    """Return a sweep of so many runs at two points."""
    factor = Factor(name="bonus", path="protocol.reserves.ETH.bonus", values=(0.05, 0.08))
    return SweepPlan.model_validate(
        {"name": "bench", "factors": (factor,), "seeds": runs // 2, "max_runs": runs, **settings}
    )


def seconds(runs: int, workers: int) -> float:
    """Wall time of a sweep of long runs."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        sweep(plan(runs, LONG), Path(folder) / "sweep", workers=workers)
        return time.perf_counter() - began


def apart_seconds(runs: int) -> float:
    """Wall time of two processes that sweep one half of the runs each, on their own."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--apart", str(runs // 2)]
    halves = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    for half in halves:
        if half.wait():
            raise subprocess.CalledProcessError(half.returncode, command)
    return time.perf_counter() - began


def driver_memory_mb(runs: int) -> float:
    """Peak memory of a driver, MB, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--driver", str(runs)], capture_output=True, check=True)
    return float(done.stdout.split()[-1])


def drive(runs: int) -> None:
    """Run so many tiny runs and print this process's peak memory, MB."""
    with tempfile.TemporaryDirectory() as folder:
        sweep(plan(runs, TINY), Path(folder) / "sweep", workers=2)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--runs", type=int, help="runs of a round; 100, quick: 8")
    parser.add_argument("--driver", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--apart", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.apart:
        seconds(chosen.apart, 1)
        return
    if chosen.driver:
        drive(chosen.driver)
        return
    runs = chosen.runs or (8 if chosen.quick else 100)
    seconds(2, 2)  # kernels compiled
    ratios, limits = [], []
    for _ in range(chosen.rounds):
        one, two, apart = seconds(runs, 1), seconds(runs, 2), apart_seconds(runs)
        ratios.append(one / two)
        limits.append(one / apart)
        print(
            f"{runs} runs: one worker {one:.1f} s, two {two:.1f} s, two processes apart {apart:.1f} s; "
            f"ratios {one / two:.2f} and {one / apart:.2f}",
            flush=True,
        )
    print(
        f"speed-up by the second worker, median of {chosen.rounds}: {statistics.median(ratios):.2f}; "
        f"by a second process on its own {statistics.median(limits):.2f}"
    )
    few, many = (20, 200) if chosen.quick else (200, 2000)
    small, large = driver_memory_mb(few), driver_memory_mb(many)
    print(
        f"driver's memory: {few} runs {small:.0f} MB, {many} runs {large:.0f} MB, ratio {large / small:.3f}"
    )


if __name__ == "__main__":
    main()
