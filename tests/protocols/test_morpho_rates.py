"""The adaptive rate of Morpho Blue: a curve through the target that moves while use is off target."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.fixed_point import SECONDS_PER_YEAR, WAD
from liquidarium.protocols.lending.morpho import Market, adaptive_rate
from liquidarium.protocols.lending.morpho.rates import (
    INITIAL_RATE_AT_TARGET,
    MAX_RATE_AT_TARGET,
    MIN_RATE_AT_TARGET,
    exp_wad,
)


def market(per_mille: int) -> Market:
    return Market(10**12, 10**18, per_mille * 10**9, per_mille * 10**15, 0)


@pytest.mark.parametrize(("per_mille", "yearly"), [(0, 0.01), (900, 0.04), (1000, 0.16)])
def test_first_rates_of_a_market_are_those_that_the_contract_states(per_mille, yearly):
    """4 % at target, between 1 % and 16 % elsewhere (morpho-blue-irm, `ConstantsLib`)."""
    rate, at_target = adaptive_rate(market(per_mille), 0, 1_000)
    assert at_target == INITIAL_RATE_AT_TARGET
    assert rate * SECONDS_PER_YEAR / WAD == pytest.approx(yearly, rel=1e-6)


def test_rate_at_target_doubles_in_five_days_of_full_use():
    """Speed 50 a year at full use: ln(2) / 50 years is 5.06 days."""
    _, at_target = adaptive_rate(market(1000), INITIAL_RATE_AT_TARGET, 437_000)
    assert at_target / INITIAL_RATE_AT_TARGET == pytest.approx(2.0, rel=2e-3)


def test_rate_stays_at_target_use_and_within_its_bounds():
    assert adaptive_rate(market(900), INITIAL_RATE_AT_TARGET, 10**9).rate_at_target == INITIAL_RATE_AT_TARGET
    assert adaptive_rate(market(1000), INITIAL_RATE_AT_TARGET, 10**9).rate_at_target == MAX_RATE_AT_TARGET
    assert adaptive_rate(market(0), INITIAL_RATE_AT_TARGET, 10**9).rate_at_target == MIN_RATE_AT_TARGET
    assert adaptive_rate(Market(), INITIAL_RATE_AT_TARGET, 0).borrow_rate > 0


@given(st.floats(-40, 90))
def test_exponential_is_within_a_percent(x):
    assert exp_wad(int(x * WAD)) == pytest.approx(math.exp(x) * WAD, rel=0.01, abs=1)


def test_exponential_ends_where_the_contract_clips_it():
    assert exp_wad(-42 * WAD) == 0
    assert exp_wad(0) == WAD
    assert exp_wad(94 * WAD) == exp_wad(1_000 * WAD)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 10**7))
def test_more_use_never_costs_less(first, second, elapsed):
    low, high = sorted((first, second))
    less = adaptive_rate(market(low), INITIAL_RATE_AT_TARGET, elapsed)
    more = adaptive_rate(market(high), INITIAL_RATE_AT_TARGET, elapsed)
    assert less.borrow_rate <= more.borrow_rate
