"""Feeds publish by deviation and heartbeat, late by their delay (CONCEPTS: oracle; MODEL F1-F3, 10.6)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquidarium.market.oracle import CallableSource, MedianSource, Oracle, PathSource

BLOCK_S = 13.0


def drive(oracle, path):
    """Return the published price at every block, and what changed there."""
    published, changed = [], []
    for block, observed in enumerate(path):
        changed.append(oracle.update(block * BLOCK_S, np.atleast_1d(observed)).tolist())
        published.append(oracle.price.copy())
    return np.array(published), changed


moves = st.lists(st.floats(-0.03, 0.03), min_size=1, max_size=200)


def to_path(log_moves):
    return 200.0 * np.exp(np.cumsum(log_moves))


@given(log_moves=moves, deviation=st.sampled_from([0.0, 0.001, 0.005, 0.02]))
def test_the_price_published_is_never_further_off_than_the_deviation(log_moves, deviation):
    path = to_path(log_moves)
    published, _ = drive(Oracle(["ETH"], [200.0], deviation=deviation, heartbeat_s=3600), path)
    assert (np.abs(published[:, 0] / path - 1) <= deviation / (1 - deviation) + 1e-9).all()


@given(log_moves=moves, deviation=st.sampled_from([0.005, 0.02]))
def test_without_a_beat_every_update_is_a_deviation_and_none_is_missed(log_moves, deviation):
    path = to_path(log_moves)
    oracle = Oracle(["ETH"], [200.0], deviation=deviation)
    drive(oracle, path)
    last, expected = 200.0, []
    for block, price in enumerate(path):
        if price <= last * (1 - deviation) or price >= last * (1 + deviation):
            expected.append((block * BLOCK_S, round(price * 1e8) / 1e8, "deviation"))
            last = price
    assert [(u.t_s, u.price, u.reason) for u in oracle.updates] == expected


@given(
    heartbeat=st.sampled_from([60.0, 300.0, 3600.0]),
    delay=st.sampled_from([0.0, 10.0, 130.0]),
    aligned=st.booleans(),
)
def test_no_price_is_older_than_heartbeat_delay_and_two_blocks(heartbeat, delay, aligned):
    oracle = Oracle(
        ["ETH"], [200.0], heartbeat_s=heartbeat, deviation=math.inf, delay_s=delay, aligned=aligned
    )
    for block in range(1000):
        now = block * BLOCK_S
        oracle.update(now, np.array([200.0 + block]))
        if now > delay + heartbeat:
            age = now - (oracle.price[0] - 200.0) * BLOCK_S
            assert delay <= age <= heartbeat + delay + 2 * BLOCK_S
        assert now - oracle.updated_at[0] <= max(heartbeat, delay + heartbeat) + 2 * BLOCK_S
    assert {u.reason for u in oracle.updates} == {"heartbeat"}


def test_a_delay_moves_updates_in_time_and_changes_nothing_else():
    rng = np.random.default_rng(1)
    path = to_path(rng.normal(0, 0.004, 2000))
    baseline = Oracle(["ETH"], [200.0], deviation=0.005, heartbeat_s=600)
    late = Oracle(["ETH"], [200.0], deviation=0.005, heartbeat_s=600, delay_s=10 * BLOCK_S)
    drive(baseline, path)
    drive(late, path)
    shifted = [(u.t_s + 10 * BLOCK_S, u.price, u.reason) for u in baseline.updates]
    assert [(u.t_s, u.price, u.reason) for u in late.updates] == shifted[: len(late.updates)]
    assert 0 <= len(baseline.updates) - len(late.updates) < 10


@given(log_moves=moves)
def test_zero_delay_equals_the_baseline_that_shows_every_price_at_once(log_moves):
    """MODEL F1: with nothing late and nothing coarse, what is published is what is observed."""
    path = to_path(log_moves)
    oracle = Oracle(["ETH"], [200.0], deviation=0.0, delay_s=0.0)
    published, changed = drive(oracle, path)
    assert published[:, 0] == pytest.approx(path, abs=5.1e-9)
    assert [bool(c) for c in changed] == [
        round(a * 1e8) != round(b * 1e8) for a, b in zip([200.0, *path], path, strict=False)
    ]


def test_what_an_hourly_delayed_medianiser_will_say_is_known_an_hour_ahead():
    """MODEL 1.4: the OSM publishes on the hour what it read an hour before."""
    osm = Oracle(["ETH"], [200.0], heartbeat_s=3600, deviation=math.inf, delay_s=3600, aligned=True)
    prices = {0: 200.0, 3600: 180.0, 7200: 120.0, 10_800: 130.0}
    for now in range(0, 11_000, 100):
        osm.update(float(now), np.array([prices[now // 3600 * 3600]]))
        if now == 3700:
            assert osm.upcoming(0) == (7200.0, 180.0)
            assert osm.price[0] == 200.0
        if now == 7300:
            assert osm.upcoming(0) == (10_800.0, 120.0)
            assert osm.price[0] == 180.0
    assert [(u.t_s, u.price) for u in osm.updates] == [(7200.0, 180.0), (10_800.0, 120.0)]
    assert [u.observed for u in osm.updates] == [120.0, 130.0]
    assert Oracle(["ETH"], [1.0]).upcoming(0) is None


@pytest.mark.parametrize(
    ("aligned", "expected"), [(True, [611, 1209, 1807, 2405]), (False, [611, 1222, 1833])]
)
def test_beats_are_aligned_to_the_clock_or_follow_the_last_report(aligned, expected):
    oracle = Oracle(["ETH"], [200.0], heartbeat_s=600, deviation=math.inf, aligned=aligned)
    drive(oracle, np.full(186, 200.0))  # 0 to 2405 s
    assert [u.t_s for u in oracle.updates] == expected


def test_assets_are_published_on_their_own():
    oracle = Oracle(["ETH", "BTC"], [200.0, 8000.0], deviation=[0.01, 0.02], heartbeat_s=[3600, 60])
    assert oracle.update(0.0, np.array([203.0, 8000.0])).tolist() == [0]
    assert oracle.update(13.0, np.array([203.0, 7800.0])).tolist() == [1]
    assert oracle.update(26.0, np.array([204.0, 7900.0])).tolist() == []
    assert oracle.update(80.0, np.array([204.0, 7900.0])).tolist() == [1]
    assert [(u.asset, u.reason) for u in oracle.updates] == [
        (0, "deviation"),
        (1, "deviation"),
        (1, "heartbeat"),
    ]
    assert oracle.updated_at.tolist() == [0.0, 80.0]


def test_a_beat_without_a_change_refreshes_the_stamp_only():
    oracle = Oracle(["ETH"], [200.0], deviation=0.01, heartbeat_s=60)
    assert oracle.update(60.0, np.array([200.0])).tolist() == []
    assert oracle.updated_at[0] == 60.0
    assert len(oracle.updates) == 1


@given(price=st.floats(1e-7, 1e9))
def test_an_answer_has_eight_decimals(price):
    oracle = Oracle(["X"], [1.0], deviation=0.0)
    oracle.update(1.0, np.array([price]))
    assert oracle.answer[0] == round(price * 1e8)
    assert oracle.answer.dtype == np.int64
    assert oracle.price[0] == oracle.answer[0] / 1e8


def test_a_feed_stops_at_its_floor_while_the_market_falls_on():
    """MODEL F2: the LUNA feed stopped near .107 while the market was at .01."""
    oracle = Oracle(["LUNA"], [1.0], deviation=0.01, min_answer=0.107)
    published, _ = drive(oracle, np.geomspace(1.0, 0.01, 50))
    assert published[-1, 0] == 0.107
    assert oracle.updates[-1].observed == pytest.approx(0.01)


def test_a_halted_feed_keeps_its_price_and_catches_up_later():
    oracle = Oracle(["ETH"], [200.0], deviation=0.01, heartbeat_s=60)
    oracle.halted[0] = True
    for now in range(0, 600, 13):
        assert oracle.update(float(now), np.array([100.0])).size == 0
    oracle.halted[0] = False
    assert oracle.update(600.0, np.array([100.0])).tolist() == [0]


def test_a_lost_report_is_tried_again():
    path = np.full(400, 100.0)
    waits = []
    for seed in range(200):
        oracle = Oracle(
            ["ETH"], [200.0], deviation=0.01, drop_probability=0.75, rng=np.random.default_rng(seed)
        )
        drive(oracle, path)
        waits.append(oracle.updates[0].t_s / BLOCK_S)
    assert np.mean(waits) == pytest.approx(3.0, abs=4 * math.sqrt(12 / 200))  # geometric


def test_a_source_that_says_nothing_publishes_nothing():
    oracle = Oracle(["ETH"], [200.0], deviation=0.01, heartbeat_s=60)
    assert oracle.update(100.0, np.array([math.nan])).size == 0
    assert oracle.updates == []
    assert oracle.update(113.0, np.array([200.0])).size == 0
    assert oracle.updates[0].reason == "heartbeat"


@given(right=st.tuples(st.floats(1, 2), st.floats(1, 2)), wrong=st.floats(0, 1e9))
def test_the_median_of_three_ignores_one_wrong_source(right, wrong):
    for place in range(3):
        said = [*right]
        said.insert(place, wrong)
        median = MedianSource([CallableSource(lambda price=price: price) for price in said])
        assert min(right) <= median.observe(0) <= max(right)


def test_a_median_leaves_out_sources_without_a_price():
    silent = CallableSource(lambda: math.nan)
    path = PathSource([10.0, 20.0])
    assert MedianSource([silent, path, PathSource([30.0, 40.0])]).observe(1) == 30.0
    assert MedianSource([silent, silent, path]).observe(0) == 10.0
    assert math.isnan(MedianSource([silent]).observe(0))
    with pytest.raises(ValueError, match="at least one source"):
        MedianSource([])


WRONG = {
    "heartbeat_s of BTC must be positive, got 0": {"heartbeat_s": [60, 0]},
    "deviation of ETH must be not negative, got -0.1": {"deviation": -0.1},
    "delay_s of ETH must be not negative and finite, got inf": {"delay_s": math.inf},
    "drop_probability must be in": {"drop_probability": 1.0},
    "drop_probability needs rng": {"drop_probability": 0.5},
    r"deviation must be one number or one per asset \(2\)": {"deviation": [0.1, 0.1, 0.1]},
    "initial price of BTC must be positive": {"initial": [1.0, 0.0]},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_parameters_name_asset_and_value(message):
    options = {"initial": [200.0, 8000.0]} | WRONG[message]
    with pytest.raises(ValueError, match=message):
        Oracle(["ETH", "BTC"], **options)


@pytest.mark.parametrize(("price", "message"), [(0.0, "must be positive"), (1e12, "int64"), (1e-12, "int64")])
def test_a_price_that_no_feed_can_carry_is_an_error(price, message):
    oracle = Oracle(["ETH"], [200.0], deviation=0.01)
    with pytest.raises(ValueError, match=message):
        oracle.update(13.0, np.array([price]))


@settings(deadline=None)
@given(log_moves=moves)
def test_published_rows_rebuild_what_was_published(log_moves):
    oracle = Oracle(["ETH"], [200.0], deviation=0.004, heartbeat_s=90, delay_s=20)
    published, _ = drive(oracle, to_path(log_moves))
    price, rebuilt, rows = 200.0, [], list(oracle.updates)
    for block in range(len(log_moves)):
        while rows and rows[0].t_s <= block * BLOCK_S:
            price = rows.pop(0).price
        rebuilt.append(price)
    assert rebuilt == published[:, 0].tolist()
