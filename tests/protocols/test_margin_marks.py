"""Marks: the cases of the reference (P13, O14), and what each mark promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols.margin.marks import (
    MISSING,
    FundingBasisMedian,
    HybridMark,
    HybridSwitch,
    IndexMark,
    IndexWeightedMedian,
    LastTradeMark,
    MarkInputs,
    MarkMemory,
    MidMark,
    ModelMark,
    UncertaintyHaircut,
    observe,
)

RULES = (
    IndexMark(),
    LastTradeMark(),
    MidMark(),
    ModelMark(),
    IndexWeightedMedian(),
    FundingBasisMedian(),
    HybridMark(0.5e6, 2e6),
    HybridSwitch(0.5e6, 2e6),
)
PRICE = st.floats(1.0, 1e6) | st.just(MISSING)
AGE = st.floats(0.0, 1e5)
INPUTS = st.builds(
    MarkInputs,
    index_price=st.floats(1.0, 1e6),
    bid=PRICE,
    ask=PRICE,
    depth_usd=st.floats(0.0, 4e6),
    last=PRICE,
    model=PRICE,
    funding_rate=st.floats(-0.01, 0.01),
    funding_left=st.floats(0.0, 1.0),
    basis=st.floats(-0.5, 0.5),
    model_uncertainty=st.floats(0.0, 100.0),
    volatility=st.floats(0.0, 2.0),
    index_age_s=AGE,
    book_age_s=AGE,
    last_age_s=AGE,
    model_age_s=AGE,
    by_model=st.booleans(),
).map(lambda seen: seen._replace(ask=max(seen.bid, seen.ask)))


def test_p13_median_of_index_with_funding_index_with_basis_and_last():
    seen = MarkInputs(50_000.0, last=50_210.0, funding_rate=0.0003, funding_left=4 / 8, basis=40.0)
    assert FundingBasisMedian().mark(seen).price == 50_040.0


@pytest.mark.parametrize(("depth", "mark"), [(1.1e6, 102.4), (0.4e6, 104.0), (2.5e6, 100.0)])
def test_o14_hybrid_mark_by_depth(depth, mark):
    seen = MarkInputs(100.0, bid=99.0, ask=101.0, model=104.0, depth_usd=depth)
    assert HybridMark(0.5e6, 2e6).mark(seen).price == pytest.approx(mark, rel=1e-12)


def test_hybrid_is_least_sure_where_market_and_model_weigh_the_same_and_disagree():
    depths = np.linspace(0.5e6, 2e6, 7)
    seen = MarkInputs(100.0, bid=100.0, ask=100.0, model=104.0, depth_usd=depths)
    off = np.asarray(HybridMark(0.5e6, 2e6).mark(seen).uncertainty)
    assert off.argmax() == 3
    assert off[3] == pytest.approx(2.0)
    assert off[0] == off[-1] == 0.0


def test_switch_enters_model_mode_at_once_and_leaves_it_after_enough_deep_looks():
    rule, memory, modes = HybridSwitch(0.5e6, 2e6, checks=2), MarkMemory(), []
    for time_s, depth in enumerate((3e6, 1e6, 0.4e6, 3e6, 1e6, 3e6, 3e6, 1e6)):
        seen, memory = observe(
            rule, MarkInputs(100.0, bid=100.0, ask=100.0, model=104.0, depth_usd=depth), memory, time_s
        )
        modes.append(float(rule.mark(seen).price))
    assert modes == [100.0, 100.0, 104.0, 104.0, 104.0, 104.0, 100.0, 100.0]


def test_switch_keeps_a_mode_for_each_instrument():
    rule, memory = HybridSwitch(1.0, 2.0, checks=1), MarkMemory()
    seen = MarkInputs(
        np.full(2, 9.0), bid=9.0, ask=9.0, model=np.full(2, 7.0), depth_usd=np.array([0.5, 3.0])
    )
    seen, memory = observe(rule, seen, memory, 0.0)
    assert np.asarray(rule.mark(seen).price).tolist() == [7.0, 9.0]


def test_moving_basis_follows_with_its_time_constant_and_ignores_an_empty_book():
    rule = FundingBasisMedian(window_s=30.0)
    _, memory = observe(rule, MarkInputs(100.0, bid=100.0, ask=100.0), MarkMemory(), 0.0)
    _, memory = observe(rule, MarkInputs(100.0, bid=110.0, ask=110.0), memory, 30.0)
    assert memory.basis == pytest.approx(10.0 * (1.0 - math.exp(-1.0)))
    _, empty = observe(rule, MarkInputs(100.0), memory, 60.0)
    assert empty.basis == memory.basis


def test_moving_basis_does_not_depend_on_how_often_a_steady_book_is_looked_at():
    rule, often, once = FundingBasisMedian(), MarkMemory(0.0), MarkMemory(0.0)
    seen = MarkInputs(100.0, bid=103.0, ask=103.0)
    for time_s in range(1, 61):
        _, often = observe(rule, seen, often, float(time_s))
    _, once = observe(rule, seen, once, 60.0)
    assert often.basis == pytest.approx(float(once.basis), rel=1e-12)


def test_weighted_median_by_hand():
    seen = MarkInputs(100.0, bid=103.0, ask=105.0, last=110.0)
    assert IndexWeightedMedian().mark(seen).price == 102.0
    assert IndexWeightedMedian(1.0, 1.0, 1.0).mark(seen).price == 104.0
    assert IndexWeightedMedian(3.0, 1.0, 1.0).mark(seen).price == 100.0
    assert IndexWeightedMedian().mark(seen._replace(last=90.0)).price == 100.0


@settings(max_examples=40, deadline=None)
@given(seen=INPUTS, attack=st.floats(1.0, 1e9))
def test_no_last_trade_moves_a_median_beyond_the_other_prices(seen, attack):
    seen = seen._replace(bid=seen.index_price * 0.99, ask=seen.index_price * 1.03, last=attack, basis=0.5)
    slack = 1e-9 * seen.index_price
    mid = float(seen.mid)
    assert seen.index_price - slack <= IndexWeightedMedian().mark(seen).price <= mid + slack
    two = sorted((seen.index_price * (1 + seen.funding_rate * seen.funding_left), seen.index_price + 0.5))
    assert two[0] - slack <= FundingBasisMedian().mark(seen).price <= two[1] + slack


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@settings(max_examples=40, deadline=None)
@given(seen=INPUTS)
def test_every_mark_has_a_price_between_its_sources_an_age_and_an_uncertainty(rule, seen):
    funded = seen.index_price * (1.0 + seen.funding_rate * seen.funding_left)
    known = [seen.index_price, funded, seen.index_price + seen.basis, seen.mid, seen.last, seen.model]
    known = [price for price in known if not math.isnan(price)]
    price, age, off = rule.mark(seen)
    assert min(known) * (1 - 1e-9) <= price <= max(known) * (1 + 1e-9)
    assert 0.0 <= age <= 1e5 * (1 + 1e-9)
    assert 0.0 <= off < math.inf


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(INPUTS, min_size=1, max_size=5))
def test_a_book_of_instruments_is_marked_as_each_of_them(rule, rows):
    together = rule.mark(MarkInputs(*(np.array(column) for column in zip(*rows, strict=True))))
    apart = np.array([rule.mark(row) for row in rows], np.float64)
    for field in range(3):
        assert np.broadcast_to(together[field], len(rows)) == pytest.approx(
            apart[:, field], rel=1e-12, abs=1e-9
        )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_an_older_price_is_less_sure(rule):
    fresh = MarkInputs(100.0, bid=99.0, ask=101.0, last=100.0, model=100.0, depth_usd=1e6, volatility=0.8)
    stale = fresh._replace(index_age_s=600.0, book_age_s=600.0, last_age_s=600.0, model_age_s=600.0)
    assert rule.mark(stale).uncertainty > rule.mark(fresh).uncertainty
    assert rule.mark(stale).age_s == pytest.approx(600.0)


def test_p16_an_old_price_is_uncertain_by_sigma_root_age():
    seen = MarkInputs(1.0, volatility=0.8, index_age_s=20 * 60.0)
    assert 2.326347874 * IndexMark().mark(seen).uncertainty == pytest.approx(0.01148026637, rel=1e-8)


def test_haircut_is_on_the_bad_side_of_the_holder_and_capped():
    mark = LastTradeMark().mark(MarkInputs(100.0, bid=96.0, ask=104.0, last=100.0))
    prices = UncertaintyHaircut(2.0, 0.05).price(mark, np.array([3.0, -3.0, 0.0]))
    assert np.asarray(prices).tolist() == [95.0, 105.0, 100.0]
    assert UncertaintyHaircut(0.0).price(mark, 1.0) == 100.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: HybridMark(2.0, 1.0), "0 <= depth_low_usd < depth_high_usd, got 2.0 and 1.0"),
        (lambda: HybridMark(1.0, 1.0), "depth_low_usd < depth_high_usd"),
        (lambda: HybridSwitch(-1.0, 1.0), "0 <= depth_low_usd"),
        (lambda: HybridSwitch(0.0, 1.0, 0), "checks must be at least 1, got 0"),
        (lambda: FundingBasisMedian(0.0), "window_s must be finite and above 0"),
        (lambda: IndexWeightedMedian(-1.0), "index_weight must be finite and not negative"),
        (lambda: IndexWeightedMedian(0.0, 0.0, 0.0), "must not all be 0"),
        (lambda: UncertaintyHaircut(-1.0), "deviations must be finite and not negative"),
        (lambda: UncertaintyHaircut(1.0, 2.0), r"at_most must be in \[0, 1\]"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        make()
