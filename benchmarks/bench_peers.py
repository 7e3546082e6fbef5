"""Speed beside others, in one session and as ratios: order books, and a lending population.

    python benchmarks/bench_peers.py [PEER ...] [--quick] [--out FILE.md]

Order books: each replays the same seeded stream; a ratio above 1 says how much faster ours is,
once as the simulation uses it (owners, self-trade rule, settlement and log, one batch) and once
with one Python call per command as the peers are called. Beside them stands the whole simulation
in the hours of the crash, all its agents included, by the market events it gets through.
Lending: one rule for a crowd of borrowers, as Mesa agents, as NumPy columns and with `HealthScreen`,
in ordinary and in the worst hours of a crash day; all must end with the same positions, to the unit.

A peer is imported only when it is named; the README says how to install them. All sides of a ratio
are measured within one round, in turns forwards and backwards.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import bench_books
import mesa
import numpy as np
from bench_day import CRASH_HOURS, SCENARIO, at_least_one, in_turns, number, over, say, setting
from liquidarium.experiments.runs.run import run
from liquidarium.protocols.health import HealthScreen
from liquidarium.protocols.positions import Positions
from lob_stream import make_stream
from numpy.typing import NDArray

OURS, OUR_CALLS, PLAIN = "batch-settled", "calls-settled", "python"
SLOW = ("order-matching", "pams")
"""Peers that replay the head of the stream only."""

PEERS = [name for name in bench_books.ADAPTERS if name not in (OURS, OUR_CALLS, PLAIN, "batch", "calls")]
PRICE, THRESHOLD, BONUS = 2_000.0, 0.8, 1.05
ALERT, TARGET = 1.15, 1.4
COIN, DOLLAR = 1e9, 1e6
FALLS = {"ordinary": 0.02, "worst": 0.27}
"""By how much the coin falls in 200 blocks: the median move of ETH on 19 May 2021, and its worst."""
INTEREST = 1 + 0.05 * 13 / (365 * 86_400)
"""Growth of debt in a block of 13 s at 5 % a year."""


class Row(NamedTuple):
    """One line of the table."""

    what: str
    size: str
    rate: Sequence[float]
    unit: str
    ours_over_it: Sequence[float]
    calls_over_it: Sequence[float]
    outcome: str


# order books


def book_rows(peers: Sequence[str], n_events: int, n_slow: int, rounds: int) -> list[Row]:
    """Replay the stream through our book, the plain one and the peers."""
    rows = []
    fast = [name for name in peers if name not in SLOW]
    slow = [name for name in peers if name in SLOW]
    for names, count in (([OURS, OUR_CALLS, PLAIN, *fast], n_events), ([OURS, OUR_CALLS, *slow], n_slow)):
        if names[2:]:
            rows += replays(names, count, rounds)
    return rows


def replays(names: Sequence[str], n_events: int, rounds: int) -> list[Row]:
    """Commands per second of some books on one stream, and ours over each."""
    events, promised = make_stream(n_events)
    rates: dict[str, list[float]] = {name: [] for name in names}
    outcomes: dict[str, str] = {}
    for turn in in_turns(names, rounds):
        for name in turn:
            if outcomes.get(name, "").startswith("not"):
                continue
            try:
                seconds, outcome = bench_books.ADAPTERS[name][1](events)
            except ImportError as error:
                outcomes[name] = f"not installed: {error}"
                continue
            say(f"{name}: {seconds:.2f} s")
            rates[name].append(n_events / seconds)
            agrees = "agrees" if bench_books.agrees(outcome, promised) else f"DIFFERS: {outcome}"
            outcomes[name] = agrees if outcome else "money checked"
    rows = []
    for name in names:
        package, rate = bench_books.ADAPTERS[name][0], rates[name]
        label = f"book: {name} {version(package)}" if package and rate else f"book: {name}"
        ratios = [over(rates[ours], rate) if rate else [] for ours in (OURS, OUR_CALLS)]
        rows.append(Row(label, f"{n_events:,} commands", rate, "commands/s", *ratios, outcomes[name]))
    return rows


def simulation_row(rounds: int, n_events: int) -> Row:
    """Market events per second of the whole simulation over commands per second of the plain book."""
    events, _ = make_stream(n_events)
    run(SCENARIO, overrides=CRASH_HOURS)
    rates: list[float] = []
    plain: list[float] = []
    for turn in in_turns((PLAIN, SCENARIO), rounds):
        for name in turn:
            if name == PLAIN:
                plain.append(n_events / bench_books.python_book(events)[0])
                continue
            summary = run(SCENARIO, overrides=CRASH_HOURS).summary
            rates.append(float(summary["market_events"]) / float(summary["wall_s"]))
    size = f"{summary['market_events']:,} events"
    outcome = f"simulation / plain book: {number(statistics.median(over(rates, plain)))} x"
    return Row(f"whole simulation, {SCENARIO}, crash hours", size, rates, "events/s", [], [], outcome)


# a lending population under one rule


class Crowd(NamedTuple):
    """Borrowers at the start, whole base units, and the prices they will see (USD per coin)."""

    collateral: NDArray[np.int64]
    debt: NDArray[np.int64]
    cash: NDArray[np.int64]
    prices: list[float]


def make_crowd(n_borrowers: int, n_steps: int, fall: float) -> Crowd:
    """Draw borrowers, a third of whom have cash, and a price that falls with much up and down."""
    rng = np.random.default_rng(1)
    coins = rng.lognormal(1.0, 1.0, n_borrowers)
    health = np.exp(rng.uniform(np.log(1.05), np.log(3.0), n_borrowers))
    owed = coins * PRICE * THRESHOLD / health
    cash = owed * 0.3 * rng.random(n_borrowers) * (rng.random(n_borrowers) < 1 / 3)
    noise = rng.normal(0.0, 0.003, n_steps).cumsum()
    trend = np.log(1.0 - fall) * n_steps / 200 - noise[-1]
    path = PRICE * np.exp(noise + trend * np.linspace(0.0, 1.0, n_steps))
    units = (np.trunc(column).astype(np.int64) for column in (coins * COIN, owed * DOLLAR, cash * DOLLAR))
    return Crowd(*units, path.tolist())


class Borrower(mesa.Agent):  # type: ignore[misc]
    """Borrower as an object: liquidated by half below 1, repays from cash below the alert."""

    def __init__(self, model: MesaLending, collateral: int, debt: int, cash: int) -> None:
        super().__init__(model)
        self.collateral, self.debt, self.cash = collateral, debt, cash

    def step(self) -> None:
        """Look at the own health and act on it."""
        model = self.model
        capacity = self.collateral * model.coin_weight
        health = capacity / (self.debt * model.debt_weight)
        if health < 1.0:
            repaid = self.debt // 2
            self.debt -= repaid
            self.collateral -= min(
                self.collateral, int(repaid * model.debt_weight * BONUS / model.coin_value)
            )
            model.liquidations += 1
        elif health < ALERT and self.cash:
            repaid = min(self.cash, int(self.debt - capacity / (TARGET * model.debt_weight)))
            self.debt -= repaid
            self.cash -= repaid
            model.repayments += 1


class MesaLending(mesa.Model):  # type: ignore[misc]
    """Crowd of Mesa agents, stepped in order and not shuffled, which would cost more."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(rng=1)
        self.index, self.liquidations, self.repayments = 1.0, 0, 0
        self.coin_value = self.coin_weight = self.debt_weight = 0.0
        for collateral, debt, cash in zip(*(column.tolist() for column in crowd[:3]), strict=True):
            Borrower(self, collateral, debt, cash)

    def move(self, price: float) -> None:
        """Let one block pass."""
        self.index *= INTEREST
        self.coin_value, self.debt_weight = price / COIN, self.index / DOLLAR
        self.coin_weight = self.coin_value * THRESHOLD
        self.agents.do("step")

    def columns(self) -> NDArray[np.int64]:
        """Collateral, debt and cash of all."""
        return np.array([(a.collateral, a.debt, a.cash) for a in self.agents], np.int64).T


class NumpyLending:
    """The same crowd as columns; every block computes the health of all."""

    def __init__(self, crowd: Crowd) -> None:
        self.index, self.liquidations, self.repayments = 1.0, 0, 0
        self.keep(crowd)

    def keep(self, crowd: Crowd) -> None:
        """Copy the columns."""
        self.collateral, self.debt, self.cash = (column.copy() for column in crowd[:3])

    def move(self, price: float) -> None:
        """Let one block pass."""
        self.index *= INTEREST
        coin_value, debt_weight = price / COIN, self.index / DOLLAR
        health = self.collateral * (coin_value * THRESHOLD) / (self.debt * debt_weight)
        rows = np.flatnonzero(health < ALERT)
        self.act(rows, health[rows], coin_value, debt_weight)

    def act(
        self, rows: NDArray[np.int64], health: NDArray[Any], coin_value: float, debt_weight: float
    ) -> None:
        """Apply the rule to accounts whose health is known."""
        unsafe = rows[health < 1.0]
        repaid = self.debt[unsafe] // 2
        seized = np.trunc(repaid * debt_weight * BONUS / coin_value).astype(np.int64)
        self.debt[unsafe] -= repaid
        self.collateral[unsafe] -= np.minimum(self.collateral[unsafe], seized)
        alarmed = rows[(health >= 1.0) & (health < ALERT) & (self.cash[rows] > 0)]
        capacity = self.collateral[alarmed] * (coin_value * THRESHOLD)
        wanted = np.trunc(self.debt[alarmed] - capacity / (TARGET * debt_weight)).astype(np.int64)
        repaid = np.minimum(self.cash[alarmed], wanted)
        self.debt[alarmed] -= repaid
        self.cash[alarmed] -= repaid
        self.liquidations += len(unsafe)
        self.repayments += len(alarmed)

    def columns(self) -> NDArray[np.int64]:
        """Collateral, debt and cash of all."""
        return np.array((self.collateral, self.debt, self.cash))


class ScreenedLending(NumpyLending):
    """The same columns, of which `HealthScreen` finds the few that must be looked at."""

    def keep(self, crowd: Crowd) -> None:
        """Put the columns into positions; who has cash is of interest at the alert, the others at 1."""
        positions = Positions(len(crowd.debt), 2)
        self.collateral, self.debt, self.cash = (
            positions.collateral[:, 0],
            positions.debt[:, 1],
            crowd.cash.copy(),
        )
        self.collateral[:], self.debt[:] = crowd.collateral, crowd.debt
        self.screen = HealthScreen(positions, np.where(self.cash > 0, ALERT, 1.0))
        self.still_due = np.empty(0, np.int64)

    def move(self, price: float) -> None:
        """Let one block pass."""
        self.index *= INTEREST
        coin_value, debt_weight = price / COIN, self.index / DOLLAR
        due = self.screen.reprice((coin_value * THRESHOLD, 0.0), (0.0, debt_weight))
        if len(self.still_due):
            due = np.concatenate((due, self.still_due))
        if len(due):
            self.act(due, self.screen.health(due), coin_value, debt_weight)
            self.still_due = self.screen.touch(due, np.where(self.cash[due] > 0, ALERT, 1.0))


SCREENING, MESA = "our screening", f"Mesa {mesa.__version__} agents"
LENDING: dict[str, Callable[[Crowd], MesaLending | NumpyLending]] = {
    SCREENING: ScreenedLending,
    "NumPy columns": NumpyLending,
    MESA: MesaLending,
}
MOST_OBJECTS = 100_000
"""Larger crowds are not made of Mesa agents."""


def lending_rows(n_borrowers: int, n_steps: int, hours: str, rounds: int) -> list[Row]:
    """Step the crowd in all ways; the first step, which sets ours up, is not timed."""
    crowd = make_crowd(n_borrowers, n_steps + 1, FALLS[hours])
    names = [name for name in LENDING if n_borrowers <= MOST_OBJECTS or name != MESA]
    rates: dict[str, list[float]] = {name: [] for name in names}
    ended: dict[str, MesaLending | NumpyLending] = {}
    for turn in in_turns(names, rounds):
        for name in turn:
            ended[name] = model = LENDING[name](crowd)
            model.move(crowd.prices[0])
            started = time.perf_counter()
            for price in crowd.prices[1:]:
                model.move(price)
            seconds = time.perf_counter() - started
            say(f"{name}, {n_borrowers:,} borrowers, {hours} hours: {seconds:.2f} s")
            rates[name].append(n_borrowers * n_steps / seconds)
    ours = ended[SCREENING]
    size = f"{n_borrowers:,} borrowers, {n_steps} blocks, {hours} hours"
    rows = []
    for name, rate in rates.items():
        verdict = f"{ended[name].liquidations:,} liquidations, {ended[name].repayments:,} repayments"
        if not np.array_equal(ended[name].columns(), ours.columns()):
            verdict += ", DIFFERS from ours"
        rows.append(
            Row(f"lending: {name}", size, rate, "agent-steps/s", over(rates[SCREENING], rate), [], verdict)
        )
    return rows


# the table


def ratio(values: Sequence[float]) -> str:
    """Median and range of ratios."""
    if not values:
        return ""
    low, middle, high = min(values), statistics.median(values), max(values)
    spread = f" ({number(low)} to {number(high)})" if low < high else ""
    return f"{number(middle)}{spread}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table; ratios as median and range over the rounds."""
    lines = [
        "| what | size | median rate | unit | ours / it | ours by single calls / it | outcome |",
        "|---|---|---:|---|---:|---:|---|",
    ]
    for row in rows:
        rate = number(statistics.median(row.rate)) if row.rate else ""
        cells = (
            row.what,
            row.size,
            rate,
            row.unit,
            ratio(row.ours_over_it),
            ratio(row.calls_over_it),
            row.outcome,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"{', '.join(PEERS)}, or all")
    parser.add_argument("--quick", action="store_true", help="less of everything, once")
    parser.add_argument("--rounds", type=at_least_one, metavar="N", help="rounds; 3, quick: 1")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there, too")
    options = parser.parse_args()
    unknown = sorted(set(options.peers) - {*PEERS, "all"})
    if unknown:
        parser.error(f"no peer {unknown[0]!r}; there are {', '.join(PEERS)}, or all")
    peers = PEERS if "all" in options.peers else options.peers
    rounds = options.rounds or (1 if options.quick else 3)
    header = setting(("liquidarium", "numpy", "numba", "mesa"))
    started = time.perf_counter()
    lending_rows(1_000, 200, "worst", 1)  # loads compiled code
    n_events, n_slow = (20_000, 2_000) if options.quick else (200_000, 5_000)
    rows = book_rows(peers, n_events, n_slow, rounds)
    rows.append(simulation_row(rounds, n_events))
    for n_borrowers in (10_000,) if options.quick else (10_000, 100_000, 1_000_000):
        for hours in FALLS:
            rows += lending_rows(n_borrowers, 50 if options.quick else 200, hours, rounds)
    text = header + markdown(rows)
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
