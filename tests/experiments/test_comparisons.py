"""Comparisons: the same seeds under several rules, differences paired by seed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from liquidarium.experiments.comparisons import (
    Comparison,
    ComparisonPlan,
    compare,
    comparison_names,
    load_comparison,
)
from liquidarium.experiments.comparisons.run import ALSO
from liquidarium.experiments.runs.folders import write_folder
from liquidarium.experiments.scenarios.base import ScenarioError
from liquidarium.experiments.world.lending.kinds import lending_kinds

PLAN = ComparisonPlan(
    name="small",
    scenario="quickstart",
    set=("borrowers.count=200",),
    baseline="five",
    cases=(
        {"name": "five", "set": ("protocol.reserves.ETH.bonus=0.05",)},
        {"name": "ten", "set": ("protocol.reserves.ETH.bonus=0.1",)},
        {"name": "also-five"},
    ),
)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(PLAN, [1, 2, 3])


def test_equal_rules_differ_by_nothing(comparison):
    table = comparison.table()
    for metric in (*PLAN.metrics, *ALSO):
        row = table.loc[("also-five", metric)]
        assert np.isnan(row["difference"]) or row["difference"] == row["difference_high"] == 0.0


def test_a_comparison_shows_the_metrics_that_its_plan_names():
    plan = PLAN.model_copy(update={"metrics": ("liquidations", "gas_usd")})
    shown = compare(plan, [1, 2]).to_markdown()
    assert "| case | liquidations | gas of liquidators (USD) |" in shown
    wrong = PLAN.model_copy(update={"metrics": ("liquidation",)})
    with pytest.raises(ScenarioError, match="did you mean 'liquidations'"):
        compare(wrong, [1, 2])


def test_a_larger_bonus_costs_borrowers_more_in_every_pair(comparison):
    runs = comparison.runs.borrower_loss_usd
    assert (runs.loc["ten"] > runs.loc["five"]).all()
    row = comparison.table().loc[("ten", "borrower_loss_usd")]
    assert row["difference"] == pytest.approx(row["mean"] - runs.loc["five"].mean())
    assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_the_number_of_processes_changes_nothing(comparison):
    again = compare(PLAN, [1, 2, 3], workers=2)
    pd.testing.assert_frame_equal(comparison.runs, again.runs)


def test_a_comparison_is_saved_whole_and_says_what_it_compared(comparison, tmp_path):
    folder = tmp_path / "out"
    write_folder(folder, comparison.save, lambda _: False)
    assert sorted(path.name for path in folder.iterdir()) == [
        "comparison.json", "runs.parquet", "small.png", "table.md",
    ]  # fmt: skip
    said = json.loads((folder / "comparison.json").read_text())
    assert said["baseline"] == "five"
    assert said["plan"]["cases"][1]["set"] == ["protocol.reserves.ETH.bonus=0.1"]
    lines = (folder / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| five", "| ten", "| also-five"]


def test_the_packaged_comparison_covers_every_protocol():
    assert {"one-crash-every-protocol", "penalties-and-auctions"} <= set(comparison_names())
    plan = load_comparison("one-crash-every-protocol")
    scenarios = plan.scenarios()
    assert list(scenarios) == [kind for kind in lending_kinds() if kind != "laboratory"]
    assert [scenario.protocol.kind for scenario in scenarios.values()] == list(scenarios)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ('name = "x"', "scenario: Field required"),
        (
            'name = "x"\nscenario = "quickstart"\nbaseline = "c"\ncases = [{name = "a"}, {name = "b"}]',
            "baseline = 'c'; allowed: a, b",
        ),
        (
            'name = "x"\nscenario = "quickstart"\nbaseline = "a"\ncases = [{name = "a"}, {name = "a"}]',
            "name 'a' is given twice",
        ),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message) as error:
        load_comparison(path)
    assert "\n" not in str(error.value)


def test_an_unknown_comparison_is_named():
    with pytest.raises(ScenarioError, match="did you mean 'one-crash-every-protocol'"):
        load_comparison("one-crash-every-protocl")
    with pytest.raises(ScenarioError, match="at least 2 distinct seeds"):
        compare(PLAN, [1, 1])
