"""Replayed paths honour every bar and belong to their own stream."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.prices import Bars, FixedPrice, GeometricBrownianMotion, JointPrice, ReplayPrice


def streams(seed=0):
    return lambda name: np.random.default_rng([seed, zlib.crc32(name.encode())])


@st.composite
def bars(draw):
    n = draw(st.integers(1, 12))
    price = st.floats(0.5, 2.0)
    rows = []
    for _ in range(n):
        low, high = sorted((draw(price), draw(price)))
        inside = st.one_of(st.sampled_from([low, high]), st.floats(low, high))
        rows.append((draw(inside), high, low, draw(inside)))
    opening, high, low, close = np.array(rows).T
    return Bars(60.0 * np.arange(n), close, opening, high, low, bar_s=60.0)


def of_bar(data, path, times, i):
    return path[(times >= data.ts[i]) & (times < data.ts[i] + 60.0)]


@given(data=bars(), step=st.sampled_from([1.0, 7.3, 13.0, 20.0, 30.0, 45.0, 90.0]), seed=st.integers(0, 99))
@settings(deadline=None)
def test_no_price_leaves_its_bar_and_extremes_are_seen(data, step, seed):
    times = np.arange(0.0, data.end_s, step)
    path = ReplayPrice({"ETH": data}, 0.0).path(times, streams(seed))[:, 0]
    for i in range(len(data)):
        inside = of_bar(data, path, times, i)
        assert ((inside >= data.low[i]) & (inside <= data.high[i])).all()
        if (times[(times >= data.ts[i]) & (times < data.ts[i] + 60.0)] > data.ts[i]).sum() >= 2:
            assert inside.min() == data.low[i]
            assert inside.max() == data.high[i]


@given(data=bars(), seed=st.integers(0, 99))
@settings(deadline=None)
def test_bars_begin_at_their_open_and_end_at_their_close(data, seed):
    times = np.sort(np.concatenate((data.ts, data.ts + 60.0 - 1e-7, np.arange(7.0, data.end_s, 13.0))))
    times = np.unique(np.append(times, data.end_s))
    path = ReplayPrice({"ETH": data}, 0.0).path(times, streams(seed))[:, 0]
    assert path[np.searchsorted(times, data.ts)].tolist() == data.open.tolist()
    before_end = path[np.searchsorted(times, data.ts + 60.0 - 1e-7)]
    extremes = (before_end == data.high) | (before_end == data.low)  # an extreme may be put there
    near = np.abs(np.log(before_end / data.close)) < 1e-3
    assert (near | extremes).all()
    assert path[-1] == data.close[-1]


def test_falling_bars_reach_their_high_first():
    """The likelier order of extremes: three Brownian legs, ratio 2 ** 12."""
    n = 500
    data = Bars(60.0 * np.arange(n), np.full(n, 1.0), np.full(n, 2.0), np.full(n, 2.1), np.full(n, 0.9))
    times = np.arange(0.0, 60.0 * n, 5.0)
    path = ReplayPrice({"ETH": data}, 0.0).path(times, streams())[:, 0].reshape(n, 12)
    assert (path.argmax(axis=1) < path.argmin(axis=1)).mean() > 0.99
    level = Bars(60.0 * np.arange(n), np.full(n, 1.5), np.full(n, 1.5), np.full(n, 2.1), np.full(n, 0.9))
    path = ReplayPrice({"ETH": level}, 0.0).path(times, streams())[:, 0].reshape(n, 12)
    assert (path.argmax(axis=1) < path.argmin(axis=1)).mean() == pytest.approx(0.5, abs=0.1)


def test_a_bar_that_opens_at_its_high_does_not_return_to_it():
    n = 200
    data = Bars(60.0 * np.arange(n), np.full(n, 1.0), np.full(n, 2.0), np.full(n, 2.0), np.full(n, 1.0))
    path = ReplayPrice({"ETH": data}, 0.0).path(np.arange(0.0, 60.0 * n, 5.0), streams())[:, 0].reshape(n, 12)
    assert ((path[:, 1:] == 2.0).any(axis=1)).mean() < 0.02
    assert (path[:, 1:] == 1.0).any(axis=1).all()


@pytest.mark.parametrize("price", [0.1, 1.3, 196.7, 8123.45])
def test_a_bar_without_a_range_is_flat_to_the_last_bit(price):
    flat_bars = Bars([0.0, 60.0, 120.0], [price] * 3)
    path = ReplayPrice({"DAI": flat_bars}, 0.0).path(np.arange(0.0, 180.0, 7.0), streams())
    assert (path == price).all()


def test_fine_sampling_shows_the_parkinson_variance_of_the_bars():
    rng = np.random.default_rng(5)
    fine = np.exp(np.cumsum(rng.normal(0, 1e-3, 300 * 600))).reshape(300, 600)
    opening, close = np.append(1.0, fine[:-1, -1]), fine[:, -1]
    full = np.column_stack((opening, fine))
    data = Bars(600.0 * np.arange(300), close, opening, full.max(axis=1), full.min(axis=1))
    path = ReplayPrice({"ETH": data}, 0.0).path(np.arange(0.0, 180_000.0, 1.0), streams())
    parkinson = (np.log(data.high / data.low) ** 2).sum() / (4 * np.log(2))
    assert (np.diff(np.log(path[:, 0])) ** 2).sum() == pytest.approx(parkinson, rel=0.08)


def flat(price, bar_s, n):
    ts = bar_s * np.arange(n)
    return Bars(ts, np.full(n, price), np.full(n, price), np.full(n, price * 1.02), np.full(n, price * 0.98))


def test_same_seed_same_path_and_another_seed_another():
    replay = ReplayPrice({"ETH": flat(200.0, 60.0, 60)}, 0.0)
    times = np.arange(0.0, 3600.0, 13.0)
    assert (replay.path(times, streams(1)) == replay.path(times, streams(1))).all()
    assert (replay.path(times, streams(1)) != replay.path(times, streams(2))).any()


def test_adding_an_asset_leaves_the_paths_of_the_others():
    times = np.arange(0.0, 3600.0, 13.0)
    one = {"ETH": flat(200.0, 60.0, 60)}
    two = {"BTC": flat(8000.0, 300.0, 12), **one}
    alone = ReplayPrice(one, 0.0).path(times, streams())
    together = ReplayPrice(two, 0.0)
    assert together.symbols == ("BTC", "ETH")
    assert (together.path(times, streams())[:, 1] == alone[:, 0]).all()


def test_a_window_may_begin_inside_a_bar():
    replay = ReplayPrice({"ETH": flat(200.0, 60.0, 60)}, 90.0, 1800.0)
    path = replay.path(np.arange(0.0, 1711.0, 5.0), streams())
    assert replay.duration_s == 1710.0
    assert path.shape == (343, 1)
    assert ((path >= 196.0) & (path <= 204.0)).all()


def test_parts_are_joined_by_column_and_must_not_overlap():
    process = GeometricBrownianMotion({"ETH": 200.0}, volatility=1.0)
    joint = JointPrice([process, FixedPrice({"DAI": 1.0})])
    path = joint.path([0.0, 13.0, 26.0], streams())
    assert joint.symbols == ("ETH", "DAI")
    assert (path[:, 0] == process.path([0.0, 13.0, 26.0], streams())[:, 0]).all()
    assert (path[:, 1] == 1.0).all()
    with pytest.raises(ValueError, match="one reference price, got more for ETH"):
        JointPrice([process, process])


@pytest.mark.parametrize("times", [[], [0.0, 0.0], [0.0, 2.0, 1.0], [-1.0, 0.0], [0.0, np.nan]])
def test_block_times_must_increase_from_the_start(times):
    with pytest.raises(ValueError, match="block times"):
        FixedPrice({"DAI": 1.0}).path(times, streams())


def test_a_fixed_price_must_be_positive():
    with pytest.raises(ValueError, match="fixed price of DAI"):
        FixedPrice({"DAI": 0.0})
