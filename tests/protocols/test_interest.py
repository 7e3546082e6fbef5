"""Utilisation curves and index growth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import RAY, SECONDS_PER_YEAR
from liquidarium.protocols.interest import (
    KinkedCurve,
    compounded_index_v3_0_2,
    compounded_index_v3_6,
    kinked_rate,
    linear_index,
    normalised_kinked_rate,
    rates_v3_0_2,
    rates_v3_6,
    supply_rate,
    variable_rate,
)
from liquidarium.protocols.revert import Revert

CURVE = KinkedCurve.from_fractions(0.9, 0.0, 0.04, 0.6)
RATES = st.integers(0, RAY)
SECONDS = st.integers(0, SECONDS_PER_YEAR)


def test_l14_slopes_per_unit_of_utilisation():
    assert kinked_rate(0.9, 0.8, 0.015, 0.035, 0.25) == pytest.approx(0.068)
    assert kinked_rate(0.9, 0.8, 0.0, 0.0325, 0.40) == pytest.approx(0.066)


def test_l15_rises_over_each_piece_in_floats_and_in_both_contracts():
    borrow = normalised_kinked_rate(0.95, 0.9, 0.0, 0.04, 0.6)
    assert borrow == pytest.approx(0.34)
    assert supply_rate(borrow, 0.95, 0.1) == pytest.approx(0.2907)
    for rates in (rates_v3_0_2, rates_v3_6):
        liquidity, variable = rates(CURVE, 50 * 10**18, 950 * 10**18, 1_000)
        assert variable / RAY == pytest.approx(0.34)
        assert liquidity / RAY == pytest.approx(0.2907)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_rate_rises_with_utilisation_and_float_helper_agrees(first, second):
    low, high = sorted((first, second))
    unit = RAY // 10**6
    assert variable_rate(CURVE, low * unit) <= variable_rate(CURVE, high * unit)
    exact = normalised_kinked_rate(low / 1e6, 0.9, 0.0, 0.04, 0.6)
    assert variable_rate(CURVE, low * unit) / RAY == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("rates", [rates_v3_0_2, rates_v3_6])
def test_debt_against_less_than_nothing_reverts_and_no_debt_pays_nothing(rates):
    assert rates(CURVE, -5, 0, 1_000) == (0, 0)
    with pytest.raises(Revert, match="arithmetic"):
        rates(CURVE, -1, 1, 1_000)


def test_deficit_and_unbacked_dilute_suppliers_only():
    plain = rates_v3_6(CURVE, 100, 900, 0)
    diluted = rates_v3_6(CURVE, 100, 900, 0, 1_000)
    assert diluted[1] == plain[1]
    assert diluted[0] * 2 == pytest.approx(plain[0], rel=1e-12)
    assert rates_v3_0_2(CURVE, 100, 900, 0, unbacked=1_000)[0] * 2 == pytest.approx(plain[0], rel=1e-12)


@pytest.mark.parametrize("compounded", [compounded_index_v3_0_2, compounded_index_v3_6])
@given(rate=RATES, elapsed=SECONDS)
def test_debt_grows_between_simple_and_continuous_interest(compounded, rate, elapsed):
    x = rate / RAY * elapsed / SECONDS_PER_YEAR
    factor = compounded(RAY, rate, elapsed) / RAY
    assert 1 + x - 1e-9 <= factor <= math.exp(x) + 1e-9
    assert factor == pytest.approx(math.exp(x), abs=x**4 / 4 + 1e-7)


@given(rate=RATES, elapsed=SECONDS)
def test_suppliers_never_earn_more_than_borrowers_at_the_same_rate(rate, elapsed):
    supply = linear_index(RAY, rate, elapsed)
    assert supply <= compounded_index_v3_0_2(RAY, rate, elapsed)
    assert supply <= compounded_index_v3_6(RAY, rate, elapsed)


@pytest.mark.parametrize("grow", [linear_index, compounded_index_v3_0_2, compounded_index_v3_6])
def test_time_does_not_run_backwards(grow):
    assert grow(RAY, RAY, 0) == RAY
    with pytest.raises(Revert):
        grow(RAY, RAY, -1)


@pytest.mark.parametrize(("key", "value"), [("optimal", 0), ("optimal", RAY + 1), ("slope2", -1)])
def test_impossible_curves_are_refused_by_name(key, value):
    good = {"optimal": RAY // 2, "base": 0, "slope1": 0, "slope2": 0}
    with pytest.raises(ValueError, match=f"kinked curve: {key}.*{value}"):
        KinkedCurve(**(good | {key: value}))
