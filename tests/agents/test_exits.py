"""Selling over time: closed forms of MODEL 2.7 (CASES X07, X11), and what schedules ask for."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.agents.strategies.exits import (
    AlmgrenChriss,
    Iceberg,
    PercentageOfVolume,
    Progress,
    SaleStart,
    Twap,
    spreading,
    tranches,
)
from liquidarium.agents.strategies.optimal_execution import almgren_chriss
from liquidarium.agents.strategies.threshold_liquidator import ThresholdLiquidator

START = SaleStart(volatility=3e-4, depth_usd=5e6, depth_band=0.01, block_time_s=12.0)

ALMGREN_CHRISS = {
    "volatility": 0.95,
    "fixed_cost": 0.0625,
    "permanent": 2.5e-7,
    "temporary": 2.5e-6,
}


def progress(elapsed_s: float = 0.0, total: int = 10_000, left: int = 10_000, **more) -> Progress:
    return Progress(START, elapsed_s, total, left, **({"traded": 0, "sold": 0, "price_usd": 2.0} | more))


def test_x07_almgren_chriss_schedule():
    plan = almgren_chriss(1e6, 5, 1.0, risk_aversion=1e-6, **ALMGREN_CHRISS)
    assert plan.urgency == pytest.approx(0.6070761632, rel=1e-8)
    assert plan.slices == pytest.approx((458044.4, 252101.3, 141956.7, 85755.7, 62141.8), abs=0.05)
    assert plan.expected_cost == pytest.approx(911226.9863, rel=1e-8)
    assert plan.sd == pytest.approx(603430.6688, rel=1e-8)
    even = almgren_chriss(1e6, 5, 1.0, risk_aversion=0.0, **ALMGREN_CHRISS)
    assert even.slices == pytest.approx((2e5,) * 5)
    assert even.expected_cost == pytest.approx(662500)
    assert even.sd == pytest.approx(1040672.859, rel=1e-8)


def test_x07_no_other_schedule_costs_less_at_its_risk_aversion():
    best = almgren_chriss(1e6, 5, 1.0, risk_aversion=1e-6, **ALMGREN_CHRISS)
    stiffness = 2.5e-6 - 1.25e-7

    def objective(slices) -> float:
        held = 1e6 - np.cumsum(slices)
        cost = 0.5 * 2.5e-7 * 1e12 + 0.0625 * 1e6 + stiffness * float(np.square(slices).sum())
        return cost + 1e-6 * 0.95**2 * float(np.square(held).sum())

    assert objective(np.array(best.slices)) == pytest.approx(best.expected_cost + 1e-6 * best.sd**2)
    random = np.random.default_rng(3)
    for _ in range(200):
        shift = random.normal(0.0, 1e4, 5)
        assert objective(np.array(best.slices) + shift - shift.mean()) >= objective(np.array(best.slices))


def test_x11_twap_slices_and_iceberg_tranches():
    twap = Twap(horizon_s=3600.0, slices=12)
    left, sold = 10_000, []
    for minute in range(0, 60, 5):
        part = twap.part(progress(60.0 * minute, left=left))
        sold.append(part.units)
        left -= part.units
    assert len(sold) == 12
    assert left == 0
    assert np.allclose(sold, 833.3333333, atol=1.0)
    assert tranches(1000, 100) == 10


@given(st.integers(1, 50), st.floats(0.0, 600.0), st.floats(0.0, 1e-2), st.integers(0, 10_000))
def test_a_schedule_never_asks_for_more_than_is_left_and_ends_with_nothing(slices, elapsed, aversion, left):
    for schedule in (
        Twap(slices=slices),
        AlmgrenChriss(slices=slices, risk_aversion_per_usd=aversion),
        PercentageOfVolume(),
        Iceberg(),
    ):
        assert 0 <= schedule.part(progress(elapsed, left=left, traded=5_000)).units <= left
        held = schedule.shares_held(START)
        assert held[-1] == pytest.approx(0.0, abs=1e-12)
        assert all(a >= b for a, b in zip([1.0, *held], held, strict=False))


def test_almgren_chriss_is_the_closed_form_on_the_book_that_is_seen():
    """``eta~ = tau b p^2 / (2 D)``: the price drops out."""
    schedule, price, total = AlmgrenChriss(600.0, 10, 1e-4), 2_000.0, 700.0
    tau = 60.0
    plan = almgren_chriss(
        total, 10, tau, volatility=START.volatility * price, fixed_cost=0.0, permanent=0.0,
        temporary=tau * START.depth_band * price**2 / (2.0 * START.depth_usd), risk_aversion=1e-4,
    )  # fmt: skip
    held = [1.0, *schedule.shares_held(START)]
    assert -total * np.diff(held) == pytest.approx(plan.slices)
    assert plan.slices[0] > 2.0 * plan.slices[-1]


def test_more_aversion_sells_earlier_and_none_is_a_twap():
    shares = [AlmgrenChriss(risk_aversion_per_usd=a).shares_held(START) for a in (0.0, 1e-5, 1e-3, 1.0)]
    assert shares[0] == pytest.approx(Twap().shares_held(START))
    assert all(a[0] > b[0] for a, b in itertools.pairwise(shares))


def test_participation_counts_what_the_owner_has_sold_already():
    schedule = PercentageOfVolume(participation=0.25)
    assert schedule.part(progress(traded=4_000)).units == 1_000
    assert schedule.part(progress(traded=4_000, sold=600)).units == 400
    assert schedule.part(progress(traded=4_000, sold=1_600)).units == 0


def test_parts_save_impact_and_bear_risk():
    """Of many even parts each costs little; what is held falls evenly, so a third of the time is at risk."""
    parts = spreading(Twap(600.0, 1000), START)
    assert parts.cost_share == pytest.approx(1e-3)
    assert parts.risk_s == pytest.approx(200.0, rel=2e-3)


def test_a_bot_that_sells_over_time_sizes_for_less_impact_and_more_risk(make_view):
    view = make_view()
    at_once = ThresholdLiquidator().exit_terms(0, 0.05, view)
    twap = ThresholdLiquidator(exit=Twap(600.0, 10)).exit_terms(0, 0.05, view)
    assert twap.cost == pytest.approx(at_once.cost / 10)
    assert twap.visible_usd == pytest.approx(10 * at_once.visible_usd)
    held_s = 60.0 * sum((1 - j / 10) ** 2 for j in range(1, 11))
    assert at_once.margin - twap.margin == pytest.approx(1e-4 * math.sqrt(held_s))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Twap(horizon_s=0.0), "horizon_s must be above 0, got 0"),
        (lambda: Twap(slices=0), "slices must be from 1 to 10,000, got 0"),
        (lambda: PercentageOfVolume(participation=1.5), "above 0 and at most 1, got 1.5"),
        (lambda: PercentageOfVolume(participation=0.0), "participation must be above 0"),
        (lambda: AlmgrenChriss(risk_aversion_per_usd=-1.0), "risk_aversion_per_usd must be finite and not"),
        (lambda: Iceberg(shown_usd=0.0), "shown_usd must be above 0, got 0"),
        (lambda: ThresholdLiquidator(exit="otc"), "exit must be a schedule or one of book, pool, hold"),
        (lambda: almgren_chriss(1.0, 2, 1.0, volatility=1.0, fixed_cost=0.0, permanent=1.0, temporary=0.5,
                                risk_aversion=1.0), "temporary must exceed"),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_refused(make, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        make()
