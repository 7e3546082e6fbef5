"""Account-blocks per second of health screening, beside brute force at every price change.

A day of 6,646 blocks in which three volatile assets fall by 40 % with a lot of up and down
and a stable one hardly moves; oracles publish each asset on its own, at deviations of 0.5 %
(0.1 % for the stable one). Health factors spread from 1.02 to 3; six accounts in ten have
one collateral and a stable debt, the others baskets. An account is first of interest at 1.2
and, once reported, at 1. Brute force looks at everyone after each price change; a few of
its rounds are timed, in between and so under the same load, and taken for all. Run:
``python benchmarks/bench_screening.py [--accounts 10000 100000 1000000] [--seed 1]``.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from liquidarium.protocols.health import HealthScreen
from liquidarium.protocols.positions import Positions
from numpy.typing import NDArray

N_BLOCKS = 6646
PRICES = np.array([3400.0, 44000.0, 35.0, 1.0])
DECIMALS = np.array([9, 8, 9, 6])
THRESHOLDS = np.array([0.825, 0.75, 0.7, 0.85])
DEVIATIONS = np.array([0.005, 0.005, 0.005, 0.001])
STABLE = 3


def oracle_day(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Draw the published prices (USD per token) after each block in which one of them changed."""
    shares = np.linspace(0.0, 1.0, N_BLOCKS)
    crash = np.log(0.6) * np.clip((shares - 0.3) / 0.5, 0.0, 1.0)
    common = rng.normal(0.0, 0.25 / np.sqrt(N_BLOCKS), N_BLOCKS).cumsum()
    common -= shares * common[-1]
    own = rng.normal(0.0, 0.11 / np.sqrt(N_BLOCKS), (N_BLOCKS, 4)).cumsum(axis=0)
    logs = own + (crash + common)[:, None] * np.array([1.0, 0.9, 1.1, 0.0])
    logs *= np.log(0.6) / (logs - logs[0]).min(axis=0)
    logs[:, STABLE] = 0.0001 * rng.normal(size=N_BLOCKS).cumsum()
    published = np.zeros(4)
    changes = []
    for now in logs:
        moved = np.abs(now - published) > DEVIATIONS
        if moved.any():
            published = np.where(moved, now, published)
            changes.append(PRICES * np.exp(published))
    return changes


def crowd(n_accounts: int, rng: np.random.Generator) -> Positions:
    """Draw accounts with health factors log-uniform from 1.02 to 3 at the first prices."""
    positions = Positions(n_accounts, 4)
    shares = np.zeros((n_accounts, 8))
    simple = rng.random(n_accounts) < 0.6
    rows = np.arange(n_accounts)
    shares[rows, rng.choice(3, n_accounts, p=[0.6, 0.3, 0.1])] = 1.0
    shares[:, 4 + STABLE] = 1.0
    mixed = rng.dirichlet(np.ones(4), n_accounts) * (rng.random((n_accounts, 4)) < 0.6)
    shares[~simple, :4] += mixed[~simple]
    borrows_more = ~simple & (rng.random(n_accounts) < 0.3)
    shares[borrows_more, 4 + rng.integers(0, 3, borrows_more.sum())] = 0.5
    debt_usd = np.exp(rng.normal(8.0, 2.0, n_accounts))
    health = np.exp(rng.uniform(np.log(1.02), np.log(3.0), n_accounts))
    shares[:, 4:] /= shares[:, 4:].sum(axis=1, keepdims=True)
    weighted = (shares[:, :4] * THRESHOLDS).sum(axis=1, keepdims=True)
    units = 10.0**DECIMALS / PRICES
    positions.collateral[:] = shares[:, :4] / weighted * (health * debt_usd)[:, None] * units
    positions.debt[:] = shares[:, 4:] * debt_usd[:, None] * units
    return positions


def measure(n_accounts: int, seed: int) -> None:
    """Screen one day and print what it cost."""
    rng = np.random.default_rng(seed)
    weights = [(prices * THRESHOLDS / 10.0**DECIMALS, prices / 10.0**DECIMALS) for prices in oracle_day(rng)]
    positions = crowd(n_accounts, rng)
    screen = HealthScreen(positions, np.full(n_accounts, 1.2))
    start = time.perf_counter()
    reported = [screen.reprice(*weights[0])]
    screen.touch(reported[0], 1.0)
    first = time.perf_counter() - start
    looks = screen.looks
    day = 0.0
    brute = []
    for block, (cw, dw) in enumerate(weights[1:]):
        start = time.perf_counter()
        due = screen.reprice(cw, dw)
        if len(due):
            screen.touch(due, 1.0)
        day += time.perf_counter() - start
        if block % 100 == 0:
            start = time.perf_counter()
            np.flatnonzero(screen.health_all() <= screen.levels)
            brute.append(time.perf_counter() - start)
    looks = screen.looks - looks
    start = time.perf_counter()
    for _ in range(1000):
        screen.reprice(*weights[-1])
    idle = (time.perf_counter() - start) / 1000
    brute_day = sum(brute) / len(brute) * len(weights)
    rate = N_BLOCKS * n_accounts / day
    print(
        f"{n_accounts:>9,} accounts  {len(weights):,} price changes  first look {first:.3f} s"
        f"  day {day:.3f} s  {rate / 1e9:.2f} G account-blocks/s  {looks / n_accounts:.2f} looks per account"
        f"  nothing new {idle * 1e6:.1f} us  brute force {brute_day:.2f} s, {brute_day / day:.0f} x"
        f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


def main() -> None:
    """Measure each size asked for, after one small run that compiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warm = HealthScreen(crowd(10, np.random.default_rng(0)), np.ones(10))
    warm.reprice(np.ones(4), np.ones(4))
    warm.touch([0], 1.0)
    warm.health_all()
    for n_accounts in options.accounts:
        measure(n_accounts, options.seed)


if __name__ == "__main__":
    main()
