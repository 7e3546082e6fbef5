"""Search over a design: the Pareto set of the search, fresh scores, and what the search flattered."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from liquidarium.experiments.optimize import (
    OptimizePlan,
    OptimizeReport,
    is_optimized,
    load_optimize_plan,
    optimize,
    optimize_names,
    search,
)
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.scenarios.packaged import packaged_text
from liquidarium.experiments.sweeps import SweepPlan


def plan(**changes) -> OptimizePlan:
    settings = {
        "name": "tiny",
        "scenario": "quickstart",
        "set": ("borrowers.count=50", "clock.duration_s=120"),
        "factors": (
            {"name": "bonus", "path": "protocol.reserves.ETH.bonus", "low": 0.01, "high": 0.15},
            {"name": "orders", "path": "flow.orders_per_block", "values": (10, 20)},
        ),
        "objectives": (
            {"metric": "borrower_loss_usd"},
            {"metric": "liquidator_profit_usd", "goal": "maximise"},
        ),
        "trials": 6,
        "seeds": 2,
        "fresh_seeds": 3,
    }
    return OptimizePlan.model_validate(settings | changes)


@pytest.fixture
def formula(monkeypatch):
    """Put a problem with a known front in place of the market: costs b and (1 - b)**2, with noise by seed."""

    def one_run(sweep: SweepPlan, point: tuple, seed: int) -> list[float]:
        noise = np.random.default_rng([seed, round(1e6 * point[0])]).normal(0.0, 0.02, 2)
        bonus, orders = (point[0] - 0.01) / 0.14, point[1]
        return [bonus + 0.5 * (orders == 10) + noise[0], -((1.0 - bonus) ** 2) + noise[1]]

    monkeypatch.setattr(search, "_one_run", one_run)
    monkeypatch.setattr(SweepPlan, "check", lambda self: None)


def test_the_search_finds_a_known_front_and_leaves_out_what_is_beaten(formula):
    report = optimize(plan(trials=60))
    bonuses = [report.points[row][0] for row in report.front]
    assert all(report.points[row][1] == 20 for row in report.front)
    assert min(bonuses) < 0.03
    assert max(bonuses) > 0.10
    assert report.fresh.shape == (len(report.front), 3, 2)


def test_scores_of_the_search_flatter_and_fresh_ones_do_not(formula):
    """Of many noisy designs the front holds the lucky ones: fresh means are worse, and near the truth."""
    report = optimize(plan(trials=120, seeds=1, fresh_seeds=60))
    gaps = report.optimism()
    assert sum(gap.value for gap in gaps) > 0.0
    for row, found in zip(report.front, report.intervals(), strict=True):
        bonus = (report.points[row][0] - 0.01) / 0.14
        assert found[0].value == pytest.approx(bonus, abs=0.012)
        assert found[1].value == pytest.approx(-((1.0 - bonus) ** 2), abs=0.012)


def test_seeds_of_the_search_and_fresh_ones_have_none_in_common():
    assert not set(plan().search_seeds()) & set(plan().unseen_seeds())


def test_a_search_repeats_exactly_and_its_folder_tells_what_it_found(tmp_path):
    first, second = optimize(plan()), optimize(plan())
    assert first.points == second.points
    assert np.array_equal(first.fresh, second.fresh, equal_nan=True)
    first.save(tmp_path)
    assert is_optimized(tmp_path)
    saved = json.loads((tmp_path / "optimize.json").read_text())
    assert len(saved["pareto_set"]) == len(first.front)
    assert sum(design["knee"] for design in saved["pareto_set"]) == 1
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert "Worse than in the search" in first.to_markdown()


def test_a_design_beaten_on_fresh_seeds_is_marked():
    report = OptimizeReport(
        plan(),
        [(0.05, 10), (0.1, 10)],
        np.array([[1.0, 1.0], [2.0, 2.0]]),
        np.array([0, 1]),
        np.array([[[3.0, 0.0], [3.0, 0.0]], [[2.0, 2.0], [2.0, 2.0]]]),
    )
    assert report.still_on_front() == [False, True]
    assert "beaten on fresh seeds" in report.to_markdown()


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ScenarioError, match=r'pip install "liquidarium\[optimize\]"'):
        optimize(plan())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"factors": ({"name": "x", "path": "protocol.reserves.ETH.bonsu", "low": 0.0, "high": 0.1},)},
            "bonsu",
        ),
        ({"objectives": ({"metric": "bad_debt"}, {"metric": "liquidations"})}, "bad_debt"),
    ],
)
def test_a_factor_or_objective_that_does_not_exist_is_refused(changes, message):
    with pytest.raises(ScenarioError, match=message):
        optimize(plan(**changes))


def test_objectives_given_twice_and_single_ones_are_refused():
    with pytest.raises(ValueError, match="given twice"):
        plan(objectives=({"metric": "liquidations"}, {"metric": "liquidations"}))
    with pytest.raises(ValueError, match="at least 2"):
        plan(objectives=({"metric": "liquidations"},))


def test_packaged_searches_can_run():
    for name in optimize_names():
        load_optimize_plan(name).as_sweep().check()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fresh_seeds = 12", "fresh_sedes = 12", "unknown key fresh_sedes, did you mean 'fresh_seeds'?"),
        (
            "fresh_seeds = 12",
            "fresh_seeds = 1",
            "fresh_seeds = 1: input should be greater than or equal to 2",
        ),
        ('scenario = "quickstart"', "", "scenario is missing"),
        ('name = "bonus"', 'name = "seed"', "factors: 'seed' is the name of another column"),
    ],
)
def test_a_plan_that_is_not_valid_ends_in_one_line(tmp_path, old, new, message):
    text = packaged_text("liquidarium.experiments.optimize", "penalty").replace(old, new)
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_optimize_plan(path)
    assert str(error.value) == f"{path}: {message}"
