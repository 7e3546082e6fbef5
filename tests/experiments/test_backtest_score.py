"""The score measures what it says, on arrays small enough to check by hand."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.backtest import hourly_fall, hourly_volume, score_episode, score_hours
from liquidarium.experiments.episodes import load_episode
from scipy.stats import spearmanr

FALL = np.array([0.01, 0.02, 0.30, 0.05])
REAL = np.array([0.0, 2e6, 30e6, 8e6])


def test_a_perfect_simulation_scores_perfectly():
    score = score_hours(REAL, np.tile(REAL, (5, 1)), FALL, peak_hours=(2, 3))
    assert score.total_ratio == 1
    assert score.rank_correlation == pytest.approx(1)
    assert score.coverage == 1
    assert score.mean_log_error == 0
    assert score.crps_usd == 0
    assert score.crps_skill == 1
    assert score.simulated_peak_share == score.real_peak_share == pytest.approx(38 / 40)
    assert score.total_ratio_interval == (1, 1)


def test_the_trivial_predictor_has_no_skill_over_itself():
    trivial = FALL / FALL.sum() * REAL.sum()
    score = score_hours(REAL, trivial[None], FALL, peak_hours=(2,))
    assert score.crps_skill == pytest.approx(0, abs=1e-12)
    assert score.mean_log_error == pytest.approx(score.trivial_mean_log_error)
    assert score.rank_correlation == pytest.approx(score.trivial_rank_correlation)


def test_crps_of_two_seeds_by_hand():
    """E|X - y| - E|X - X'| / 2 for X in {1, 3}, y = 2: 1 - 0.5 = 0.5."""
    score = score_hours(np.array([2.0, 2.0]), np.array([[1.0, 1.0], [3.0, 3.0]]), np.ones(2), peak_hours=(0,))
    assert score.crps_usd == pytest.approx(0.5)


def test_doubling_the_simulation_doubles_the_ratio_and_nothing_in_the_ranks():
    rng = np.random.default_rng(0)
    simulated = REAL * rng.lognormal(0, 0.3, (10, 4))
    once, twice = (score_hours(REAL, factor * simulated, FALL, peak_hours=(2,)) for factor in (1, 2))
    assert twice.total_ratio == pytest.approx(2 * once.total_ratio)
    assert twice.rank_correlation == once.rank_correlation
    assert twice.simulated_peak_share == pytest.approx(once.simulated_peak_share)
    low, high = once.total_ratio_interval
    assert low < once.total_ratio < high


def test_a_simulation_without_liquidations_is_scored_not_refused():
    score = score_hours(REAL, np.zeros((3, 4)), FALL, peak_hours=(2,))
    assert score.total_ratio == 0
    assert score.rank_correlation == 0
    assert score.coverage == pytest.approx(1 / 4)


def test_coverage_counts_hours_inside_the_central_ninety_percent():
    seeds = np.tile(np.linspace(0, 10e6, 101)[:, None], (1, 4))
    score = score_hours(np.array([5e6, 5e6, 9.9e6, 20e6]), seeds, FALL, peak_hours=(0,))
    assert score.coverage == pytest.approx(0.5)


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match="hours disagree"):
        score_hours(REAL, np.zeros((2, 5)), FALL)
    with pytest.raises(ValueError, match="nothing to score"):
        score_hours(np.zeros(4), np.zeros((2, 4)), FALL, peak_hours=(0,))


def test_score_is_json_and_a_table():
    score = score_hours(REAL, np.tile(REAL, (2, 1)), FALL, peak_hours=(2, 3))
    assert json.loads(json.dumps(score.to_dict()))["n_seeds"] == 2
    text = score.to_text()
    assert "rank correlation" in text
    assert "share in hours 2-3" in text


def test_hourly_volume_bins_by_completion_and_filters_collateral():
    calls = pd.DataFrame(
        {
            "t_done_s": [0.0, 3599.0, 3600.0, 90_000.0, -1.0],
            "repaid_usd": [1.0, 2.0, 4.0, 8.0, 16.0],
            "collateral": ["ETH", "CRV", "ETH", "ETH", "ETH"],
        }
    )
    assert hourly_volume(calls, hours=2).tolist() == [3.0, 4.0]
    assert hourly_volume(calls, collaterals={"ETH"}, hours=2).tolist() == [1.0, 4.0]
    assert hourly_volume(calls, start_s=3600.0, hours=1).tolist() == [4.0]
    assert hourly_volume(calls.iloc[:0]).tolist() == [0.0] * 24


def test_the_price_alone_ranks_the_hours_of_the_day_at_083():
    """Spearman of hourly debt (four collaterals, all debts) with ETH's 1 - low/open: 0.83."""
    episode = load_episode("may-2021")
    four = episode.hourly[episode.hourly.collateral != "other"]
    real = four.groupby("hour").debt_usd.sum()
    fall = hourly_fall(episode.day_bars("ETH"))
    assert spearmanr(real, fall).statistic == pytest.approx(0.83, abs=0.005)


def test_hours_11_to_14_held_four_fifths_of_the_scored_volume():
    episode = load_episode("may-2021")
    score = score_episode(episode, np.ones((2, 24)))
    assert score.peak_hours == (11, 12, 13, 14)
    assert score.real_peak_share == pytest.approx(0.81, abs=0.01)
    assert score.real_total_usd == pytest.approx(123.2e6, rel=0.001)
