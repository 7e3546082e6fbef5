"""Seconds of an arbitrage step on a LLAMMA with 100 loans.

The oracle follows a random walk, and outside trades at its price; at each step an
arbitrageur looks for what pays and makes that exchange. Loans are opened as high as they may be, so
that the walk runs through their bands. Run:
``python benchmarks/bench_llamma.py [--steps 2000] [--loans 100] [--repeats 5]``.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from liquidarium.protocols.lending.llamma import (
    Amm,
    AmmParameters,
    Controller,
    ControllerParameters,
    arbitrage,
    create_loan,
    exchange,
    max_borrowable,
    quote,
)

WAD = 10**18
START = 2_000 * WAD
SECONDS = 12


def market(loans: int) -> Controller:
    """Return a LLAMMA of A = 100 whose loans of 4 to 50 bands borrow 90 to 99 % of what they may."""
    amm = Amm.new(AmmParameters.derived(100, START, fee=6 * 10**15), START, 0)
    controller = Controller(ControllerParameters(9 * 10**16, 6 * 10**16), amm)
    seen = quote(amm, START, 0)
    for user in range(loans):
        collateral, bands = (1 + user % 7) * WAD, 4 + user % 47
        most = max_borrowable(controller, seen, collateral, bands)
        create_loan(controller, seen, user, collateral, most * (90 + user % 10) // 100, bands)
    return controller


def run(controller: Controller, prices: list[int]) -> tuple[float, float, int]:
    """Return wall and processor seconds for each step, and how many steps traded."""
    amm, traded = controller.amm, 0
    wall, processor = time.perf_counter(), time.process_time()
    for step, price in enumerate(prices):
        seen = quote(amm, price, (1 + step) * SECONDS)
        found = arbitrage(amm, seen, seen.price)
        if found is not None:
            exchange(amm, seen, found.coin_in, found.amount)
            traded += 1
    n = len(prices)
    return (time.perf_counter() - wall) / n, (time.process_time() - processor) / n, traded


def main() -> None:
    """Print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--loans", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    moves = np.random.default_rng(1).normal(-1e-4, 2e-3, options.steps).cumsum()
    prices = [int(1900 * 1e9 * factor) * 10**9 for factor in np.exp(moves)]
    results = [run(market(options.loans), prices) for _ in range(options.repeats)]
    for name, values in (("wall", [r[0] for r in results]), ("processor", [r[1] for r in results])):
        print(
            f"{name:10s} {statistics.median(values) * 1e3:.3f} ms a step "
            f"({min(values) * 1e3:.3f} to {max(values) * 1e3:.3f}); "
            f"{results[0][2]} of {options.steps} steps traded, {options.loans} loans"
        )


if __name__ == "__main__":
    main()
