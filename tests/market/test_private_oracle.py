"""Prices that wait: published when released, or when they have waited long enough."""

from __future__ import annotations

import numpy as np
import pytest
from liquidarium.market.oracle import Oracle
from liquidarium.market.private_oracle import PrivateOracle

SETTINGS = {"heartbeat_s": np.inf, "deviation": 0.01}


def at(price):
    return np.array([price, 1.0])


def oracle(hold_s=30.0, **changes):
    return PrivateOracle(("ETH", "USDC"), at(100.0), hold_s=hold_s, **SETTINGS | changes)


def test_a_price_waits_and_is_published_when_its_time_is_up():
    feed = oracle()
    assert feed.update(10.0, at(95.0)).tolist() == []
    assert (feed.fresh, feed.holds) == (True, True)
    assert feed.price[0] == 100.0
    assert feed.preview() == [9_500_000_000, 100_000_000]
    assert feed.update(39.0, at(95.0)).tolist() == []
    assert feed.update(40.0, at(95.2)).tolist() == [0]
    assert (feed.price[0], feed.updated_at[0], feed.holds) == (95.0, 40.0, False)
    assert [(u.t_s, u.price, u.observed) for u in feed.updates] == [(40.0, 95.0, 95.2)]


def test_each_price_has_its_own_time_and_the_newest_is_what_bidders_see():
    feed = oracle()
    feed.update(10.0, at(95.0))
    feed.update(20.0, at(90.0))
    assert feed.preview()[0] == 9_000_000_000
    feed.update(40.0, at(90.0))
    assert (feed.price[0], feed.preview()[0], feed.holds) == (95.0, 9_000_000_000, True)
    feed.update(50.0, at(90.0))
    assert (feed.price[0], feed.holds) == (90.0, False)


def test_a_release_publishes_the_newest_price_once():
    feed = oracle()
    feed.update(10.0, at(95.0))
    feed.update(20.0, at(90.0))
    assert feed.release(20.0).tolist() == [0]
    assert [u.price for u in feed.updates] == [90.0]
    assert feed.release(20.0).tolist() == []


def test_what_is_released_at_once_is_what_an_open_oracle_publishes():
    rng = np.random.default_rng(5)
    path = 100.0 * np.exp(np.cumsum(0.004 * rng.standard_normal(300)))
    private, open_ = oracle(delay_s=24.0), Oracle(("ETH", "USDC"), at(100.0), delay_s=24.0, **SETTINGS)
    for k, price in enumerate(path.tolist()):
        open_.update(12.0 * k, at(price))
        private.update(12.0 * k, at(price))
        private.release(12.0 * k)
    assert len(open_.updates) > 20
    assert private.updates == open_.updates


@pytest.mark.parametrize("hold_s", [0.0, -1.0, np.inf, np.nan])
def test_a_price_waits_for_some_time(hold_s):
    with pytest.raises(ValueError, match="hold_s must be positive and finite"):
        oracle(hold_s)
