"""Times of contagion measures on drawn networks, and of a snapshot of a large crowd.

Networks are those of 500 banks with 10 debts each and of 10,000 nodes with 100,000 claims: sizes are
lognormal, equity is 1 to 20 % of what a node owes, external assets are at least 0, and a fifth of the
nodes lose 70 % of them. Run:
``python benchmarks/bench_contagion.py [--rounds 5] [--borrowers 100000] [--no-snapshot]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from liquidarium.experiments import run
from liquidarium.experiments.contagion import (
    causal_forest,
    debtrank,
    debtrank_linear,
    eisenberg_noe,
    eisenberg_noe_value,
    furfine,
    impact_matrix,
    neva,
    rogers_veraart,
)
from liquidarium.experiments.contagion.networks import load_eba_2011, maximum_entropy
from liquidarium.experiments.model import LiquidationMarket
from scipy import sparse


def network(n: int, debts: int, seed: int) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Draw liabilities, external assets and equities at face value of `n` nodes with `debts` debts each."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(n), debts)
    columns = (rows + rng.integers(1, n, n * debts)) % n
    owes = sparse.csr_array((rng.lognormal(0.0, 1.0, n * debts), (rows, columns)), shape=(n, n))
    owed = np.asarray(owes.sum(axis=1)).ravel()
    held = np.asarray(owes.sum(axis=0)).ravel()
    equity = rng.uniform(0.01, 0.2, n) * owed
    external = np.maximum(owed - held + equity, 0.0)
    return owes, external, np.maximum(external + held - owed, 1e-3)


def timed(rounds: int, call: Callable[[], object]) -> float:
    """Return the median time of a call, after one that does not count; seconds."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measures(n: int, debts: int, rounds: int) -> None:
    """Print one line a measure."""
    owes, external, equity = network(n, debts, seed=1)
    shocked = external * np.random.default_rng(2).choice([1.0, 0.3], n, p=[0.8, 0.2])
    start = np.random.default_rng(3).choice([0.0, 0.5], n, p=[0.95, 0.05])
    weights = impact_matrix(owes, equity)
    owed = np.asarray(owes.sum(axis=1)).ravel()
    calls: dict[str, Callable[[], object]] = {
        "Eisenberg-Noe, greatest": lambda: eisenberg_noe(owes, shocked),
        "Eisenberg-Noe, least": lambda: eisenberg_noe(owes, shocked, "least"),
        "Rogers-Veraart, both": lambda: rogers_veraart(owes, shocked, 0.8, 0.9),
        "Furfine": lambda: furfine(owes, equity, start * 2.0 * equity, 0.6),
        "DebtRank, with weights": lambda: debtrank(impact_matrix(owes, equity), start),
        "DebtRank, linear, with weights": lambda: debtrank_linear(impact_matrix(owes, equity), start),
        "DebtRank, linear, halved weights": lambda: debtrank_linear(0.5 * weights, start),
        "NEVA, Eisenberg-Noe": lambda: neva(owes, shocked, 0.0, eisenberg_noe_value(owed)),
    }
    done = eisenberg_noe(owes, shocked)
    print(
        f"{n:,} nodes, {owes.nnz:,} claims: {done.defaulted.sum():,} default in {done.rounds} rounds,"
        f" linear distress {debtrank_linear(weights, start).debtrank:.3f}"
    )
    for name, call in calls.items():
        print(f"  {name:<34}{1e3 * timed(rounds, call):>9.2f} ms")


def snapshot(borrowers: int, rounds: int) -> None:
    """Print what taking and leaving a snapshot of a crowd costs."""
    model = LiquidationMarket("may-2021", seed=1, overrides=[f"borrowers.count={borrowers}"])
    graph = model.exposures("accounts")
    print(f"snapshot of {borrowers:,} borrowers: {graph!r}")
    for name, call in {
        "account by account": lambda: model.exposures("accounts"),
        "by groups": lambda: model.exposures("groups"),
        "liabilities as a sparse matrix": graph.liabilities,
        "clearing after ETH falls by 40 %": lambda: eisenberg_noe(
            graph.liabilities(), graph.external_assets({"ETH": -0.4})
        ),
    }.items():
        print(f"  {name:<34}{1e3 * timed(rounds, call):>9.2f} ms")
    model.close()


def attribution(rounds: int) -> None:
    """Print what it costs to find the causes of everything that failed in a run."""
    for name in ("two-protocols-one-collateral", "may-2021"):
        result = run(name, seed=1)
        forest = causal_forest(result)
        seconds = timed(rounds, lambda result=result: causal_forest(result))  # type: ignore[misc]
        print(f"causes of {len(forest.events):,} events of {name}{1e3 * seconds:>14.2f} ms")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--borrowers", type=int, default=100_000)
    parser.add_argument("--no-snapshot", action="store_true")
    options = parser.parse_args()
    measures(500, 10, options.rounds)
    measures(10_000, 10, options.rounds)
    owed, held = load_eba_2011().margins()
    entropy_s = timed(options.rounds, lambda: maximum_entropy(owed, held))
    print(f"maximum entropy of 90 banks{1e3 * entropy_s:>18.2f} ms")
    attribution(options.rounds)
    if not options.no_snapshot:
        snapshot(options.borrowers, options.rounds)


if __name__ == "__main__":
    main()
