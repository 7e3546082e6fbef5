"""Batches of contests for one liquidation, decided by the functions that the market decides by.

Rows are contests, columns are bidders. Every kernel fills arrays it is handed: `winners`
(-1 for nobody), `prices` (what the winner pays; 0 for nobody), `paid` and `payoffs`, shapes
(n_contests,) and (n_contests, n). A bid of NaN stays out. Other inputs with one column serve
all bidders, with one row all contests.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..chain.precedence_kernels import by_arrival, by_boosted_arrival, by_draw, by_fee, gas_used
from ..chain.raise_kernels import raise_bids
from .auction_kernels import sealed_price

PRIORITY_FEE, FIRST_COME, RANDOM, TIME_BOOST, GAS_AUCTION = range(5)


@njit(cache=True)
def _precedence(rule, price, arrival_s, tie, boost_s, half_price):
    if rule == FIRST_COME:
        return by_arrival(arrival_s, tie)
    if rule == RANDOM:
        return by_draw(tie, arrival_s)
    if rule == TIME_BOOST:
        return by_boosted_arrival(price, arrival_s, tie, boost_s, half_price)
    return by_fee(price, arrival_s, tie)


@njit(cache=True)
def play_block(
    rule, values, cost, revert_share, boost_s, half_price, minimum_raise, rounds,
    bids, ceilings, arrivals, ties, winners, prices, paid, payoffs,
):  # fmt: skip
    """Contests for a place in a block: the first call succeeds, later ones revert.

    A bid is a fee on top of `cost`; who succeeds pays both, who reverts pays `revert_share` of
    both. In a gas auction fees are raised first, up to the ceilings.
    """
    n_contests, n = bids.shape
    fees, tops, turns = np.empty(n), np.empty(n), np.empty(n, np.int64)
    for i in range(n_contests):
        row_v, row_a, row_t = i * (values.shape[0] > 1), i * (arrivals.shape[0] > 1), i * (ties.shape[0] > 1)
        m = 0
        for k in range(n):
            fees[k] = cost + bids[i, k]
            if not math.isnan(bids[i, k]):
                turns[m] = k
                m += 1
        if rule == GAS_AUCTION:
            for k in range(n):
                tops[k] = cost + ceilings[i * (ceilings.shape[0] > 1), k * (ceilings.shape[1] > 1)]
            for a in range(1, m):  # by arrival
                k, b = turns[a], a
                while b > 0 and by_arrival(
                    arrivals[row_a, k * (arrivals.shape[1] > 1)], ties[row_t, k * (ties.shape[1] > 1)]
                ) < by_arrival(
                    arrivals[row_a, turns[b - 1] * (arrivals.shape[1] > 1)],
                    ties[row_t, turns[b - 1] * (ties.shape[1] > 1)],
                ):
                    turns[b] = turns[b - 1]
                    b -= 1
                turns[b] = k
            raise_bids(fees, tops, turns[:m], minimum_raise, rounds)
        winner = -1
        best = (math.inf, math.inf, math.inf)
        for a in range(m):
            k = turns[a]
            mine = _precedence(
                rule,
                fees[k],
                arrivals[row_a, k * (arrivals.shape[1] > 1)],
                ties[row_t, k * (ties.shape[1] > 1)],
                boost_s,
                half_price,
            )
            if winner < 0 or mine < best:
                winner, best = k, mine
        winners[i] = winner
        prices[i] = fees[winner] if winner >= 0 else 0.0
        for k in range(n):
            paid[i, k] = 0.0
            payoffs[i, k] = 0.0
            if not math.isnan(bids[i, k]):
                spent = fees[k] * gas_used(k == winner, 1.0, revert_share, False)
                paid[i, k] = spent
                payoffs[i, k] = (values[row_v, k * (values.shape[1] > 1)] if k == winner else 0.0) - spent


@njit(cache=True)
def play_sealed(
    values, entry_cost, reserve, second_price, bids, ties, winners, prices, paid, payoffs
):  # fmt: skip
    """Sealed bids: the highest that is not below the reserve wins; the others pay their entry only."""
    n_contests, n = bids.shape
    for i in range(n_contests):
        row_v, row_t = i * (values.shape[0] > 1), i * (ties.shape[0] > 1)
        winner, second = -1, -math.inf
        best = (math.inf, math.inf, math.inf)
        for k in range(n):
            bid = bids[i, k]
            paid[i, k] = 0.0
            payoffs[i, k] = 0.0
            if math.isnan(bid):
                continue
            paid[i, k] = entry_cost
            payoffs[i, k] = -entry_cost
            if bid < reserve:
                continue
            mine = by_fee(bid, 0.0, ties[row_t, k * (ties.shape[1] > 1)])
            if winner < 0 or mine < best:
                if winner >= 0:
                    second = bids[i, winner]
                winner, best = k, mine
            elif bid > second:
                second = bid
        winners[i] = winner
        prices[i] = 0.0
        if winner >= 0:
            price = sealed_price(bids[i, winner], second, reserve, second_price)
            prices[i] = price
            paid[i, winner] += price
            payoffs[i, winner] += values[row_v, winner * (values.shape[1] > 1)] - price


@njit(cache=True)
def play_dutch(surplus, asked, gas, revert_share, takes, ties, steps, winners, prices, paid, payoffs):
    """Falling price: the first to take wins; who comes in the same step reverts, who waits pays nothing.

    `surplus` is what taking earns before gas at each step, `asked` the price then. `takes` holds
    the step at which each bidder would take, -1 or beyond the last for never; `steps` gets the
    step of the sale, -1 for none.
    """
    n_contests, n = takes.shape
    last = len(surplus)
    for i in range(n_contests):
        row_t = i * (ties.shape[0] > 1)
        step = last
        for k in range(n):
            if 0 <= takes[i, k] < step:
                step = takes[i, k]
        winner = -1
        best = (math.inf, math.inf, math.inf)
        for k in range(n):
            paid[i, k] = 0.0
            payoffs[i, k] = 0.0
            if step < last and takes[i, k] == step:
                mine = by_draw(ties[row_t, k * (ties.shape[1] > 1)], 0.0)
                if winner < 0 or mine < best:
                    winner, best = k, mine
        winners[i] = winner
        steps[i] = step if winner >= 0 else -1
        prices[i] = asked[step] if winner >= 0 else 0.0
        if winner >= 0:
            for k in range(n):
                if takes[i, k] == step:
                    paid[i, k] = gas_used(k == winner, gas, revert_share * gas, False)
                    payoffs[i, k] = (surplus[step] if k == winner else 0.0) - paid[i, k]


@njit(cache=True)
def play_kick(value, cost, tip, revert_share, kicks, ties, winners, prices, paid, payoffs):
    """Upkeep that helps everybody: the first call does it and gets the tip, later ones revert."""
    n_contests, n = kicks.shape
    for i in range(n_contests):
        row_t = i * (ties.shape[0] > 1)
        winner = -1
        best = (math.inf, math.inf, math.inf)
        for k in range(n):
            if kicks[i, k]:
                mine = by_draw(ties[row_t, k * (ties.shape[1] > 1)], 0.0)
                if winner < 0 or mine < best:
                    winner, best = k, mine
        winners[i] = winner
        prices[i] = cost if winner >= 0 else 0.0
        for k in range(n):
            paid[i, k] = gas_used(k == winner, cost, revert_share * cost, False) if kicks[i, k] else 0.0
            payoffs[i, k] = (value if winner >= 0 else 0.0) + (tip if k == winner else 0.0) - paid[i, k]


@njit(cache=True)
def play_attrition(value, cost_per_block, quits, ties, durations, winners, prices, paid, payoffs):
    """Whoever waits longest wins; all pay until they quit, or the second last has."""
    n_contests, n = quits.shape
    for i in range(n_contests):
        row_t = i * (ties.shape[0] > 1)
        winner, end = -1, 0.0
        best = (math.inf, math.inf, math.inf)
        for k in range(n):
            mine = by_fee(quits[i, k], 0.0, ties[row_t, k * (ties.shape[1] > 1)])
            if winner < 0 or mine < best:
                if winner >= 0:
                    end = quits[i, winner]
                winner, best = k, mine
            elif quits[i, k] > end:
                end = quits[i, k]
        winners[i] = winner
        durations[i] = end
        prices[i] = cost_per_block * end
        for k in range(n):
            paid[i, k] = cost_per_block * min(quits[i, k], end)
            payoffs[i, k] = (value if k == winner else 0.0) - paid[i, k]
