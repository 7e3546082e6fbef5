"""Contests in batches: equal to a plain reference and to the market's own rules; bad input is refused."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies import closed_forms as forms
from liquidarium.market.chain.inclusion import (
    FirstCome,
    PriorityFee,
    PriorityGasAuction,
    RandomOrder,
    SealedBundle,
    TimeBoost,
)
from liquidarium.market.chain.mempool import Mempool
from liquidarium.market.chain.raise_kernels import raise_bids
from liquidarium.market.chain.transaction import Transaction
from liquidarium.market.contests.contest import (
    BLOCK_RULES,
    AttritionGame,
    BlockContest,
    DutchSale,
    KickGame,
    SealedBid,
    stair_prices,
)
from liquidarium.protocols.fixed_point import RAY
from liquidarium.protocols.lending.maker.abaci import StairstepExponentialDecrease

GAS = 1000


def random_batch(rng, contests, n):
    """Bids and draws with many ties and absentees."""
    bids = rng.integers(1, 6, (contests, n)).astype(float)
    bids[rng.random((contests, n)) < 0.25] = np.nan
    arrivals = rng.integers(0, 4, (contests, n)) / 4.0
    return bids, arrivals, rng.random((contests, n)), rng.uniform(1.0, 20.0, (contests, n))


# the slow and obvious reference


def reference_block(contest, bids, values, ties, arrivals, ceilings):
    """One contest, told in plain words."""
    present = [k for k in range(len(bids)) if not math.isnan(bids[k])]
    price = {k: contest.cost + bids[k] for k in present}
    if contest.rule == "priority-gas-auction":
        turns = sorted(present, key=lambda k: (arrivals[k], ties[k]))
        for _ in range(contest.rounds):
            for k in turns:
                leader = max(turns, key=price.__getitem__)  # the first of equals
                wanted = price[leader] * (1 + contest.minimum_raise)
                if k != leader and wanted <= contest.cost + ceilings[k]:
                    price[k] = wanted
    keys = {
        "first-come": lambda k: (arrivals[k], ties[k]),
        "random": lambda k: (ties[k], arrivals[k]),
        "time-boost": lambda k: (
            arrivals[k] - contest.boost_s * price[k] / (price[k] + contest.half_price),
            ties[k],
        ),
    }
    order = sorted(present, key=keys.get(contest.rule, lambda k: (-price[k], arrivals[k], ties[k])))
    paid, payoff = [0.0] * len(bids), [0.0] * len(bids)
    for place, k in enumerate(order):
        paid[k] = price[k] * (1.0 if place == 0 else contest.revert_share)
        payoff[k] = (values[k] if place == 0 else 0.0) - paid[k]
    return order[0] if order else -1, price[order[0]] if order else 0.0, paid, payoff


@pytest.mark.parametrize("rule", sorted(BLOCK_RULES))
@pytest.mark.parametrize(
    ("n", "cost", "revert_share"), [(1, 0.5, 1.0), (2, 0.0, 1.0), (5, 0.7, 0.3), (9, 2.0, 0.0)]
)
def test_block_contests_equal_the_plain_reference(rule, n, cost, revert_share):
    bids, arrivals, ties, values = random_batch(np.random.default_rng(n), 400, n)
    contest = BlockContest(rule, cost, revert_share, rounds=4, boost_s=0.6, half_price=3.0)
    ceilings = values - cost
    out = contest.play(bids, values, ties, arrivals=arrivals)
    for i in range(len(bids)):
        winner, price, paid, payoff = reference_block(
            contest, bids[i], values[i], ties[i], arrivals[i], ceilings[i]
        )
        assert (out.winners[i], out.prices[i]) == (winner, price)
        assert out.paid[i].tolist() == paid
        assert out.payoffs[i].tolist() == payoff


@pytest.mark.parametrize("price", ["first", "second"])
@pytest.mark.parametrize(("n", "reserve", "entry_cost"), [(1, 0.0, 0.0), (4, 0.0, 0.5), (6, 3.0, 0.1)])
def test_sealed_bids_equal_the_plain_reference(price, n, reserve, entry_cost):
    bids, _, ties, values = random_batch(np.random.default_rng(n), 400, n)
    out = SealedBid(price, reserve, entry_cost).play(bids, values, ties)
    for i in range(len(bids)):
        valid = [k for k in range(n) if bids[i, k] >= reserve]
        order = sorted(valid, key=lambda k: (-bids[i, k], ties[i, k]))
        charged = 0.0
        if order:
            charged = bids[i, order[0]]
            if price == "second":
                charged = max([reserve] + [bids[i, k] for k in order[1:2]])
        assert out.winners[i] == (order[0] if order else -1)
        assert out.prices[i] == charged
        for k in range(n):
            came = not math.isnan(bids[i, k])
            won = order[:1] == [k]
            spent = entry_cost * came + charged * won
            assert out.paid[i, k] == pytest.approx(spent)
            assert out.payoffs[i, k] == pytest.approx(values[i, k] * won - spent)


def test_dutch_sales_equal_the_plain_reference():
    rng = np.random.default_rng(4)
    sale = DutchSale(stair_prices(10.0, 0.9, 1.0, 9.0), 8.0, 2.0, 0.3, 0.5)
    takes, ties = rng.integers(-1, 12, (500, 4)), rng.random((500, 4))
    out = sale.play(takes, ties)
    for i in range(len(takes)):
        steps = [int(t) for t in takes[i] if 0 <= t < len(sale.prices)]
        step = min(steps, default=-1)
        trying = [k for k in range(4) if steps and takes[i, k] == step]
        winner = min(trying, key=lambda k: ties[i, k], default=-1)
        assert (out.winners[i], out.ended[i]) == (winner, step)
        assert out.prices[i] == (sale.prices[step] if steps else 0.0)
        for k in range(4):
            spent = (0.3 if k == winner else 0.15) if k in trying else 0.0
            assert out.paid[i, k] == pytest.approx(spent)
            gained = 2.0 * (8.0 - sale.prices[step]) if k == winner else 0.0
            assert out.payoffs[i, k] == pytest.approx(gained - spent)


def test_kick_games_equal_the_plain_reference():
    rng = np.random.default_rng(5)
    kicks, ties = rng.random((500, 4)) < 0.4, rng.random((500, 4))
    out = KickGame(10.0, 2.0, 1.5, 0.25).play(kicks, ties)
    for i in range(len(kicks)):
        winner = min(np.flatnonzero(kicks[i]), key=lambda k: ties[i, k], default=-1)
        assert out.winners[i] == winner
        for k in range(4):
            spent = (2.0 if k == winner else 0.5) if kicks[i, k] else 0.0
            assert out.paid[i, k] == spent
            assert out.payoffs[i, k] == 10.0 * (winner >= 0) + 1.5 * (k == winner) - spent


def test_wars_of_attrition_equal_the_plain_reference():
    rng = np.random.default_rng(6)
    quits, ties = rng.integers(0, 6, (500, 3)).astype(float), rng.random((500, 3))
    out = AttritionGame(10.0, 0.5).play(quits, ties)
    for i in range(len(quits)):
        order = sorted(range(3), key=lambda k: (-quits[i, k], ties[i, k]))
        end = quits[i, order[1]]
        assert (out.winners[i], out.ended[i]) == (order[0], end)
        for k in range(3):
            assert out.paid[i, k] == 0.5 * min(quits[i, k], end)
            assert out.payoffs[i, k] == 10.0 * (k == order[0]) - out.paid[i, k]


# the same contests in the market's own mempool


def market_rule(contest):
    """Return the inclusion rule of the market that a contest stands for."""
    return {
        "priority-fee": PriorityFee,
        "first-come": FirstCome,
        "random": RandomOrder,
        "time-boost": lambda: TimeBoost(contest.boost_s, contest.half_price / GAS),
        "priority-gas-auction": lambda: PriorityGasAuction(contest.minimum_raise, contest.rounds),
    }[contest.rule]()


def run_in_mempool(rule, bids, ties, arrivals, ceilings, revert_share, cost=0.0):
    """Send one call for each bid, take the block, and let the first succeed as the chain does."""
    mempool = Mempool(rule)
    for k, bid in enumerate(bids):
        if not math.isnan(bid):
            mempool.submit(
                Transaction(
                    k, "liquidation", GAS, int(revert_share * GAS), (cost + bid) / GAS, arrivals[k], ties[k],
                    lambda world: None, 7, 0, ceiling_gwei=(cost + ceilings[k]) / GAS,
                )
            )  # fmt: skip
    paid = {}
    block = mempool.select(10.0, 0.0, 10**9)
    for place, call in enumerate(block):
        paid[call.sender] = (call.gas if place == 0 else call.revert_gas) * call.price_gwei
    return (block[0].sender if block else -1), paid


@given(
    st.sampled_from(sorted(BLOCK_RULES)),
    st.integers(1, 7),
    st.sampled_from((0.0, 0.3, 1.0)),
    st.integers(0, 2**32),
)
def test_the_mempool_decides_a_contest_exactly_as_the_batch_does(rule, n, revert_share, seed):
    bids, arrivals, ties, values = random_batch(np.random.default_rng(seed), 5, n)
    bids, values = GAS * bids, GAS * values  # prices are then whole numbers: equal bids stay equal
    contest = BlockContest(
        rule, 0.0, revert_share, rounds=3, minimum_raise=0.25, boost_s=0.6, half_price=3.0 * GAS
    )
    out = contest.play(bids, values, ties, arrivals=arrivals)
    for i in range(len(bids)):
        winner, paid = run_in_mempool(
            market_rule(contest), bids[i], ties[i], arrivals[i], values[i], revert_share
        )
        assert out.winners[i] == winner
        for k in range(n):
            assert out.paid[i, k] == pytest.approx(paid.get(k, 0.0), rel=1e-12)


@given(st.integers(1, 7), st.integers(0, 2**32))
def test_the_builder_decides_a_sealed_auction_exactly_as_the_batch_does(n, seed):
    """First price: the best bid for one account is included alone, the others pay nothing."""
    bids, _, ties, values = random_batch(np.random.default_rng(seed), 5, n)
    out = SealedBid().play(GAS * bids, GAS * values, ties)
    for i in range(len(bids)):
        winner, paid = run_in_mempool(SealedBundle(), GAS * bids[i], ties[i], np.zeros(n), values[i], 1.0)
        assert out.winners[i] == winner
        assert {k: spent for k, spent in enumerate(out.paid[i]) if spent} == pytest.approx(paid)


def test_prices_of_a_dutch_sale_are_those_of_makers_abacus():
    top, cut, step = 2400.0, 0.99, 90
    abacus = StairstepExponentialDecrease(round(cut * RAY), step)
    prices = stair_prices(top, cut, step, 3600.0)
    contract = [abacus.price(round(top * RAY), step * k) / RAY for k in range(len(prices))]
    assert prices == pytest.approx(contract, rel=1e-12)


def test_g18_a_gas_auction_takes_as_many_raises_as_the_formula_says():
    """From 5 to 500 in steps of 12.5 % and 10 %: 40 and 49 raises, counted in the auction itself."""
    for minimum_raise, raises in ((0.125, 40), (0.10, 49)):
        bids, reached = np.array([5.0, 4.0]), 500.0 * (1.0 + minimum_raise) * (1.0 - 1e-9)
        assert raise_bids(bids, np.full(2, reached), np.arange(2), minimum_raise, 1000) == raises
        assert bids.max() >= 500.0 > bids.min()
        assert forms.raises_to_reach(5.0, 500.0, minimum_raise) == raises


def test_g17_a_lead_of_five_milliseconds_wins_as_often_as_the_formula_says():
    rng = np.random.default_rng(17)
    arrivals = rng.normal([0.1, 0.105], 0.02, (200_000, 2))
    out = BlockContest("first-come").play(np.zeros((200_000, 2)), 1.0, [[0.1, 0.2]], arrivals=arrivals)
    assert (out.winners == 0).mean() == pytest.approx(forms.race_win_probability(0.005, 0.02), abs=0.005)
    arrivals = rng.exponential(1.0 / np.array([3.0, 1.0, 1.0]), (200_000, 3))
    out = BlockContest("first-come").play(np.zeros((200_000, 3)), 1.0, [[0.1, 0.2, 0.3]], arrivals=arrivals)
    assert (out.winners == 0).mean() == pytest.approx(forms.exponential_race([3.0, 1.0, 1.0])[0], abs=0.005)


# bad input


AUCTION = BlockContest("priority-gas-auction")

REFUSED = [
    (lambda: BlockContest("highest"), "rule must be one of priority-fee"),
    (lambda: BlockContest(minimum_raise=0.0), "minimum_raise must be positive"),
    (lambda: BlockContest(revert_share=1.5), "revert_share must be in [0, 1]"),
    (lambda: BlockContest(cost=-1.0), "cost must be finite and not negative"),
    (lambda: BlockContest(rounds=-1), "rounds must not be negative"),
    (lambda: AUCTION.play([[0.0, 1.0]], 9.0, 0.5), "bids and cost must be positive"),
    (lambda: SealedBid("third"), "price must be 'first' or 'second'"),
    (lambda: SealedBid(reserve=2.0).play([[1.0]], [[1.5]], 0.5), "reserve = 2 is above every value"),
    (lambda: stair_prices(100.0, 0.9, 90.0, 60.0), "tail_s = 60 ends before the first step"),
    (lambda: stair_prices(100.0, 1.0, 90.0, 600.0), "cut must be in (0, 1)"),
    (lambda: DutchSale((100.0, 90.0), 50.0), "prices end at 90, where a take loses 40: nothing can"),
    (lambda: DutchSale((), 50.0), "prices must hold one step at least"),
    (lambda: DutchSale((10.0,), 50.0).play([1, 2], 0.5), "takes must have a row for each contest"),
    (lambda: KickGame(0.0, 1.0), "value must be positive"),
    (lambda: KickGame(1.0, 1.0).play([True], 0.5), "kicks must have a row for each contest"),
    (lambda: AttritionGame(1.0, 0.0), "cost_per_block must be positive"),
    (lambda: AttritionGame(1.0, 1.0).play([[-1.0, 2.0]], 0.5), "quits must not be negative"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_contests_that_can_never_clear_or_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
