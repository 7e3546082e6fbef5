"""Contests per second: each rule decided in one batch, and with the drawing of equilibrium bids.

Processor time on one core, best and median of several rounds; ``kernel`` is the deciding alone
(output arrays included), ``drawn`` also draws uniforms and turns them into bids. Beside it stands
the same contest in the market's own mempool, one at a time. Run:
``python benchmarks/bench_contests.py [--contests 200000] [--bidders 5] [--rounds 7]``.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.market.chain.inclusion import PriorityFee, SealedBundle
from liquidarium.market.chain.mempool import Mempool
from liquidarium.market.chain.transaction import Transaction
from liquidarium.market.contests.contest import (
    AttritionGame,
    BlockContest,
    DutchSale,
    KickGame,
    SealedBid,
    stair_prices,
)

GAS = 450_000


def contests(count: int, n: int, rng: np.random.Generator) -> dict[str, tuple[Callable, Callable]]:
    """Name -> how bids are drawn, and how they are decided."""
    shape = (count, n)
    ties = rng.random(shape)
    arrivals = rng.random(shape)
    gas = forms.gas_auction(max(n, 2), 1000.0, 50.0, 0.3)
    pay = forms.gas_auction(max(n, 2), 1000.0)
    p = forms.entry_probability(n, 100.0, 60.0)
    sale = DutchSale(stair_prices(2400.0, 0.99, 90.0, 3600.0), 1994.0, 20.0, 30.0)
    chances = forms.dutch_entry(sale.surplus, n, 30.0)
    kick = forms.volunteer_probability(n, 10.0, 1.0)

    def uniform() -> np.ndarray:
        return rng.random(shape)

    def block(rule: str, cost: float, share: float, value: float) -> Callable:
        contest = BlockContest(rule, cost, share)
        return lambda bids: contest.play(bids, value, ties, arrivals=arrivals)

    return {
        "entry (random)": (lambda: forms.entry_bids(uniform(), p), block("random", 60.0, 1.0, 100.0)),
        "priority fee, phi .3": (lambda: gas.bids(uniform()), block("priority-fee", 50.0, 0.3, 1000.0)),
        "all-pay": (lambda: pay.bids(uniform()), block("priority-fee", 0.0, 1.0, 1000.0)),
        "first come": (lambda: np.zeros(shape), block("first-come", 50.0, 0.3, 1000.0)),
        "time boost": (lambda: gas.bids(uniform()), block("time-boost", 50.0, 0.3, 1000.0)),
        "gas auction, 10 rounds": (
            lambda: gas.bids(uniform()),
            block("priority-gas-auction", 50.0, 0.3, 1000.0),
        ),
        "first price, reserve .3": (
            lambda: forms.first_price_bid(uniform(), n, 0.3),
            lambda bids: SealedBid("first", 0.3).play(bids, 1.0, ties),
        ),
        "second price, reserve .3": (
            lambda: forms.second_price_bid(uniform(), 0.3),
            lambda bids: SealedBid("second", 0.3).play(bids, 1.0, ties),
        ),
        "Dutch, costly tries": (
            lambda: forms.first_try(uniform(), chances),
            lambda takes: sale.play(takes, ties),
        ),
        "volunteer's dilemma": (
            lambda: uniform() < kick,
            lambda kicks: KickGame(10.0, 1.0).play(kicks, ties),
        ),
        "war of attrition": (
            lambda: forms.attrition_quits(uniform(), 100.0, 1.0),
            lambda quits: AttritionGame(100.0, 1.0).play(quits, ties),
        ),
    }


def seconds(rounds: int, task: Callable[..., object], *arguments: object) -> list[float]:
    """Return the processor seconds of each round, after one that compiles and warms up."""
    task(*arguments)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        task(*arguments)
        times.append(time.process_time() - start)
    return times


def one_by_one(rule: object, bids: np.ndarray, ties: np.ndarray) -> None:
    """Decide the same contests as transactions in a mempool."""
    for row, draws in zip(bids.tolist(), ties.tolist(), strict=True):
        mempool = Mempool(rule)  # type: ignore[arg-type]
        for k, (bid, tie) in enumerate(zip(row, draws, strict=True)):
            if not math.isnan(bid):
                mempool.submit(Transaction(k, "liquidation", GAS, GAS // 3, bid, 0.0, tie, print, 7, 0))
        mempool.select(1.0, 0.0, 15_000_000)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--contests", type=int, default=200_000, help="contests in a batch")
    parser.add_argument("--bidders", type=int, default=5, help="bidders in each")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    count, n = given.contests, given.bidders
    rng = np.random.default_rng(1)
    print(f"{count:,} contests a batch, {n} bidders, {given.rounds} rounds; million a processor second\n")
    print("| contest | kernel, median | kernel, best | with drawing, median | with drawing, best |")
    print("|---|---:|---:|---:|---:|")
    for name, (draw, decide) in contests(count, n, rng).items():
        bids = draw()
        alone = seconds(given.rounds, decide, bids)
        drawn = seconds(given.rounds, lambda draw, decide: decide(draw()), draw, decide)
        cells = (statistics.median(alone), min(alone), statistics.median(drawn), min(drawn))
        print(f"| {name} | " + " | ".join(f"{count / cell / 1e6:.1f}" for cell in cells) + " |")
    few = 5_000
    bids, ties = (
        forms.gas_auction(max(n, 2), 1000.0, 50.0, 0.3).bids(rng.random((few, n))),
        rng.random((few, n)),
    )
    for name, rule in (("mempool, priority fee", PriorityFee()), ("mempool, sealed bundle", SealedBundle())):
        alone = seconds(given.rounds, one_by_one, rule, bids, ties)
        print(f"| {name} | {few / statistics.median(alone) / 1e6:.3f} | {few / min(alone) / 1e6:.3f} | | |")


if __name__ == "__main__":
    main()
