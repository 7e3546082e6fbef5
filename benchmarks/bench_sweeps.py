"""What a sweep costs beside its runs: speed-up by a second worker, and the driver's memory.

    python benchmarks/bench_sweeps.py [--rounds N] [--quick]

The speed-up is taken within a round: one worker, then two, on the same runs of at least a second
each; start-up of the workers and the compilation of kernels are part of it. Memory is the peak of
the driver's process alone, for 200 and for 2,000 tiny runs on two workers, each in a process of
its own. It measures, it judges nothing.
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
    parser.add_argument("--driver", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.driver:
        drive(chosen.driver)
        return
    runs = 8 if chosen.quick else 100
    seconds(2, 2)  # kernels compiled
    ratios = []
    for _ in range(chosen.rounds):
        one, two = seconds(runs, 1), seconds(runs, 2)
        ratios.append(one / two)
        print(f"{runs} runs: one worker {one:.1f} s, two {two:.1f} s, ratio {one / two:.2f}", flush=True)
    print(f"speed-up by the second worker, median of {chosen.rounds}: {statistics.median(ratios):.2f}")
    few, many = (20, 200) if chosen.quick else (200, 2000)
    small, large = driver_memory_mb(few), driver_memory_mb(many)
    print(
        f"driver's memory: {few} runs {small:.0f} MB, {many} runs {large:.0f} MB, ratio {large / small:.3f}"
    )


if __name__ == "__main__":
    main()
