"""What accounts with options need: by position, or by a grid in which positions offset each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidarium.protocols.margin.account_margin import (
    ContractList,
    ContractPrices,
    ScenarioMargin,
    StandardMargin,
)
from liquidarium.protocols.margin.contracts import Right
from liquidarium.protocols.margin.listed_options import ListedOptions
from liquidarium.protocols.margin.models import black_scholes
from liquidarium.protocols.margin.portfolio_sizing import close_to_target, relief
from liquidarium.protocols.margin.scenario_grid import DERIBIT
from liquidarium.protocols.margin.tiers import NANO, MarginTiers

DAY_S = 86_400.0
UNIT = 10**6
TERMS = ListedOptions.of(
    [(60_000.0, 30 * DAY_S, Right.CALL), (60_000.0, 30 * DAY_S, Right.PUT), (50_000.0, 1.0, Right.PUT)]
)
LISTED = ContractList(np.full(4, float(UNIT)), np.array([1, 2, 3]), TERMS)
"""A perpetual on one unit, and options on one unit; the last has expired."""

STANDARD = StandardMargin(MarginTiers.flat(0.02))
GRID = ScenarioMargin(DERIBIT)


def seen(spot: float = 60_000.0, sigma: float = 0.6, time_s: float = 2.0) -> ContractPrices:
    value = TERMS.sensitivities(spot, sigma, time_s).price
    return ContractPrices(np.append(spot, value), np.full(4, spot), np.full(4, sigma), time_s)


def needs(rule, *lots: int):
    found = rule.at(LISTED, seen())(np.array([lots]))
    return found.initial[0] / UNIT, found.maintenance[0] / UNIT


def test_a_short_call_needs_what_the_grid_says():
    """CASES O08: 8,402.17 initial, 6,721.74 maintenance."""
    exact = seen(time_s=0.0)
    found = GRID.at(LISTED, exact)(np.array([[0, -1, 0, 0]]))
    assert found.initial[0] / UNIT == pytest.approx(8_402.168908, abs=1e-5)
    assert found.maintenance[0] / UNIT == pytest.approx(6_721.735127, abs=1e-5)


def test_a_sold_option_needs_a_share_of_the_underlying_and_a_bought_one_its_value():
    value = black_scholes.price(60_000.0, 60_000.0, 30 / 365, True, 0.6)
    assert needs(STANDARD, 0, -1, 0, 0) == (9_000.0, 4_500.0)
    assert needs(STANDARD, 0, 1, 0, 0)[1] == pytest.approx(float(value), rel=1e-4)
    assert needs(STANDARD, -1, 0, 0, 0) == (2_400.0, 1_200.0)


def test_a_hedge_lowers_what_the_grid_asks_and_raises_what_positions_ask():
    assert needs(GRID, 1, -2, 0, 0)[0] < needs(GRID, 0, -2, 0, 0)[0]
    assert needs(STANDARD, 1, -2, 0, 0)[0] > needs(STANDARD, 0, -2, 0, 0)[0]


def test_what_has_expired_needs_nothing():
    assert needs(GRID, 0, 0, 0, -5) == needs(STANDARD, 0, 0, 0, -5) == (0.0, 0.0)


@given(
    st.lists(st.integers(-20, 20), min_size=3, max_size=3),
    st.lists(st.integers(-20, 20), min_size=3, max_size=3),
)
def test_two_accounts_together_never_need_more_than_apart(first, second):
    """Scan risk is sub-additive, up to a base unit of rounding in each."""
    lots = np.array([[*first, 0], [*second, 0], [*np.add(first, second).tolist(), 0]])
    for rule in (GRID, STANDARD):
        alone, other, both = rule.at(LISTED, seen())(lots).maintenance.tolist()
        assert both <= alone + other + 3


def grid_needs(lots):
    return GRID.at(LISTED, seen())(lots).maintenance


def test_relief_is_largest_for_the_naked_short_and_negative_for_its_hedge():
    freed = relief(grid_needs, [-1, 0, -3, 0])
    assert freed[2] == max(freed)
    assert freed[0] < 0
    assert freed[1] == freed[3] == 0


@given(
    st.lists(st.integers(-30, 30), min_size=3, max_size=3),
    st.floats(0.0, 1.5),
    st.sampled_from([0, 50 * UNIT]),
)
def test_closing_to_a_target_reaches_it_and_not_with_a_lot_less(held, share, cost):
    lots = np.array([*held, 0])
    needed = int(grid_needs(lots[None])[0])
    equity, target = int(share * needed), round(1.2 * NANO)
    closing = close_to_target(grid_needs, lots.tolist(), equity, target, [cost] * 4)

    def reached(taken):
        left = lots - np.sign(lots) * taken
        return (equity - cost * int(taken.sum())) * NANO >= target * int(grid_needs(left[None])[0])

    taken = np.array(closing)
    assert (taken <= np.abs(lots)).all()
    assert reached(taken) or (taken == np.abs(lots)).all()
    if (taken < np.abs(lots)).any():
        for column in np.flatnonzero(taken):
            fewer = taken.copy()
            fewer[column] -= 1
            assert len(np.flatnonzero(taken)) > 1 or not reached(fewer)


def test_a_seller_with_half_a_hedge_closes_what_is_naked_and_keeps_the_hedge():
    lots = [-7, 0, -30, 0]
    equity = int(0.7 * grid_needs(np.array([lots]))[0])
    closing = close_to_target(grid_needs, lots, equity, NANO, [0] * 4)
    assert 0 < closing[2] < 30
    assert closing[0] == 0
    left = np.array([[-7, 0, closing[2] - 30, 0]])
    assert int(grid_needs(left)[0]) <= equity


def test_rates_that_fall_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        StandardMargin(MarginTiers.flat(0.01), short_rate=0.05)
