"""Each inclusion rule does what it says (MODEL 3.3, 10.4; arXiv:2306.02179 for bought time)."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.chain.inclusion import (
    InclusionNotice,
    PriorityFee,
    PriorityGasAuction,
    RandomOrder,
    SealedBundle,
    TimeBoost,
)
from liquidarium.market.chain.mempool import Mempool
from liquidarium.market.chain.transaction import Bundle, Transaction

PLENTY = 10**9


def call(price=10.0, *, arrival=1.0, tie=0.5, gas=100, sender=1, target=7, kind="liquidation", **options):
    return Transaction(
        sender, kind, gas, gas // 2, price, arrival, tie, lambda world: None, target, 0, **options
    )


def test_random_order_follows_the_draws_and_neither_money_nor_speed():
    slow_and_cheap = call(1.0, arrival=9.0, tie=0.1)
    assert RandomOrder().order([call(1e6, arrival=0.0, tie=0.2), slow_and_cheap])[0] is slow_and_cheap


def test_a_bid_buys_milliseconds_but_never_the_whole_head_start():
    """Half of the boost for `half_gwei`; whoever is later than the boost loses whatever it pays."""
    rule = TimeBoost(boost_s=0.5, half_gwei=100.0)
    first = call(0.0, arrival=1.0)
    just_enough, too_late = call(100.0, arrival=1.2499), call(100.0, arrival=1.2501)
    assert rule.order([first, just_enough]) == [just_enough, first]
    assert rule.order([first, too_late]) == [first, too_late]
    assert rule.order([first, call(1e12, arrival=1.51)])[0] is first


# priority gas auction


def test_outbid_senders_raise_by_the_least_until_one_is_above_the_others_ceiling():
    weak, strong = call(10.0, ceiling_gwei=15.0), call(10.0, arrival=1.1, sender=2, ceiling_gwei=50.0)
    first, second = PriorityGasAuction(minimum_raise=0.1, rounds=1000).order([weak, strong])
    assert (first.sender, second.sender) == (2, 1)
    assert second.price_gwei <= 15.0 < second.price_gwei * 1.21, "it went as far as it could"
    assert first.price_gwei == pytest.approx(second.price_gwei * 1.1)


def test_rounds_are_limited_and_none_is_the_priority_fee():
    rivals = [call(10.0, ceiling_gwei=1e9), call(11.0, sender=2, ceiling_gwei=1e9)]
    assert PriorityGasAuction(rounds=0).order(rivals) == PriorityFee().order(rivals)
    best = PriorityGasAuction(minimum_raise=0.1, rounds=3).order(rivals)[0]
    assert best.price_gwei == pytest.approx(11.0 * 1.1**6), "each of the two raises once a round"


@pytest.mark.parametrize(
    "other",
    [
        call(10.0, sender=2, ceiling_gwei=1e9, target=8),
        call(10.0, sender=2, ceiling_gwei=1e9, private=True),
        call(10.0, sender=2, ceiling_gwei=0.0),
        call(10.0, sender=2, ceiling_gwei=1e9, kind="defence"),
        Bundle((call(10.0, sender=2, ceiling_gwei=1e9),)),
    ],
    ids=["another target", "private", "no ceiling", "not contested", "bundle"],
)
def test_only_public_rivals_for_the_same_target_answer(other):
    leader = call(12.0, ceiling_gwei=1e9)
    assert set(map(id, PriorityGasAuction().order([leader, other]))) == {id(leader), id(other)}


def test_more_rounds_never_cost_the_winner_less():
    rivals = [call(10.0 + k, sender=k, ceiling_gwei=100.0 + 7 * k, tie=k / 9) for k in range(5)]
    paid = [PriorityGasAuction(rounds=r).order(rivals)[0].price_gwei for r in range(12)]
    assert paid == sorted(paid)
    assert paid[-1] > 5 * paid[0]


@pytest.mark.parametrize("minimum_raise", [0.0, -0.1, float("inf"), float("nan")])
def test_a_raise_of_nothing_is_refused(minimum_raise):
    with pytest.raises(ValueError, match=r"minimum_raise must be positive and finite, got"):
        PriorityGasAuction(minimum_raise=minimum_raise)


# sealed bundles


def members(candidate):
    return (candidate,) if isinstance(candidate, Transaction) else candidate.transactions


def brute_force(candidates, gas_limit):
    """Highest payment of any set without conflicts that fits, by looking at all sets."""
    best = 0.0
    for size in range(len(candidates) + 1):
        for chosen in combinations(candidates, size):
            wants = [want for c in chosen for want in {m.contested for m in members(c)} - {None}]
            if sum(c.gas for c in chosen) <= gas_limit and len(wants) == len(set(wants)):
                best = max(best, sum(c.payment_gwei for c in chosen))
    return best


@st.composite
def bundles(draw, most=9):
    found = []
    ties = draw(st.permutations(range(most)))
    for k in range(draw(st.integers(0, most))):
        made = tuple(
            call(
                float(draw(st.integers(0, 9))),
                tie=ties[k] / most,
                gas=draw(st.sampled_from((50, 100, 150))),
                target=draw(st.integers(0, 4)),
                kind=draw(st.sampled_from(("liquidation", "liquidation", "defence"))),
                sender=k,
            )
            for _ in range(draw(st.integers(1, 3)))
        )
        found.append(made[0] if len(made) == 1 else Bundle(made))
    return found


@given(bundles(), st.sampled_from((0, 120, 300, 500, PLENTY)))
def test_builder_finds_the_set_that_pays_most(candidates, gas_limit):
    chosen, left = SealedBundle().fill(candidates, gas_limit)
    assert sum(c.payment_gwei for c in chosen) == pytest.approx(brute_force(candidates, gas_limit))
    assert sorted(map(id, chosen + left)) == sorted(map(id, candidates))
    assert sum(c.gas for c in chosen) <= gas_limit


@given(bundles(), st.sampled_from((120, 300, PLENTY)))
def test_greedy_builder_respects_conflicts_and_the_gas_limit_and_is_never_better(candidates, gas_limit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InclusionNotice)
        chosen, _ = SealedBundle(exact_up_to=0).fill(candidates, gas_limit)
    wants = [want for c in chosen for want in {m.contested for m in members(c)} - {None}]
    assert len(wants) == len(set(wants))
    assert sum(c.gas for c in chosen) <= gas_limit
    assert sum(c.payment_gwei for c in chosen) <= brute_force(candidates, gas_limit) + 1e-9


def test_two_small_bundles_beat_the_best_single_payer():
    """Greed by price would take the big one; the best set does not."""
    both = Bundle((call(10.0, target=1), call(10.0, target=2)))
    one, two = call(9.0, target=1, sender=2, gas=150), call(9.0, target=2, sender=3, gas=150)
    assert SealedBundle().fill([both, one, two], PLENTY)[0] == [one, two]


def chain_of(n):
    """Bundles of which each shares a target with the next, so that they hang together."""
    return [
        Bundle((call(10.0 + k % 3, target=k, sender=k, tie=k / n), call(1.0, target=k + 1, sender=k)))
        for k in range(n)
    ]


def test_twenty_bundles_are_solved_exactly_and_more_are_said_to_be_greedy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen, _ = SealedBundle().fill(chain_of(20), PLENTY)
    assert sum(c.payment_gwei for c in chosen) == brute_force_of_a_chain(chain_of(20))
    rule = SealedBundle()
    with pytest.warns(InclusionNotice, match=r"21 bundles are more than the builder solves exactly \(20\)"):
        rule.fill(chain_of(21), PLENTY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule.fill(chain_of(21), PLENTY)  # said once


def brute_force_of_a_chain(chained):
    """Best set where only neighbours conflict, by the recursion over its end."""
    without, with_last = 0.0, 0.0
    for candidate in chained:
        without, with_last = max(without, with_last), without + candidate.payment_gwei
    return max(without, with_last)


def test_many_rivals_for_one_account_and_many_accounts_need_no_greed():
    """A hundred calls on ten accounts: ten small questions, not one large one."""
    calls = [call(float(k), target=k % 10, sender=k, tie=k / 100) for k in range(100)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen, _ = SealedBundle().fill(calls, PLENTY)
    assert {c.price_gwei for c in chosen} == set(map(float, range(90, 100)))


def test_losers_of_a_sealed_auction_wait_instead_of_reverting():
    mempool = Mempool(SealedBundle())
    best, worse = call(20.0), call(10.0, sender=2)
    mempool.extend([worse, best])
    assert mempool.select(2.0, 0.0, PLENTY) == [best]
    assert mempool.pending == [worse]


@pytest.mark.parametrize("exact_up_to", [-1, 21])
def test_more_than_twenty_are_never_solved_exactly(exact_up_to):
    with pytest.raises(ValueError, match=r"exact_up_to must be in \[0, 20\]"):
        SealedBundle(exact_up_to=exact_up_to)


def test_best_set_is_quick_at_its_limit():
    """Twenty bundles in random conflicts need far fewer looks than a million sets."""
    rng = np.random.default_rng(3)
    calls = [
        Bundle(
            tuple(call(float(rng.integers(1, 99)), target=int(t), sender=k) for t in rng.integers(0, 12, 3))
        )
        for k in range(20)
    ]
    chosen, left = SealedBundle().fill(calls, 1500)
    assert len(chosen) + len(left) == 20
