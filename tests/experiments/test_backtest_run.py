"""A backtest compares like with like: stable debt, four collaterals, hour by hour, every seed once."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.backtest import load_fit
from liquidarium.experiments.backtest import run as backtest_run
from liquidarium.experiments.backtest.run import COLLATERALS, backtest, depth_sensitivity
from liquidarium.experiments.episodes import load_episode
from liquidarium.experiments.scenarios import ScenarioError, load_scenario, validate

REAL = load_episode("may-2021").stable_debt_by_hour().to_numpy()


def stand_in(scenario, seed):
    """Repay `seed` times the real hours on four collaterals, and much that must not count."""
    level = seed * scenario.flow.mean_quantity_usd / 15_000.0
    rows = [
        (hour * 3600.0 + 13.0, collateral, debt, level * REAL[hour] / 8.0)
        for hour in range(24)
        for collateral in COLLATERALS
        for debt in ("USDC", "DAI")
    ]
    rows += [(3600.0, "USDT", "USDC", 1e9), (3600.0, "ETH", "BTC", 1e9), (86_400.0, "ETH", "USDC", 1e9)]
    done = pd.DataFrame(rows, columns=["t_done_s", "collateral", "debt", "repaid_usd"])
    done = done.astype({"collateral": "category", "debt": "category"})
    positions = pd.DataFrame({"snapshot": [0, 0, 1], "debt_usd": [4e8 * seed, 1e8 * seed, 7e8]})
    return SimpleNamespace(liquidations=done, positions=positions)


@pytest.fixture
def simulated(monkeypatch):
    """Replace the simulation; gives the calls that were made."""
    calls = []

    def run(scenario, seed):
        calls.append((scenario, seed))
        return stand_in(scenario, seed)

    monkeypatch.setattr(backtest_run, "run", run)
    return calls


def test_only_stable_debt_against_the_four_collaterals_inside_the_day_counts(simulated):
    report = backtest("may-2021", seeds=3)
    np.testing.assert_allclose(report.simulated_usd, np.outer([1, 2, 3], REAL))
    np.testing.assert_array_equal(report.real_usd, REAL)
    assert [seed for _, seed in simulated] == [1, 2, 3]


def test_a_perfect_simulation_scores_perfectly(simulated):
    score = backtest("may-2021", [1]).score
    assert score.total_ratio == pytest.approx(1.0)
    assert score.rank_correlation == pytest.approx(1.0)
    assert score.simulated_peak_share == pytest.approx(score.real_peak_share)
    assert score.crps_skill == pytest.approx(1.0)


def test_intervals_are_quantiles_over_seeds(simulated):
    report = backtest("may-2021", list(range(1, 22)))
    np.testing.assert_allclose(report.intervals_usd, np.outer([2, 20], REAL))


def test_debt_of_the_population_stands_beside_the_fitted_debt(simulated):
    report = backtest("may-2021", [1, 3])
    assert report.population_debt_usd == pytest.approx(1e9)
    assert report.fitted_debt_usd == load_fit("may-2021").total_debt_usd
    own = load_scenario("may-2021", ["borrowers.law=generator", "borrowers.total_debt_usd=1e9"])
    report = backtest(own, [1])
    assert report.fitted_debt_usd is None


def test_report_says_the_same_as_text_and_as_json(simulated):
    report = backtest("may-2021", seeds=2)
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told == report.to_dict()
    assert [row["real_usd"] for row in told["hours"]] == REAL.tolist()
    assert told["score"]["n_seeds"] == 2
    lines = report.to_text().splitlines()
    noon = next(line for line in lines if line.lstrip().startswith("12:00"))
    assert f"{REAL[12] / 1e6:.2f}" in noon
    assert f"{1.5 * REAL[12] / 1e6:.2f}" in noon
    assert any(line.startswith("CRPS skill") for line in lines)


def test_what_is_not_defined_is_none_in_json():
    assert backtest_run._finite({"a": (float("nan"), 1.0), "b": [float("inf")]}) == {
        "a": [None, 1.0],
        "b": [None],
    }


def test_progress_counts_runs(simulated):
    told = []
    backtest("may-2021", 3, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_depth_is_varied_with_the_same_seeds(simulated):
    report = depth_sensitivity("may-2021", seeds=2)
    assert [(s.flow.mean_quantity_usd, seed) for s, seed in simulated] == [
        (size, seed) for size in (7_500.0, 15_000.0, 30_000.0) for seed in (1, 2)
    ]
    assert [row.score.total_ratio for row in report.rows] == pytest.approx([0.75, 1.5, 3.0])
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [row["factor"] for row in told["depths"]] == [0.5, 1.0, 2.0]
    assert len(report.to_text().splitlines()) == 5


@pytest.mark.replay
def test_results_do_not_depend_on_the_number_of_processes():
    small = load_scenario(
        "may-2021",
        ["clock.block_time_s=900", "borrowers.count=100", "flow.orders_per_block=2", "agents.makers.count=1"],
    )
    alone, shared = (backtest(small, [3, 1], workers=workers) for workers in (1, 2))
    assert alone.simulated_usd.sum() > 0
    np.testing.assert_array_equal(alone.simulated_usd, shared.simulated_usd)
    assert alone.seeds == shared.seeds == (3, 1)


@pytest.mark.parametrize(
    "overrides",
    [
        ["clock.duration_s=43200"],
        ["clock.start=2021-05-19T01:00:00Z", "clock.duration_s=3600"],
    ],
)
def test_part_of_a_day_is_refused_and_the_whole_day_named(simulated, overrides):
    words = "whole day of episode 'may-2021'; allowed: clock.start = 2021-05-19T00:00:00Z"
    with pytest.raises(ScenarioError, match=words):
        backtest(load_scenario("may-2021", overrides))
    assert simulated == []


def test_scenario_without_recorded_liquidations_is_told_what_is_allowed(simulated):
    data = load_scenario("may-2021").model_dump(exclude_none=True)
    data["prices"] = {"kind": "gbm", "volatility_per_year": 0.8}
    data["chain"]["gas"] = {"kind": "constant", "price_gwei": 50.0}
    del data["clock"]["start"]
    prices = {"ETH": 3000.0, "BTC": 40_000.0, "LINK": 40.0, "AAVE": 500.0}
    data["assets"] = [
        asset | ({"price_usd": prices[asset["symbol"]]} if asset["symbol"] in prices else {})
        for asset in data["assets"]
    ]
    scenario = validate(data)
    with pytest.raises(
        ScenarioError, match=r"prices.kind = 'gbm'; allowed: 'episode', with .* one of may-2021"
    ):
        backtest(scenario)
    assert simulated == []


@pytest.mark.parametrize("seeds", [0, [], [2, 2]])
def test_seeds_must_be_some_and_distinct(simulated, seeds):
    with pytest.raises(ScenarioError, match=r"seeds = .*; allowed"):
        backtest("may-2021", seeds)
    assert simulated == []
