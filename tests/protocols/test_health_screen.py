"""Health screening against brute force: nobody is missed, and the quiet are left alone.

The reference is the formula itself (MODEL 1.1), summed in the order of the columns.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols import health_kernels
from liquidarium.protocols.health import HealthScreen
from liquidarium.protocols.positions import Positions


def brute_health(positions, cw, dw):
    """Return health factors by the formula, one account at a time."""
    factors = []
    for account in range(positions.n_accounts):
        collateral, debt = positions.rows(account)
        owned = owed = 0.0  # no `sum`, which is compensated from Python 3.12 on
        for units, weight in zip(collateral, cw.tolist(), strict=True):
            owned += float(units) * weight
        for units, weight in zip(debt, dw.tolist(), strict=True):
            owed += float(units) * weight
        factors.append(owned / owed if owed > 0 else np.inf)
    return np.array(factors)


def fast_health(positions, cw, dw):
    """Return the same for large crowds, column by column."""
    owned = np.zeros(positions.n_accounts)
    owed = np.zeros(positions.n_accounts)
    for asset in range(positions.n_assets):
        owned += positions.collateral[:, asset] * cw[asset]
        owed += positions.debt[:, asset] * dw[asset]
    return np.divide(owned, owed, out=np.full(len(owed), np.inf), where=owed > 0)


def assert_nobody_is_missed(screen, health):
    """Check that each account is where its health factor says."""
    level = screen.levels
    indebted = (screen.positions.debt != 0).any(axis=1)
    below = indebted & (health <= level)
    assert not (screen.queued & below).any()
    assert not (screen.queued & screen.due).any()
    at_rest = screen.queued | screen.due
    assert np.array_equal(at_rest | (level < 0), indebted | (level < 0))


class Crowd:
    """A crowd of random baskets, its prices and the accounts known to be due."""

    def __init__(self, seed, n_accounts, n_assets, near=0.3):
        self.rng = np.random.default_rng(seed)
        self.positions = Positions(n_accounts, n_assets)
        self.log_prices = self.rng.normal(0.0, 2.0, n_assets)
        self.thresholds = self.rng.uniform(0.3, 0.95, n_assets)
        for account in range(n_accounts):
            self.positions.set(account, *self.basket(near))
        self.positions.take_touched()

    @property
    def cw(self):
        return np.exp(self.log_prices) * self.thresholds

    @property
    def dw(self):
        return np.exp(self.log_prices)

    def basket(self, near=0.3):
        """Draw a position whose health factor is mostly between 1 and a few times 1."""
        n_assets = self.positions.n_assets
        values = self.rng.exponential(1.0, (2, n_assets)) * (self.rng.random((2, n_assets)) < 0.5)
        owned = (values[0] * self.thresholds).sum()
        owed = values[1].sum()
        if owed > 0 and owned > 0:
            values[1] *= owned / owed / np.exp(abs(self.rng.normal(0.0, near)))
        units = 1e6 / np.exp(self.log_prices)
        collateral, debt = np.round(values * units).astype(int).tolist()
        return collateral, debt


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_assets=st.integers(1, 8),
    size=st.sampled_from([1e-4, 3e-3, 0.05, 0.6]),
    one_at_a_time=st.booleans(),
)
def test_no_account_at_or_below_its_level_sleeps_on(seed, n_assets, size, one_at_a_time):
    crowd = Crowd(seed, 40, n_assets)
    rng = crowd.rng
    levels = rng.choice([1.0, 1.2, 0.0, -1.0], 40, p=[0.6, 0.3, 0.05, 0.05])
    screen = HealthScreen(crowd.positions, levels)
    was_due = np.zeros(40, bool)
    for _ in range(60):
        moved = rng.random(n_assets) < (1.0 / n_assets if one_at_a_time else 1.0)
        crowd.log_prices += size * rng.normal(size=n_assets) * moved
        if rng.random() < 0.3:
            account = int(rng.integers(40))
            crowd.positions.set(account, *crowd.basket())
            was_due[account] = False
        cw, dw = crowd.cw, crowd.dw
        if rng.random() < 0.05:
            cw[rng.integers(n_assets)] = 0.0
        due = screen.reprice(cw, dw)
        health = brute_health(crowd.positions, cw, dw)
        assert np.array_equal(screen.health_all(), health)
        assert_nobody_is_missed(screen, health)
        indebted = (crowd.positions.debt != 0).any(axis=1)
        assert np.all(health[due] <= screen.levels[due])
        assert np.all(indebted[due])
        assert not was_due[due].any()
        was_due[due] = True
        if rng.random() < 0.3:
            accounts = rng.choice(40, 5, replace=False)
            new_levels = rng.choice([0.8, 1.0, 1.3], 5)
            at_once = screen.touch(accounts, new_levels)
            expected = indebted[accounts] & (health[accounts] <= new_levels)
            assert at_once.tolist() == sorted(accounts[expected].tolist())
            was_due[accounts] = expected
            assert_nobody_is_missed(screen, health)


def test_a_day_of_crash_misses_nobody_and_looks_at_few():
    crowd = Crowd(7, 3000, 4, near=0.6)
    rng = crowd.rng
    screen = HealthScreen(crowd.positions, np.full(3000, 1.2))
    n_steps = 1500
    reported = np.zeros(3000, int)
    for _ in range(n_steps):
        moved = rng.random(4) < 0.5
        drift = np.array([-0.5, -0.45, -0.6, 0.0]) / n_steps
        noise = rng.normal(0.0, [0.005, 0.005, 0.007, 0.0002])
        crowd.log_prices += moved * (2 * drift + noise)
        crowd.thresholds *= 1.0 + 1e-8  # interest, always a little
        changed = rng.integers(0, 3000, rng.poisson(0.5))
        for account in changed.tolist():
            crowd.positions.set(account, *crowd.basket())
        due = screen.reprice(crowd.cw, crowd.dw)
        health = fast_health(crowd.positions, crowd.cw, crowd.dw)
        assert_nobody_is_missed(screen, health)
        assert np.all(health[due] <= screen.levels[due])
        reported[due] += 1
        screen.touch(due[screen.levels[due] > 1.0], 1.0)
    assert (reported > 0).sum() > 500
    assert screen.looks < 0.03 * n_steps * 3000


def test_more_kinds_of_basket_than_lanes_misses_nobody():
    crowd = Crowd(3, 2000, 8)
    screen = HealthScreen(crowd.positions, np.ones(2000))
    screen._counts[health_kernels.N_GROUPS] = health_kernels.MAX_GROUPS - 20  # as if others had come before
    for _ in range(60):
        crowd.log_prices += crowd.rng.normal(0.0, 0.02, 8)
        screen.reprice(crowd.cw, crowd.dw)
        assert_nobody_is_missed(screen, fast_health(crowd.positions, crowd.cw, crowd.dw))
    assert screen._counts[health_kernels.N_GROUPS] == health_kernels.MAX_GROUPS


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.99), st.integers(0, 2))
def test_falling_price_never_makes_an_account_healthy(seed, fall, asset):
    crowd = Crowd(seed, 30, 3)
    screen = HealthScreen(crowd.positions, np.ones(30))
    screen.reprice(crowd.cw, crowd.dw)
    before = screen.health_all()
    cheaper = crowd.cw
    cheaper[asset] *= 1.0 - fall
    screen.reprice(cheaper, crowd.dw)
    assert np.all(screen.health_all() <= before)


def test_a_price_that_falls_back_to_where_it_was_wakes_nobody_with_one_collateral():
    positions = Positions(1000, 2)
    rng = np.random.default_rng(1)
    positions.collateral[:, 0] = 1_000_000
    positions.debt[:, 1] = (1_000_000 / np.exp(rng.uniform(0.02, 1.0, 1000))).astype(int)
    screen = HealthScreen(positions, np.ones(1000))
    price = np.ones(2)
    screen.reprice(price, price)
    low = np.array([0.9, 1.0])
    n_due = len(screen.reprice(low, price))
    looks = screen.looks
    for _ in range(50):
        screen.reprice(price, price)
        assert len(screen.reprice(low, price)) == 0
    assert 0 < n_due < 200
    assert screen.looks == looks


def test_a_move_of_a_tenth_of_a_percent_looks_at_few():
    crowd = Crowd(11, 5000, 4, near=0.6)
    screen = HealthScreen(crowd.positions, np.ones(5000))
    screen.reprice(crowd.cw, crowd.dw)
    assert screen.looks == 5000
    crowd.log_prices -= [0.001, 0.001, 0.0, 0.0]
    screen.reprice(crowd.cw, crowd.dw)
    assert screen.looks - 5000 < 5000 / 50
    looks = screen.looks
    screen.reprice(crowd.cw, crowd.dw)
    assert screen.looks == looks


def test_neighbours_a_hair_apart_are_found_one_by_one_in_any_order_of_touches():
    rng = np.random.default_rng(2)
    positions = Positions(60, 2)
    positions.collateral[:, 0] = 1_000_000
    positions.debt[:, 1] = 1_000_000 - rng.permutation(60)
    screen = HealthScreen(positions, np.ones(60))
    flat = np.ones(2)
    found = screen.reprice(flat, flat).tolist()
    for fall in range(1, 60):
        if fall % 3:
            screen.touch(np.flatnonzero(screen.queued)[::2])
        else:
            positions.mark(np.flatnonzero(screen.queued)[::3])
        found += screen.reprice(np.array([1.0 - (fall + 0.5) * 1e-6, 1.0]), flat).tolist()
        assert sorted(found) == np.flatnonzero(positions.debt[:, 1] >= 1_000_000 - fall).tolist()


def test_an_account_that_is_due_is_reported_once_until_it_is_touched():
    positions = Positions(2, 1)
    positions.set(0, [100], [100])
    positions.set(1, [100], [0])
    screen = HealthScreen(positions, [1.0, 1.0])
    assert screen.touch(0).tolist() == []
    assert screen.reprice([0.9], [1.0]).tolist() == [0]
    assert screen.reprice([0.8], [1.0]).tolist() == []
    assert screen.touch([0, 0], 0.85).tolist() == [0]
    assert screen.touch(0, 0.7).tolist() == []
    assert screen.reprice([0.71], [1.0]).tolist() == []
    assert screen.reprice([0.7], [1.0]).tolist() == [0]
    positions.add(0, 0, collateral=100)
    assert screen.reprice([0.7], [1.0]).tolist() == []
    assert screen.reprice([0.35], [1.0]).tolist() == [0]


def test_a_new_debt_is_seen_at_the_next_price_even_if_the_price_stays():
    positions = Positions(1, 2)
    positions.set(0, [100, 0], [0, 0])
    screen = HealthScreen(positions, [1.0])
    weights = np.ones(2)
    assert screen.reprice(weights, weights).tolist() == []
    assert screen.health(0).tolist() == [np.inf]
    positions.add(0, 1, debt=100)
    assert screen.reprice(weights, weights).tolist() == [0]
    positions.add(0, 1, debt=10)
    assert screen.touch(0).tolist() == [0]
    assert screen.reprice(weights * 0.9, weights).tolist() == []
    positions.add(0, 1, debt=-60)
    assert screen.touch(0).tolist() == []
    assert screen.reprice(weights * 0.5, weights).tolist() == [0]


def test_debt_without_a_price_sleeps_until_it_gets_one():
    positions = Positions(1, 2)
    positions.set(0, [100, 0], [0, 100])
    screen = HealthScreen(positions, [1.0])
    assert screen.reprice([1.0, 1.0], [1.0, 0.0]).tolist() == []
    assert screen.queued.tolist() == [True]
    assert screen.reprice([1.0, 1.0], [1.0, 2.0]).tolist() == [0]


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, 1e-250])
def test_weights_that_cannot_be_prices_are_refused_and_change_nothing(weight):
    positions = Positions(2, 1)
    positions.set(0, [100], [50])
    screen = HealthScreen(positions, [1.0, 1.0])
    screen.reprice([1.0], [1.0])
    positions.add(0, 0, debt=50)
    with pytest.raises(ValueError, match="weights must be 0 or between"):
        screen.reprice([1.0], [weight])
    assert screen.health(0).tolist() == [1.0]
    assert screen.reprice([1.0], [1.0]).tolist() == [0]


def test_bad_input_is_named():
    positions = Positions(2, 1)
    with pytest.raises(ValueError, match=r"levels must have shape \(2,\)"):
        HealthScreen(positions, [1.0])
    with pytest.raises(ValueError, match="level of account 1"):
        HealthScreen(positions, [1.0, np.nan])
    screen = HealthScreen(positions, [1.0, 1.0])
    with pytest.raises(RuntimeError, match="call reprice"):
        screen.health_all()
    with pytest.raises(ValueError, match=r"cw and dw must have shape \(1,\)"):
        screen.reprice([1.0, 1.0], [1.0])
    screen.reprice([1.0], [1.0])
    with pytest.raises(IndexError, match="accounts must be 0 to 1"):
        screen.touch([2])
    with pytest.raises(IndexError, match="accounts must be 0 to 1"):
        screen.health([-1])
    with pytest.raises(ValueError, match="levels must be numbers"):
        screen.touch([0], np.nan)
