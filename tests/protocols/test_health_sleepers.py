"""Accounts that sleep until gas falls, and what liquidating an account brings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.protocols.health import HealthScreen, Sleepers
from liquidarium.protocols.positions import Positions

USD = st.one_of(
    st.floats(-1.0, 1e-7), st.floats(1e-3, 1e4), st.floats(1e10, 1e14), st.sampled_from([0.0, 1.0, 1.01])
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sleep"), st.integers(0, 19), USD),
        st.tuples(st.just("wake"), st.just(0), USD),
        st.tuples(st.just("remove"), st.integers(0, 19), st.just(0.0)),
        st.tuples(st.just("remove all"), st.integers(0, 19), st.just(0.0)),
    ),
    max_size=60,
)


@settings(deadline=None)  # the first call compiles
@given(STEPS)
def test_gas_wakes_exactly_the_accounts_worth_it(steps):
    sleepers = Sleepers(20)
    worths = {}
    for kind, account, usd in steps:
        if kind == "sleep":
            sleepers.sleep(account, usd)
            worths[account] = usd
        elif kind == "wake":
            expected = sorted(a for a, worth in worths.items() if worth >= usd)
            assert sleepers.wake(usd).tolist() == expected
            for woken in expected:
                del worths[woken]
        elif kind == "remove all":
            sleepers.remove_all(np.arange(account, 20, 2))
            worths = {a: worth for a, worth in worths.items() if a < account or (a - account) % 2}
        else:
            assert sleepers.remove(account) == (worths.pop(account, None) is not None)
        assert len(sleepers) == len(worths)
        assert {a: sleepers.worth_usd(a) for a in range(20) if a in sleepers} == worths
        assert sleepers.among(np.arange(19, -1, -1)).tolist() == sorted(worths, reverse=True)


def test_a_gas_price_between_the_worths_wakes_the_rest_later():
    sleepers = Sleepers(3)
    sleepers.sleep([0, 1, 2], [200.0, 1.0, 0.001])
    assert sleepers.wake(100.0).tolist() == [0]
    assert sleepers.wake(50.0).tolist() == []
    assert sleepers.wake(0.5).tolist() == [1]
    assert sleepers.wake(0.0).tolist() == [2]


def test_many_are_put_to_sleep_at_once():
    rng = np.random.default_rng(5)
    worths = rng.lognormal(0.0, 2.0, 5000)
    sleepers = Sleepers(5000)
    sleepers.sleep(np.arange(5000), worths)
    assert sleepers.wake(float(worths.max()) * 1.01).size == 0
    asleep = np.ones(5000, bool)
    for gas in [30.0, 30.0, 5.0, 8.0, 1.0, 0.02]:
        woken = sleepers.wake(gas)
        assert woken.tolist() == np.flatnonzero(asleep & (worths >= gas)).tolist()
        asleep[woken] = False
    assert len(sleepers) == asleep.sum()


def test_sleepers_name_what_is_wrong():
    sleepers = Sleepers(3)
    with pytest.raises(IndexError, match="accounts must be 0 to 2"):
        sleepers.sleep(3, 1.0)
    with pytest.raises(ValueError, match="worth_usd must be numbers"):
        sleepers.sleep(0, float("nan"))
    with pytest.raises(ValueError, match="gas_cost_usd"):
        sleepers.wake(float("nan"))
    with pytest.raises(KeyError, match="account 1 is not asleep"):
        sleepers.worth_usd(1)


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 2**32 - 1), n_assets=st.integers(1, 5), full_below=st.sampled_from([0.0, 0.95]))
def test_the_best_pair_is_the_best_of_all_pairs(seed, n_assets, full_below):
    rng = np.random.default_rng(seed)
    positions = Positions(12, n_assets)
    positions.collateral[:] = rng.integers(0, 1000, (12, n_assets)) * (rng.random((12, n_assets)) < 0.6)
    positions.debt[:] = rng.integers(0, 1000, (12, n_assets)) * (rng.random((12, n_assets)) < 0.6)
    price = rng.lognormal(0.0, 1.0, n_assets)
    bonus = rng.choice([0.0, 0.05, 0.1], n_assets)
    screen = HealthScreen(positions, np.ones(12))
    screen.reprice(price * 0.8, price)
    best = screen.opportunities(np.arange(12), price, bonus, 0.5, full_below)
    assert np.array_equal(best.health_factor, screen.health_all())
    for account in range(12):
        collateral, debt = positions.rows(account)
        share = 1.0 if best.health_factor[account] <= full_below else 0.5
        pairs = {
            (c, d): min(share * debt[d] * price[d], collateral[c] * price[c] / (1.0 + bonus[c]))
            for c in range(n_assets)
            for d in range(n_assets)
            if collateral[c] > 0 and debt[d] > 0
        }
        chosen = (int(best.collateral_asset[account]), int(best.debt_asset[account]))
        if not pairs:
            assert chosen == (-1, -1)
            assert best.repay_usd[account] == best.bonus_usd[account] == 0.0
            continue
        assert best.repay_usd[account] == pytest.approx(pairs[chosen], rel=1e-12)
        most = max(repay * bonus[c] for (c, _), repay in pairs.items())
        assert best.bonus_usd[account] == pytest.approx(most, rel=1e-12)


def test_below_the_full_threshold_all_is_repaid():
    """CASES L04 and L05: 10 ETH, 15,000 USD, LT 0.83, bonus 5 %, Aave v3's 0.95."""
    positions = Positions(1, 2)
    positions.set(0, [10 * 10**9, 0], [0, 15_000 * 10**6])
    screen = HealthScreen(positions, [1.0])
    unit = np.array([1e-9, 1e-6])
    bonus = [0.05, 0.0]
    for price, health, repay in [(1700.0, 0.9406666667, 15000.0), (1500.0, 0.83, 14285.71429)]:
        value = np.array([price, 1.0]) * unit
        screen.reprice(value * [0.83, 0.0], value)
        best = screen.opportunities([0], value, bonus, 0.5, 0.95)
        assert best.health_factor[0] == pytest.approx(health)
        assert (best.collateral_asset[0], best.debt_asset[0]) == (0, 1)
        assert best.repay_usd[0] == pytest.approx(repay)
        assert best.bonus_usd[0] == pytest.approx(0.05 * repay)
    half = screen.opportunities([0], value, bonus, 0.5)
    assert half.repay_usd[0] == pytest.approx(7500.0)


def test_opportunity_terms_out_of_range_are_refused():
    positions = Positions(1, 1)
    screen = HealthScreen(positions, [1.0])
    screen.reprice([1.0], [1.0])
    with pytest.raises(ValueError, match="close_factor"):
        screen.opportunities([0], [1.0], [0.05], 0.0)
    with pytest.raises(ValueError, match="must not be negative"):
        screen.opportunities([0], [1.0], [-0.05], 0.5)
    with pytest.raises(ValueError, match="shape"):
        screen.opportunities([0], [1.0, 1.0], [0.05], 0.5)
