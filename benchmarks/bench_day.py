"""What the main job costs: the day ``may-2021`` and the parts it is made of, as one Markdown table.

    python benchmarks/bench_day.py [--quick] [--out FILE.md]

Every heavy item runs in a process of its own, so that its peak memory is its own. What is
compared is measured in rounds, each of which runs every variant once, in turns forwards and
backwards; a ratio is taken within a round. Numbers are medians, with the smallest and largest.
``--quick`` does each thing once and runs two hours of the day, the crash among them.

It measures speed and memory only; whether results are right is the business of the tests.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

SCENARIO = "may-2021"
CRASH_HOURS = ("clock.start=2021-05-19T12:00:00Z", "clock.duration_s=7200")
UNRECORDED = ("recording.trades=false", "recording.quotes=false", "recording.bids=false")
POPULATIONS = (10_000, 100_000, 1_000_000)
STRESS_CROWDS = 18
"""So many of the fitted crowd, none of whom defends itself, are liquidated some ten times as often."""

Numbers = dict[str, Any]


class Row(NamedTuple):
    """One line of the table: what was measured, its values over the repeats, their unit, a remark."""

    part: str
    measure: str
    values: Sequence[float]
    unit: str
    remark: str = ""


def in_own_process(task: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `task` returns, run in a fresh interpreter that ends with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


class LoopClock:
    """Processor time of the block loop, told of every block by `run`."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self._start = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Start at the first block and stop at the last."""
        if done == 1:
            self._start = time.process_time()
        if done == total:
            self.cpu_s = time.process_time() - self._start


# what runs in a process of its own


def day(overrides: Sequence[str], finish: bool = False) -> Numbers:
    """Run the day once; with `finish`, also save it and draw its figures."""
    started = time.perf_counter()
    from liquidarium.experiments.runs.run import run

    imported = time.perf_counter()
    clock = LoopClock()
    result = run(SCENARIO, overrides=overrides, progress=clock)
    summary = result.summary
    numbers: Numbers = {
        "import_s": imported - started,
        "wall_s": summary["wall_s"],
        "cpu_s": clock.cpu_s,
        "events": summary["market_events"],
        "blocks": summary["blocks"],
        "liquidations": summary["liquidations"],
        "peak_mb": peak_mb(),
        **result.timings,
    }
    from liquidarium.experiments.runs.tables import content_hash

    numbers["liquidations_hash"] = content_hash({"liquidations": result.liquidations})
    if finish:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            place = result.save(Path(folder) / "run")
            numbers["save_s"] = time.perf_counter() - started
            started = time.perf_counter()
            from liquidarium.experiments.figures import write_figures, write_report

            write_report(result, place, write_figures(result, place / "figures"))
            numbers["figures_s"] = time.perf_counter() - started
        numbers["peak_mb_with_figures"] = peak_mb()
    return numbers


def start_up(cache: str) -> tuple[float, float, float]:
    """Import and run the crash hours with compiled code kept in `cache`, and run them again.

    Returns
    -------
    tuple of float
        Wall time of import and first run, its processor time, wall time of the second run; seconds.
    """
    os.environ["NUMBA_CACHE_DIR"] = cache
    started, cpu_started = time.perf_counter(), time.process_time()
    from liquidarium.experiments.runs.run import run

    run(SCENARIO, overrides=CRASH_HOURS)
    first, cpu_s = time.perf_counter(), time.process_time() - cpu_started
    run(SCENARIO, overrides=CRASH_HOURS)
    return first - started, cpu_s, time.perf_counter() - first


def stress_overrides() -> list[str]:
    """Return overrides for many fitted crowds at once: each size of debt is owed that much more often."""
    from liquidarium.experiments.episodes.fits import load_fit

    fit = load_fit(SCENARIO)
    return [
        f"borrowers.count={STRESS_CROWDS * POPULATIONS[0]}",
        f"borrowers.total_debt_usd={STRESS_CROWDS * fit.total_debt_usd}",
        f"borrowers.parameters.size.top_rank={STRESS_CROWDS * fit.law.size.top_rank}",
        f"borrowers.parameters.size.body_rank={STRESS_CROWDS * fit.law.size.body_rank}",
        "borrowers.reaction_scale=0",
    ]


def order_books(n_events: int, repeats: int) -> dict[str, list[float]]:
    """Commands per second of our book on the seeded stream, and of the plain-Python one."""
    import bench_books
    from liquidarium.market.order_book import SelfTrade
    from lob_stream import make_stream

    def settled_calls_with_rule(events: bench_books.Events) -> tuple[float, bench_books.Outcome]:
        ledger, book = bench_books.settled_book(SelfTrade.CANCEL_MAKER)
        seconds = bench_books.call_by_call(book, events)
        bench_books.check_money(ledger, book)
        return seconds, {}

    adapters = {
        "plain Python book, one call per command": bench_books.python_book,
        "bare book, one batch": bench_books.our_batch,
        "owners, self-trade rule, settlement, log; one batch": bench_books.our_settled_batch,
        "bare book, one call per command": bench_books.our_calls,
        "owners, self-trade rule, settlement, log; one call per command": settled_calls_with_rule,
    }
    events, promised = make_stream(n_events)
    rates: dict[str, list[float]] = {name: [] for name in adapters}
    for turn in in_turns(adapters, repeats):
        for name in turn:
            seconds, outcome = adapters[name](events)
            if not bench_books.agrees(outcome, promised):
                raise AssertionError(f"{name} ended with {outcome}, the stream promises {promised}")
            rates[name].append(n_events / seconds)
    return rates


def screening(n_accounts: int, repeats: int) -> tuple[list[float], float]:
    """Account-blocks per second of screening the crash day of `bench_screening`, and peak memory in MB."""
    import numpy as np
    from bench_screening import DECIMALS, N_BLOCKS, THRESHOLDS, crowd, oracle_day
    from liquidarium.protocols.health import HealthScreen

    rng = np.random.default_rng(1)
    units = 10.0**DECIMALS
    weights = [(prices * THRESHOLDS / units, prices / units) for prices in oracle_day(rng)]
    positions = crowd(n_accounts, rng)
    rates = []
    for _ in range(repeats):
        screen = HealthScreen(positions, np.full(n_accounts, 1.2))
        screen.touch(screen.reprice(*weights[0]), 1.0)
        started = time.perf_counter()
        for collateral, debt in weights[1:]:
            due = screen.reprice(collateral, debt)
            if len(due):
                screen.touch(due, 1.0)
        rates.append(N_BLOCKS * n_accounts / (time.perf_counter() - started))
    return rates, peak_mb()


def exact_rules(calls: int, repeats: int) -> dict[str, list[float]]:
    """Liquidation calls per second of the exact rules of Aave, by version."""
    import bench_rules
    from liquidarium.protocols.lending import aave

    versions = {
        "Aave v2": (aave.V3_0_2, None),
        "Aave v3.0.2": (aave.V3_0_2, aave.V3_0_2_MECHANISM),
        "Aave v3.6": (aave.V3_6, aave.V3_6_MECHANISM),
    }
    rates = {}
    for name, (rules, mechanism) in versions.items():
        chosen = () if mechanism is None else (mechanism,)
        market = aave.aave_v2_main_may_2021(bench_rules.SYMBOLS, bench_rules.DECIMALS, *chosen)
        run = bench_rules.bench(market, rules, calls, True)
        rates[name] = [1e6 / bench_rules.time_per_call(run, 1)[1] for _ in range(repeats)]
    return rates


# rows


def start_rows(repeats: int) -> list[Row]:
    """Import and first run with an empty and with a filled cache of compiled code."""
    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(in_own_process(start_up, cache))
            warm.append(in_own_process(start_up, cache))
    first, first_cpu, _ = zip(*cold, strict=True)
    loaded, loaded_cpu, again = zip(*warm, strict=True)
    part = "start"
    return [
        Row(part, "import and first run, nothing compiled", first, "s", "the two crash hours"),
        Row(part, "import and first run, compiled before", loaded, "s"),
        Row(part, "the same run again, same process", again, "s"),
        Row(part, "compilation, wall", minus(first, loaded), "s", "nothing compiled less compiled before"),
        Row(part, "compilation, processor", minus(first_cpu, loaded_cpu), "s"),
    ]


def day_rows(rounds: int, common: Sequence[str]) -> list[Row]:
    """Run the day, the day unrecorded, larger crowds and the stress, in rounds."""
    larger = {f"{count:,} borrowers": [f"borrowers.count={count}"] for count in POPULATIONS[1:]}
    stress = f"stress: {STRESS_CROWDS} crowds without defence"
    variants = {"day": [], "unrecorded": list(UNRECORDED), **larger, stress: in_own_process(stress_overrides)}
    in_own_process(day, CRASH_HOURS)  # fills the cache of compiled code
    seen: dict[str, list[Numbers]] = {name: [] for name in variants}
    for turn in in_turns(variants, rounds):
        for name in turn:
            seen[name].append(in_own_process(day, [*common, *variants[name]], name == "day"))
            say(f"{name}: loop {seen[name][-1]['wall_s']:.2f} s")

    def of(name: str, key: str) -> list[float]:
        return [numbers[key] for numbers in seen[name]]

    base, wall = "day", of("day", "wall_s")
    first = seen[base][0]
    rows = [
        Row(base, "block loop, wall", wall, "s", f"{first['blocks']:,} blocks, {POPULATIONS[0]:,} borrowers"),
        Row(base, "block loop, processor", of(base, "cpu_s"), "s", "wall above this: the computer was busy"),
        Row(base, "market events", of(base, "events"), "", f"{first['liquidations']:,} liquidations"),
        Row(base, "market events per second", over(of(base, "events"), wall), "1/s", "of wall time"),
        Row(base, "peak memory of the run", of(base, "peak_mb"), "MB"),
        Row(base, "import", of(base, "import_s"), "s"),
        Row(base, "set-up", of(base, "setup_s"), "s"),
        Row(base, "tables", of(base, "tables_s"), "s"),
        Row(base, "hash of the tables", of(base, "hash_s"), "s"),
        Row(base, "saving", of(base, "save_s"), "s", "Parquet and manifest"),
        Row(
            base, "figures and report", of(base, "figures_s"), "s", "with the import of the plotting packages"
        ),
        Row(base, "peak memory with figures", of(base, "peak_mb_with_figures"), "MB"),
    ]
    same = all(
        numbers["liquidations_hash"] == first["liquidations_hash"]
        for numbers in (*seen[base], *seen["unrecorded"])
    )
    rows += [
        Row("recording", "loop with / without, wall", over(wall, of("unrecorded", "wall_s")), "x"),
        Row(
            "recording",
            "loop with / without, processor",
            over(of(base, "cpu_s"), of("unrecorded", "cpu_s")),
            "x",
        ),
        Row("recording", "peak memory without", of("unrecorded", "peak_mb"), "MB"),
        Row("recording", "liquidations with and without", [], "", "identical" if same else "DIFFERENT"),
    ]
    for name in (*larger, stress):
        rows += [
            Row(name, f"loop / {POPULATIONS[0]:,} borrowers, wall", over(of(name, "wall_s"), wall), "x"),
            Row(name, "the same, processor", over(of(name, "cpu_s"), of(base, "cpu_s")), "x"),
            Row(
                name,
                "liquidations",
                of(name, "liquidations"),
                "",
                "same total debt" if name in larger else "",
            ),
            Row(name, "set-up", of(name, "setup_s"), "s"),
            Row(name, "peak memory", of(name, "peak_mb"), "MB"),
        ]
    return rows


def part_rows(quick: bool) -> list[Row]:
    """Order book, screening and exact rules."""
    repeats = 1 if quick else 5
    events, calls = (20_000, 2_000) if quick else (200_000, 20_000)
    rates = in_own_process(order_books, events, repeats)
    rows = [Row("order book", name, values, "commands/s") for name, values in rates.items()]
    for count in POPULATIONS:
        values, peak = in_own_process(screening, count, repeats)
        rows.append(
            Row("screening", f"{count:,} accounts", values, "account-blocks/s", f"peak {peak:,.0f} MB")
        )
    for name, values in in_own_process(exact_rules, calls, repeats).items():
        rows.append(Row("exact rule", f"{name} liquidation call", values, "calls/s", "two debts"))
    return rows


# helpers


def in_turns(names: Iterable[str], rounds: int) -> list[list[str]]:
    """Names for each round, every other round backwards."""
    order = list(names)
    return [order[:: -1 if number % 2 else 1] for number in range(rounds)]


def over(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Ratio of each pair."""
    return [a / b for a, b in zip(above, below, strict=True)]


def minus(left: Sequence[float], right: Sequence[float]) -> list[float]:
    """Difference of each pair."""
    return [a - b for a, b in zip(left, right, strict=True)]


def at_least_one(text: str) -> int:
    """Read a whole number above zero."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}; allowed: 1 or more")
    return value


def say(text: str) -> None:
    """Tell the reader who waits."""
    print(text, file=sys.stderr, flush=True)


def number(value: float) -> str:
    """Three significant digits; whole above a thousand, with a name for what is very large."""
    for size, name in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, medians with the smallest and largest where there are several values."""
    lines = ["| part | measure | median | min to max | unit | remark |", "|---|---|---:|---:|---|---|"]
    for row in rows:
        middle = number(statistics.median(row.values)) if row.values else ""
        spread = ""
        if len(row.values) > 1 and min(row.values) < max(row.values):
            spread = f"{number(min(row.values))} to {number(max(row.values))}"
        lines.append(f"| {row.part} | {row.measure} | {middle} | {spread} | {row.unit} | {row.remark} |")
    return "\n".join(lines) + "\n"


def setting(packages: Sequence[str]) -> str:
    """Return one line that says on what the numbers were measured."""
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    computer = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors{load}"
    return f"{time.strftime('%Y-%m-%d')}, {computer}; Python {platform.python_version()}, {versions}.\n\n"


def main() -> None:
    """Measure everything and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="everything once, two hours of the day only")
    parser.add_argument("--rounds", type=at_least_one, metavar="N", help="rounds of days; 5, quick: 1")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there, too")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    header = setting(("liquidarium", "numpy", "numba", "mesa", "pandas"))
    started = time.perf_counter()
    rows = day_rows(rounds, CRASH_HOURS if options.quick else ())
    say("compilation")
    rows += start_rows(1 if options.quick else 3)
    say("order book, screening, exact rules")
    rows += part_rows(options.quick)
    text = header + markdown(rows)
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    say(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
