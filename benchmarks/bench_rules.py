"""Calls per second of the exact Aave rules, for accounts as a crash finds them.

Each account has two collaterals and one or two debts in the Aave v2 main market
of May 2021 and is just below a health factor of 1; one call per account and
second. Conformance replays the same functions. Run:
``python benchmarks/bench_rules.py [--calls 20000] [--repeats 5]``.
"""

from __future__ import annotations

import argparse
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


def calls_per_second(run: Callable[[], int], repeats: int) -> float:
    """Best of several timings of a function that returns how many calls it made."""
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        calls = run()
        best = max(best, calls / (time.perf_counter() - start))
    return best


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
            rate = calls_per_second(bench(market, rules, arguments.calls, two_debts), arguments.repeats)
            print(f"{name:<7} 2 collaterals, {1 + two_debts} debts: {rate:>9,.0f} calls/s")


if __name__ == "__main__":
    main()
