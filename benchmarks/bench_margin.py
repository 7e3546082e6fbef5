"""Margin engines: screening of a crowd, portfolio margin of accounts, margin of option positions.

1. A venue of accounts, half long, half short, on a path of 0.05 % a block: what a block costs, beside
   looking at everybody.
2. Portfolio margin of 1,000 accounts with positions in all of 100 contracts under 16 scenarios; goal 20 ms.
3. 100,000 option positions on one surface, marked by Black-Scholes-Merton and margined under Deribit's 27
   scenarios; goal 25 ms in all. First in 1,000 listed options, then each in an option of its own: 2.8
   million prices. Beside NumPy's way of adding up by account, and a charge by rule without scenarios.

The smallest of some rounds is given, in processor time, as others may be at work on the machine. Run:
``python benchmarks/bench_margin.py [--accounts 100000] [--seed 1]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from liquidarium.protocols.margin.accounts import MarginAccounts
from liquidarium.protocols.margin.contracts import LinearContract
from liquidarium.protocols.margin.models import SviSlice, VolatilitySurface, black_scholes
from liquidarium.protocols.margin.portfolio import (
    Requirement,
    delta_floor,
    requirements,
    scan_accounts,
    scan_positions,
    short_option_floor,
)
from liquidarium.protocols.margin.scenario_grid import DERIBIT, OptionMoves, Scenario, ScenarioGrid
from liquidarium.protocols.margin.tiers import MarginTiers
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDS = 20
DAYS = np.array([7.0, 30.0, 90.0, 180.0])


def fastest(work: Callable[[], object]) -> float:
    """Return the processor seconds of the fastest round, after one that compiles."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
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


def surface() -> VolatilitySurface:
    """Return a surface of four expiries."""
    years = DAYS / 365
    slices = [SviSlice(t, 0.1 * t, 0.3 * t**0.75, -0.2, 0.02, 0.25) for t in years.tolist()]
    return VolatilitySurface(slices, 60_000.0 * np.exp(0.03 * years))


def options(n_listed: int, seed: int) -> None:
    """Mark and margin 100,000 positions of 20,000 accounts in listed options on one surface."""
    rng = np.random.default_rng(seed)
    n_positions, n_accounts, spot, fitted = 100_000, 20_000, 60_000.0, surface()
    days = rng.choice(DAYS, n_listed)
    years, strike = days / 365, spot * np.exp(rng.normal(0.0, 0.3, n_listed))
    is_call = rng.random(n_listed) < 0.5
    account = np.sort(rng.integers(0, n_accounts, n_positions))
    alone = n_listed == n_positions
    contract = np.arange(n_positions) if alone else rng.integers(0, n_listed, n_positions)
    lots = rng.integers(-50, 50, n_positions)
    unit = np.full(n_listed, 1e3)

    def looked_up() -> tuple[Floats, Floats]:
        return fitted.forward(years), fitted.volatility(strike, years)

    forward, volatility = looked_up()

    def revalued() -> OptionMoves:
        return DERIBIT.option_moves(forward, strike, days, is_call, volatility, unit)

    moves = revalued().moves

    def margined() -> Requirement:
        return requirements(DERIBIT, scan_positions(DERIBIT, moves, account, contract, lots, n_accounts))

    def by_rule() -> Floats:
        greeks = black_scholes.greeks(forward, strike, years, is_call, volatility)
        delta = greeks.delta[contract] * lots
        up, down = (
            np.bincount(account, np.maximum(sign * delta, 0.0), minlength=n_accounts) for sign in (1, -1)
        )
        short = np.bincount(account, np.maximum(-lots, 0), minlength=n_accounts)
        return np.maximum(delta_floor(up, down, spot), short_option_floor(short, spot))

    parts = [fastest(work) for work in (looked_up, revalued, margined)]
    rule = parts[0] + fastest(by_rule)

    def numpy_way() -> object:
        gains = np.zeros((n_accounts, moves.shape[1]), np.int64)
        np.add.at(gains, account, lots[:, None] * moves[contract])
        return gains.min(axis=1)

    plain = fastest(numpy_way)
    print(
        f"100,000 option positions in {n_listed:,} options, {len(DERIBIT.scenarios)} scenarios: "
        f"surface {parts[0] * 1e3:.2f} ms, marks and scenario values {parts[1] * 1e3:.2f}, "
        f"margin {parts[2] * 1e3:.2f}, together {sum(parts) * 1e3:.2f} (goal 25); "
        f"margin by NumPy {plain * 1e3:.1f}, {plain / parts[2]:.0f} x; "
        f"marks and a charge on deltas and short options instead: {rule * 1e3:.2f}"
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
