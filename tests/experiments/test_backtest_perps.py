"""A crowd of leveraged traders on a recorded price, fitted on one half of a month and scored on the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.experiments.backtest.perp_crowd import CrowdLaw, crossings, drawn, expected, fit
from liquidarium.experiments.backtest.perps import backtest_perps, load_perps, recorded_perps
from liquidarium.market.streams import Streams

LAW = CrowdLaw(1_000.0, 0.05, 0.6, 12.0)
HOURS = 24


def path(*moves: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a price by minute over a day that moves by each of `moves` between equal parts."""
    times = np.arange(HOURS * 60) * 60.0
    part = np.minimum((np.arange(len(times)) * (1 + len(moves))) // len(times), len(moves))
    return times, 1_000.0 * np.exp(np.concatenate([[0.0], np.cumsum(moves)])[part])


def test_a_fall_liquidates_longs_and_a_rise_shorts():
    for move, hurt in ((-0.1, 1), (0.1, -1)):
        times, prices = path(move)
        volume = {side: expected(LAW, crossings(times, prices, side), HOURS) for side in (1, -1)}
        assert volume[hurt].sum() > 0.0
        assert volume[hurt].argmax() == HOURS // 2
    assert volume[1].sum() == 0.0


def test_the_same_fall_again_finds_nobody_twice():
    times, prices = path(-0.1, 0.1, -0.1)
    volume = expected(LAW, crossings(times, prices, 1), HOURS)
    assert volume[18] == pytest.approx(volume[6])  # six hours of new traders before each fall


def test_all_who_are_open_are_liquidated_when_the_price_falls_far_enough():
    times, prices = path(-3.0)
    volume = expected(LAW, crossings(times, prices, 1), HOURS).sum()
    open_eth = LAW.rate_eth_per_h * LAW.lifetime_h * (1.0 - math.exp(-12.0 / LAW.lifetime_h))
    assert volume == pytest.approx(open_eth, rel=0.02)


def test_drawn_crowds_agree_with_the_mean():
    times, prices = path(-0.02, -0.05)
    seen = crossings(times, prices, 1)
    draws = np.array([drawn(LAW, seen, HOURS, Streams(seed)("crowd")).sum() for seed in range(200)])
    assert abs(draws.mean() - expected(LAW, seen, HOURS).sum()) < 4.0 * draws.std() / math.sqrt(200)


def test_fit_finds_the_total_and_looks_at_no_later_hour():
    rng = np.random.default_rng(3)
    times = np.arange(96 * 60) * 60.0
    prices = 1_000.0 * np.exp(np.cumsum(0.002 * rng.standard_normal(len(times))))
    seen = crossings(times, prices, 1)
    recorded = expected(LAW, seen, 96)
    found = fit(recorded[:48], seen)
    assert expected(found, seen, 96)[:48].sum() == pytest.approx(recorded[:48].sum())
    assert np.corrcoef(expected(found, seen, 96), recorded)[0, 1] > 0.98


def test_record_is_whole_and_in_order():
    assert recorded_perps() == ["january-2021"]
    record = load_perps("january-2021")
    assert len(record) == 43_173
    assert (np.diff(record["ts"]) > 0).all()
    assert (record[["long_eth", "short_eth"]] >= 0).all().all()


@pytest.mark.replay
def test_january_2021_is_ranked_better_than_by_the_price_alone():
    report = backtest_perps("january-2021", [1, 2, 3])
    for score in report.sides.values():
        assert score.rank_correlation > score.trivial_rank_correlation
        assert score.log_error < score.trivial_log_error
