"""Importance sampling: the ratio of Girsanov's theorem, estimates against exact laws and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from liquidarium.experiments.cli.app import app
from liquidarium.experiments.rare import rare_bad_debt, tilt_of
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.statistics import importance_estimate, mixture_weights, wilson_interval
from liquidarium.experiments.world.assembly import build_outside
from liquidarium.market.streams import Streams
from scipy import stats
from typer.testing import CliRunner

STORM = """
name = "storm"
quote = "USDC"
clock = { duration_s = 900, block_time_s = 12 }
prices = { kind = "gbm", volatility_per_year = { ETH = 20.0, BTC = 10.0 }, correlation = 0.6 }
flow = { kind = "zero-intelligence", orders_per_block = 20 }
chain = { gas = { kind = "constant", price_gwei = 100 } }
protocol = { kind = "aave-v2" }
borrowers = { law = "may-2021", count = 60, total_debt_usd = 20e6 }

[[assets]]
symbol = "ETH"
decimals = 9
price_usd = 2500
book = { tick_usd = 0.1, lot = 0.001 }

[[assets]]
symbol = "BTC"
decimals = 8
price_usd = 38000
book = { tick_usd = 1, lot = 0.00001 }

[[assets]]
symbol = "USDC"
decimals = 6
stable = true

[[agents]]
kind = "liquidator"
name = "bots"
count = 2
latency_ms = 400
capital_usd = 1e6
flash_loans = true

[[agents]]
kind = "maker"
name = "makers"
count = 2
capital_usd = 10e6
"""


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    path = tmp_path_factory.mktemp("rare") / "storm.toml"
    path.write_text(STORM)
    return path


def last_moves(scenario, seeds):
    """Log moves of ETH and BTC over the run, shape (seeds, 2)."""
    paths = [build_outside(scenario, Streams(seed)).path for seed in seeds]
    return np.array([np.log(path[-1, :2] / path[0, :2]) for path in paths])


def test_the_ratio_is_that_of_the_two_normal_laws_of_the_last_prices(storm):
    """Both assets tilted: the density of the pair of last log prices under each law, from scipy."""
    scenario = load_scenario(storm)
    tilt = tilt_of(scenario, {"ETH": -2.0, "BTC": 1.0})
    years = scenario.clock.n_blocks * 12 / (365 * 86_400)
    sigma = np.array([20.0, 10.0])
    cov = np.outer(sigma, sigma) * np.array([[1.0, 0.6], [0.6, 1.0]]) * years
    mean = -0.5 * sigma**2 * years
    shifted = mean + np.array([-2.0, 1.0]) * sigma * math.sqrt(years)
    for seed, from_tilted in ((3, True), (4, False)):
        moved = last_moves(tilt.tilted if from_tilted else scenario, [seed])[0]
        expected = stats.multivariate_normal(mean, cov).logpdf(moved) - stats.multivariate_normal(
            shifted, cov
        ).logpdf(moved)
        assert tilt.log_ratio(seed, from_tilted=from_tilted) == pytest.approx(expected, abs=1e-6)


def test_assets_that_are_not_named_move_along_with_their_correlation(storm):
    scenario = load_scenario(storm)
    tilted = tilt_of(scenario, {"ETH": -3.0}).tilted
    shift = last_moves(tilted, [1])[0] - last_moves(scenario, [1])[0]
    sd = np.array([20.0, 10.0]) * math.sqrt(75 * 12 / (365 * 86_400))
    assert shift / sd == pytest.approx([-3.0, -1.8], abs=1e-6)


def test_a_rare_fall_is_estimated_within_its_interval(storm):
    """ETH ends more than 3.5 sd below its mean with probability N(-3.5) = 2.3e-4, once in 4,300 paths."""
    scenario = load_scenario(storm)
    tilt = tilt_of(scenario, {"ETH": -3.5})
    years = 75 * 12 / (365 * 86_400)
    bound = -0.5 * 400.0 * years - 3.5 * 20.0 * math.sqrt(years)
    plain = last_moves(scenario, range(1, 401))[:, 0] < bound
    steep = last_moves(tilt.tilted, range(401, 2_001))[:, 0] < bound
    ratios = [tilt.log_ratio(seed, from_tilted=seed > 400) for seed in range(1, 2_001)]
    found = importance_estimate(np.concatenate([plain, steep]), ratios, 400)
    truth = stats.norm.cdf(-3.5)
    assert found.probability.low < truth < found.probability.high
    assert found.probability.half < 0.15 * truth
    assert found.mean_weight == pytest.approx(1.0, abs=0.25)
    assert 100 < found.effective_events <= found.events


def test_intervals_hold_as_often_as_they_say():
    rng = np.random.default_rng(1)
    truth = stats.norm.cdf(-3.0)
    hits = 0
    for _ in range(500):
        x = np.concatenate([rng.normal(0.0, 1.0, 60), rng.normal(-3.0, 1.0, 240)])
        ratio = stats.norm.logpdf(x) - stats.norm.logpdf(x, -3.0)
        _, low, high = importance_estimate(x < -3.0, ratio, 60).probability
        hits += low <= truth <= high
    assert hits / 500 > 0.92


def test_no_weight_exceeds_one_over_the_share_of_the_true_law():
    weights = mixture_weights(np.linspace(-800.0, 800.0, 101), 0.25)
    assert weights.max() <= 4.0 + 1e-12
    assert weights.min() >= 0.0


def test_an_event_that_never_happened_is_bounded_by_the_true_runs_alone():
    found = importance_estimate(np.zeros(100, bool), np.zeros(100), 20)
    assert found.probability == (0.0, 0.0, wilson_interval(0, 20).high)


@pytest.mark.parametrize(
    ("changes", "tilt", "message"),
    [
        ({}, {"SOL": -1.0}, "tilt of 'SOL'; allowed: ETH, BTC"),
        ({}, {"ETH": 0.0}, "tilt of ETH = 0; allowed: -20 to 20, not 0"),
        ({}, {}, "no asset to tilt"),
        (("prices.correlation=1.0",), {"ETH": -1.0, "BTC": -1.0}, "one follows from the others"),
        (("prices.volatility_per_year.ETH=0.0",), {"ETH": -1.0}, "whose volatility is 0"),
    ],
)
def test_a_tilt_that_cannot_be_is_refused(storm, changes, tilt, message):
    with pytest.raises(ScenarioError, match=message):
        tilt_of(load_scenario(storm, tuple(changes)), tilt)


def test_prices_whose_ratio_is_not_known_are_refused():
    outcome = CliRunner().invoke(app, ["rare", "quickstart", "--tilt", "ETH=-3"])
    assert outcome.exit_code == 2
    assert outcome.stderr.strip() == (
        "error: prices.kind = 'episode'; allowed: 'gbm', for which a tilt's likelihood ratio is known"
    )


def test_the_report_names_what_was_run(storm):
    report = rare_bad_debt(storm, [0.0, 1e12], {"ETH": -2.0}, runs=10)
    assert report.runs.tilted.sum() == 8
    never = report.estimates[1e12]
    assert (never.events, never.probability.value) == (0, 0.0)
    assert "10 runs, 2 of them from the true law" in report.to_markdown()


@pytest.mark.replay
def test_bad_debt_is_as_likely_as_by_brute_force(storm):
    """Both estimate the same probability: their difference is within 2.6 of its standard errors (1 %)."""
    amount = 1_000.0
    found = rare_bad_debt(storm, [amount], {"ETH": -2.5}, runs=200).estimates[amount]
    scenario = load_scenario(storm)
    happened = [run(scenario, seed).summary["bad_debt_usd"] > amount for seed in range(1_001, 1_601)]
    share = float(np.mean(happened))
    assert 0.0 < share < 0.1
    errors = np.hypot(found.probability.half / 1.97, math.sqrt(share * (1.0 - share) / 600))
    assert abs(found.probability.value - share) < 2.6 * errors
    assert found.probability.half < 0.5 * wilson_interval(sum(happened[:200]), 200).half
