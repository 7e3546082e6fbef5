"""Calls per second of the exact Aave rules, for accounts as a crash finds them.

Each account has two collaterals and one or two debts in the Aave v2 main market
of May 2021 and is just below a health factor of 1; one call per account and
second; building the accounts is inside the timing. Medians: processor time is the cost
of the rules, wall time also shows what else the computer was doing. Run:
``python benchmarks/bench_rules.py [--calls 20000] [--repeats 5]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from liquidarium.protocols.lending.aave import (
    V3_0_2,
    V3_0_2_MECHANISM,
    V3_6,
    V3_6_MECHANISM,
    AaveVersion,
    Account,
    Market,
    ReserveState,
    aave_v2_main_may_2021,
)

SYMBOLS = ("WETH", "WBTC", "LINK", "USDC", "DAI", "USDT")
DECIMALS = {"WETH": 9, "LINK": 9, "DAI": 9}
PRICES = [2_400 * 10**8, 38_000 * 10**8, 25 * 10**8, 10**8, 10**8, 10**8]
START = 1_621_382_400


def reserves_of(market: Market, rules: AaveVersion) -> list[ReserveState]:
    """Reserves with a day of interest at rates that follow from their utilisation."""
    states = []
    for parameters in market.reserves:
        unit = parameters.unit
        state = ReserveState(
            last_update=START - 86_400,
            scaled_supply=10**9 * unit,
            scaled_variable_debt=6 * 10**8 * unit,
            available=4 * 10**8 * unit,
        )
        rules.update_rates(state, parameters, 0, 0)
        rules.accrue(state, parameters, START)
        states.append(state)
    return states


def crowd(n: int, two_debts: bool) -> list[Account]:
    """Accounts with WETH and WBTC as collateral and USDC, or USDC and DAI, as debt."""
    accounts = []
    for i in range(n):
        size = 1 + i % 7
        supplied = [size * 10**9, size * 10**7, 0, 0, 0, 0]
        borrowed = [0, 0, 0, size * 4_850 * 10**6, 0, 0]
        mask = 0b001000
        if two_debts:
            borrowed[3], borrowed[4], mask = size * 3_850 * 10**6, size * 1_000 * 10**9, 0b011000
        accounts.append(Account(supplied, borrowed, 0b000011, mask))
    return accounts


def time_per_call(run: Callable[[], int], repeats: int) -> tuple[float, float]:
    """Median processor and wall time of one call over several runs, microseconds."""
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        calls = run()
        cpu.append((time.process_time() - cpu_start) / calls * 1e6)
        wall.append((time.perf_counter() - wall_start) / calls * 1e6)
    return statistics.median(cpu), statistics.median(wall)


def bench(market: Market, rules: AaveVersion, calls: int, two_debts: bool) -> Callable[[], int]:
    """One liquidation call per account, a second apart."""

    def run() -> int:
        reserves = reserves_of(market, rules)
        for i, account in enumerate(crowd(calls, two_debts)):
            rules.liquidation_call(
                reserves, market, PRICES, START + i, account, collateral=0, debt=3, debt_to_cover=10**12
            )
        return calls

    return run


def main() -> None:
    """Print one line per version and kind of account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    versions = [
        ("v2", V3_0_2, aave_v2_main_may_2021(SYMBOLS, DECIMALS)),
        ("v3.0.2", V3_0_2, aave_v2_main_may_2021(SYMBOLS, DECIMALS, V3_0_2_MECHANISM)),
        ("v3.6", V3_6, aave_v2_main_may_2021(SYMBOLS, DECIMALS, V3_6_MECHANISM)),
    ]
    for name, rules, market in versions:
        for two_debts in (False, True):
            cpu, wall = time_per_call(bench(market, rules, arguments.calls, two_debts), arguments.repeats)
            print(
                f"{name:<7} 2 collaterals, debts: {1 + two_debts}   "
                f"cpu {cpu:5.1f} us ({1e6 / cpu:>7,.0f} calls/s)   "
                f"wall {wall:5.1f} us ({1e6 / wall:>7,.0f} calls/s)"
            )


if __name__ == "__main__":
    main()
