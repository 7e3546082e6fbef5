"""Margin engines: screening of a crowd, portfolio margin of accounts, margin of option positions.

1. A venue of accounts, half long, half short, on a path of 0.05 % a block: what a block costs, beside
   looking at everybody.
2. Portfolio margin of 1,000 accounts with positions in all of 100 contracts under 16 scenarios; goal 20 ms.
3. 100,000 option positions on one surface, marked by Black-Scholes-Merton and margined under Deribit's 27
   scenarios; goal 25 ms in all for listed options, of which there are 1,000. Then each position in an
   option of its own: 2.7 million prices. Beside NumPy's way of adding up by account.

The smallest of some rounds is given, as others may be at work on the machine. Run:
``python benchmarks/bench_margin.py [--accounts 100000] [--seed 1]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from liquidarium.protocols.margin.accounts import MarginAccounts
from liquidarium.protocols.margin.contracts import LinearContract
from liquidarium.protocols.margin.models import black_scholes
from liquidarium.protocols.margin.portfolio import scan_accounts, scan_positions
from liquidarium.protocols.margin.scenario_grid import DERIBIT, Scenario, ScenarioGrid
from liquidarium.protocols.margin.tiers import MarginTiers
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDS = 20


def fastest(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest round, after one that compiles."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def crowd(n_accounts: int, n_contracts: int, rng: np.random.Generator) -> MarginAccounts:
    """Draw accounts that are two to fifty times levered, entered at the first mark."""
    contracts = [LinearContract(f"PERP-{i}", 1_000) for i in range(n_contracts)]
    accounts = MarginAccounts(contracts, n_accounts, [MarginTiers.flat(0.01)] * n_contracts)
    held = rng.random((n_accounts, n_contracts)) < (1.0 if n_contracts == 1 else 0.5)
    accounts.lots[:] = np.where(held, rng.integers(-1_000, 1_000, (n_accounts, n_contracts)), 0)
    accounts.entry[:] = accounts.lots * 100_000 * 1_000
    leverage = np.exp(rng.uniform(np.log(2), np.log(50), n_accounts))
    accounts.balances[:] = np.abs(accounts.entry).sum(axis=1) / leverage
    return accounts


def screening(n_accounts: int, n_contracts: int, seed: int) -> None:
    """Screen 1,000 blocks and print what one costs."""
    rng = np.random.default_rng(seed)
    accounts = crowd(n_accounts, n_contracts, rng)
    ticks = np.full(n_contracts, 100_000)
    accounts.reprice(ticks)
    looks, blocks = accounts.looks, []
    for _ in range(1_000):
        ticks = np.rint(ticks * np.exp(rng.normal(0.0, 0.0005, n_contracts))).astype(np.int64)
        start = time.perf_counter()
        unsafe = accounts.reprice(ticks)
        blocks.append(time.perf_counter() - start)
        accounts.lots[unsafe] = 0  # liquidated
        accounts.entry[unsafe] = 0
    everybody = fastest(accounts.states)
    print(
        f"screening, {n_accounts:,} accounts in {n_contracts} contracts: "
        f"median {np.median(blocks) * 1e6:.0f} us a block, "
        f"{(accounts.looks - looks) / len(blocks):.0f} looks; all accounts {everybody * 1e3:.2f} ms, "
        f"{everybody / np.median(blocks):.0f} x"
    )


def portfolios(seed: int) -> None:
    """Margin 1,000 accounts x 16 scenarios x 100 contracts."""
    rng = np.random.default_rng(seed)
    grid = ScenarioGrid(tuple(Scenario(move, 0.0) for move in np.linspace(-0.15, 0.15, 16)))
    moves = rng.integers(-(10**6), 10**6, (100, 16))
    lots = rng.integers(-100, 100, (1_000, 100))
    ours = fastest(lambda: scan_accounts(grid, moves, lots))
    table = lots.astype(np.float64), moves.astype(np.float64)
    floats = fastest(lambda: (table[0] @ table[1]).min(axis=1))
    print(
        f"portfolio margin, 1,000 accounts x 16 scenarios x 100 contracts: {ours * 1e3:.2f} ms (goal 20), "
        f"exact; in floats by BLAS {floats * 1e3:.2f} ms"
    )


def options(n_listed: int, seed: int) -> None:
    """Mark and margin 100,000 positions of 20,000 accounts in listed options on one surface."""
    rng = np.random.default_rng(seed)
    n_positions, n_accounts, spot = 100_000, 20_000, 60_000.0
    days = rng.choice([7.0, 30.0, 90.0, 180.0], n_listed)
    strike = spot * np.exp(rng.normal(0.0, 0.3, n_listed))
    is_call = rng.random(n_listed) < 0.5
    volatility = np.sqrt(0.4 + 0.5 * np.log(strike / spot) ** 2)
    account = np.sort(rng.integers(0, n_accounts, n_positions))
    contract = rng.integers(0, n_listed, n_positions)
    lots = rng.integers(-50, 50, n_positions)

    def price(spots: Floats, volatilities: Floats) -> Floats:
        return black_scholes.price(
            spots, strike[:, None], days[:, None] / 365, is_call[:, None], volatilities
        )

    def shocked() -> NDArray[np.int64]:
        return DERIBIT.lot_moves(price, np.full(n_listed, spot), volatility, days, np.full(n_listed, 1e3))

    def mark() -> Floats:
        return black_scholes.price(spot, strike, days / 365, is_call, volatility)[contract] * lots

    moves = shocked()
    parts = [
        fastest(mark),
        fastest(shocked),
        fastest(lambda: scan_positions(DERIBIT, moves, account, contract, lots, n_accounts)),
    ]

    def numpy_way() -> object:
        gains = np.zeros((n_accounts, moves.shape[1]), np.int64)
        np.add.at(gains, account, lots[:, None] * moves[contract])
        return gains.min(axis=1)

    plain = fastest(numpy_way)
    print(
        f"100,000 option positions in {n_listed:,} options, {len(DERIBIT.scenarios)} scenarios: "
        f"marks {parts[0] * 1e3:.2f} ms, scenario values {parts[1] * 1e3:.2f}, margin {parts[2] * 1e3:.2f}, "
        f"together {sum(parts) * 1e3:.2f}; margin by NumPy {plain * 1e3:.1f}, {plain / parts[2]:.0f} x"
    )


def main() -> None:
    """Measure all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options_ = parser.parse_args()
    crowd(10, 1, np.random.default_rng(0)).reprice([1])
    for n_contracts in (1, 4):
        screening(options_.accounts, n_contracts, options_.seed)
    portfolios(options_.seed)
    for n_listed in (1_000, 100_000):
        options(n_listed, options_.seed)


if __name__ == "__main__":
    main()
