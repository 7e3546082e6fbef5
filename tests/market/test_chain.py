"""What a block holds and in what order: inclusion rules, gas limit, patience, bundles (DESIGN: one block)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.market.chain.inclusion import INCLUSION_RULES, FirstCome, PriorityFee
from liquidarium.market.chain.mempool import Mempool
from liquidarium.market.chain.transaction import Bundle, Transaction


def transaction(price=10.0, arrival=1.0, tie=0.5, gas=100, sender=1):
    return Transaction(sender, "swap", gas, gas, price, arrival, tie, lambda world: None)


@st.composite
def candidates(draw):
    """Transactions and bundles with many equal prices and arrivals; ties are all different."""
    n = draw(st.integers(1, 8))
    ties = draw(st.permutations([k / 16 for k in range(16)]))
    found = []
    for k in range(n):
        members = draw(st.integers(1, 3))
        made = tuple(
            transaction(
                float(draw(st.integers(1, 3))),
                float(draw(st.integers(1, 3))),
                ties[k],
                draw(st.integers(1, 4)) * 50,
                sender=k,
            )
            for _ in range(members)
        )
        found.append(made[0] if members == 1 else Bundle(made))
    return found


@pytest.mark.parametrize("name", sorted(INCLUSION_RULES))
@given(st.data(), candidates())
def test_the_list_decides_nothing(name, data, pending):
    rule = INCLUSION_RULES[name]()
    shuffled = data.draw(st.permutations(pending))
    assert rule.order(shuffled) == rule.order(pending)


@given(candidates())
def test_priority_fee_goes_by_price_then_arrival_then_tie(pending):
    ordered = PriorityFee().order(pending)
    assert sorted(map(id, ordered)) == sorted(map(id, pending))
    for first, second in pairwise(ordered):
        assert first.price_gwei >= second.price_gwei
        if first.price_gwei == second.price_gwei:
            assert first.arrival_s <= second.arrival_s
            if first.arrival_s == second.arrival_s:
                assert first.tie < second.tie


@given(candidates())
def test_first_come_goes_by_arrival_whatever_is_paid(pending):
    keys = [(c.arrival_s, c.tie) for c in FirstCome().order(pending)]
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", sorted(INCLUSION_RULES))
@given(st.data(), candidates(), st.integers(0, 1500), st.integers(0, 4))
def test_a_block_is_the_same_however_the_mempool_lists_it(name, data, pending, limit, floor):
    """And it respects the gas limit, and nothing is lost or taken twice."""
    chosen = []
    for listed in (pending, data.draw(st.permutations(pending))):
        mempool = Mempool(INCLUSION_RULES[name]())
        mempool.extend(listed)
        block = mempool.select(2.0, float(floor), limit)
        assert sum(c.gas for c in block) <= limit
        assert sorted(map(id, block + mempool.pending)) == sorted(map(id, pending))
        assert all(c.arrival_s <= 2.0 and c.price_gwei >= floor for c in block)
        chosen.append(block)
    assert chosen[0] == chosen[1]


def test_a_cheaper_one_behind_a_big_one_still_fits():
    first, big, small = transaction(30.0, gas=60), transaction(20.0, gas=60), transaction(10.0, gas=40)
    mempool = Mempool(PriorityFee())
    mempool.extend([small, big, first])
    assert mempool.select(2.0, 0.0, 100) == [first, small]
    assert mempool.pending == [big]
    assert mempool.select(3.0, 0.0, 100) == [big]


def test_what_offers_less_than_the_floor_stays_until_the_floor_falls():
    mempool = Mempool(PriorityFee())
    low = transaction(price=9.0)
    mempool.submit(low)
    assert mempool.select(2.0, 9.5, 1000) == []
    assert mempool.select(3.0, 9.0, 1000) == [low]
    assert mempool.select(4.0, 0.0, 1000) == []


def test_what_arrives_after_the_block_closes_waits_for_the_next():
    mempool = Mempool(FirstCome())
    late = transaction(arrival=5.5)
    mempool.submit(late)
    assert mempool.select(5.0, 0.0, 1000) == []
    assert mempool.select(6.0, 0.0, 1000) == [late]


@pytest.mark.parametrize(("closes", "waits"), [(61.0, True), (61.5, False)])
def test_senders_withdraw_what_has_waited_longer_than_their_patience(closes, waits):
    mempool = Mempool(PriorityFee(), patience_s=60.0)
    mempool.submit(transaction(price=1.0, arrival=1.0))
    mempool.select(closes, 5.0, 1000)
    assert bool(mempool.pending) == waits


def test_a_bundle_competes_with_its_weighted_price():
    """1 x 100 gas and 40 x 300 gas: 30.25 gwei, between 30 and 31 whatever the first member pays."""
    bundle = Bundle((transaction(1.0, gas=100, arrival=2.0), transaction(40.0, gas=300, arrival=3.0)))
    assert bundle.price_gwei == pytest.approx(30.25)
    assert bundle.gas == 400
    assert bundle.arrival_s == 3.0
    lower, higher = transaction(30.0, tie=0.1), transaction(31.0, tie=0.2)
    assert PriorityFee().order([lower, bundle, higher]) == [higher, bundle, lower]


def test_a_bundle_is_included_whole_or_not_at_all():
    bundle = Bundle((transaction(40.0, gas=300), transaction(40.0, gas=300)))
    alone = transaction(1.0, gas=300)
    mempool = Mempool(PriorityFee())
    mempool.extend([bundle, alone])
    assert mempool.select(2.0, 0.0, 500) == [alone]
    assert mempool.pending == [bundle]
