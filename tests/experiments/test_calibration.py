"""Simulated method of moments: it finds what was simulated, its errors hold, bad plans are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from liquidarium.experiments.calibration import (
    CalibrationPlan,
    calibrate,
    calibration_names,
    find_moment,
    is_calibration,
    load_calibration,
    simulated_moments,
)
from liquidarium.experiments.runs.run import run
from liquidarium.experiments.scenarios import load_scenario
from liquidarium.experiments.scenarios.base import ScenarioError

SMALL = ("clock.duration_s=300", "borrowers.count=20")
PARAMETERS = (
    {"name": "size", "path": "flow.mean_quantity_usd", "low": 1e3, "high": 3e4, "law": "log-uniform"},
    {"name": "offset", "path": "flow.mean_offset_bps", "low": 5.0, "high": 60.0},
)
FITTED = ("depth_usd.ETH", "volume_usd.ETH", "spread_bps.ETH", "depth_usd.BTC")


def plan(**changes) -> CalibrationPlan:
    settings = {
        "name": "tiny",
        "scenario": "quickstart",
        "set": SMALL,
        "parameters": PARAMETERS,
        "targets": tuple({"moment": moment, "value": 1.0} for moment in FITTED),
    }
    return CalibrationPlan.model_validate(settings | changes)


def linear_model(rng: np.random.Generator, runs: int):
    """Return moments ``(a, a + b, b, a - b)`` of two parameters in [0, 1] plus noise that never changes."""
    noise = rng.normal(0.0, [0.1, 0.2, 0.1, 0.3], (runs, 4))
    return lambda u: np.array([u[0], u[0] + u[1], u[1], u[0] - u[1]]) + noise


@pytest.mark.parametrize("stated", [True, False])
def test_intervals_hold_the_truth_and_j_rejects_a_right_model_as_often_as_they_say(stated):
    """Targets with stated errors, and targets that are one draw of what is simulated."""
    rng = np.random.default_rng(1)
    truth, inside, rejected, repeats = np.array([0.4, 0.6]), 0, 0, 150
    for _ in range(repeats):
        draws = linear_model(rng, 9 if stated else 1)(truth)
        errors = np.array([0.1, 0.2, 0.1, 0.3]) / 3.0 if stated else np.full(4, np.nan)
        found = simulated_moments(
            linear_model(rng, 60), draws.mean(axis=0), errors, 2, starts=4, evaluations=60
        )
        gap = found.at - truth
        inside += gap @ np.linalg.solve(found.covariance, gap) < 5.99  # 95 % of chi-square(2)
        rejected += found.p_value < 0.05
    assert 0.88 < inside / repeats <= 1.0
    assert rejected / repeats < 0.12


def test_a_wrong_model_is_rejected_by_j():
    simulate = linear_model(np.random.default_rng(2), 40)
    found = simulated_moments(simulate, np.array([0.5, 1.0, 0.5, 0.8]), np.full(4, 0.02), 2)
    assert found.spare == 2
    assert found.p_value < 1e-4


def test_a_parameter_without_effect_has_no_standard_error():
    noise = np.random.default_rng(3).normal(0.0, 0.1, (20, 3))
    found = simulated_moments(lambda u: noise + u[0], np.full(3, 0.5), np.full(3, 0.1), 2)
    assert np.isinf(found.covariance).all()


def test_moments_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="do not exist"):
        simulated_moments(lambda u: np.full((3, 2), np.nan), np.zeros(2), np.ones(2), 1)


CALM = """
name = "calm"
quote = "USDC"
clock = { duration_s = 300, block_time_s = 6 }
prices = { kind = "gbm", volatility_per_year = 1.0 }
flow = { kind = "zero-intelligence", orders_per_block = 20 }
chain = { gas = { kind = "constant", price_gwei = 100 } }
protocol = { kind = "aave-v2" }
borrowers = { law = "may-2021", count = 5, total_debt_usd = 1e5 }

[[assets]]
symbol = "ETH"
decimals = 9
price_usd = 2500
book = { tick_usd = 0.1, lot = 0.001 }

[[assets]]
symbol = "USDC"
decimals = 6
stable = true

[[agents]]
kind = "maker"
name = "makers"
count = 2
capital_usd = 10e6
"""


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    """Fit two parameters to eight runs at known ones, on seeds of their own."""
    path = tmp_path_factory.mktemp("calibration") / "calm.toml"
    path.write_text(CALM)
    scenario = load_scenario(path, ("prices.volatility_per_year=1.3", "flow.mean_quantity_usd=6000.0"))
    results = [run(scenario, seed) for seed in range(1_001, 1_009)]
    targets = []
    for moment in ("volatility_bps.ETH", "volume_usd.ETH", "depth_usd.ETH", "spread_bps.ETH"):
        values = np.array([find_moment(moment, scenario)(result) for result in results])
        error = float(values.std(ddof=1) / np.sqrt(8))
        targets.append({"moment": moment, "value": float(values.mean()), "se": error})
    targets[-1]["holdout"] = True
    parameters = (
        {"name": "volatility", "path": "prices.volatility_per_year", "low": 0.3, "high": 3.0},
        {"name": "size", "path": "flow.mean_quantity_usd", "low": 1e3, "high": 3e4, "law": "log-uniform"},
    )
    return calibrate(
        plan(
            scenario=str(path), set=(), parameters=parameters, targets=tuple(targets),
            seeds=5, fresh_seeds=5, starts=8, evaluations=12,
        )
    )  # fmt: skip


def test_parameters_that_were_simulated_are_recovered_within_their_intervals(recovered):
    found = recovered.parameters()
    assert found["volatility"].low < 1.3 < found["volatility"].high
    assert found["size"].low < 6_000.0 < found["size"].high
    assert found["volatility"].half < 0.3
    assert found["size"].half < 1_500.0
    assert recovered.at_edge() == []


def test_the_right_model_passes_in_the_fit_and_on_what_it_has_not_seen(recovered):
    assert recovered.estimate.p_value > 0.01
    assert recovered.fresh_j() < 30.0
    assert recovered.root_mean_square(holdout=True) < 3.0


def test_a_saved_calibration_tells_parameters_moments_and_scores(recovered, tmp_path):
    recovered.save(tmp_path)
    assert is_calibration(tmp_path)
    saved = json.loads((tmp_path / "calibration.json").read_text())
    assert set(saved["parameters"]) == {"volatility", "size"}
    assert [row["holdout"] for row in saved["moments"]] == [False] * 3 + [True]
    assert "held out" in recovered.to_markdown()


def test_liquidations_by_hour_add_up_to_those_of_the_run():
    scenario = load_scenario("quickstart", ("clock.duration_s=4000", "borrowers.count=100"))
    result = run(scenario, 1)
    counts = [find_moment(f"liquidations.hour-{hour}", scenario)(result) for hour in (0, 1)]
    assert sum(counts) == len(result.liquidations) > 0
    debts = [find_moment(f"debt_repaid_usd.hour-{hour}", scenario)(result) for hour in (0, 1)]
    assert sum(debts) == pytest.approx(result.summary["debt_repaid_usd"])


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("spred_bps.ETH", "no moment 'spred_bps.ETH'"),
        ("spread_bps.SOL", "no book 'SOL'; allowed: ETH, BTC"),
        ("liquidations.hour-1", "allowed: hour-0 to hour-0"),
        ("bad_debt", "no moment 'bad_debt'"),
    ],
)
def test_a_moment_that_does_not_exist_is_refused(moment, message):
    with pytest.raises(ScenarioError, match=message):
        find_moment(moment, load_scenario("quickstart"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"targets": ({"moment": "depth_usd.ETH", "value": 1.0},)},
            "1 are fitted, fewer than the 2 parameters",
        ),
        ({"targets": ({"moment": "liquidations", "value": 1.0},) * 2}, "given twice"),
        (
            {"parameters": ({"name": "size", "path": "flow.mean_quantity_usd", "values": (1.0, 2.0)},)},
            "needs low and high",
        ),
    ],
)
def test_plans_that_cannot_be_fitted_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


def test_packaged_calibrations_can_run():
    for name in calibration_names():
        chosen = load_calibration(name)
        chosen.as_sweep().check()
        for target in chosen.targets:
            find_moment(target.moment, load_scenario(chosen.scenario, chosen.set))
